"""After an outage all that a client queued arrives once, in order, at the allowed rate, and the server closes nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from madang.client import Room, connect
from madang.client.sockets import Closed
from tests.cuttable import Cuttable, open_cuttable
from tests.letter_client import LetterClient
from tests.running import Server, running_server

ROOMS = ("yard", "hall")
PATIENCE_S = 240.0
SIZES = [pytest.param(1_000, id="1,000"), pytest.param(10_000, id="10,000", marks=pytest.mark.slow)]
"""Sends in the queue; they take some 10 seconds at the rate allowed, and as long as the machine needs."""


@pytest.fixture
async def server(tmp_path: Path, queued: int) -> AsyncIterator[Server]:
    settings = {"user_rate": str(queued // 10), "command_rate": str(queued)}
    async with running_server(tmp_path, settings=settings) as server:
        async with connect(server.direct_url, guest="Host") as host:
            for room in ROOMS:
                await host.create(room)
        yield server


async def outage(server: Server, queued: int, done: Callable[[], int], cut: Callable[[], None]) -> None:
    """Bring the server back, cut the client off, kill the server and bring it back, all in the middle of the work."""
    await server.restart()
    for part, harm in ((4, cut), (2, None)):
        while done() < queued // part:
            await asyncio.sleep(0.05)
        if harm is not None:
            harm()
        else:
            await server.kill()
            await server.restart()


async def stored(server: Server, room: str) -> list[str]:
    async with connect(server.direct_url, guest="Reader") as reader:
        joined = await reader.join(room)
        return [message.text async for message in joined.messages()][::-1]


def told(room: str, n: int) -> str:
    return f"{room} {n}"


def assert_whole(texts: dict[str, list[str]], queued: int) -> None:
    for room in ROOMS:
        assert texts[room] == [told(room, n) for n in range(queued // 2)]


@pytest.mark.parametrize("queued", SIZES)
async def test_the_sdk_brings_all_it_queued(server: Server, queued: int) -> None:
    closes: list[int] = []
    sockets: list[Cuttable] = []

    class Watched(Cuttable):
        async def receive(self) -> bytes:
            try:
                return await super().receive()
            except Closed as closed:
                closes.append(closed.code)
                raise

    async def open(url: str) -> Cuttable:
        sockets.append(Watched((await open_cuttable(url)).connection))
        return sockets[-1]

    answered = 0

    async def count(answer: Awaitable[Any]) -> None:
        nonlocal answered
        await answer
        answered += 1

    async def mixed(room: Room) -> None:
        """Reads, reactions, edits and joins between."""
        while answered < queued:
            page = await room.history(limit=5)
            for message in page.messages[:1]:
                await room.react(message.seq, random.choice("👍🎉"))
                await room.read(message.seq)
                room.typing()
            await asyncio.sleep(0.1)

    async with connect(server.direct_url, guest="Mina", opener=open) as client, asyncio.timeout(PATIENCE_S):
        rooms = [await client.join(room) for room in ROOMS]
        await server.kill()
        async with asyncio.TaskGroup() as tasks:
            for n in range(queued // 2):
                for room in rooms:
                    tasks.create_task(count(room.send(told(room.id, n))))
            for room in rooms:
                tasks.create_task(mixed(room))
            await outage(server, queued, lambda: answered, lambda: sockets[-1].cut())
    assert_whole({room: await stored(server, room) for room in ROOMS}, queued)
    assert set(closes) <= {1006}, closes


@pytest.mark.parametrize("queued", SIZES)
async def test_a_client_written_from_the_page_alone_brings_all_it_queued(server: Server, queued: int) -> None:
    client = LetterClient(server.direct_url, "Bora", list(ROOMS))
    running = asyncio.create_task(client.run())
    async with asyncio.timeout(PATIENCE_S):
        for room in ROOMS:
            assert (await client.append("send", room, cid="first", text="first"))["op"] == "ok"
        await server.kill()
        answers = [
            client.append("send", room, cid=f"c-{n}", text=told(room, n)) for n in range(queued // 2) for room in ROOMS
        ]

        async def mixed(room: str) -> None:
            while not answers[-1].done():
                page = await client.ask("history", room=room, limit=5)
                assert page["op"] == "ok"
                await client.append("react", room, seq=page["messages"][0]["seq"], emoji="👍")
                await client.ask("read", room=room, seq=page["messages"][0]["seq"])
                await client.ask("rooms")

        mixing = [asyncio.create_task(mixed(room)) for room in ROOMS]
        await outage(server, queued, lambda: sum(answer.done() for answer in answers), client.cut)
        for answer in answers:
            assert (await answer)["op"] == "ok"
        await asyncio.gather(*mixing)
    running.cancel()
    texts = {room: (await stored(server, room))[1:] for room in ROOMS}
    assert_whole(texts, queued)
    assert set(client.closes) <= {1006}, client.closes
    assert client.told == []
    for state in client.rooms.values():
        seqs = [event["seq"] for event in state.events]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
