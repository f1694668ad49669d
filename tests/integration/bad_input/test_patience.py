"""Who says nothing, or says it slowly, or says only pings: let go in time, and cheap until then (rows 9, 15 to 17)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.node.run import RunningNode, run_node
from madang.transports.conduct import HELLO_S
from madang.transports.http.parser import HEAD_S
from tests.integration.bad_input.advisories import advisories
from tests.neighbour import chatting
from tests.running import Server
from tests.wire import PING, PONG, TEXT, Raw, dialled, frame, upgrade, upgraded


async def test_who_says_nothing_is_let_go(server: Server) -> None:  # rows 9, 15, 16
    began = time.monotonic()  # before anybody connects: a machine that stands still in between only makes a wait longer

    async def silent_tcp() -> float:
        async with dialled(server.port) as raw:
            return await until(raw.status())

    async def slow_handshake() -> float:
        async with dialled(server.port) as raw:
            drip = asyncio.create_task(dripping(raw))
            try:
                return await until(raw.status())
            finally:
                drip.cancel()

    async def dripping(raw: Raw) -> None:
        for byte in upgrade():
            await raw.send(bytes([byte]))
            await asyncio.sleep(1)

    async def no_hello() -> float:
        async with upgraded(server.port) as raw:
            return await until(raw.closed(), 4408)

    async def half_a_message() -> float:
        async with upgraded(server.port) as raw:
            await raw.send(frame(TEXT, "{", fin=False))
            return await until(raw.closed(), 4408)

    async def until(end: Awaitable[int], code: int = 0) -> float:
        assert await end == code
        return time.monotonic() - began

    async with chatting(server, 4):
        heads, hellos = HEAD_S - 1, HELLO_S - 1  # the wheel turns once a second
        waited = await asyncio.gather(silent_tcp(), slow_handshake(), no_hello(), half_a_message())
    assert all(w > at_least for w, at_least in zip(waited, (heads, heads, hellos, hellos), strict=True))


# -- what they cost meanwhile ------------------------------------------------------------------------------------------


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[RunningNode]:
    """A node in this process, so that its tasks and timers can be counted."""
    async with run_node(Settings(port=0, admin_port=0, data=tmp_path, load_test=True)) as node:
        yield node


def began_since(before: set[asyncio.Task[Any]]) -> int:
    """Return how many tasks have begun; the node's own come and go, a few at a time."""
    return len(asyncio.all_tasks() - before)


async def test_who_has_not_said_hello_costs_no_task(node: RunningNode) -> None:  # row 16
    async with AsyncExitStack() as open_ones:
        await open_ones.enter_async_context(upgraded(node.port))  # what a first connection starts is started
        tasks, timers = asyncio.all_tasks(), len(node.node.wheel)
        for _ in range(20):
            await open_ones.enter_async_context(upgraded(node.port))
        assert began_since(tasks) < 20
        assert len(node.node.wheel) - timers <= 2 * 20  # one for the head, one for hello


@advisories("CVE-2026-48802")
async def test_pings_and_pongs_before_hello(node: RunningNode, advisory: str) -> None:  # rows 16, 17
    async with upgraded(node.port) as raw:
        tasks, timers = asyncio.all_tasks(), len(node.node.wheel)
        await raw.send(frame(PONG) * 20 + frame(PING, "x") * 20)
        assert [await raw.read() for _ in range(20)] == [(PONG, b"x")] * 20
        assert began_since(tasks) < 20
        assert len(node.node.wheel) == timers
        await raw.send(frame(PONG) * 200)
        assert await raw.closed() == 4429
