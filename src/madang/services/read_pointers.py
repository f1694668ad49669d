"""Read pointers: how far each member has read. A pointer never falls, and never passes the newest event.

The value of a pointer is known from three places: the directory, the pointers that wait here to be written there or are
just being written, and what this node was told since the room became live. `current` is the highest, and what everybody
is shown: in lists of rooms, in answers to join, in what requests are answered. Only what is above it moves a pointer, is
told to the room and is kept. What another node has not written yet (FLUSH_S) and could not tell this one is not known here.
"""

import asyncio
import logging
from typing import Final

from madang.core.actors import Actor
from madang.core.metrics import Metric
from madang.errors import Refused, StorageError
from madang.ports.directory import Directory
from madang.ports.live import LiveRooms
from madang.services.rooms import Rooms

logger = logging.getLogger("madang.read_pointers")

FLUSH_S: Final = 1.0
"""Time between two writes. Losing this much in a crash costs a reader one more glance."""
PACE_S: Final = 0.1
"""Time between two writes that requests ask for: however many ask, appends get their turn of the storage."""
POINTERS: Final = 50_000
"""Pointers that wait to be written. At this many they are written at once, and new ones are not kept."""


class _Pointers:
    """Pointers by user and room."""

    __slots__ = ("by_user", "count")

    def __init__(self) -> None:
        self.by_user: dict[str, dict[str, int]] = {}
        self.count = 0

    def of(self, user: str, room: str) -> int:
        """Return one; 0 if it is not here."""
        theirs = self.by_user.get(user)
        return 0 if theirs is None else theirs.get(room, 0)

    def raise_to(self, user: str, room: str, seq: int) -> None:
        """Keep one, unless a higher one is here."""
        theirs = self.by_user.setdefault(user, {})
        self.count += room not in theirs
        theirs[room] = max(seq, theirs.get(room, 0))

    def all(self) -> list[tuple[str, str, int]]:
        """Return all, as (room, user, seq)."""
        return [(room, user, seq) for user, theirs in self.by_user.items() for room, seq in theirs.items()]


class ReadPointers:
    """Moves read pointers and writes them to the directory, many at a time."""

    def __init__(self, directory: Directory, rooms: Rooms, live: LiveRooms) -> None:
        self._directory = directory
        self._rooms = rooms
        self._live = live
        self._pointers = _Pointers()
        self._writing = _Pointers()
        self._paced_until = 0.0  # loop time
        self._moved = asyncio.Event()
        self._full = asyncio.Event()
        self._flushing = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Pointers not written yet."""
        return self._pointers.count

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [Metric("gauge", "madang_read_pointers_waiting", "Read pointers not written yet.", self.waiting)]

    def mark(self, room: str, user: str, seq: int, known: int) -> int:
        """Move a member's pointer in a live room, and return its value.

        Args:
            known: a value that the caller knows it to have had, say when the member joined.
        """
        current = self.current(room, user, known)
        seq = min(seq, self._live.rooms[room].next - 1)
        if seq <= current or not (self._pointers.of(user, room) or self._pointers.count < POINTERS):
            return current
        self._pointers.raise_to(user, room, seq)
        self._moved.set()
        if self._pointers.count >= POINTERS:
            self._full.set()
        self._live.tell_read(room, user, seq)
        return seq

    def current(self, room: str, user: str, known: int) -> int:
        """Return the value of a pointer: the highest that this node knows, and at least `known`."""
        live = self._live.rooms.get(room)
        told = live.readers.get(user, 0) if live is not None else 0
        return max(known, told, self._pointers.of(user, room), self._writing.of(user, room))

    def unwritten(self, user: str) -> dict[str, int]:
        """Return a user's pointers that may be above those of the directory, by room."""
        found = dict(self._writing.by_user.get(user, {}))
        for room, seq in self._pointers.by_user.get(user, {}).items():
            found[room] = max(seq, found.get(room, 0))
        return found

    async def move(self, actor: Actor, room: str, seq: int) -> int:
        """Move an actor's pointer, and return its value once that is written.

        For doors that answer requests: the next one may reach another node.

        Raises:
            Refused: not_found.
            StorageError: it could not be written; it waits to be.
        """
        member = await self._rooms.member(actor, room)
        if room not in self._live.rooms:
            if await self._live.open(room) is None:
                raise Refused("not_found")
            member = await self._rooms.member(actor, room)  # it may have moved before this node heard of the room
        if actor.server and await self._directory.member(room, actor.id) is None:
            return 0  # a server key acts everywhere, but only members have a pointer
        current = self.mark(room, actor.id, seq, member.read_seq)
        await self._written()
        return current

    async def _written(self) -> None:
        """Write what waits, at most every PACE_S: whoever asks meanwhile shares the next write. Raises what the write does."""
        async with self._flushing:
            if self._pointers.count:
                loop = asyncio.get_running_loop()
                await asyncio.sleep(self._paced_until - loop.time())
                self._paced_until = loop.time() + PACE_S
                if (error := await self._flush()) is not None:
                    raise error

    async def flush(self) -> bool:
        """Write the pointers that wait, behind those that are being written now. Return whether that succeeded."""
        async with self._flushing:
            return await self._flush() is None

    async def _flush(self) -> Exception | None:
        """Write what waits; return what was raised, and keep what is not written."""
        writing, self._pointers = self._pointers, _Pointers()
        if not writing.count:
            return None
        self._writing = writing
        try:
            await self._directory.set_read(written := writing.all())
            self._live.pointers_written(written)
        except BaseException as error:  # cancelled, too: the last flush is still to come
            for room, user, seq in writing.all():
                if self._pointers.count < POINTERS or self._pointers.of(user, room):
                    self._pointers.raise_to(user, room, seq)
            self._moved.set()
            if not isinstance(error, Exception):
                raise
            logger.warning("read pointers not written: %s", error, exc_info=not isinstance(error, StorageError))
            return error
        finally:
            self._writing = _Pointers()
        return None

    async def run(self) -> None:
        """Write pointers every FLUSH_S, or when there are POINTERS, until cancelled. The caller flushes the last ones."""
        while True:
            await self._moved.wait()
            try:
                async with asyncio.timeout(FLUSH_S):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._moved.clear()
            self._full.clear()
            if not await self.flush():
                await asyncio.sleep(FLUSH_S)
