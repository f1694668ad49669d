"""What is to be written and what waits for an answer: rooms to join, commands, signs of typing. Outlives connections.

What goes out when is decided here and in `outbox.py`, what an answer means to its caller as well. No socket, and no
time but what comes in; futures are the only thing of asyncio, because callers wait on them.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final, TypeVar

from madang.client import frames
from madang.client.errors import ConnectionLost
from madang.client.feed import Feed
from madang.client.outbox import Call, Outbox
from madang.client.paper import PaperCopy
from madang.client.watch import Watch
from madang.codes import ERRORS
from madang.errors import Refused
from madang.protocol.native.answers import ErrorAnswer, JoinAnswer, ServerInfo
from madang.protocol.native.commands import Command

T = TypeVar("T")

HELLO: Final = 1  # hello's number on every connection; all others lie above
WINDOW: Final = 64  # commands without an answer, until the server says how many it takes
TRIES: Final = 5  # of a command at which the server fails; what is told to wait is tried without end
AGAIN_S: Final = 0.2  # until the second try where the server names no wait; the next ones are later, up to
LATEST_S: Final = 20.0
WAITING_SIGNS: Final = 100  # signs of typing not written yet; the oldest is dropped


class Pending:
    """All that a client still wants of its server."""

    def __init__(self, random: Callable[[], float], in_flight: int | None) -> None:
        self.feeds: dict[str, Feed] = {}
        self.papers: dict[str, PaperCopy] = {}
        self.watch: Watch | None = None
        self.over: Exception | None = None  # why nothing more will be done
        self.wake = asyncio.Event()  # there may be something to write
        self.max_frame = ServerInfo().max_frame
        self._window = WINDOW
        self._at_once = in_flight  # writes of one room; None for as many as the server says
        self._random = random
        self._outbox = Outbox(in_flight or 1)
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._taking: dict[int, Callable[[bytes], None]] = {}
        self._joins: dict[int, Feed] = {}  # on the wire
        self._wanting: dict[str, float] = {}  # rooms to join, and not before when
        self._signs: deque[bytes] = deque(maxlen=WAITING_SIGNS)
        self._n = HELLO

    # -- the application's side ----------------------------------------------------------------------------------------

    async def call(
        self, command: Command, kind: type[T], *, room: str = "", ordered: bool = False, again: bool = True,
        taking: Callable[[bytes], None] | None = None,
    ) -> T:  # fmt: skip
        """Have a command answered, over as many connections as it takes (see `Outbox.add` for the other arguments).

        Cancelling takes it back where it has not been written yet; else it may have been done.

        Args:
            taking: is given the answer at once, before any frame behind it is read.

        Raises:
            MadangError: the server refused it.
            ConnectionLost: it may not go out `again`, and its answer was lost.
            Disconnected: the client is over.
        """
        if self.over is not None:
            raise self.over
        self._n += 1
        command.n = self._n
        data = frames.encode(command)
        if len(data) > self.max_frame:
            raise Refused("too_big", f"A command has at most {self.max_frame} bytes.")
        call = self._outbox.add(command.n, data, room=room, ordered=ordered, again=again)
        answer = self._answers[call.n] = asyncio.get_running_loop().create_future()
        if taking is not None:
            self._taking[call.n] = taking
        self.wake.set()
        try:
            return frames.decode(await answer, kind)
        finally:
            del self._answers[call.n]
            self._taking.pop(call.n, None)
            self._outbox.remove(call)
            self.wake.set()  # the next of its queue may go

    def is_on_wire(self, command: Command) -> bool:
        """Return whether a command has been written, and its answer has not come."""
        call = self._outbox.find(command.n)
        return call is not None and call.on_wire

    def post(self, command: Command) -> None:
        """Write a command that has no answer and is worth nothing later."""
        self._signs.append(frames.encode(command))
        self.wake.set()

    def follow(self, feed: Feed, due: float = 0.0) -> None:
        """Join a room, not before `due`, and again on every connection."""
        self.feeds[feed.id] = feed
        self._wanting[feed.id] = due
        self.wake.set()

    def forget(self, feed: Feed) -> None:
        """A room is over."""
        if self.feeds.get(feed.id) is feed:
            del self.feeds[feed.id]
            self._wanting.pop(feed.id, None)
            self.wake.set()  # what waited for the room goes out to be refused

    # -- the connection's side -----------------------------------------------------------------------------------------

    def connected(self) -> None:
        """A new connection knows of no room yet."""
        self._signs.clear()
        if self.watch is not None:
            self.watch.connected()
        for room, feed in self.feeds.items():
            feed.tries = 0
            self._wanting[room] = 0.0

    def welcomed(self, server: ServerInfo) -> None:
        """Keep to what the server takes."""
        self.max_frame = server.max_frame
        self._window = server.window or WINDOW
        self._outbox.in_flight = self._at_once or server.room_window or 1

    def due(self, now: float) -> list[bytes]:
        """Return the frames to write now, joins first; they count as written from now on."""
        out = []
        for room in [room for room, due in self._wanting.items() if due <= now][: max(0, self._free())]:
            del self._wanting[room]
            feed = self.feeds[room]
            if feed.cursor.wants_join:
                self._n += 1
                self._joins[self._n] = feed
                out.append(frames.encode(feed.join(self._n)))
        out.extend(call.data for call in self._outbox.ready(now, self._free(), self._may_write))
        out.extend(self._signs)
        self._signs.clear()
        return out

    def next_due(self) -> float:
        """Return the time at which `due` has more, if nothing happens before; infinity for never."""
        if self._free() <= 0:
            return inf  # an answer makes room
        return min(self._outbox.next_due(self._may_write), min(self._wanting.values(), default=inf))

    def _free(self) -> int:
        """Return how many more commands the server's window has room for."""
        return self._window - len(self._joins) - self._outbox.on_wire

    def _may_write(self, room: str) -> bool:
        """Return whether a room's commands may go out: behind its join, if there is one to wait for."""
        feed = self.feeds.get(room)
        return feed is None or not feed.cursor.wants_join

    def moved(self, feed: Feed) -> None:
        """A frame came for a room: it may be over now, or want to be joined again."""
        if feed.ended is not None:
            self.forget(feed)
        elif feed.cursor.wants_join:
            self.follow(feed, self._wanting.get(feed.id, 0.0))

    def answered(self, n: int, text: bytes) -> None:
        """An "ok" has come."""
        if (feed := self._joins.pop(n, None)) is not None:
            if feed.ended is None:
                feed.joined(frames.decode(text, JoinAnswer))
            self.wake.set()
        elif (answer := self._answers.get(n)) is not None and not answer.done():
            if (taking := self._taking.get(n)) is not None:
                taking(text)
            answer.set_result(text)

    def refused(self, n: int, error: ErrorAnswer, now: float) -> None:
        """An "error" has come: what can be waited out is, the rest is the caller's."""
        if (feed := self._joins.pop(n, None)) is not None:
            if feed.ended is None:
                feed.tries += 1
                again = self._again(error, feed.tries, now, joining=True)
                if again is None:
                    feed.refused(frames.refusal(error))
                    self.forget(feed)
                else:
                    feed.cursor.lost()
                    self.follow(feed, again)
        elif (call := self._outbox.find(n)) is not None:
            feed = self.feeds.get(call.room)
            joining = feed is not None and not feed.cursor.following
            again = self._again(error, call.attempts, now, joining=joining)
            if again is None:
                self._fail(call, frames.refusal(error))
            else:
                self._outbox.postpone(call, again)
        self.wake.set()

    def _again(self, error: ErrorAnswer, tries: int, now: float, *, joining: bool) -> float | None:
        """Return when a refused command goes out again, infinity for on the next connection; None for never.

        Args:
            joining: whether its room is being joined, so that it may have been refused for that.
        """
        match what_then(error):
            case "wait" | "reconnect":  # a node that restarts closes the connection in a moment
                return now + self._wait_s(error, tries)
            case "try" if tries < TRIES:
                return now + self._wait_s(error, tries)
            case "hello":
                return inf
            case "join" if joining:
                return now  # behind its join, when that goes out again
        return None

    def _wait_s(self, error: ErrorAnswer, tries: int) -> float:
        """Return the seconds to wait before the same command again: the server's, or up to LATEST_S where it names none."""
        if error.retry_ms is not None:
            return error.retry_ms / 1000
        return (0.5 + self._random() / 2) * min(LATEST_S, AGAIN_S * (1 << min(tries - 1, 10)))

    def lost(self) -> None:
        """The connection is gone: nothing is on the wire any more."""
        for feed in self.feeds.values():
            feed.cursor.lost()
        for paper in self.papers.values():
            paper.lost()
        self._joins.clear()
        for call in self._outbox.lost():
            self._fail(call, ConnectionLost("The connection broke before the answer."))

    def end(self, reason: Exception, *, closed: bool) -> None:
        """Nothing more will be done; `closed` by the application itself, which then wants no exception for it."""
        self.over = reason
        for call in self._outbox.clear():
            self._fail(call, reason)
        for feed in self.feeds.values():
            feed.end("closed", None if closed and feed.ready.done() else reason)
        self.feeds.clear()
        for paper in list(self.papers.values()):
            paper.end("closed", reason)
        if self.watch is not None:
            self.watch.end()

    def _fail(self, call: Call, error: Exception) -> None:
        answer = self._answers.get(call.n)
        if answer is not None and not answer.done():
            answer.set_exception(error)


def what_then(error: ErrorAnswer) -> str:
    """Return what a client does about an error (protocol/codes.toml); of one that is not known, `retry_ms` tells."""
    if (known := ERRORS.get(error.code)) is not None:
        return known.then
    return "tell" if error.retry_ms is None else "wait"
