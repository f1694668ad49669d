"""Reading: history, pins, members, one's rooms, and read pointers. Equal reads at the same time are made once."""

import asyncio
import logging
from typing import Final

from madang.aio import NextFlight, SingleFlight
from madang.core.messages import Message
from madang.core.rooms import Member, Membership, Room
from madang.errors import Refused, StorageError
from madang.ports.directory import Directory
from madang.ports.log import Log, Page

logger = logging.getLogger("madang.reading")

FLUSH_S: Final = 1.0  # read pointers kept back; losing this much of them in a crash costs a reader one more glance
PROBE_S: Final = 2.0  # a storage that takes longer for nothing is not ready for more
POINTERS: Final = 50_000  # kept back at most; above that a flush is made at once


class Reading:
    """Reads for members. Who may read is the caller's to have judged."""

    def __init__(self, log: Log, directory: Directory) -> None:
        self._log = log
        self._directory = directory
        self._pages: NextFlight[Page] = NextFlight()
        self._probes: SingleFlight[None] = SingleFlight()
        self._pointers: dict[tuple[str, str], int] = {}
        self._moved = asyncio.Event()
        self._full = asyncio.Event()
        self._flushing = asyncio.Lock()

    async def history(self, room: str, user: str, before: int | None, after: int | None, limit: int) -> Page:
        """Give a page of messages as they stand now, ascending (bad_field when both `before` and `after` are given)."""
        if before is not None and after is not None:
            raise Refused("bad_field", "before, after: only one of them.")
        key = (room, user, before, after, limit)
        return await self._pages.do(
            key, lambda: self._log.messages(room, user, before=before, after=after, limit=limit)
        )

    async def pins(self, room: str, user: str) -> list[Message]:
        """Give the pinned messages."""
        return await self._log.pins(room, user)

    async def members(self, room: str, after: str, limit: int) -> tuple[list[Member], bool]:
        """Give a page of members and whether there are more."""
        found = await self._directory.members(room, after=after, limit=min(limit + 1, 201))
        return found[:limit], len(found) > limit

    async def memberships(self, user: str, after: str, limit: int) -> tuple[list[Membership], bool]:
        """Give a page of one's rooms with unread and mention counts, and whether there are more."""
        await self.flush()
        found = await self._directory.memberships(user, after=after, limit=min(limit + 1, 201))
        return found[:limit], len(found) > limit

    async def open_rooms(self, after: str, limit: int) -> tuple[list[Room], bool]:
        """Give a page of open rooms and whether there are more."""
        found = await self._directory.rooms(after=after, limit=min(limit + 1, 201))
        return found[:limit], len(found) > limit

    @property
    def waiting(self) -> int:
        """Read pointers kept back."""
        return len(self._pointers)

    def mark(self, room: str, user: str, seq: int) -> None:
        """Move a read pointer; written within FLUSH_S. It never falls. New ones are passed over above POINTERS."""
        key = (room, user)
        known = self._pointers.get(key)
        if known is None and len(self._pointers) >= POINTERS:
            return
        if known is None or seq > known:
            self._pointers[key] = seq
        self._moved.set()
        if len(self._pointers) >= POINTERS:
            self._full.set()

    async def flush(self) -> bool:
        """Write the pointers kept back, behind those that are just being written; whether that went well."""
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
                logger.warning("read pointers kept back: %s", error, exc_info=not isinstance(error, StorageError))
                return False
            return True

    async def probe(self) -> bool:
        """Say whether the storage answers: it is asked to write nothing, on the path that writes go."""
        try:
            async with asyncio.timeout(PROBE_S):
                await self._probes.do(None, lambda: self._directory.set_read([]))
        except (StorageError, TimeoutError):
            return False
        return True

    async def run(self) -> None:
        """Write pointers per FLUSH_S, or when there are POINTERS, until cancelled; the caller flushes the last ones."""
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
