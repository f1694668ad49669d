"""A client of a user: a connection that reconnects and resumes by the rules of "A correct client" in PROTOCOL.md.

It notes what it sends before it sends it, and what it receives before it acts on it. What to send, and when, is decided
in `virtual_user.py`.
"""

import asyncio
import random
from collections.abc import Iterable
from typing import Any, Final, Protocol

import msgspec

from madang.client.backoff import Backoff
from madang.codes import CLOSES, ERRORS
from madang_proof.history.records import now
from madang_proof.load import frames
from madang_proof.load.command import Asked, Command, encode
from madang_proof.load.connection import GONE, Connection, dial
from madang_proof.load.connection_log import ConnectionLog
from madang_proof.load.recorder import Recorder
from madang_proof.load.socketio import Kept

ANSWER_S: Final = 10.0  # a connection whose answer takes longer is given up
POLL_S: Final = 0.5  # between two looks for overdue answers
LATER_S: Final = 3.0  # after a close code that asks for a longer wait: shorter than in PROTOCOL.md, a storm is short
AGAIN_MS: Final = 200  # shortest wait before a command that was refused for now is sent again
BYE_S: Final = 4.0  # longest wait that a bye may ask for


class Position(msgspec.Struct):
    """The position of a client in a room."""

    seq: int
    epoch: str


class Owner(Protocol):
    """The user of a client: what it needs to know when it connects, and whom it reports to."""

    user_id: str
    final: bool

    def rooms_to_join(self) -> Iterable[str]:
        """Return the rooms to join on every connection."""

    def invitation(self, room: str) -> dict[str, str]:
        """Return the fields of a join that let the user into a room."""

    def token_for(self, connection: Connection) -> str:
        """Return the token to say hello with on a connection; empty for a new guest."""

    def expiring(self, client: "VirtualClient") -> None:
        """Handle the notice that a client's connection ends soon, with its token."""

    def ended(self, connection: Connection, code: int) -> None:
        """Note the end of a connection, and its close code."""

    def greeted(self, frame: frames.Frame) -> None:
        """Handle the answer to hello."""

    def joined(self, room: str) -> None:
        """Note that a join was answered ok."""

    def removed(self, room: str) -> None:
        """Note that the user left or was kicked, perhaps while the client was away."""

    def applied(self, event: frames.EventFrame) -> None:
        """Note that an event was applied."""


