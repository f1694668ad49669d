"""Load clients: sockets in rooms of a server, and what they receive. `publishing.py` makes them send.

The rooms are created for a run, with new names. They stay in the server's database.
"""

import asyncio
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
from websockets.uri import WebSocketURI

from madang.errors import MadangError
from madang_proof.measuring.figures import durations
from madang_proof.measuring.sockets import ALIVE_S, NotOpened, Received, Socket, opened

OPENING: Final = 64  # handshakes under way at a time
PATIENCE_S: Final = 30.0  # for a handshake with hello and join
POLL_S: Final = 0.005
PARSED: Final = 50  # sockets that are parsed, at most
PINGS: Final = 300  # at once: more than a connection's rate allows, and too few to be closed for
PARSED_S: Final = (
    10_000  # messages per second that parsed sockets receive together, at most: 10 µs each are a tenth of a core
)


LOAD_TEST: Final = "Start it for measuring with `madang serve --load-test`, which lifts rates and admission, on data that you can throw away."


class Target(msgspec.Struct, frozen=True):
    """The server: its address, and its process id if it runs on this machine and may be observed."""

    uri: WebSocketURI
    tls: ssl.SSLContext | None = None
    pid: int | None = None


class CannotMeasure(MadangError):
    """The server does not accept this load; the message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__("rate_limited", message)


class Member:
    """One client: its socket, and its position in its room."""

    __slots__ = ("asked", "epoch", "joined", "room", "seq", "socket", "token")

    def __init__(self, room: int) -> None:
        self.room = room
        self.socket: Socket | None = None
        self.joined: asyncio.Future[None] | None = None
        self.seq = 0  # of the newest event it has
        self.epoch = ""
        self.token = ""
        self.asked: dict[int, int] = {}  # n -> when it was due, µs


class LoadClients:
    """Members in rooms of `group`; the first of each room have the lowest numbers. All times are of one clock."""

    def __init__(self, target: Target, sockets: int, group: int) -> None:
        self.target = target
        self.members = [Member(i // group) for i in range(sockets)]
        self.rooms = -(-sockets // group)
        self.group = group
        self.n = 100  # of the newest message's command and cid; hello and join have lower ones
        self.run = secrets.token_hex(4)
        self.latency = durations()
        self.ack = durations()
        self.disorder = 0
        self.codes: Counter[str] = Counter()
        self.said = ""  # the message of the first refusal
        self.parsed: list[Member] = self.members
        self._living: asyncio.Task[None] | None = None

    def room(self, number: int) -> str:
        """Return the id of a room."""
        return f"bench-{self.run}-{number}"

    # -- connecting and closing ----------------------------------------------------------------------------------------

    async def check_unlimited(self) -> None:
        """Check that the server has lifted its rates.

        Raises:
            CannotMeasure: it has not.
        """
        await self._alone([{"op": "ping", "n": 2}] * PINGS)

    async def _alone(self, commands: list[dict[str, Any]]) -> None:
        """Let a client that is not a member send commands, and check that none is refused."""
        socket = await self._opened(Member(0))
        try:
            for command in ({"op": "hello", "n": 1, "guest": "bench"}, *commands):
                socket.send(msgspec.json.encode(command))
            await until(lambda: socket.ended or socket.answers + socket.refusals > len(commands), PATIENCE_S)
        finally:
            socket.close()
        self.raise_refusals()

    async def open(self, progress: Callable[[int], None]) -> None:
        """Create the rooms and let all members join. `progress` is called with how many have.

        Raises:
            CannotMeasure: the server's limits do not let them in.
            MadangError, OSError, TimeoutError: anything else that went wrong with one of them.
        """
        await self._alone(
            [
                {"op": "create", "n": 2, "room": self.room(r), "title": "bench", "access": "open"}
                for r in range(self.rooms)
            ]
        )
        turnstile = asyncio.Semaphore(OPENING)
        entered = 0

        async def one(member: Member, number: int) -> None:
            nonlocal entered
            async with turnstile:
                await self.enter(member, number)
            entered += 1
            progress(entered)

        try:
            async with asyncio.TaskGroup() as group:
                for number, member in enumerate(self.members):
                    group.create_task(one(member, number))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        self._living = asyncio.create_task(self._keep_alive())

    async def enter(self, member: Member, number: int) -> None:
        """Connect, say hello, and join, or resume if the member was there before."""
        member.joined = asyncio.get_running_loop().create_future()
        member.socket = await self._opened(member)
        join: dict[str, Any] = {"op": "join", "n": 2, "room": self.room(member.room), "limit": 0}
        if member.token:
            hello: dict[str, Any] = {"op": "hello", "n": 1, "token": member.token}
            join |= {"since": member.seq, "epoch": member.epoch}
        else:
            hello = {"op": "hello", "n": 1, "guest": f"bench {number}"}
        for command in (hello, join):
            member.socket.send(msgspec.json.encode(command))
        async with asyncio.timeout(PATIENCE_S):
            await member.joined

    async def _opened(self, member: Member) -> Socket:
        try:
            socket = await opened(self.target.uri, self.receive, self.target.tls, PATIENCE_S)
        except NotOpened as refused:
            if refused.status in (429, 503):
                raise CannotMeasure(f"The server takes no more connections ({refused}). {LOAD_TEST}") from None
            raise MadangError("internal", f"No WebSocket there: {refused}") from None
        socket.state = member
        return socket

    async def close(self) -> None:
        """Close all sockets."""
        if self._living is not None:
            self._living.cancel()
        for member in self.members:
            if member.socket is not None:
                member.socket.close()
        await asyncio.sleep(0)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_S)
            for number, member in enumerate(self.members):
                if member.socket is not None and member.socket.counting:
                    member.socket.send_alive()
                if number % 100 == 99:
                    await asyncio.sleep(0)

    # -- receiving -----------------------------------------------------------------------------------------------------

    def sample(self, per_room_s: float) -> None:
        """Reset the figures, and switch to counting, except for some sockets that are spread evenly.

        `per_room_s` is the messages per second in a room. Only while no message is under way.
        """
        self.latency, self.ack, self.disorder = durations(), durations(), 0
        parsed = int(min(PARSED, len(self.members), max(4, PARSED_S / max(1.0, per_room_s))))
        kept = {number * len(self.members) // parsed for number in range(parsed)}
        self.parsed = [self.members[number] for number in sorted(kept)]
        for number, member in enumerate(self.members):
            assert member.socket is not None
            member.socket.count()
            member.socket.counting = number not in kept

    def receive(self, socket: Socket, frame: Received) -> None:
        """Handle what a client of ours was told, whose frames are parsed."""
        member: Member = socket.state
        if frame.op == "event":
            self._event(member, socket, frame)
        elif frame.op == "skip":
            member.seq = frame.to
        elif frame.op == "reset":
            self._catch_up(member, socket, frame)
        elif frame.op == "ok":
            socket.answers += 1
            if frame.token:
                member.token = frame.token
            elif frame.epoch:
                member.epoch = frame.epoch
                self._catch_up(member, socket, frame)
                if member.joined is not None and not member.joined.done():
                    member.joined.set_result(None)
            elif (due := member.asked.pop(frame.n, 0)) != 0:
                self.ack.append(time.monotonic_ns() / 1e6 - due / 1e3)
        elif frame.op == "error":
            socket.refusals += 1
            self.codes[frame.code] += 1
            self.said = self.said or frame.message
            if member.joined is not None and not member.joined.done():
                member.joined.set_exception(MadangError(frame.code, frame.message))

    def _catch_up(self, member: Member, socket: Socket, frame: Received) -> None:
        for event in frame.events:
            self._event(member, socket, event)
        member.seq = frame.seq

    def _event(self, member: Member, socket: Socket, event: Received) -> None:
        if event.seq <= member.seq:
            self.disorder += 1
        member.seq = event.seq
        if event.type == "message.sent" and event.text.startswith(
            "@"
        ):  # what others send in the room is not part of the load
            socket.messages += 1
            if event.text[1].isdigit():
                self.latency.append(time.monotonic_ns() / 1e6 - int(event.text[1 : event.text.index(" ")]) / 1e3)

    def raise_refusals(self) -> None:
        """Raise for what was refused so far, if anything was (CannotMeasure for the server's limits)."""
        if "rate_limited" in self.codes:
            raise CannotMeasure(f"The server limits rates, so this would measure its limits. {LOAD_TEST}")
        if self.codes:
            raise MadangError(next(iter(self.codes)), f"The server refused: {self.said}")

    # -- sums ----------------------------------------------------------------------------------------------------------

    @property
    def sockets(self) -> list[Socket]:
        """The sockets of all members."""
        return [member.socket for member in self.members if member.socket is not None]

    @property
    def messages(self) -> int:
        """How many messages have arrived, over all sockets."""
        return sum(socket.messages for socket in self.sockets)

    @property
    def answered(self) -> tuple[int, int]:
        """How many commands were answered ok, and how many refused."""
        return sum(s.answers for s in self.sockets), sum(s.refusals for s in self.sockets)

    @property
    def lost(self) -> int:
        """How many sockets have ended."""
        return sum(socket.ended for socket in self.sockets)


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds, or until the time is up: then the figures show it."""
    deadline = time.monotonic() + seconds
    while True:
        if condition() or time.monotonic() > deadline:
            return
        await asyncio.sleep(POLL_S)
