"""What is unread in the user's own rooms, kept up over connections that come and go: `Client.watch`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from msgspec import Struct, structs

from madang.client.answers import Membership, MembershipPage
from madang.protocol.native.frames import UnreadFrame

PAGE: Final = 200


class RoomGone(Struct, frozen=True):
    """A room is the user's no more."""

    room: str


class Watch:
    """Async iterator over the user's rooms as they change, for one consumer: a Membership each, or a RoomGone.

    Of each room only the newest waits. Rooms that the client has joined are left out when they change: iterate those.

    Attributes:
        rooms: all of them, by id, as they are known.
    """

    def __init__(self, ask: Callable[[str, int], Awaitable[MembershipPage]]) -> None:
        self.rooms: dict[str, Membership] = {}
        self._ask = ask
        self._asked = 0
        self._connections = 1
        self._seen: set[str] = set()  # since it was asked for all
        self._waiting: dict[str, None] = {}
        self._arrived = asyncio.Event()
        self._over = False

    def connected(self) -> None:
        """A new connection does not watch yet."""
        self._connections += 1
        self._arrived.set()

    def take(self, frame: UnreadFrame) -> None:
        """Take what the server tells."""
        for membership in frame.rooms:
            self._put(structs.replace(_UNKNOWN, **structs.asdict(membership)))
        for count in frame.counts:
            if (known := self.rooms.get(count.room)) is not None:
                self._put(structs.replace(known, seq=count.seq, unread=count.unread))
        for room in frame.gone:
            self._drop(room)

    def end(self) -> None:
        """The client is over; what waits is still given."""
        self._over = True
        self._arrived.set()

    def _put(self, membership: Membership) -> None:
        self._seen.add(membership.room)
        if self.rooms.get(membership.room) != membership:
            self.rooms[membership.room] = membership
            self._waiting[membership.room] = None
            self._arrived.set()

    def _drop(self, room: str) -> None:
        if self.rooms.pop(room, None) is not None:
            self._waiting[room] = None
            self._arrived.set()

    async def _ask_for_all(self) -> None:
        """Ask page after page, on one connection."""
        self._asked = self._connections
        self._seen.clear()
        after, more = "", True
        while more:
            page = await self._ask(after, PAGE)
            if self._asked != self._connections:
                return
            for membership in page.rooms:
                self._put(membership)
            more = page.more and bool(page.rooms)
            after = page.rooms[-1].room if page.rooms else after
        for room in [room for room in self.rooms if room not in self._seen]:
            self._drop(room)

    def __aiter__(self) -> AsyncIterator[Membership | RoomGone]:
        return self

    async def __anext__(self) -> Membership | RoomGone:
        while True:
            if self._waiting:
                room = next(iter(self._waiting))
                del self._waiting[room]
                return self.rooms.get(room) or RoomGone(room)
            if self._over:
                raise StopAsyncIteration
            if self._asked != self._connections:
                try:
                    await self._ask_for_all()
                except BaseException:
                    self._asked = 0
                    raise
            else:
                self._arrived.clear()
                await self._arrived.wait()


_UNKNOWN: Final = Membership(room="", title="", access="", role="", seq=0, read_seq=0, unread=0)
