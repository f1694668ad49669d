"""SIGTERM under load: everything acked is there afterwards, everybody is told, and nobody holds it up."""

import asyncio
import itertools
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.running import Server, running_server
from tests.waiting import PATIENCE_S, eventually
from tests.wire import CLOSE, TEXT, Raw, frame, guest, upgrade, upgraded

LOAD = {"load_test": "1"}


class Talker:
    """Sends without waiting for acks, and keeps what was acked and what it was told in the end."""

    def __init__(self, raw: Raw, name: str) -> None:
        self._raw = raw
        self._name = name
        self.sent: dict[int, str] = {}
        self.acked: dict[str, int] = {}  # cid -> seq
        self.refused: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.code: int | None = None

    async def talk(self) -> None:
        for n in itertools.count(10):
            if self.code is not None:
                return
            cid = f"{self._name}-{n}"
            self.sent[n] = cid
            command = {"op": "send", "n": n, "room": "lobby", "cid": cid, "text": f"{cid} says hello"}
            await self._raw.send(frame(TEXT, json.dumps(command)))
            if n % 20 == 0:
                await asyncio.sleep(0)

    async def listen(self) -> None:
        try:
            while True:
                opcode, data = await self._raw.read()
                if opcode == CLOSE:
                    self.code = int.from_bytes(data[:2], "big")
                    await self._raw.send(frame(CLOSE, data[:2]))
                elif opcode == TEXT:
                    self._take(json.loads(data))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.code = self.code or 1006

    def _take(self, told: dict[str, Any]) -> None:
        if told["op"] == "ok" and told["n"] in self.sent:
            self.acked[self.sent[told["n"]]] = told["seq"]
        elif told["op"] == "error":
            self.refused.append(told["code"])
        elif told["op"] == "bye":
            self.told.append(told)


async def leaves(server: Server) -> None:
    """Tell the server to end: it does, whatever its peers do, and without complaint."""
    async with asyncio.timeout(PATIENCE_S):
        assert await server.stop() == 0, server.log.read_text()[-3000:]


async def stored(port: int) -> dict[int, str]:
    """Read the whole lobby: seq -> text."""
    found: dict[int, str] = {}
    async with guest(port) as raw:
        after = 0
        while True:
            page = await raw.ask(op="history", n=9, room="lobby", after=after, limit=200)
            for m in page["messages"]:
                found[m["seq"]] = m["text"]
                after = m["seq"]
            if not page["more"]:
                return found


async def test_what_was_acked_is_there_and_everybody_was_told(tmp_path: Path) -> None:
    async with running_server(tmp_path, settings=LOAD) as server, asyncio.TaskGroup() as group:
        talkers = []
        for n in range(12):
            connected = guest(server.port, f"Talker {n}")
            raw = await connected.__aenter__()
            talkers.append((Talker(raw, f"t{n}"), connected))
        for talker, _ in talkers:
            group.create_task(talker.listen())
            group.create_task(talker.talk())
        await eventually(lambda: sum(len(t.acked) for t, _ in talkers) > 1000)
        await leaves(server)
        await eventually(lambda: all(t.code for t, _ in talkers))
        for talker, connected in talkers:
            assert talker.code == 1012
            (bye,) = talker.told
            assert (bye["reason"], bye["retry_ms"] > 0) == ("restart", True)
            assert set(talker.refused) <= {"draining"}
            await connected.__aexit__(None, None, None)
        assert len({t.told[0]["retry_ms"] for t, _ in talkers}) > 1, "not all come back at once"
        await server.start()
        there = await stored(server.port)
        for talker, _ in talkers:
            for cid, seq in talker.acked.items():
                assert there[seq] == f"{cid} says hello"
        await server.stop()


@pytest.mark.parametrize("way", ["never reads", "never answers"])
async def test_nobody_holds_it_up(tmp_path: Path, way: str) -> None:
    """A peer that was stopped (SIGSTOP) neither reads nor answers; its kernel goes on and takes what it can."""
    async with running_server(tmp_path, settings=LOAD) as server:
        stopped = socket.socket()
        stopped.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stopped.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(stopped, ("127.0.0.1", server.port))
        commands = {"op": "hello", "n": 1, "guest": "Stopped"}, {"op": "join", "n": 2, "room": "lobby", "limit": 0}
        await loop.sock_sendall(stopped, upgrade())
        head = await loop.sock_recv(stopped, 10_000)
        assert b" 101 " in head
        await loop.sock_sendall(stopped, b"".join(frame(TEXT, json.dumps(c)) for c in commands))
        async with guest(server.port, "Talker") as raw:
            for n in range(100, 2600 if way == "never reads" else 110):
                command = {"op": "send", "n": n, "room": "lobby", "cid": f"c-{n}", "text": "x" * 4000}
                await raw.tell(command)
                if n % 100 == 0:
                    await raw.answer(n)
            await leaves(server)
        stopped.close()


async def test_who_comes_while_it_ends_is_told_to_wait_or_finds_nobody(tmp_path: Path) -> None:
    async with running_server(tmp_path, settings=LOAD) as server:
        async with upgraded(server.port):  # never says hello, never answers a close
            leaving = asyncio.ensure_future(leaves(server))
            statuses = set()
            while not leaving.done():
                try:
                    async with asyncio.timeout(1):
                        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                        writer.write(upgrade())
                        line = await reader.readline()
                        statuses.add(int(line.split()[1]) if line else 0)
                        writer.transport.abort()
                except (OSError, TimeoutError):
                    statuses.add(0)
                await asyncio.sleep(0.01)
            await leaving
        assert statuses <= {0, 101, 503}
