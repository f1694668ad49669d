"""What a search index in an engine makes of an answer that is none, of a slow write, and of what a crash has left behind."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from madang.adapters.opensearch import engine as calls
from madang.adapters.opensearch import inspect, tidying
from madang.adapters.opensearch import places as opensearch_places
from madang.adapters.opensearch.engine import DONE, REST_S, WRITE_S, Engine
from madang.adapters.opensearch.index import EngineIndex
from madang.adapters.opensearch.place import place
from madang.adapters.opensearch.places import EngineIndexes
from madang.core.search import parsed
from madang.errors import StorageFailed, Unreachable
from madang.ports.followers import Position
from madang.ports.search import Changes, SearchIndex
from madang.testing.rules import new
from tests.contract.test_search_engines import has, opened, said, seqs
from tests.engines import EngineServer
from tests.faulty_engine import FaultyEngine, faulty
from tests.http import http_client

pytestmark = pytest.mark.engines

PAGES = (b"<html>Please log in</html>", b"", b'"moved"', b"[]")


@asynccontextmanager
async def asked_each_time(engine: EngineServer) -> AsyncIterator[tuple[FaultyEngine, EngineIndexes]]:
    """Indexes of their own, which ask however lately there was no answer."""
    async with faulty(engine.port) as proxy:
        clock = count(0, 100).__next__
        indexes = EngineIndexes(Engine(place(engine.url(new("i"), proxy.port)), clock), "1", clock)
        try:
            yield proxy, indexes
        finally:
            await indexes.close()


async def test_what_is_no_answer_of_the_engine_is_none(engine: EngineServer) -> None:
    async with asked_each_time(engine) as (proxy, indexes):
        index = (await indexes.serving()).index
        await index.change([said("yard", "회의")])
        assert await indexes.begin("2")
        erasing = Changes(room="yard", position=Position("e", 1), upto=2, erased=["ann"])
        editing = Changes(room="yard", position=Position("e", 1), upto=2, edit={1: "일정"})
        asked: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
            ("_mget", lambda: index.positions(["yard"])),
            ("_mget?_source_includes", lambda: index.change([editing])),
            ("_refresh", index.status),
            ("_refresh", lambda: index.rooms_after("", 5)),
            ("_search", lambda: index.hits(parsed("회의"), {"yard": 0})),
            ("_search", lambda: index.rooms_after("", 5)),
            ("_search", lambda: index.change([erasing])),
            ("_count", index.status),
            ("_bulk", lambda: index.change([said("yard", "회의", at=1)])),
            ("_bulk", lambda: index.forget(["yard"])),
            ("-index?", indexes.serving),
            ("-index?", indexes.building),
            ("_aliases", indexes.give_up),
        ]
        for page in PAGES:
            for part, ask in asked:
                proxy.instead = only(part, page)
                with pytest.raises(StorageFailed):
                    await ask()
        proxy.instead = only("_mget", b'{"docs": [{"_source": {"kind": "\xff"}}]}')
        with pytest.raises(StorageFailed):
            await index.positions(["yard"])
        proxy.instead = lambda path, body: None
        assert await seqs(index, "yard") == [1]


def only(part: str, page: bytes) -> Callable[[str, bytes], bytes | None]:
    """Answer with a page what has something in its path."""
    return lambda path, body: page if part in path else None


async def test_doctor_says_that_something_else_answers(engine: EngineServer) -> None:
    async with faulty(engine.port) as proxy:
        for page, said in ((PAGES[0], "without JSON"), (b"{}", "not understood")):
            proxy.instead = only("", page)
            with pytest.raises(Unreachable, match=said):
                await inspect(engine.url("i", proxy.port))


async def test_what_fails_to_be_erased_is_erased_later(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opensearch_places, "TIDY_AGAIN_S", 0.0)
    tidy, failing = tidying.tidy, 3

    async def breaks(*arguments: Any) -> bool:
        nonlocal failing
        failing -= 1
        if failing >= 0:
            raise ZeroDivisionError
        return await tidy(*arguments)

    monkeypatch.setattr(tidying, "tidy", breaks)
    prefix = new("i")
    async with opened(engine.url(prefix)) as index:
        await index.change([said("yard", "회의")])
        await index.forget(["yard"])
        await has(engine, prefix, [])
    assert failing < 0
    assert [record.levelno for record in caplog.records if "erased" in record.getMessage()] == [logging.ERROR]


async def test_a_write_that_asks_again_keeps_no_search_from_asking(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "READ_S", 0.1)
    now = 0.0
    async with faulty(engine.port) as proxy:
        asked = Engine(place(engine.url("i", proxy.port)), lambda: now)
        proxy.hold = lambda path, body: True
        with pytest.raises(StorageFailed):
            await asked.ask(DONE, "GET", "/")
        monkeypatch.undo()
        now += REST_S
        proxy.held.clear()
        proxy.hold = lambda path, body: bool(body)
        writing = asyncio.create_task(asked.ask(DONE, "POST", "/_search", b"{}", within=WRITE_S))
        await proxy.held.wait()
        await asked.ask(DONE, "GET", "/")
        proxy.flows.set()
        await writing
        await asked.close()


@asynccontextmanager
async def written_too_late(
    engine: EngineServer, prefix: str, proxy: FaultyEngine, index: SearchIndex
) -> AsyncIterator[asyncio.Task[set[str]]]:
    """A change by way of the proxy, whose documents come when all that names their generation is gone."""
    proxy.hold = lambda path, body: "_bulk" in path and b'"folded"' in body
    late = asyncio.create_task(index.change([said("yard", "회의")]))
    await proxy.held.wait()
    async with opened(engine.url(prefix)) as other:
        await other.forget(["yard"])
        await has(engine, prefix, [])
    yield late


async def test_what_was_written_too_late_is_erased_after_a_crash(engine: EngineServer) -> None:
    prefix = new("i")
    async with faulty(engine.port) as proxy, opened(engine.url(prefix, proxy.port)) as index:
        async with written_too_late(engine, prefix, proxy, index) as late:
            proxy.lose = proxy.hold
            proxy.flows.set()
            with pytest.raises(StorageFailed):
                await late
        await has(engine, prefix, [".1"])
    async with opened(engine.url(prefix)) as index:
        await index.change([said("hall", "회의")])
        await has(engine, prefix, [".1", "@hall"])
        assert await seqs(index, "hall") == [1]


async def test_what_was_written_too_late_is_erased_when_the_engine_can(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opensearch_places, "TIDY_AGAIN_S", 0.0)
    prefix = new("i")
    async with faulty(engine.port) as proxy:
        reached = Engine(place(engine.url(prefix, proxy.port)), count(0, 100).__next__)
        indexes = EngineIndexes(reached, "1", lambda: 0.0)  # the regular look comes once
        index = (await indexes.serving()).index
        async with written_too_late(engine, prefix, proxy, index) as late:
            proxy.flows.set()
            assert await late == {"yard"}
            asked = asyncio.Event()

            def failing(path: str, body: bytes) -> bytes | None:
                if "_mget" not in path:
                    return None
                asked.set()
                return PAGES[0]

            proxy.instead = failing
            await asked.wait()
            proxy.instead = lambda path, body: None
            await has(engine, prefix, [])
        await indexes.close()


async def test_rooms_are_not_erased_however_many_there_are(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "LOOKED", 4)
    prefix = new("i")
    async with opened(engine.url(prefix)) as index:
        await index.change([said(f"room-{n}", "회의", "회의") for n in range(30)])
        async with http_client(f"http://127.0.0.1:{engine.port}") as http:
            for n in range(9):
                document = {"kind": "message", "gen": f"{n}{'0' * 11}", "seq": n, "id": 1, "user": "ann", "folded": "x"}
                (await http.post(f"/{prefix}-1-1-index/_doc/{document['gen']}.{n}", json=document)).raise_for_status()
            (await http.post(f"/{prefix}-1-1-index/_refresh")).raise_for_status()
        assert isinstance(index, EngineIndex)
        for _ in range(60):
            await index.erase_unnamed()
        await has(engine, prefix, sorted([".1", ".2"] * 30 + [f"@room-{n}" for n in range(30)]))
