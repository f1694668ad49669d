"""Reading: history, pins, members, who is online, and lists of rooms, in pages that are paid for by their rows.

Pages are read a few at a time, and those who wait take turns: whoever repeats the costliest page delays their own next one, and
neither others' pages nor joins and sends, which do not wait here. A read of a room is judged twice: before it, so that
strangers cost nothing, and after it, because it may have seen what came after the reader was kicked. Equal reads at the same
time are made once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from madang.aio import FairTurns, NextFlight, SingleFlight
from madang.core.actors import Actor
from madang.core.bounds import MAX_PAGE
from madang.core.emoji import clean_emoji
from madang.core.fields import not_together
from madang.core.messages import RoomMessage
from madang.core.metrics import Metric
from madang.core.name_search import beginning
from madang.core.rate import Bucket
from madang.core.rooms import Counted, Room
from madang.core.timestamps import moment_ms
from madang.errors import Limited, StorageError
from madang.memory import Memory
from madang.ports.directory import Directory
from madang.ports.live import Online
from madang.ports.log import Log, Page, UserMessages
from madang.services.charges import Charges
from madang.services.marks import Marks, place_of
from madang.services.pages import (
    BUSY_BYTES,
    MessagePage,
    Rows,
    SharedPage,
    array,
    encoded,
    encoded_around,
    mapping,
    personal,
)
from madang.services.read_pointers import ReadPointers
from madang.services.rooms import Rooms

T = TypeVar("T")

PROBE_S: Final = 2.0  # a storage that takes longer for nothing is not ready for more
PROBED_S: Final = 1.0  # how old an answer to that may be: whoever asks more often is told the same
PAGES: Final = 2
"""Pages read at a time. A join looks up what it needs beside them: on SQLite by one more thread."""
PAGES_WAITING: Final = 5_000
"""Pages that may wait for their turn; above that they are refused (overloaded)."""
LOOKED_AT: Final = 5_000
"""Members looked at for one page of those with a name: 4 ms, or 40 where none of them has been looked at lately."""
OVERLOADED_MS: Final = 500
PINS: Final = 50
"""Pins that may stand in a room; they are read at once."""


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A membership as other members see it."""

    user: str
    name: str
    role: str
    picture: str = ""


