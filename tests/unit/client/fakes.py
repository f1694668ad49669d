"""A network, a clock and a server's words for tests of the SDK: nothing here sleeps, every step is the test's own."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import madang.client
from madang.client.events import Event, MessageSent
from madang.client.sockets import Closed
from tests.waiting import PATIENCE_S

USER = {"id": "u1", "name": "Mina"}
SERVER = {"name": "madang", "version": "test", "v": 1, "ack": "stored", "max_frame": 65536, "resume_events": 1000}


def sent(seq: int, text: str = "") -> Event:
    """Return an event as the application would get it."""
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    return MessageSent(room="yard", seq=seq, id=str(seq), user="u2", name="Bora", at=at, text=text or str(seq))


def event(seq: int, type: str = "message.sent", room: str = "yard", **fields: Any) -> dict[str, Any]:
    """Return an event as the server would say it."""
    if type == "message.sent":
        fields.setdefault("text", str(seq))
    head = {"op": "event", "room": room, "seq": seq, "type": type, "id": str(seq), "user": "u2", "name": "Bora"}
    return {**head, "at": "2026-11-22T09:00:00.000Z", **fields}


async def settle() -> None:
    """Let every task run until all of them wait for something."""
    for _ in range(50):
        await asyncio.sleep(0)


class FakeClock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self._now = 100.0
        self._timers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        return self._now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        rung = asyncio.Event()
        timer = (self._now + seconds, rung)
        self._timers.append(timer)
        waits = [asyncio.ensure_future(e.wait()) for e in (event, rung)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._timers.remove(timer)
            for wait in waits:
                wait.cancel()

    def next_s(self) -> float:
        """Return the seconds until the next timer."""
        return min(due for due, _ in self._timers) - self._now

    async def advance(self, seconds: float) -> None:
        """Let time pass, and all that follows from it."""
        await settle()
        self._now += seconds
        for due, rung in self._timers:
            if due <= self._now:
                rung.set()
        await settle()


class FakeSocket:
    """One connection: the client's end is the Socket, the test is the server."""

    def __init__(self) -> None:
        self._in: asyncio.Queue[bytes | Closed] = asyncio.Queue()
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._ended: Closed | None = None
        self.closed = False

    async def send(self, text: bytes) -> None:
        await asyncio.sleep(0)
        if self._ended is not None:
            raise self._ended
        self.heard.put_nowait(json.loads(text))

    async def receive(self) -> bytes:
        item = await self._in.get()
        if isinstance(item, Closed):
            raise item
        return item

    async def close(self) -> None:
        self.closed = True
        self.end(1000)

    def say(self, *frames: dict[str, Any]) -> None:
        """Send frames to the client."""
        for frame in frames:
            self._in.put_nowait(json.dumps(frame).encode())

    def say_text(self, text: bytes) -> None:
        """Send what may be no frame."""
        self._in.put_nowait(text)

    def end(self, code: int = 1006, reason: str = "") -> None:
        """End the connection."""
        if self._ended is None:
            self._ended = Closed(code, reason)
            self._in.put_nowait(self._ended)

    async def got(self) -> dict[str, Any]:
        """Return the client's next frame."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.heard.get()

    async def nothing(self) -> None:
        """See that the client has nothing more to say now."""
        await settle()
        assert self.heard.empty(), self.heard.get_nowait()

    async def welcome(self, **hello: Any) -> None:
        """Receive hello and answer it."""
        frame = await self.got()
        assert frame["op"] == "hello" and all(frame.get(k) == v for k, v in hello.items()), frame
        self.say({"op": "ok", "n": frame["n"], "user": USER, "token": "t1", "server": SERVER})

    async def let_in(self, seq: int = 0, events: list[dict[str, Any]] | None = None, **answer: Any) -> dict[str, Any]:
        """Receive a join and answer it; gives the join."""
        frame = await self.got()
        assert frame["op"] == "join", frame
        room = {"id": frame["room"], "title": "Yard", "access": "open", "slow_ms": 0}
        position = {"seq": seq, "epoch": "e1", "read_seq": 0, "reset": False, "events": events or []}
        self.say({"op": "ok", "n": frame["n"], "room": room, "role": "member", **position, **answer})
        return frame

    async def ack(self, seq: int, **answer: Any) -> dict[str, Any]:
        """Receive a command and say that it is stored; gives the command."""
        frame = await self.got()
        self.say({"op": "ok", "n": frame["n"], "id": str(seq), "seq": seq, "ack": "stored", **answer})
        return frame

    async def refuse(self, code: str, **fields: Any) -> dict[str, Any]:
        """Receive a command and refuse it; gives the command."""
        frame = await self.got()
        self.say({"op": "error", "n": frame["n"], "code": code, "message": f"No: {code}.", **fields})
        return frame


class FakeNetwork:
    """Where the client's sockets come out; `refusals` are raised first, one per try."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.tries = 0
        self._sockets: asyncio.Queue[FakeSocket] = asyncio.Queue()

    async def open(self, url: str) -> FakeSocket:
        self.tries += 1
        if self.refusals:
            raise self.refusals.pop(0)
        socket = FakeSocket()
        self._sockets.put_nowait(socket)
        return socket

    async def accept(self) -> FakeSocket:
        """Return the next connection."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._sockets.get()


class World:
    """A client with its network and clock. Chance always gives one half."""

    def __init__(self, *refusals: Exception, **options: Any) -> None:
        self.clock = FakeClock()
        self.network = FakeNetwork(*refusals)
        self.states: list[str] = []
        if not {"token", "get_token", "get_ticket"} & set(options):
            options["guest"] = "Mina"
        self.client = madang.client.connect(
            "ws://yard.example/ws",
            opener=self.network.open,
            clock=self.clock,
            random=lambda: 0.5,
            on_state=lambda state: self.states.append(str(state)),
            **options,
        )

    async def enter(self) -> FakeSocket:
        """Connect and be welcomed; the caller closes the client."""
        entering = asyncio.ensure_future(self.client.__aenter__())
        socket = await self.network.accept()
        await socket.welcome()
        await entering
        return socket

    async def join(self, socket: FakeSocket, seq: int = 0, **answer: Any) -> madang.client.Room:
        """Join the room "yard" and be let in."""
        joining = asyncio.ensure_future(self.client.join("yard"))
        await socket.let_in(seq, **answer)
        return await joining

    async def back(self) -> FakeSocket:
        """Let the time of the back-off pass and take the new connection; hello is not heard yet."""
        await settle()
        await self.clock.advance(self.clock.next_s())
        return await self.network.accept()
