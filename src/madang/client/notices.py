"""What passes and is not kept: typing, read pointers, presence, and how delivery goes. Typed, and the buffer for them.

Of each kind and user only the last value waits: an application that looks seldom sees how things are, not how they went.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from msgspec import Struct

from madang.protocol.native.frames import BehindFrame, PresenceFrame, ReadFrame, ReportsFrame, SkipFrame, TypingFrame

WAITING_NOTICES: Final = 1000  # kinds and users at once; the oldest is dropped


class Typing(Struct, frozen=True):
    """A user is typing, or has stopped. Goes stale after 6 s."""

    room: str
    user: str
    name: str
    on: bool


class ReadTo(Struct, frozen=True):
    """A user has read up to `seq`."""

    room: str
    user: str
    seq: int


class Online(Struct, frozen=True):
    """A user's first device came, or the last one went."""

    room: str
    user: str
    name: str
    on: bool


class OnlineCount(Struct, frozen=True):
    """How many users are online; large rooms tell only this."""

    room: str
    count: int


class OpenReports(Struct, frozen=True):
    """How many messages have open reports. Told to moderators when that changes."""

    room: str
    count: int


class Skipped(Struct, frozen=True):
    """Events `first` to `last` are left out: only joins, in a room with many people."""

    room: str
    first: int
    last: int


class Behind(Struct, frozen=True):
    """We read too slowly; events after `since` up to `seq` follow at our own speed. Nothing is lost."""

    room: str
    seq: int
    since: int


Notice = Typing | ReadTo | Online | OnlineCount | OpenReports | Skipped | Behind
NoticeFrame = TypingFrame | ReadFrame | ReportsFrame | PresenceFrame | SkipFrame | BehindFrame


def notices(room: str, frame: NoticeFrame) -> list[Notice]:
    """Take a frame apart into notices of one user each."""
    match frame:
        case TypingFrame(on=on, off=off):
            return [
                *(Typing(room, user, name, True) for user, name in on.items()),
                *(Typing(room, user, "", False) for user in off),
            ]
        case ReadFrame(readers=readers):
            return [ReadTo(room, user, seq) for user, seq in readers.items()]
        case ReportsFrame(open=count):
            return [OpenReports(room, count)]
        case PresenceFrame(count=count, online=online, offline=offline):
            return [
                *(Online(room, user, name, True) for user, name in (online or {}).items()),
                *(Online(room, user, "", False) for user in offline or ()),
                OnlineCount(room, count),
            ]
        case SkipFrame(from_=first, to=last):
            return [Skipped(room, first, last)]
        case BehindFrame(seq=seq, from_=since):
            return [Behind(room, seq, since)]


class Notices:
    """Async iterator over a room's notices, for one consumer. Ends with the room."""

    def __init__(self, bound: int = WAITING_NOTICES) -> None:
        self._bound = bound
        self._waiting: dict[tuple[type, str], Notice] = {}
        self._arrived = asyncio.Event()
        self._over = False

    def put(self, notice: Notice) -> None:
        """Keep a notice in place of the former one of its kind and user."""
        key = (type(notice), getattr(notice, "user", ""))
        self._waiting.pop(key, None)
        if len(self._waiting) >= self._bound:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[key] = notice
        self._arrived.set()

    def end(self) -> None:
        """The room is over; what waits is still given."""
        self._over = True
        self._arrived.set()

    def __aiter__(self) -> AsyncIterator[Notice]:
        return self

    async def __anext__(self) -> Notice:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.pop(next(iter(self._waiting)))