class Reading:
    """Reads for members.

    Methods take, besides what is read:
        bucket: what pays for the page: the bucket of the reader's connection; without one, that of all of the reader's
            requests. A server key reads for many, and pays nothing.
        followed: whether the reader follows the room through this door, and so was a member a moment ago.

    Args:
        time: loop time.
    """

    def __init__(
        self, log: Log, directory: Directory, rooms: Rooms, pointers: ReadPointers, online: Online, charges: Charges,
        time: Callable[[], float], memory: Memory, marks: Marks,
    ) -> None:  # fmt: skip
        self._log = log
        self._memory = memory
        self._marks = marks
        self._directory = directory
        self._rooms = rooms
        self._pointers = pointers
        self._online = online
        self._charges = charges
        self._time = time
        self._pages: NextFlight[SharedPage] = NextFlight()
        self._turns = FairTurns(PAGES, PAGES_WAITING)
        self._probes: SingleFlight[None] = SingleFlight()
        self._probed_until = float("-inf")
        self._answers = False

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [Metric("gauge", "madang_pages_waiting", "Pages waiting for their turn.", self._turns.waiting)]

    async def history(
        self, actor: Actor, room: str, before: int | None, after: int | None, limit: int, *,
        around: int | None = None, at: str | None = None, bucket: Bucket | None = None, followed: bool = False,
    ) -> MessagePage:  # fmt: skip
        """Return a page of messages as they stand now, ascending.

        Args:
            around: a seq, from which half of the page goes up and half goes down.
            at: a time, as `core.timestamps.moment` writes it; as `around` the first event that is not before it.

        Raises:
            Refused: bad_field for more than one of `before`, `after`, `around` and `at`, and for a time that is not one.
        """

        async def make(above: int) -> SharedPage:
            async with self._memory.holding("answers", BUSY_BYTES):
                if (seq := around if at is None else await self._log.seq_at(room, moment_ms(at, "at"))) is not None:
                    return await self._around(room, seq, limit, above)
                page = await self._log.messages(room, "", before=before, after=after, limit=limit, above=above)
                return encoded(page, self._memory, newest=after is None)

        async def read(hidden: int) -> MessagePage:
            not_together(before=before, after=after, around=around, at=at)
            which = room, before, after, around, at, limit, hidden
            shared = await self._pages.do(which, lambda: self._in_turn(actor, lambda: make(hidden)))
            return await self._seen_by(actor, room, shared)

        return await self._read(actor, room, limit, bucket, followed, read)

    async def _around(self, room: str, seq: int, limit: int, above: int) -> SharedPage:
        down = limit // 2
        older, newer = await self._log.around(room, "", seq, below=max(1, down), above=limit - down, hidden=above)
        if not down:
            older = Page([], bool(older.messages), older.seq)
        return encoded_around(older, newer, self._memory)

    async def _seen_by(self, actor: Actor, room: str, shared: SharedPage) -> MessagePage:
        if not shared.reacted:
            return shared.page
        own = await self._log.own_reactions(room, actor.id, min(shared.reacted), max(shared.reacted))
        return personal(shared, own, self._memory)

    async def pins(
        self, actor: Actor, room: str, after: int = 0, *, bucket: Bucket | None = None, followed: bool = False
    ) -> MessagePage:
        """Return the pinned messages above a seq, ascending."""

        async def make(above: int) -> SharedPage:
            async with self._memory.holding("answers", BUSY_BYTES):
                page = await self._log.pins(room, "")
                found = [message for message in page.messages if message.seq > above]
                return encoded(Page(found, False, page.seq), self._memory, newest=False)

        async def read(hidden: int) -> MessagePage:
            above = max(after, hidden)
            shared = await self._pages.do((room, "pins", above), lambda: self._in_turn(actor, lambda: make(above)))
            return await self._seen_by(actor, room, shared)

        return await self._read(actor, room, PINS, bucket, followed, read)

    async def members(
        self, actor: Actor, room: str, after: str, limit: int, *, bucket: Bucket | None = None, followed: bool = False
    ) -> Rows:
        """Return a page of members (`Shown`), and whether there are more."""

        async def read(hidden: int) -> Rows:
            found = await self._in_turn(actor, lambda: self._directory.members(room, after=after, limit=limit + 1))
            return array([Shown(m.user, m.name, m.role, m.picture) for m in found], limit)

        return await self._read(actor, room, limit, bucket, followed, read)

    async def find_members(
        self, actor: Actor, room: str, name: str, after: str, limit: int, *, bucket: Bucket | None = None,
        followed: bool = False,
    ) -> tuple[Rows, str]:  # fmt: skip
        """Return a page of members (`Shown`) whose name begins with what somebody has typed (`core.name_search`).

        And the user id to go on after, "" at the end: where a room is large, a page may be short, or empty, and not the last.
        """
        typed = beginning(name)

        async def read(hidden: int) -> tuple[Rows, str]:
            found, behind = await self._in_turn(
                actor,
                lambda: self._directory.find_members(room, typed.matches, after=after, limit=limit, most=LOOKED_AT),
            )
            return array([Shown(m.user, m.name, m.role, m.picture) for m in found], limit), behind

        return await self._read(actor, room, MAX_PAGE, bucket, followed, read)

    async def reactors(
        self, actor: Actor, room: str, seq: int, emoji: str, after: str, limit: int, *, bucket: Bucket | None = None,
        followed: bool = False,
    ) -> Rows:  # fmt: skip
        """Return a page of those who have put an emoji on a message (`Reactor`), and whether there are more."""
        emoji = clean_emoji(emoji)

        async def read(hidden: int) -> Rows:
            if seq <= hidden:
                return array([], limit)
            return array(
                await self._in_turn(actor, lambda: self._log.reactors(room, seq, emoji, after=after, limit=limit + 1)),
                limit,
            )

        return await self._read(actor, room, limit, bucket, followed, read)

    async def online(
        self, actor: Actor, room: str, after: str, limit: int, *, bucket: Bucket | None = None, followed: bool = False
    ) -> tuple[Rows, int]:
        """Return a page of the users online (id → name), whether there are more, and how many there are in all."""

        async def read(hidden: int) -> tuple[Rows, int]:
            users, count = await self._online.online(room, after=after, limit=limit + 1)
            return mapping(list(users.items()), limit), count

        return await self._read(actor, room, limit, bucket, followed, read)

    async def messages_of(self, actor: Actor, user: str, after: str, limit: int) -> tuple[list[RoomMessage], str]:
        """Return a page of what a user said, in all rooms, also in those that they have left; and the mark to go on after.

        Args:
            actor: who asks, and pays: the user themselves, or the server.
            after: the mark of the page before, or "". Servers, which know of all rooms, are told the place itself (SEQ:ROOM).

        Raises:
            Refused: bad_field for what is not a mark of theirs; rate_limited, overloaded.
        """
        place = "", 0
        if after:
            place = place_of(after) if actor.server else self._marks.read(actor.id, after)
        with self._charges.page(actor, limit, None):
            found = await self._in_turn(actor, lambda: self._messages_of(user, place, limit))
        if found.next is None:
            return found.messages, ""
        room, seq = found.next
        return found.messages, f"{seq}:{room}" if actor.server else self._marks.make(actor.id, found.next)

    async def _messages_of(self, user: str, after: tuple[str, int], limit: int) -> UserMessages:
        async with self._memory.holding("answers", BUSY_BYTES):
            return await self._log.messages_of(user, after=after, limit=limit)

    async def memberships(self, actor: Actor, after: str, limit: int, *, bucket: Bucket | None = None) -> Rows:
        """Return a page of the actor's own rooms with unread and mention counts, and whether there are more."""
        rows, _ = await self.counted(actor, after, limit, bucket=bucket)
        return rows

    async def counted(
        self, actor: Actor, after: str, limit: int, *, bucket: Bucket | None = None
    ) -> tuple[Rows, list[Counted]]:
        """Return the same, and what is counted in these rooms."""
        with self._charges.page(actor, limit, bucket):
            found = await self._in_turn(actor, lambda: self._counted(actor.id, after, limit + 1))
        return array([each.membership for each in found], limit), found[:limit]

    async def _counted(self, user: str, after: str, rows: int) -> list[Counted]:
        pointers = self._pointers.unwritten(user)
        found = await self._directory.counted(user, after=after, limit=rows, read=pointers)
        mine = [each.membership for each in found]
        told = {m.room: self._pointers.current(m.room, user, m.read_seq) for m in mine}
        if any(m.read_seq < told[m.room] for m in mine):  # by another node, which has not written it yet
            found = await self._directory.counted(user, after=after, limit=rows, read=told)
        return found

    async def open_rooms(
        self, actor: Actor, after: str, limit: int, *, bucket: Bucket | None = None, listed: bool = False
    ) -> Rows:
        """Return a page of open rooms, for server keys of all rooms unless only `listed` ones, and whether there are more."""
        hidden = actor.server and not listed

        async def read() -> list[Room]:
            return await self._directory.rooms(after=after, limit=limit + 1, hidden=hidden)

        with self._charges.page(actor, limit, bucket):
            found = await self._in_turn(actor, read)
        return array(found, limit)

    async def _read(
        self,
        actor: Actor,
        room: str,
        rows: int,
        bucket: Bucket | None,
        followed: bool,
        read: Callable[[int], Awaitable[T]],
    ) -> T:
        """Read a page above the seq that is hidden from the reader; again where that was not known, or has changed meanwhile."""
        hidden = 0 if followed else (await self._rooms.member(actor, room)).hidden
        with self._charges.page(actor, rows, bucket):
            while True:
                found = await read(hidden)
                now = (await self._rooms.member(actor, room)).hidden
                if now <= hidden:
                    return found
                hidden = now

    async def _in_turn(self, actor: Actor, read: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._turns.do(actor.id, read)
        except OverflowError:
            raise Limited("overloaded", OVERLOADED_MS) from None

    async def probe(self) -> bool:
        """Return whether the storage answers, or did within PROBED_S.

        It is asked to write nothing, by the way that writes go.
        """
        if self._time() >= self._probed_until:
            try:
                async with asyncio.timeout(PROBE_S):
                    await self._probes.do(None, lambda: self._directory.set_read([]))
            except (StorageError, TimeoutError):
                self._answers = False
            else:
                self._answers = True
            self._probed_until = self._time() + PROBED_S
        return self._answers
