"""One device of a user: a connection that comes back, by the rules of "A correct client" in PROTOCOL.md.

It notes what it sends before it sends it, and what it is told before it makes anything of it. What to say and when is
the person's (`person.py`).
"""

import asyncio
import random
from collections.abc import Iterable
from typing import Any, Final, Protocol

import msgspec

from madang.codes import CLOSES, ERRORS
from madang_proof.history.records import now
from madang_proof.load import frames
from madang_proof.load.command import Asked, Command, encode
from madang_proof.load.connection import GONE, Wire, dial
from madang_proof.load.connection_log import Scribe
from madang_proof.load.recorder import Witness

ANSWER_S: Final = 10.0  # an answer that takes longer is not waited for
LOOK_S: Final = 0.5  # between two looks for such
RETRY_S: Final = 2.0  # longest wait before the next connection: shorter than PROTOCOL.md's, since a storm is short
LATER_S: Final = 3.0  # likewise, after a close that asks for a longer wait
AGAIN_MS: Final = 200  # least wait before what was refused for now is sent again
BYE_S: Final = 4.0  # longest wait that a bye is believed


class Position(msgspec.Struct):
    """Where a device stands in a room."""

    seq: int
    epoch: str


class Owner(Protocol):
    """Whose device it is: what it needs to know when it connects, and whom it tells what it has learned."""

    user: str
    token: str
    final: bool

    def wanted(self) -> Iterable[str]:
        """Give the rooms to join on every connection."""

    def invited(self, room: str) -> dict[str, str]:
        """Give the fields that let one into a room."""

    def known(self, frame: frames.Frame) -> None:
        """Take the answer to hello."""

    def let_in(self, room: str) -> None:
        """A join was answered ok."""

    def put_out(self, room: str) -> None:
        """One left or was kicked, or had been when one came back."""

    def learn(self, event: frames.Event) -> None:
        """An event was applied."""