class VirtualClient:
    """A client, on one connection after another. `run` keeps it connected until `stop`."""

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        url: str,
        dice: random.Random,
        owner: Owner,
        *,
        small: bool = False,
        socketio: bool = False,
    ) -> None:
        """Make a client; `socketio`: it comes through the Socket.IO door."""
        self._recorder = recorder
        self._log = ConnectionLog(recorder, name)
        self._name = name
        self._url = url
        self._dice = dice
        self._owner = owner
        self._small = small
        self._kept = Kept(recorder.counted) if socketio else None
        self._connection: Connection | None = None
        self._ended_by_us = False  # the end of the connection is our own doing
        self._asked: dict[int, Asked] = {}
        self._outbox: dict[tuple[str, str], Command] = {}
        self._greeted = False
        self._ended = asyncio.Event()
        self._hurried = asyncio.Event()
        self._code = GONE
        self._blames_from = 0
        self._bye: float | None = None
        self._asleep_s = 0.0
        self._stopped = False
        self.paused = False
        self.positions: dict[str, Position] = {}
        self.joining: set[str] = set()

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection | None:
        """The connection that it has now, if any."""
        return self._connection

    @property
    def ready(self) -> bool:
        """Whether it is connected, and every join has been answered."""
        return self._greeted and not self.joining and self._connection is not None and not self._connection.closed

    @property
    def settled(self) -> bool:
        """Whether it is ready, and nothing waits to be sent or answered."""
        return self.ready and not self._asked and not self._outbox

    def follows(self, room: str) -> bool:
        """Return whether it can send into a room now."""
        return self._greeted and room in self.positions and room not in self.joining and not self.paused

    # -- connecting ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, and reconnect after each end, until stopped."""
        backoff = Backoff(self._dice.random)
        while not self._stopped:
            await self._wait(self._asleep_s)
            self._asleep_s = 0.0
            self._ended.clear()
            self._bye = None
            later = False
            make = Connection if self._kept is None else self._kept.connection
            connection = await dial(self._url, self._received, self._lost, small=self._small, make=make)
            if connection is not None:
                self._connection = connection
                self._greet(connection)
                code = await self._watch(connection)
                self._owner.ended(connection, code)
                if self._greeted:
                    backoff.succeeded()
                later = code in CLOSES and CLOSES[code].reconnect != "resume"
                self._greeted = False
            if self._bye is not None:
                wait = self._dice.uniform(0, min(BYE_S, self._bye))
            else:
                wait = self._dice.uniform(0, LATER_S) if later else backoff.delay()
            await self._wait(wait)

    async def _wait(self, seconds: float) -> None:
        """Wait, or return at once when `resume_now` or `stop` is called."""
        self._hurried.clear()
        try:
            async with asyncio.timeout(0 if self._stopped else seconds):
                await self._hurried.wait()
        except TimeoutError:
            pass

    def resume_now(self) -> None:
        """Resume reading, and reconnect without waiting any longer."""
        self.pause(False)
        self._hurried.set()

    async def stop(self) -> None:
        """Close for good."""
        self._stopped = True
        self._hurried.set()
        if self._connection is not None and not self._connection.closed:
            self.pause(False)
            self._ended_by_us = True
            self._connection.close()
            await self._ended.wait()

    def disconnect(self, rest_s: float, *, abrupt: bool, forget: bool = False) -> None:
        """Close the connection, and reconnect after `rest_s`.

        Args:
            forget: by joins alone, without the session that the Socket.IO door would give back.
        """
        if self._connection is None or self._connection.closed:
            return
        self._asleep_s = rest_s
        if forget and self._kept is not None:
            self._kept.forget()
        self._ended_by_us = True
        self._connection.abort() if abrupt else self._connection.close()

    def pause(self, on: bool) -> None:
        """Stop reading, or resume."""
        self.paused = on
        if self._connection is not None:
            self._connection.read_on(not on)
        self._blames_from = now()  # the server is not to blame for a wait before this

    def send(self, *commands: Command) -> None:
        """Send commands in one write. Those with `keep` are sent again on the next connection if need be."""
        for command in commands:
            if command.keep:
                self._outbox[command.room, command.cid] = command
        if self._connection is not None and self._connection.speaks:
            self._connection.send([self._invoke(command) for command in commands])
        else:
            for command in commands:
                if command.done is not None:
                    command.done(command, None)

    def join(self, *rooms: str) -> None:
        """Join rooms, resuming from the position where there is one."""
        self.send(*(self._join(room) for room in rooms if room not in self.joining))

    # -- sending -------------------------------------------------------------------------------------------------------

    def _greet(self, connection: Connection) -> None:
        """Send hello, joins, and what was not answered before, all at once."""
        self._log.begin()
        self._ended_by_us = False
        self._asked.clear()
        self.joining.clear()
        self._greeted = False
        token = self._owner.token_for(connection)
        who = {"token": token} if token else {"guest": self._name}
        again = list(self._outbox.values())
        self._recorder.counted["resent"] += len(again)
        rooms = dict.fromkeys(
            [*self._owner.rooms_to_join(), *self.positions]
        )  # also rooms that the user was removed from meanwhile
        self.send(Command(op="hello", more=who), *(self._join(room) for room in rooms), *again)
        if self.paused:
            self.pause(True)

    def _join(self, room: str) -> Command:
        self.joining.add(room)
        position = self.positions.get(room)
        more: dict[str, Any] = {}
        if position is not None:
            more = {"since": position.seq, "epoch": position.epoch}
        else:
            more = {"limit": self._dice.randrange(50)} | self._owner.invitation(room)
        return Command(op="join", room=room, more=more)

    def _invoke(self, command: Command) -> bytes:
        n, at = self._recorder.new_call(), now()
        self._asked[n] = Asked(command, at)
        self._log.invoke(at, n, command)
        return encode(command, n)

    # -- receiving -----------------------------------------------------------------------------------------------------

    def _received(self, text: bytes) -> None:
        at = now()
        try:
            frame = frames.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._log.undecodable(error)
            return
        if isinstance(frame, frames.EventFrame):
            self._log.event(at, frame)
            self._apply(frame)
        else:
            self._handle(at, frame)

    def _handle(self, at: int, frame: frames.Frame) -> None:
        match frame.op:
            case "ok" | "error":
                self._answered(at, frame)
            case "skip":
                self._log.skip(at, frame)
                if (position := self.positions.get(frame.room)) is not None:
                    position.seq = frame.last
            case "behind":
                self._log.behind(at, frame)
            case "reset":
                self._log.reset(at, frame)
                self._start_afresh(frame.room, frame)
            case "expiring":
                self._owner.expiring(self)
            case "bye":
                self._bye = frame.retry_ms / 1000
            case _:
                self._recorder.counted["notices"] += 1

    def _start_afresh(self, room: str, frame: frames.Frame) -> None:
        """Apply the position and the events of an answer to a join, or of a reset."""
        self.positions[room] = Position(frame.seq, frame.epoch)
        for event in frame.events:
            self._note(event)

    def _apply(self, event: frames.EventFrame) -> None:
        position = self.positions.get(event.room)
        if position is None:
            return
        if event.seq == position.seq + 1:
            position.seq = event.seq
            self._note(event)
        elif event.seq > position.seq and event.room not in self.joining:
            self.join(event.room)

    def _note(self, event: frames.EventFrame) -> None:
        me = self._owner.user_id
        if (event.type == "member.left" and event.user == me) or (event.type == "member.kicked" and event.member == me):
            self.positions.pop(event.room, None)
            self._owner.removed(event.room)
        else:
            self._owner.applied(event)

    def _answered(self, at: int, frame: frames.Frame) -> None:
        asked = self._asked.pop(frame.n, None)
        if asked is None:
            self._log.anomaly(f"An answer came to no command: {frame.code or frame.op}")
            return
        command = asked.command
        if frame.op == "error":
            self._refused(at, frame, command)
        elif command.op == "hello":
            self._greeted = True
            self._owner.greeted(frame)
            self._log.opened(at, self._owner.user_id, self._connection.port if self._connection is not None else 0)
        elif command.op == "join":
            self._log.joined(at, frame, asked)
            self.joining.discard(command.room)
            self._owner.joined(command.room)
            self._start_afresh(command.room, frame)
        else:
            self._log.done(at, frame, asked, final=self._owner.final)
            if command.keep:
                self._outbox.pop((command.room, command.cid), None)
        if command.done is not None:
            command.done(command, frame)

    def _refused(self, at: int, frame: frames.Frame, command: Command) -> None:
        self._log.refused(at, frame, command.op)
        if command.op == "hello":
            if self._connection is not None:
                self._ended_by_us = True
                self._connection.close()  # and reconnect
        elif ERRORS[frame.code].temporary or (frame.code == "not_member" and command.room in self.joining):
            if command.keep or command.op == "join":  # a join stays in `joining`
                loop = asyncio.get_running_loop()
                loop.call_later(max(frame.retry_ms, AGAIN_MS) / 1000, self._again, command, self._connection)
        elif command.op == "join":
            self.joining.discard(command.room)
            if frame.code in ("not_found", "kicked", "banned"):  # a new invite may let them in later
                self.positions.pop(command.room, None)
                self._owner.removed(command.room)
        elif command.keep:
            self._outbox.pop((command.room, command.cid), None)

    def _again(self, command: Command, connection: Connection | None) -> None:
        if connection is not self._connection or connection is None:
            return  # the next connection has sent it again already
        if command.op == "join":
            self.send(self._join(command.room))
        elif (command.room, command.cid) in self._outbox:
            self._recorder.counted["resent"] += 1
            self.send(command)

    # -- ends ----------------------------------------------------------------------------------------------------------

    async def _watch(self, connection: Connection) -> int:
        """Wait for the end of a connection, and abort it when an answer is overdue. Return the close code."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(POLL_S):
                    await self._ended.wait()
            except TimeoutError:
                oldest = next(iter(self._asked.values()), None)
                waited = now() - max(oldest.at, self._blames_from) if oldest is not None else 0
                if not self.paused and waited > ANSWER_S * 1_000_000:
                    self._recorder.counted["overdue"] += 1
                    self._ended_by_us = True
                    connection.abort()
        return self._code

    def _lost(self, code: int) -> None:
        self._code = code
        self._connection = None
        asked, self._asked = self._asked, {}
        unanswered = sum(a.command.op == "send" for a in asked.values())
        self._log.closed(code, mine=self._ended_by_us, unanswered=unanswered)
        self.joining.clear()
        self._ended.set()
        for a in asked.values():
            if a.command.done is not None:
                a.command.done(a.command, None)
