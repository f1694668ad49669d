"""Read pointers: how far each member has read. A pointer never falls, and never passes the newest event.

The value of a pointer is known from three places: the directory, the pointers that wait here to be written there, and
what this node was told since the room became live. Only what is above all of them moves a pointer, is told to the
room and is kept. What another node has not written yet (FLUSH_S) and could not tell this one is not known here.
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
POINTERS: Final = 50_000
"""Pointers that wait to be written. At this many they are written at once, and new ones are not kept."""


class ReadPointers:
    """Moves read pointers and writes them to the directory, many at a time."""

    def __init__(self, directory: Directory, rooms: Rooms, live: LiveRooms) -> None:
        self._directory = directory
        self._rooms = rooms
        self._live = live
        self._pointers: dict[tuple[str, str], int] = {}
        self._moved = asyncio.Event()
        self._full = asyncio.Event()
        self._flushing = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Pointers not written yet."""
        return len(self._pointers)

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [Metric("gauge", "madang_read_pointers_waiting", "Read pointers not written yet.", self.waiting)]

    def mark(self, room: str, user: str, seq: int, known: int) -> int:
        """Move a member's pointer in a live room, and return its value.

        Args:
            known: a value that the caller knows it to have had, say when the member joined.
        """
        live = self._live.rooms[room]
        waits = self._pointers.get((room, user))
        current = max(known, live.readers.get(user, 0), waits or 0)
        seq = min(seq, live.next - 1)
        if seq <= current or (waits is None and len(self._pointers) >= POINTERS):
            return current
        self._pointers[room, user] = seq
        self._moved.set()
        if len(self._pointers) >= POINTERS:
            self._full.set()
        self._live.tell_read(room, user, seq)
        return seq

    async def move(self, actor: Actor, room: str, seq: int) -> int:
        """Move an actor's pointer, and return its value once that is written.

        For doors that answer requests: the next one may reach another node.

        Raises:
            Refused: not_found.
        """
        member = await self._rooms.member(actor, room)
        if room not in self._live.rooms:
            if await self._live.open(room) is None:
                raise Refused("not_found")
            member = await self._rooms.member(actor, room)  # it may have moved before this node heard of the room
        if actor.server and await self._directory.member(room, actor.id) is None:
            return 0  # a server key acts everywhere, but only members have a pointer
        current = self.mark(room, actor.id, seq, member.read_seq)
        await self.flush()
        return current

    async def flush(self) -> bool:
        """Write the pointers that wait, behind those that are being written now. Return whether that succeeded."""
        async with self._flushing:
            pointers, self._pointers = self._pointers, {}
            if not pointers:
                return True
            try:
                await self._directory.set_read([(room, user, seq) for (room, user), seq in pointers.items()])
            except BaseException as error:  # cancelled, too: the last flush is still to come
                for key, seq in pointers.items():
                    if len(self._pointers) < POINTERS or key in self._pointers:
                        self._pointers[key] = max(seq, self._pointers.get(key, 0))
                self._moved.set()
                if not isinstance(error, Exception):
                    raise
                logger.warning("read pointers not written: %s", error, exc_info=not isinstance(error, StorageError))
                return False
            return True

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