class Device:
    """A connection slot. `run` keeps it connected until `stop`."""

    def __init__(
        self,
        witness: Witness,
        client: str,
        url: str,
        dice: random.Random,
        owner: Owner,
        *,
        small: bool = False,
    ) -> None:
        self._witness = witness
        self._scribe = Scribe(witness, client)
        self._name = client
        self._url = url
        self._dice = dice
        self._owner = owner
        self._small = small
        self._wire: Wire | None = None
        self._mine = False  # whether the end of the connection is our own doing
        self._asked: dict[int, Asked] = {}
        self._outbox: dict[tuple[str, str], Command] = {}
        self._greeted = False
        self._ended = asyncio.Event()
        self._hurried = asyncio.Event()
        self._code = GONE
        self._heeds_from = 0
        self._bye: float | None = None
        self._asleep_s = 0.0
        self._stopped = False
        self.paused = False
        self.positions: dict[str, Position] = {}
        self.joining: set[str] = set()

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether it is connected, and every join was answered."""
        return self._greeted and not self.joining and self._wire is not None and not self._wire.closed

    @property
    def at_rest(self) -> bool:
        """Whether nothing is on its way or waits to be sent."""
        return self.ready and not self._asked and not self._outbox

    def follows(self, room: str) -> bool:
        """Whether it can speak in a room now."""
        return self._greeted and room in self.positions and room not in self.joining and not self.paused

    # -- what it does --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, and again after each end, until stopped."""
        tries = 0
        while not self._stopped:
            await self._nap(self._asleep_s)
            self._asleep_s = 0.0
            self._ended.clear()
            self._bye = None
            later = False
            wire = await dial(self._url, self._hear, self._end, small=self._small)
            if wire is not None:
                self._wire = wire
                self._greet()
                code = await self._watch(wire)
                tries = 0 if self._greeted else tries
                later = code in CLOSES and CLOSES[code].reconnect != "resume"
                self._greeted = False
            tries += 1
            if self._bye is not None:
                wait = self._dice.uniform(0, min(BYE_S, self._bye))
            else:
                wait = self._dice.uniform(0, LATER_S if later else min(RETRY_S, 0.1 * 2**tries))
            await self._nap(wait)

    async def _nap(self, seconds: float) -> None:
        """Wait, at most until somebody says that it is time to come back."""
        self._hurried.clear()
        try:
            async with asyncio.timeout(0 if self._stopped else seconds):
                await self._hurried.wait()
        except TimeoutError:
            pass

    def hurry(self) -> None:
        """Read on, and come back now, if it was to wait for either."""
        self.pause(False)
        self._hurried.set()

    async def stop(self) -> None:
        """Close for good."""
        self._stopped = True
        self._hurried.set()
        if self._wire is not None and not self._wire.closed:
            self.pause(False)
            self._mine = True
            self._wire.close()
            await self._ended.wait()

    def drop(self, rest_s: float, *, abrupt: bool) -> None:
        """Close, and come back after `rest_s`."""
        if self._wire is None or self._wire.closed:
            return
        self._asleep_s = rest_s
        self._mine = True
        self._wire.abort() if abrupt else self._wire.close()

    def pause(self, on: bool) -> None:
        """Stop reading, or go on."""
        self.paused = on
        if self._wire is not None:
            self._wire.read_on(not on)
        self._heeds_from = now()  # nobody else is to blame for the wait until then

    def give(self, *commands: Command) -> None:
        """Send commands in one write. Those to be kept are sent again on the next connection, if need be."""
        for command in commands:
            if command.keep:
                self._outbox[command.room, command.cid] = command
        if self._wire is not None and self._wire.speaks:
            self._wire.send([self._invoke(command) for command in commands])
        else:
            for command in commands:
                if command.done is not None:
                    command.done(command, None)

    def join(self, *rooms: str) -> None:
        """Join rooms, from the position where there is one."""
        self.give(*(self._join(room) for room in rooms if room not in self.joining))

    # -- sending -------------------------------------------------------------------------------------------------------

    def _greet(self) -> None:
        """Say hello, join, and send again what was not answered, all at once."""
        self._scribe.begin()
        self._mine = False
        self._asked.clear()
        self.joining.clear()
        self._greeted = False
        token = self._owner.token
        who = {"token": token} if token else {"guest": self._name}
        again = list(self._outbox.values())
        self._witness.counted["resent"] += len(again)
        rooms = dict.fromkeys([*self._owner.wanted(), *self.positions])  # also where one was put out meanwhile
        self.give(Command(op="hello", more=who), *(self._join(room) for room in rooms), *again)
        if self.paused:
            self.pause(True)

    def _join(self, room: str) -> Command:
        self.joining.add(room)
        position = self.positions.get(room)
        more: dict[str, Any] = {}
        if position is not None:
            more = {"since": position.seq, "epoch": position.epoch}
        else:
            more = {"limit": self._dice.randrange(50)} | self._owner.invited(room)
        return Command(op="join", room=room, more=more)

    def _invoke(self, command: Command) -> bytes:
        n, at = self._witness.call(), now()
        self._asked[n] = Asked(command, at)
        self._scribe.invoke(at, n, command)
        return encode(command, n)

    # -- hearing -------------------------------------------------------------------------------------------------------

    def _hear(self, text: bytes) -> None:
        at = now()
        try:
            frame = frames.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._scribe.undecodable(error)
            return
        if isinstance(frame, frames.Event):
            self._scribe.event(at, frame)
            self._apply(frame)
        else:
            self._take(at, frame)

    def _take(self, at: int, frame: frames.Frame) -> None:
        match frame.op:
            case "ok" | "error":
                self._answered(at, frame)
            case "skip":
                self._scribe.skip(at, frame)
                if (position := self.positions.get(frame.room)) is not None:
                    position.seq = frame.last
            case "behind":
                self._scribe.behind(at, frame)
            case "reset":
                self._scribe.reset(at, frame)
                self._fresh(frame.room, frame)
            case "bye":
                self._bye = frame.retry_ms / 1000
            case _:
                self._witness.counted["notices"] += 1

    def _fresh(self, room: str, frame: frames.Frame) -> None:
        """Take the position and the events of an answer or a reset."""
        self.positions[room] = Position(frame.seq, frame.epoch)
        for event in frame.events:
            self._learn(event)

    def _apply(self, event: frames.Event) -> None:
        position = self.positions.get(event.room)
        if position is None:
            return
        if event.seq == position.seq + 1:
            position.seq = event.seq
            self._learn(event)
        elif event.seq > position.seq and event.room not in self.joining:
            self.join(event.room)

    def _learn(self, event: frames.Event) -> None:
        me = self._owner.user
        if (event.type == "member.left" and event.user == me) or (event.type == "member.kicked" and event.member == me):
            self.positions.pop(event.room, None)
            self._owner.put_out(event.room)
        else:
            self._owner.learn(event)

    def _answered(self, at: int, frame: frames.Frame) -> None:
        asked = self._asked.pop(frame.n, None)
        if asked is None:
            self._scribe.odd(f"An answer came that nobody had asked for: {frame.code or frame.op}")
            return
        command = asked.command
        if frame.op == "error":
            self._refused(at, frame, command)
        elif command.op == "hello":
            self._greeted = True
            self._owner.known(frame)
            self._scribe.opened(at, self._owner.user, self._wire.port if self._wire is not None else 0)
        elif command.op == "join":
            self._scribe.joined(at, frame, asked)
            self.joining.discard(command.room)
            self._owner.let_in(command.room)
            self._fresh(command.room, frame)
        else:
            self._scribe.done(at, frame, asked, final=self._owner.final)
            if command.keep:
                self._outbox.pop((command.room, command.cid), None)
        if command.done is not None:
            command.done(command, frame)

    def _refused(self, at: int, frame: frames.Frame, command: Command) -> None:
        self._scribe.refused(at, frame, command.op)
        if command.op == "hello":
            if self._wire is not None:
                self._mine = True
                self._wire.close()  # and come back
        elif ERRORS[frame.code].temporary or (frame.code == "not_member" and command.room in self.joining):
            if command.keep or command.op == "join":  # which stays in `joining`
                loop = asyncio.get_running_loop()
                loop.call_later(max(frame.retry_ms, AGAIN_MS) / 1000, self._again, command, self._wire)
        elif command.op == "join":
            self.joining.discard(command.room)
            if frame.code == "not_found":
                self.positions.pop(command.room, None)
                self._owner.put_out(command.room)
        elif command.keep:
            self._outbox.pop((command.room, command.cid), None)

    def _again(self, command: Command, wire: Wire | None) -> None:
        if wire is not self._wire or wire is None:
            return  # another connection has sent it again from its start
        if command.op == "join":
            self.give(self._join(command.room))
        elif (command.room, command.cid) in self._outbox:
            self._witness.counted["resent"] += 1
            self.give(command)

    # -- ends ----------------------------------------------------------------------------------------------------------

    async def _watch(self, wire: Wire) -> int:
        """Wait for the end; hang up where an answer is overdue. Gives the close code."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._ended.wait()
            except TimeoutError:
                oldest = next(iter(self._asked.values()), None)
                waited = now() - max(oldest.at, self._heeds_from) if oldest is not None else 0
                if not self.paused and waited > ANSWER_S * 1_000_000:
                    self._witness.counted["overdue"] += 1
                    self._mine = True
                    wire.abort()
        return self._code

    def _end(self, code: int) -> None:
        self._code = code
        self._wire = None
        asked, self._asked = self._asked, {}
        unanswered = sum(a.command.op == "send" for a in asked.values())
        self._scribe.closed(code, mine=self._mine, unanswered=unanswered)
        self.joining.clear()
        self._ended.set()
        for a in asked.values():
            if a.command.done is not None:
                a.command.done(a.command, None)
