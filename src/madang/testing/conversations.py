"""Recorded conversations, and a player that replays them with a server. protocol/conversations/README.md has the format.

Rule 1: a file says what the protocol promises and no more. So answers are found by their `n`, the events of a room are
        compared in order, and between answers and rooms any order is right.
Rule 2: ephemeral frames (typing, read, presence, reports, unread) may be missing or merged: one that matches must come, others may.
Rule 3: whether an event comes inside an answer to join, inside a reset or by itself is the server's choice, so the
        player takes events out of their frames, and files do not mention `events`. It checks that they end at `seq`
        without a gap.
Rule 4: nothing may be left over: at the end every connection answers a ping, and no other answer or event remains.
"""

import asyncio
import json
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

TIMEOUT_S: Final = 5.0
FENCE: Final = 2**53  # `n` of the ping at the end, which no file uses
_HOLE: Final = re.compile(r"<([a-z]+)(?::([\w-]+))?>")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_LOG: Final = frozenset({"event", "skip", "behind", "reset"})
_EPHEMERAL: Final = frozenset({"typing", "read", "presence", "reports", "unread"})
_KINDS: Final[dict[str, Callable[[Any], bool]]] = {
    "any": lambda value: True,
    "text": lambda value: isinstance(value, str) and value != "",
    "id": lambda value: isinstance(value, str) and value.isdecimal(),
    "seq": lambda value: type(value) is int and value > 0,
    "ack": lambda value: value in ("stored", "replicated", "buffered"),
    "at": lambda value: isinstance(value, str) and _TIME.fullmatch(value) is not None,
}
for _kind in ("user", "room", "token", "epoch"):
    _KINDS[_kind] = _KINDS["text"]

Frame = dict[str, Any]


class Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: what it shows, and its steps: [who, verb, what] or [who, verb, what, times]."""

    title: str
    steps: list[list[Any]]


class Broken(AssertionError):
    """The server deviated from the conversation; the message says where, what was expected and what came."""


class Connection(Protocol):
    """One client's connection, as the player needs it."""

    async def send(self, text: str) -> None:
        """Send one text frame; once the connection is closed, do nothing."""

    async def receive(self) -> str | int:
        """Return the next text frame, or the close code once the connection is closed."""

    async def close(self) -> None:
        """Close; a second call does nothing."""


Connect = Callable[[], Awaitable[Connection]]


def load(path: Path) -> Conversation:
    """Return the conversation in a file.

    Raises:
        msgspec.ValidationError: it does not have the format.
    """
    return msgspec.json.decode(path.read_bytes(), type=Conversation)


def websocket(url: str) -> Connect:
    """Return a function that connects to a server by WebSocket."""

    async def dial() -> Connection:
        return _WebSocket(await connect(url, compression=None, proxy=None))

    return dial


class _WebSocket:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            pass  # receive() tells

    async def receive(self) -> str | int:
        try:
            return await self._socket.recv(decode=True)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    async def close(self) -> None:
        await self._socket.close()


async def play(conversation: Conversation, connect: Connect, timeout: float = TIMEOUT_S) -> None:
    """Replay a conversation with a server. Rooms and users are new each time, so it can be replayed any number of times.

    Raises:
        Broken: the server sent something else, or nothing for `timeout` seconds.
        ValueError: the file is not a valid conversation.
    """
    clients: dict[str, _Client] = {}
    names: dict[str, Any] = {}
    here: tuple[int, list[Any]] = 0, conversation.steps[0]
    try:
        for here in enumerate(conversation.steps, 1):
            who, verb, what, *times = here[1]
            if who not in clients:
                clients[who] = _Client(await connect())
            client = clients[who]
            for _ in range(times[0] if times else 1):
                async with asyncio.timeout(timeout):
                    await _take(client, verb, what, names)
            if client.over:
                del clients[who]  # the next step of this name is on a new connection
        for who, client in clients.items():
            here = here[0] + 1, [who, "gets", "nothing more"]
            async with asyncio.timeout(timeout):
                await client.finish()
    except TimeoutError:
        heard = clients[here[1][0]].heard()
        raise Broken(_where(conversation, *here, f"nothing of the kind came in {timeout} s{heard}")) from None
    except Broken as broken:
        raise Broken(_where(conversation, *here, str(broken))) from None
    finally:
        for client in clients.values():
            await client.close()


def _where(conversation: Conversation, number: int, step: list[Any], problem: str) -> str:
    return f"{conversation.title}, step {number}: {json.dumps(step, ensure_ascii=False)}\n{problem}"


async def _take(client: "_Client", verb: str, what: Any, names: dict[str, Any]) -> None:
    match verb:
        case "sends":
            text = what if isinstance(what, str) else json.dumps(fill(what, names), ensure_ascii=False)
            await client.connection.send(text)
        case "gets":
            await client.get(what, names)
        case "closes":
            await client.close()
        case "is closed":
            await client.closed(what)
        case _:
            raise ValueError(f"There is no step {verb!r}: sends, gets, closes, is closed.")


