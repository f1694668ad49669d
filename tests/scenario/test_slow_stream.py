"""Streams whose readers do not read, or are gone without a word: nothing piles up, and others go on."""

import asyncio
import socket
from pathlib import Path

import pytest

from madang.config import Settings
from madang.delivery import wheel
from madang.node.run import run_node
from madang.transports.sse import stream as streams
from madang.transports.subscriber import HIGH_WATER
from tests.rest import Rest, rest
from tests.streams import stream
from tests.waiting import eventually

TEXT = "x" * 4000
MESSAGES = 2000  # 8 MB: more than the kernel takes for a peer
PATH = "/api/rooms/lobby/events"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of the wheel pass twenty times as fast, and patience is short."""
    monkeypatch.setattr(wheel, "TURN_S", 0.05)
    monkeypatch.setattr(streams, "SLOW_S", 1.5)


async def stuck(port: int, who: Rest) -> socket.socket:
    """Ask for a stream, and never read it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {who.token}\r\n\r\n"
    await loop.sock_sendall(sock, request.encode())
    return sock


async def test_one_that_never_reads_is_left_behind_and_cut_off(tmp_path: Path) -> None:
    async with run_node(Settings(data=tmp_path, port=0, admin_port=0, load_test=True)) as running:
        node, url = running.node, f"http://127.0.0.1:{running.port}"
        async with rest(url) as anyone:
            mina = await anyone.guest("Mina", "lobby")
            sock = await stuck(running.port, mina)
            (slow,) = await eventually(lambda: tuple(node.streams.open))
            await eventually(lambda: not slow.paused)
            async with stream(url, PATH, mina.token) as reader:
                await reader.until("start")
                sending = asyncio.create_task(_send(mina))
                told = [event async for event in _messages(reader)]
                await sending
                assert [event.data["seq"] for event in told] == list(
                    range(told[0].data["seq"], told[0].data["seq"] + MESSAGES)
                )
                await eventually(lambda: slow not in node.streams.open, "it is cut off")
                assert node.streams.open, "and nobody else"
        assert node.hub.statistics.lagging >= 1
        sock.close()
        await eventually(lambda: not node.streams.open)
        assert node.admission.open == 0
        await eventually(lambda: node.memory.held["answers"] < HIGH_WATER)


async def _send(who: Rest) -> None:
    for _ in range(MESSAGES):
        await who.ok("POST", "/api/rooms/lobby/messages", {"text": TEXT})


async def _messages(reader):  # type: ignore[no-untyped-def]
    count = 0
    async for event in reader:
        if event.name == "message.sent":
            yield event
            count += 1
            if count == MESSAGES:
                return


async def test_who_goes_on_asking_behind_a_stream_is_cut_off(tmp_path: Path) -> None:
    async with run_node(Settings(data=tmp_path, port=0, admin_port=0, load_test=True)) as running:
        async with rest(f"http://127.0.0.1:{running.port}") as anyone:
            sock = await stuck(running.port, await anyone.guest("Mina", "lobby"))
            (it,) = await eventually(lambda: tuple(running.node.streams.open))
            await eventually(lambda: not it.paused)
            await asyncio.get_running_loop().sock_sendall(sock, b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await eventually(lambda: not running.node.streams.open)
            sock.close()
        assert running.node.gate.connections.open == 0 or await eventually(
            lambda: not running.node.gate.connections.open
        )
