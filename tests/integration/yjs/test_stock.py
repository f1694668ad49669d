"""Stock clients, y-websocket on yjs under Node: they converge, come back after a kill, and take final closes as final."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.rest import rest
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / ".venv/lib/nodejs/bin/node"
PROGRAM = Path(__file__).with_name("stock.mjs")

pytestmark = pytest.mark.skipif(
    not (NODE.exists() and (ROOT / "node_modules/y-websocket").exists()), reason="scripts/npm installs the clients"
)


class Stock:
    """A stock client that is told what to do, and says what it sees."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def tell(self, *words: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(words)}\n".encode())

    async def sees(self, what: str, so: Callable[[Any], bool] = lambda value: True) -> Any:
        """Read until it says this, and it is so."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                said, value = json.loads(await self._process.stdout.readline())
                if said == what and so(value):
                    return value


@asynccontextmanager
async def stock(server: Server, paper: str, token: str) -> AsyncIterator[Stock]:
    url = server.url.replace("http", "ws", 1)
    process = await asyncio.create_subprocess_exec(NODE, PROGRAM, url, paper, token, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    try:
        yield Stock(process)
    finally:
        process.kill()
        await process.communicate()


async def test_stock_clients_write_together_come_back_and_are_refused_for_good(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server, AsyncExitStack() as stack:
        async with rest(server.url) as anyone:
            mina, bora = await anyone.guest("Mina"), await anyone.guest("Bora")
            await mina.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard"})
            await bora.ok("PUT", "/api/rooms/yard/members/me")
            await mina.ok("POST", "/api/rooms/yard/papers", {"id": "card", "title": "Card"})
        one = await stack.enter_async_context(stock(server, "card", mina.token))
        two = await stack.enter_async_context(stock(server, "card", bora.token))
        for each in (one, two):
            await each.sees("sync", bool)
        one.tell("insert", "안녕 😀")
        await two.sees("text", lambda text: text == "안녕 😀")
        two.tell("insert", "하세요", 2)
        await one.sees("text", lambda text: text == "안녕하세요 😀")
        one.tell("show", {"name": "King", "color": "#f80"})
        await two.sees(
            "shown", lambda shown: {"name": "Mina", "color": "#f80", "id": mina.user} in [s.get("user") for s in shown]
        )

        await server.kill()
        await one.sees("close")
        one.tell("insert", "!")
        await server.restart()
        await two.sees("text", lambda text: text == "안녕하세요 😀!")

        async with rest(server.url) as anyone:
            mina.http = bora.http = anyone.http
            await mina.ok("POST", "/api/papers/card/finish")
            two.tell("insert", "?")
            assert "finished" in await two.sees("warning")
            await bora.ok("DELETE", "/api/rooms/yard/members/me")
        assert await two.sees("closed") == 4410
        for paper, token, code in (("card", "x.y.z", 4401), ("none", mina.token, 4404)):
            refused = await stack.enter_async_context(stock(server, paper, token))
            assert await refused.sees("closed") == code
