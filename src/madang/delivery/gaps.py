"""Gaps: events of a room that the bus has not brought. What came early is held, and what is missing is read from the log.

A room has a gap only while it is being filled: from the first sign that something is missing until nothing is.
"""

import asyncio
import logging
from typing import Final

from madang.core.events import Event, RoomDeleted
from madang.delivery.reader import READ, LogReader
from madang.delivery.room import LiveRoom
from madang.delivery.scheduler import Scheduler
from madang.delivery.statistics import DeliveryStatistics
from madang.delivery.turns import Turns
from madang.errors import StorageError
from madang.ports.log import READ_BYTES

logger = logging.getLogger("madang.gaps")

HELD: Final = 1000  # early events a room keeps while its gap is filled; beyond it they are read from the log
HELD_BYTES: Final = 1 << 20  # likewise
RETRY_S: Final = 0.05  # before a read that returned nothing is made again; doubled each time
RETRIES: Final = 5


class Gap:
    """What is known beyond a room's next event.

    Attributes:
        held: events that came early, by seq; at most HELD, and HELD_BYTES.
        head: the log is known to reach so far.
    """

    __slots__ = ("head", "held", "size")

    def __init__(self) -> None:
        self.held: dict[int, Event] = {}
        self.size = 0  # bytes that came early, whether they are still held or not
        self.head = 0


class Gaps:
    """Fills the gaps of one node's rooms, with one task for each room that has one.

    Attributes:
        open: the gaps of the rooms that have one.
    """

    def __init__(
        self, rooms: dict[str, LiveRoom], reader: LogReader, scheduler: Scheduler, turns: Turns,
        statistics: DeliveryStatistics, quiet_above: int,
    ) -> None:  # fmt: skip
        self._rooms = rooms
        self._reader = reader
        self._scheduler = scheduler
        self._turns = turns
        self._statistics = statistics
        self._quiet_above = quiet_above
        self.open: dict[LiveRoom, Gap] = {}

    def hold(self, room: LiveRoom, early: Event) -> None:
        """Hold an event that came before its turn, and fill the gap below it."""
        gap = self.fill(room)
        if len(gap.held) < HELD and gap.size < HELD_BYTES:
            gap.held[early.seq] = early
            gap.size += len(early.body)

    def reaches(self, room: LiveRoom, seq: int) -> None:
        """Read what a room lacks of a log that is known to reach `seq`."""
        if seq >= room.next:
            gap = self.fill(room)
            gap.head = max(gap.head, seq)

    def fill(self, room: LiveRoom) -> Gap:
        """Read what the room lacks, if anything, in a task of its own."""
        gap = self.open.get(room)
        if gap is None:
            gap = self.open[room] = Gap()
            self._turns.spawn(self._fill(room, gap))
        return gap

    def release(self, room: LiveRoom) -> None:
        """Accept held events that are next by now."""
        held = self.open[room].held
        while (event := held.pop(room.next, None)) is not None:
            room.accept(event, self._quiet_above)

    async def _fill(self, room: LiveRoom, gap: Gap) -> None:
        """Read until nothing is missing. A log that does not answer is asked again."""
        self._statistics.gaps += 1
        name, held = room.info.id, gap.held
        failed = 0  # reads in a row that returned nothing
        try:
            while self._rooms.get(name) is room:
                try:
                    events = await self._read(room)
                except StorageError as error:
                    logger.warning("room %s waits for the log: %s", name, error)
                    failed = min(failed + 1, RETRIES)
                    await asyncio.sleep(RETRY_S * 2**failed)
                    continue
                self._accept(room, events)
                self.release(room)
                for seq in [s for s in held if s < room.next]:
                    del held[seq]
                gap.size = sum(len(event.body) for event in held.values())
                self._scheduler.push(room)
                if not _cut(events) and not held and gap.head < room.next:
                    return
                failed = 0 if events else failed + 1
                if failed > RETRIES:
                    # What is held is of another history. `Hub.check` finds what there really is.
                    logger.error("room %s: the log does not have event %s", name, room.next)
                    return
                if failed:  # known of but not readable yet: replicas may trail
                    await asyncio.sleep(RETRY_S * 2**failed)
        finally:
            del self.open[room]

    async def fill_to(self, room: LiveRoom, seq: int) -> bool:
        """Read the log until the room has `seq`; return False when the log does not reach it."""
        return await self._reader.head(room.info.id) >= seq and await self._read_to(room, seq)

    async def catch_up(self, room: LiveRoom) -> None:
        """Read the log until the room has what is there by now, whatever the bus has lost or delayed."""
        await self._read_to(room, await self._reader.head(room.info.id))

    async def _read_to(self, room: LiveRoom, seq: int) -> bool:
        while room.next <= seq:
            before = room.next
            self._accept(room, await self._read(room))
            self._scheduler.push(room)
            if room.next == before:
                return False
        return True

    async def _read(self, room: LiveRoom) -> list[Event]:
        """Read what follows. Of a deleted room only the last event is sure to be there, of others what is kept (`services.cleanup`)."""
        name = room.info.id
        events = await self._reader.read(name, room.next - 1)
        if events and events[0].seq > room.next:
            last = await self._reader.read(name, await self._reader.head(name) - 1)
            if last and last[-1].type == RoomDeleted.type:
                return last
        return events

    def _accept(self, room: LiveRoom, events: list[Event]) -> None:
        for event in events:
            if event.seq > room.next and event is events[0]:
                if event.type == RoomDeleted.type:
                    room.skip_erased(event)
                else:
                    room.skip_purged(event.seq - 1)
            if event.seq == room.next:
                room.accept(event, self._quiet_above)


def _cut(events: list[Event]) -> bool:
    """Return whether a read may have ended before the log does."""
    return len(events) >= READ or sum(len(event.body) for event in events) > READ_BYTES
