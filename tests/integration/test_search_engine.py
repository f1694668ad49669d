"""A node whose search index is in an engine of its own: it finds the same, and goes on without it (F38), saying so."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from madang.errors import MadangError
from madang.testing.rules import new
from tests.contract.test_search_engines import block
from tests.engines import EngineServer
from tests.faulty_engine import FaultyEngine, faulty
from tests.http import http_client
from tests.integration.test_admin import PAGE
from tests.integration.test_search import all_of, is_what_a_scan_finds, search, two
from tests.rest import Rest, admin_client
from tests.running import Server, madang

pytestmark = pytest.mark.engines


async def test_finds_what_a_scan_finds_while_much_is_said_changed_and_deleted(
    engine: EngineServer, tmp_path: Path
) -> None:
    async with two(tmp_path, search=engine.url(new("i"))) as (_, ann, ben):
        await is_what_a_scan_finds(ann, ben, 21)


@asynccontextmanager
async def yard(engine: EngineServer, data: Path) -> AsyncIterator[tuple[FaultyEngine, Server, Rest, str]]:
    """Ann in her room, on a node that reaches its engine through what does harm; and the prefix there."""
    prefix = new("i")
    async with faulty(engine.port) as proxy:
        await proxy.close()  # the engine is not there yet
        async with two(data, search=engine.url(prefix, proxy.port)) as (server, ann, _):
            await ann.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard"})
            yield proxy, server, ann, prefix


async def test_a_node_goes_on_without_its_engine_and_says_so(engine: EngineServer, tmp_path: Path) -> None:
    async with yard(engine, tmp_path) as (proxy, server, ann, prefix):
        await says(ann, "down", complete=False)
        assert "does not answer" in (await madang("search", "status", "--data", tmp_path)).err
        seen = asyncio.Event()

        def page(path: str, body: bytes) -> bytes:
            seen.set()
            return b"<html>Please log in</html>"

        proxy.instead = page
        await proxy.open()
        await seen.wait()
        await says(ann, "page", complete=False)
        assert "does not answer" in (await madang("search", "status", "--data", tmp_path)).err
        proxy.instead = lambda path, body: None
        await caught_up(server, 2)
        await says(ann, "there", complete=True)

        proxy.hold = lambda path, body: True
        await says(ann, "slow", complete=False)
        proxy.hold = lambda path, body: False
        proxy.flows.set()
        await caught_up(server, 4)

        await block(engine, prefix, True)
        await says(ann, "full", complete=True)
        assert "wait" in (await madang("search", "status", "--data", tmp_path)).out
        await block(engine, prefix, None)
        await caught_up(server, 5)

        once: set[str] = set()

        def half(lines: str) -> tuple[int, str] | None:
            first = lines not in once
            once.add(lines)
            return (429, "es_rejected_execution_exception") if first else None

        proxy.refuse = half
        await says(ann, "partly", complete=True)
        await caught_up(server, 6)
        assert len(once) >= 2
        assert [m["text"] for m in await all_of(ann, "회의")] == [
            f"회의 {n}" for n in ("partly", "full", "slow", "there", "page", "down")
        ]
        assert "HTTP Request" not in server.log.read_text(), "calls are not told"


async def says(ann: Rest, text: str, *, complete: bool) -> None:
    """Say something, which is acked and found at once, whatever the engine does."""
    await ann.ok("POST", "/api/rooms/yard/messages", {"text": f"회의 {text}"})
    found: dict[str, Any] = await search(ann, f"회의 {text}", room="yard")
    assert [m["text"] for m in found["messages"]] == [f"회의 {text}"]
    assert found["complete"] is complete


async def caught_up(server: Server, messages: int) -> None:
    """Wait until the index has all messages, and the node knows it."""
    admin = await admin_client(server)
    while True:
        with suppress(MadangError):  # the engine has not been asked again yet
            index = await admin.ask("GET", "/search")
            if index["messages"] == messages and not index["behind"] and index["walked"]:
                return


async def test_an_operator_sees_the_engine_and_has_its_index_made_again(engine: EngineServer, tmp_path: Path) -> None:
    prefix = new("i")
    async with two(tmp_path, search=engine.url(prefix)) as (server, ann, _):
        await are_on_the_page(server)
        await ann.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard"})
        for n in range(5):
            await ann.ok("POST", "/api/rooms/yard/messages", {"text": f"회의 {n}"})
        await caught_up(server, 5)
        assert (await madang("search", "rebuild", "--data", tmp_path)).status == 0
        assert len(await all_of(ann, "회의")) == 5
        await caught_up(server, 5)
        environment = {"MADANG_SEARCH": engine.url(prefix)}
        product = {"opensearch": "OpenSearch", "elasticsearch": "Elasticsearch"}[engine.product.name]
        name = f"{product} {engine.product.version} at 127.0.0.1:{engine.port}"
        assert f"ok    {name} answers" in (await doctor(tmp_path, environment))
        await block(engine, prefix, True)
        assert f"fail  {name} takes no writes" in (await doctor(tmp_path, environment))
        await block(engine, prefix, None)
    environment = {"MADANG_SEARCH": f"{engine.product.name}+http://ann:hunter2@127.0.0.1:1"}
    told = await doctor(tmp_path, environment)
    assert f"{product} at 127.0.0.1:1 does not answer" in told and "hunter2" not in told


async def are_on_the_page(server: Server) -> None:
    """Compare the metrics of an engine with their rows."""
    async with http_client(f"http://127.0.0.1:{(await admin_client(server)).port}") as http:
        text = (await http.get("/metrics")).text
    rows = set(re.findall(r"^\| `(madang_search_engine_\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE))
    assert rows == set(re.findall(r"^# TYPE (madang_search_engine_\w+) (\w+)$", text, re.MULTILINE))
    assert len(rows) == 4


async def doctor(data: Path, environment: dict[str, str]) -> str:
    return (await madang("doctor", "--data", data, **environment)).out
