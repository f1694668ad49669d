"""One socket that never reads: the others go on, nothing piles up for it, and it may come back where it was.

Many of them, and a server of their own, are the fault `deaf` (`faults/test_network.py`).
"""

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.delivery import wheel
from madang.node.run import run_node
from madang.transports.subscriber import HIGH_WATER, LOST
from madang.transports.websocket import connection as websocket
from madang.transports.websocket.connection import Connection
from tests import wire
from tests.waiting import eventually
from tests.wire import Raw, frame, guest, upgrade, upgraded

TEXT_SIZE = 4000
MESSAGES = 1800  # 7 MB: more than the kernel takes for a peer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of the wheel pass twenty times as fast, and patience is short."""
    monkeypatch.setattr(wheel, "TURN_S", 0.05)
    monkeypatch.setattr(websocket, "SLOW_S", 1.5)


async def stuck_guest(port: int) -> tuple[socket.socket, dict[str, Any]]:
    """Join the lobby, and never read again; gives the answer to join, with the token."""
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(stuck, ("127.0.0.1", port))
    await loop.sock_sendall(stuck, upgrade())
    commands = {"op": "hello", "n": 1, "guest": "Stuck"}, {"op": "join", "n": 2, "room": "lobby", "limit": 0}
    got = b""
    while b"\r\n\r\n" not in got:
        got += await loop.sock_recv(stuck, 4096)
    await loop.sock_sendall(stuck, b"".join(frame(wire.TEXT, json.dumps(c)) for c in commands))
    while not (joined := next((f for f in frames(got) if f.get("n") == 2), None)):
        got += await loop.sock_recv(stuck, 4096)
    return stuck, joined | {"token": frames(got)[0]["token"]}


def frames(data: bytes) -> list[dict[str, Any]]:
    """Decode the whole text frames behind the head of the handshake."""
    at, found = data.find(b"\r\n\r\n") + 4 if data.startswith(b"HTTP") else 0, []
    while at + 4 <= len(data):
        size, begin = data[at + 1], at + 2
        if size == 126:
            size, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if begin + size > len(data):
            break
        if data[at] == 0x80 | wire.TEXT:
            found.append(json.loads(data[begin : begin + size]))
        at = begin + size
    return found


async def test_one_that_never_reads(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=0, admin_port=0, load_test=True)
    async with run_node(settings) as node:
        stuck, joined = await stuck_guest(node.port)
        live = node.node.hub.rooms["lobby"]
        (subscription,) = live.subscriptions()
        connection = subscription.subscriber
        assert isinstance(connection, Connection)
        heard: list[list[int]] = [[] for _ in range(4)]

        async def listen(raw: Raw, seqs: list[int]) -> None:
            while len(seqs) < MESSAGES:
                opcode, data = await raw.read()
                if opcode == wire.PING:
                    await raw.send(frame(wire.PONG, data))
                told = json.loads(data) if opcode == wire.TEXT else {}
                if told.get("type") == "message.sent":
                    seqs.append(told["seq"])

        most = 0
        async with AsyncExitStack() as stack:
            listeners = [await stack.enter_async_context(guest(node.port, "Listener")) for _ in heard]
            talker = await stack.enter_async_context(guest(node.port, "Talker"))
            listening = [asyncio.ensure_future(listen(*each)) for each in zip(listeners, heard, strict=True)]
            for n in range(100, 100 + MESSAGES):
                await talker.tell({"op": "send", "n": n, "room": "lobby", "cid": f"c-{n}", "text": "x" * TEXT_SIZE})
                if n % 50 == 49:
                    await talker.answer(n)
                    if not connection.closed:
                        most = max(most, connection.transport.get_write_buffer_size())
            await asyncio.gather(*listening)
        assert all(seqs == sorted(set(seqs)) and len(seqs) == MESSAGES for seqs in heard), "the others had everything"
        assert most <= HIGH_WATER + 50 * (TEXT_SIZE + 400), "and nothing piled up for the one"
        await eventually(lambda: connection.state is LOST, "it is let go of")
        assert not live.lagging
        await comes_back(node.port, stuck, joined)


async def comes_back(port: int, stuck: socket.socket, joined: dict[str, Any]) -> None:
    """It reads what its kernel kept, connects again and resumes: no hole, no double."""
    loop = asyncio.get_running_loop()
    rest = b""
    try:
        while piece := await loop.sock_recv(stuck, 1 << 20):
            rest += piece
    except ConnectionError:
        pass
    stuck.close()
    position = joined["seq"]
    for told in frames(rest):
        if told["op"] == "event":
            assert told["seq"] == position + 1
            position = told["seq"]
        else:
            assert told["op"] in ("presence", "behind")
    async with upgraded(port) as raw:
        await raw.ask(op="hello", n=1, token=joined["token"])
        answer = await raw.ask(op="join", n=2, room="lobby", since=position, epoch=joined["epoch"])
        if not answer["reset"]:
            assert [e["seq"] for e in answer["events"]] == list(range(position + 1, answer["seq"] + 1))
        else:
            assert answer["seq"] - position > 1000
