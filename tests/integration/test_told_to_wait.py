"""Whatever limit tells a client to wait, what it queued arrives in order, once, and nothing is closed: SDK and letter alike."""

import asyncio
from pathlib import Path

import pytest

from madang.client import connect
from tests.letter_client import LetterClient
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

SENDS = 25
LIMITS = {
    "user": {"user_rate": "40", "user_burst": "3"},
    "room": {"room_rate": "40"},
    "connection": {"command_rate": "20"},
    "slow mode": {},
}
"""What holds them: settings of the server. A room's burst is twice its rate, a connection's four times."""


async def prepared(server: Server, limit: str) -> None:
    async with connect(server.direct_url, guest="Host") as host:
        await host.create("yard")
        if limit == "slow mode":
            await (await host.join("yard")).change(slow_ms=100)


async def texts(server: Server) -> list[str]:
    async with connect(server.direct_url, guest="Reader") as reader:
        room = await reader.join("yard")
        return [message.text async for message in room.messages() if message.text != "noise"][::-1]


@pytest.mark.parametrize("limit", LIMITS)
async def test_the_sdk_waits_and_keeps_order(tmp_path: Path, limit: str) -> None:
    async with running_server(tmp_path, settings=LIMITS[limit]) as server, asyncio.timeout(PATIENCE_S):
        await prepared(server, limit)
        async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Noise") as other:
            room, same = await mina.join("yard"), await other.join("yard")
            async with asyncio.TaskGroup() as tasks:
                for n in range(SENDS):
                    tasks.create_task(room.send(str(n)))
                    tasks.create_task(same.send("noise"))
                    tasks.create_task(room.history(limit=1))
                    tasks.create_task(room.read(1))
        assert await texts(server) == [str(n) for n in range(SENDS)]


@pytest.mark.parametrize("limit", LIMITS)
async def test_the_client_of_the_page_waits_and_keeps_order(tmp_path: Path, limit: str) -> None:
    async with running_server(tmp_path, settings=LIMITS[limit]) as server, asyncio.timeout(PATIENCE_S):
        await prepared(server, limit)
        client = LetterClient(server.direct_url, "Bora", ["yard", "lobby"])
        running = asyncio.create_task(client.run())
        answers = [client.append("send", "yard", cid=f"c-{n}", text=str(n)) for n in range(SENDS)]
        answers += [client.append("send", "lobby", cid=f"c-{n}", text=str(n)) for n in range(SENDS)]
        answers += [client.ask("rooms", limit=1) for _ in range(SENDS)]
        for answer in answers:
            assert (await answer)["op"] == "ok"
        running.cancel()
        assert client.closes == []
        assert await texts(server) == [str(n) for n in range(SENDS)]
