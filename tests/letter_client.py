"""A client written from protocol/PROTOCOL.md alone, to the letter of "A correct client". It imports nothing of Madang.

It is what a stranger would write in an afternoon, and a test of that page: what this client may not do, the page must say.
"""

import asyncio
import json
import random
from collections import deque
from pathlib import Path
from tomllib import loads
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

CODES: Final = loads((Path(__file__).parent.parent / "protocol/codes.toml").read_text("utf-8"))
SILENCE_S: Final = 60.0
Frame = dict[str, Any]


class Command:
    """A command that waits for its answer; `answer` is the frame of an ok, or of an error that is told to the user."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self.tries = 0


class RoomState:
    """What is kept of a room."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.position = 0
        self.epoch = ""
        self.events: list[Frame] = []  # the copy
        self.queue: deque[Command] = deque()
        self.on_its_way = False  # the first of the queue
        self.waits_until = 0.0
        self.join_sent = False
        self.joined = False
        self.tries = 0  # of the join


class LetterClient:
    """One user, over as many connections as it takes. `closes` are the codes of those that ended."""

    def __init__(self, url: str, name: str, rooms: list[str]) -> None:
        self.rooms = {room: RoomState(room) for room in rooms}
        self.closes: list[int] = []
        self.told: list[str] = []
        self.token = ""
        self._url = url
        self._name = name
        self._others: list[Command] = []  # reads, and anything else that is asked for itself
        self._asked: dict[int, tuple[str, Command]] = {}
        self._n = 0
        self._window = 64
        self._socket: ClientConnection | None = None
        self._bye_s: float | None = None
        self._changed = asyncio.Event()
        self._waits: dict[int, float] = {}  # until when each of the others waits

    # -- what the application calls ------------------------------------------------------------------------------------

    def append(self, op: str, room: str, **fields: Any) -> asyncio.Future[Frame]:
        """Put a command last in the room's queue."""
        command = Command({"op": op, "room": room, **fields})
        self.rooms[room].queue.append(command)
        self._changed.set()
        return command.answer

    def ask(self, op: str, **fields: Any) -> asyncio.Future[Frame]:
        """Ask for something that appends nothing."""
        command = Command({"op": op, **fields})
        self._others.append(command)
        self._changed.set()
        return command.answer

    def cut(self) -> None:
        """Lose the connection without a word."""
        assert self._socket is not None
        self._socket.transport.abort()

    async def run(self) -> None:
        """Connect and come back until cancelled, or told never to."""
        tries = 0
        while True:
            began = asyncio.get_running_loop().time()
            code = await self._connection()
            self.closes.append(code)
            if asyncio.get_running_loop().time() - began >= 10:
                tries = 0
            then = CODES["close"].get(str(code), {"reconnect": "resume"})["reconnect"]
            if then == "never":
                raise ConnectionError(f"closed for good: {code}")
            wait = random.uniform(0, min(4.0, 2**tries * 0.2))
            if then == "later":
                wait += 5 + random.uniform(0, 5)
            tries += 1
            await asyncio.sleep(wait if self._bye_s is None else random.uniform(0, self._bye_s))

    # -- one connection ------------------------------------------------------------------------------------------------

    async def _connection(self) -> int:
        self._bye_s = None
        try:
            async with connect(self._url, compression=None) as socket:
                self._socket = socket
                self._asked.clear()
                self._waits.clear()
                for room in self.rooms.values():
                    room.join_sent = room.joined = room.on_its_way = False
                    room.waits_until = 0.0
                for command in self._others:
                    command.tries = 0
                sender = asyncio.create_task(self._send())
                try:
                    while True:
                        async with asyncio.timeout(SILENCE_S):
                            self._handle(json.loads(await socket.recv()))
                            self._changed.set()
                finally:
                    sender.cancel()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        except (OSError, InvalidHandshake, TimeoutError, EOFError):
            return 1006

    async def _send(self) -> None:
        who = {"token": self.token} if self.token else {"guest": self._name}
        await self._write("hello", Command({"op": "hello", **who}))
        while True:
            self._changed.clear()
            now = asyncio.get_running_loop().time()
            due: list[float] = []
            for room in self.rooms.values():
                if room.waits_until > now:
                    due.append(room.waits_until)
                    continue
                if not room.join_sent and len(self._asked) < self._window:
                    room.join_sent = True
                    position = {"since": room.position, "epoch": room.epoch} if room.epoch else {}
                    await self._write("join", Command({"op": "join", "room": room.id, **position}))
                if room.join_sent and room.queue and not room.on_its_way and len(self._asked) < self._window:
                    room.on_its_way = True
                    await self._write("queue", room.queue[0])
            on_wire = {id(command) for _, command in self._asked.values()}
            for command in self._others:
                its = self.rooms.get(command.frame.get("room", ""))
                if (its is not None and not its.joined) or id(command) in on_wire or len(self._asked) >= self._window:
                    continue
                if (until := self._waits.get(id(command), 0.0)) > now:
                    due.append(until)
                    continue
                await self._write("other", command)
            try:
                async with asyncio.timeout(min(due) - now if due else None):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _write(self, kind: str, command: Command) -> None:
        assert self._socket is not None
        self._n += 1
        command.tries += 1
        self._asked[self._n] = kind, command
        await self._socket.send(json.dumps({**command.frame, "n": self._n}))

    # -- what arrives --------------------------------------------------------------------------------------------------

    def _handle(self, frame: Frame) -> None:
        match frame["op"]:
            case "ok":
                kind, command = self._asked.pop(frame["n"])
                self._ok(kind, command, frame)
            case "error":
                kind, command = self._asked.pop(frame["n"])
                self._error(kind, command, frame)
            case "bye":
                self._bye_s = frame["retry_ms"] / 1000
            case "event":
                room = self.rooms[frame["room"]]
                if frame["seq"] == room.position + 1:
                    room.events.append(frame)
                    room.position = frame["seq"]
                elif frame["seq"] > room.position + 1 and room.joined:
                    room.join_sent = room.joined = False
            case "skip":
                room = self.rooms[frame["room"]]
                if frame["from"] <= room.position + 1:
                    room.position = max(room.position, frame["to"])
                else:
                    room.join_sent = room.joined = False
            case "reset":
                self._start(self.rooms[frame["room"]], frame, afresh=True)

    def _ok(self, kind: str, command: Command, frame: Frame) -> None:
        if kind == "hello":
            self.token = frame["token"]
            self._window = frame["server"]["window"]
            assert frame["server"]["room_window"] == 1
        elif kind == "join":
            room = self.rooms[command.frame["room"]]
            room.joined, room.tries = True, 0
            self._start(room, frame, afresh=frame["reset"] or "since" not in command.frame)
        elif kind == "queue":
            room = self.rooms[command.frame["room"]]
            assert room.queue.popleft() is command
            room.on_its_way = False
            command.answer.set_result(frame)
        else:
            self._others.remove(command)
            command.answer.set_result(frame)

    @staticmethod
    def _start(room: RoomState, frame: Frame, *, afresh: bool) -> None:
        if afresh:
            room.events.clear()
        room.events += frame["events"]
        room.position, room.epoch = frame["seq"], frame["epoch"]

    def _error(self, kind: str, command: Command, frame: Frame) -> None:
        known = CODES["error"].get(frame["code"])
        then = known["then"] if known else ("wait" if "retry_ms" in frame else "tell")
        room = self.rooms.get(command.frame.get("room", ""))
        wait = frame["retry_ms"] / 1000 if "retry_ms" in frame else random.uniform(0, min(20, 2**command.tries * 0.2))
        until = asyncio.get_running_loop().time() + wait
        if (then == "try" and command.tries >= 5) or (then == "join" and (room is None or room.joined)):
            then = "tell"
        assert kind != "hello", f"hello was refused: {frame}"
        if kind == "join":
            assert room is not None and then != "tell", f"not let in: {frame}"
            room.join_sent = False
            room.waits_until = until
        elif kind == "queue":
            assert room is not None
            room.on_its_way = False
            if then == "tell":
                self.told.append(frame["code"])
                assert room.queue.popleft() is command
                command.answer.set_result(frame)
            elif then != "join":
                room.waits_until = until
        elif then == "tell":
            self._others.remove(command)
            command.answer.set_result(frame)
        else:
            self._waits[id(command)] = until
