"""The SDK against a server that forgets, repeats, refuses and breaks: the application must not notice.

In virtual time. The model: every seq once and in order, or a Reset (or a range that the server left out) between; every
message sent is in the log once, in program order, and its call gives the seq that it has there.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Coroutine
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import madang.client
from madang.client import Reset, Sent
from madang.testing import VirtualLoop
from tests.unit.client.fakes import SERVER, USER, FakeSocket, event

ROOM = "yard"
WAITING = 6  # events that may wait for the application
REFUSALS = ["rate_limited", "overloaded", "storage_failed"]


class Server:
    """One room, and everything a server or a network may do wrong, each once, in the order it was planned."""

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self.cids: dict[str, int] = {}
        self.left_out: set[int] = set()
        self.pushes: deque[str] = deque()  # what becomes of the next event frames
        self.answers: deque[str] = deque()  # what becomes of the next sends
        self.joins: deque[str] = deque()
        self.socket: FakeSocket | None = None
        self.following = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, url: str) -> FakeSocket:
        """Take a connection."""
        self.socket = socket = FakeSocket()
        self.following = False
        self._tasks.append(asyncio.ensure_future(self._serve(socket)))
        return socket

    async def _serve(self, socket: FakeSocket) -> None:
        while True:
            command = await socket.heard.get()
            await asyncio.sleep(0.001)
            if socket is not self.socket:
                return
            match command["op"]:
                case "hello":
                    socket.say({"op": "ok", "n": command["n"], "user": USER, "token": "t1", "server": SERVER})
                case "join":
                    self._join(socket, command)
                case "send":
                    self._send(socket, command)

    def _join(self, socket: FakeSocket, command: dict[str, Any]) -> None:
        how = self.joins.popleft() if self.joins else ""
        if how == "refuse":
            socket.say({"op": "error", "n": command["n"], "code": "storage_failed", "message": "Not now."})
            return
        since = command.get("since")
        reset = since is not None and how == "reset"
        events = self.log[-3:] if since is None or reset else self.log[since:]
        if since is not None and not reset and how == "short":
            events = events[:2]
        seq = events[-1]["seq"] if events else len(self.log) if since is None or reset else since
        room = {"id": ROOM, "title": "Yard", "access": "open", "slow_ms": 0}
        told = {"seq": seq, "epoch": "e1", "read_seq": 0, "reset": reset, "events": events}
        socket.say({"op": "ok", "n": command["n"], "room": room, "role": "member", **told})
        self.following = True
        socket.say(*self.log[seq:])

    def _send(self, socket: FakeSocket, command: dict[str, Any]) -> None:
        how = self.answers.popleft() if self.answers else ""
        if how in REFUSALS:
            socket.say({"op": "error", "n": command["n"], "code": how, "message": "No.", "retry_ms": 40})
            return
        if how == "break before":
            self.breaks(1006)
            return
        duplicate = command["cid"] in self.cids
        if not duplicate:
            self.cids[command["cid"]] = len(self.log) + 1
            self.happens(text=command["text"], user=USER["id"])
        if how == "break behind":
            self.breaks(1012)
            return
        seq = self.cids[command["cid"]]
        answer = {"op": "ok", "n": command["n"], "id": str(seq), "seq": seq, "ack": "stored", "duplicate": duplicate}
        socket.say(*[answer] * (2 if how == "twice" else 1))

    def happens(self, **fields: Any) -> None:
        """Put something into the log, and tell it as planned."""
        frame = event(len(self.log) + 1, room=ROOM, **fields)
        self.log.append(frame)
        how = self.pushes.popleft() if self.pushes else ""
        if self.socket is None or not self.following or how == "lose":
            return
        old = [self.log[max(0, len(self.log) - 4)]] if how == "repeat an old one" else []
        self.socket.say(*old, *[frame] * (2 if how == "twice" else 1))

    def leaves_out(self, count: int) -> None:
        """Tell joins of others as a range only."""
        first = len(self.log) + 1
        for seq in range(first, first + count):
            self.log.append(event(seq, "member.joined", ROOM, role="member"))
            self.left_out.add(seq)
        if self.socket is not None and self.following:
            self.socket.say({"op": "skip", "room": ROOM, "from": first, "to": len(self.log)})

    def resets(self) -> None:
        """Say that the client is too far behind."""
        if self.socket is not None and self.following:
            newest = self.log[-2:]
            self.socket.say({"op": "reset", "room": ROOM, "epoch": "e1", "seq": len(self.log), "events": newest})

    def breaks(self, code: int) -> None:
        """End the connection."""
        if self.socket is not None:
            self.socket.end(code)
            self.socket, self.following = None, False

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


class ClientMachine(RuleBasedStateMachine):
    """An application that reads when it likes and sends, and a server as above."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.items: list[Any] = []
        self.sending: list[asyncio.Task[Sent]] = []
        self.texts = (f"text {n}" for n in itertools.count())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize(events=st.integers(1, 6), chance=st.floats(0, 1))
    def begin(self, events: int, chance: float) -> None:
        self.server = Server()
        for _ in range(events):
            self.server.happens()

        async def start() -> None:
            self.reading = asyncio.Event()
            self.reading.set()
            self.client = madang.client.connect(
                "ws://yard.example/ws", guest="Mina", opener=self.server.open, random=lambda: chance,
                waiting_events=WAITING,
            )  # fmt: skip
            await self.client.__aenter__()
            self.room = await self.client.join(ROOM)
            self.begun = self.room.seq
            self.consumer = asyncio.ensure_future(self.consume())

        self.do(start())

    async def consume(self) -> None:
        async for item in self.room:
            self.items.append(item)
            await self.reading.wait()

    # -- steps ---------------------------------------------------------------------------------------------------------

    @rule(hows=st.lists(st.sampled_from(["", "", "lose", "twice", "repeat an old one"]), min_size=1, max_size=10))
    def others_say_something(self, hows: list[str]) -> None:
        async def say() -> None:
            self.server.pushes.extend(hows)
            for _ in hows:
                self.server.happens()

        self.do(say())

    @rule(count=st.integers(1, 4), hows=st.lists(
        st.sampled_from(["", "twice", "break before", "break behind", *REFUSALS]), max_size=4,
    ))  # fmt: skip
    def sends(self, count: int, hows: list[str]) -> None:
        async def send() -> None:
            self.server.answers.extend(hows)
            self.sending += [asyncio.ensure_future(self.room.send(next(self.texts))) for _ in range(count)]
            await asyncio.sleep(0)

        self.do(send())

    @rule(code=st.sampled_from([1001, 1006, 1012, 1013, 4409]), how=st.sampled_from(["", "reset", "refuse", "short"]))
    def the_connection_breaks(self, code: int, how: str) -> None:
        self.server.joins.append(how)
        self.do(self.later(self.server.breaks, code))

    @rule(count=st.integers(1, 4))
    def joins_are_left_out(self, count: int) -> None:
        self.do(self.later(self.server.leaves_out, count))

    @rule()
    def the_server_resets(self) -> None:
        self.do(self.later(self.server.resets))

    @rule(reads=st.booleans())
    def the_application_reads(self, reads: bool) -> None:
        (self.reading.set if reads else self.reading.clear)()

    @rule(seconds=st.sampled_from([0.0, 0.002, 0.05, 1.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    async def later(self, call: Any, *args: Any) -> None:
        call(*args)

    # -- the model -----------------------------------------------------------------------------------------------------

    async def judge(self) -> None:
        server = self.server
        for plans in (server.pushes, server.answers, server.joins):
            plans.clear()
        self.reading.set()
        await asyncio.sleep(100)
        server.happens()  # what was lost last is found by what comes next
        await asyncio.sleep(100)
        at = self.begun
        for item in self.items:
            if isinstance(item, Reset):
                assert item.seq <= len(server.log)
            else:
                missing = set(range(at + 1, item.seq))
                assert item.seq > at and missing <= server.left_out, f"{item.seq} after {at}"
            at = item.seq
        assert set(range(at + 1, len(server.log) + 1)) <= server.left_out, f"at {at} of {len(server.log)}"
        assert self.room.ended is None
        stored = [await task for task in self.sending if task.done()]
        assert len(stored) == len(self.sending), "a send never came back"
        assert [sent.seq for sent in stored] == sorted({sent.seq for sent in stored}), "not in program order, or twice"
        mine = [e for e in server.log if e["user"] == USER["id"] and e["type"] == "message.sent"]
        assert [e["text"] for e in mine] == [f"text {n}" for n in range(len(stored))]
        assert [e["seq"] for e in mine] == [sent.seq for sent in stored]

    def teardown(self) -> None:
        async def end() -> None:
            await self.client.close()
            self.server.stop()
            await asyncio.gather(self.consumer, *self.sending, return_exceptions=True)

        try:
            if hasattr(self, "consumer"):
                self.do(self.judge())
        finally:
            if hasattr(self, "consumer"):
                self.do(end())
            self.runner.close()


TestClient = ClientMachine.TestCase
TestClient.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=30)
