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
from madang.client.backoff import FIRST_S, LONGEST_S
from madang.client.errors import ConnectionLost
from madang.client.feed import Feed
from madang.client.outbox import Call, Outbox
from madang.codes import ERRORS
from madang.errors import Refused
from madang.protocol.native.commands import Command
from madang.protocol.native.frames import ErrorAnswer, JoinAnswer, ServerInfo

T = TypeVar("T")

HELLO: Final = 1  # hello's number on every connection; all others lie above
INTERNAL_TRIES: Final = 5  # of a command at which the server fails; other temporary refusals are tried without end
WAITING_SIGNS: Final = 100  # signs of typing not written yet; the oldest is dropped


class Pending:
    """All that a client still wants of its server."""

    def __init__(self, random: Callable[[], float], in_flight: int) -> None:
        self.feeds: dict[str, Feed] = {}
        self.over: Exception | None = None  # why nothing more will be done
        self.wake = asyncio.Event()  # there may be something to write
        self.max_frame = ServerInfo().max_frame
        self._random = random
        self._outbox = Outbox(in_flight)
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._joins: dict[int, Feed] = {}  # on the wire
        self._wanting: dict[str, float] = {}  # rooms to join, and not before when
        self._signs: deque[bytes] = deque(maxlen=WAITING_SIGNS)
        self._n = HELLO

    # -- the application's side ----------------------------------------------------------------------------------------

    async def call(
        self, command: Command, kind: type[T], *, room: str = "", ordered: bool = False, again: bool = True
    ) -> T:
        """Have a command answered, over as many connections as it takes (see `Outbox.add` for the arguments).

        Cancelling takes it back where it has not been written yet; else it may have been done.

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
        self.wake.set()
        try:
            return frames.decode(await answer, kind)
        finally:
            del self._answers[call.n]
            self._outbox.remove(call)
            self.wake.set()  # the next of its lane may go

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
            self._outbox.wake(feed.id)  # what waited for the room goes out to be refused
            self.wake.set()

    # -- the connection's side -----------------------------------------------------------------------------------------

    def connected(self) -> None:
        """A new connection knows of no room yet."""
        self._signs.clear()
        for room in self.feeds:
            self._wanting[room] = 0.0

    def due(self, now: float) -> list[bytes]:
        """Return the frames to write now, joins first; they count as written from now on."""
        out = []
        for room in [room for room, due in self._wanting.items() if due <= now]:
            del self._wanting[room]
            feed = self.feeds[room]
            if feed.cursor.wants_join:
                self._n += 1
                self._joins[self._n] = feed
                out.append(frames.encode(feed.join(self._n)))
        out.extend(call.data for call in self._outbox.ready(now))
        out.extend(self._signs)
        self._signs.clear()
        return out

    def next_due(self) -> float:
        """Return the time at which `due` has more, if nothing happens before; infinity for never."""
        return min(self._outbox.next_due(), min(self._wanting.values(), default=inf))

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
                self._outbox.wake(feed.id)
                self.wake.set()
        elif (answer := self._answers.get(n)) is not None and not answer.done():
            answer.set_result(text)

    def refused(self, n: int, error: ErrorAnswer, now: float) -> None:
        """An "error" has come: what is temporary is waited out, the rest is the caller's."""
        temporary = is_temporary(error)
        if (feed := self._joins.pop(n, None)) is not None:
            if not temporary:
                feed.refused(frames.refusal(error))
                self.forget(feed)
            elif feed.ended is None:
                feed.cursor.lost()
                self.follow(feed, now + self._patience(error, 1))
        elif (call := self._outbox.find(n)) is not None:
            room = self.feeds.get(call.room)
            if error.code == "not_member" and room is not None and not room.cursor.following:
                self._outbox.postpone(call, inf)  # its join was refused for now
            elif temporary and not (error.code == "internal" and call.attempts >= INTERNAL_TRIES):
                self._outbox.postpone(call, now + self._patience(error, call.attempts))
            else:
                self._fail(call, frames.refusal(error))
            self.wake.set()

    def _patience(self, error: ErrorAnswer, attempts: int) -> float:
        """Return the seconds to wait before the same command again; without the server's word from 0.1 to 20."""
        if error.retry_ms is not None:
            return error.retry_ms / 1000
        return (0.5 + self._random() / 2) * min(LONGEST_S, FIRST_S * (1 << min(attempts - 1, 10)))

    def lost(self) -> None:
        """The connection is gone: nothing is on the wire any more."""
        for feed in self.feeds.values():
            feed.cursor.lost()
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

    def _fail(self, call: Call, error: Exception) -> None:
        answer = self._answers.get(call.n)
        if answer is not None and not answer.done():
            answer.set_exception(error)


def is_temporary(error: ErrorAnswer) -> bool:
    """Whether the same command may succeed later."""
    known = ERRORS.get(error.code)
    return known.temporary if known is not None else error.retry_ms is not None