class _Client:
    """One connection and what it has received, sorted into lanes."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.over = False
        self._lanes: dict[tuple[Any, ...], deque[Frame]] = {}
        self._code: int | None = None
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            told = await self.connection.receive()
            async with self._news:
                if isinstance(told, int):
                    self._code = told
                else:
                    self._sort(json.loads(told))
                self._news.notify_all()
            if self._code is not None:
                return

    def _sort(self, frame: Frame) -> None:
        events, seq = frame.get("events", []), frame.get("seq", 0)
        whole = [event["seq"] for event in events] == list(range(seq - len(events) + 1, seq + 1))
        if whole:
            frame.pop("events", None)
        for each in (frame, *events) if whole else (frame,):
            self._lanes.setdefault(_lane(each), deque()).append(each)

    @asynccontextmanager
    async def _told(self, done: Callable[[], bool]) -> AsyncIterator[None]:
        async with self._news:
            await self._news.wait_for(lambda: done() or self._code is not None)
            yield

    async def get(self, expected: Frame, names: dict[str, Any]) -> None:
        """Wait for a frame of the expected frame's lane, and compare."""
        lane = self._lanes.setdefault(_lane(fill(expected, names, strict=False)), deque())
        while True:
            async with self._told(lambda: bool(lane)):
                if not lane:
                    raise Broken(f"the connection was closed ({self._code}){self.heard()}")
                frame = lane.popleft()
            found = dict(names)
            problem = differs(expected, frame, found)
            if problem is None:
                names.update(found)
                return
            if frame["op"] not in _EPHEMERAL:
                raise Broken(f"{problem}\nit came as {json.dumps(frame, ensure_ascii=False)}")

    async def closed(self, code: int) -> None:
        async with self._told(lambda: False):
            if self._code != code:
                raise Broken(f"the close code was {self._code}{self.heard()}")
        await self.close()

    async def finish(self) -> None:
        """Check that nothing is left over."""
        await self.connection.send(json.dumps({"op": "ping", "n": FENCE}))
        await self.get({"op": "ok", "n": FENCE, "at": "<at>"}, {})
        if left := self.heard():
            raise Broken(f"more came than was said{left}")

    def heard(self) -> str:
        """Return a description of the frames that were not expected."""
        frames = [frame for lane in self._lanes.values() for frame in lane if frame["op"] not in _EPHEMERAL]
        return "".join(f"\n  it also got {json.dumps(frame, ensure_ascii=False)}" for frame in frames)

    async def close(self) -> None:
        self.over = True
        await self.connection.close()
        await self._reader


def _lane(frame: Frame) -> tuple[Any, ...]:
    op = frame.get("op")
    if op in ("ok", "error"):
        return "answer", frame.get("n")
    return ("log" if op in _LOG else op), frame.get("room")


def fill(value: Any, names: dict[str, Any], strict: bool = True) -> Any:
    """Replace placeholders by their values. A new room gets a new id.

    Raises:
        ValueError: a placeholder has no value yet (if `strict`).
    """
    if isinstance(value, dict):
        return {fill(key, names, strict): fill(inner, names, strict) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, names, strict) for inner in value]
    hole = _HOLE.fullmatch(value) if isinstance(value, str) else None
    if hole is None:
        return value
    kind, name = hole.groups()
    if kind == "room" and name and value not in names:
        names[value] = f"{name}-{secrets.token_hex(5)}"
    if strict and value not in names:
        raise ValueError(f"{value} is not known yet.")
    return names.get(value, value)


def differs(expected: Any, actual: Any, names: dict[str, Any], at: str = "$") -> str | None:
    """Return the first difference, or None, and record in `names` what named placeholders stand for."""
    if isinstance(expected, str) and (hole := _HOLE.fullmatch(expected)):
        if expected in names:
            return differs(names[expected], actual, {}, at)
        kind, name = hole.groups()
        if not _KINDS[kind](actual):
            return f"{at} is not a {kind}: {actual!r}"
        if name:
            names[expected] = actual
        return None
    if isinstance(expected, dict) and isinstance(actual, dict):
        wanted = {fill(key, names): value for key, value in expected.items() if key != "..."}
        if missing := wanted.keys() - actual.keys():
            return f"{at} lacks {', '.join(sorted(missing))}"
        if "..." not in expected and (more := actual.keys() - wanted.keys()):
            return f"{at} has {', '.join(sorted(more))}, too"
        pairs = [(f"{at}.{key}", value, actual[key]) for key, value in wanted.items()]
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{at} has {len(actual)} elements, not {len(expected)}"
        pairs = [(f"{at}[{i}]", *pair) for i, pair in enumerate(zip(expected, actual, strict=True))]
    else:
        same = type(expected) is type(actual) and expected == actual
        return None if same else f"{at} is {actual!r}, not {expected!r}"
    return next((problem for where, e, a in pairs if (problem := differs(e, a, names, where))), None)
