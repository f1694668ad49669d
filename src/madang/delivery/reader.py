"""Reads of the log for live rooms: equal ones at the same time are one."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from madang.aio import Batcher, NextFlight
from madang.core.events import Event
from madang.delivery.room import LiveRoom
from madang.delivery.statistics import DeliveryStatistics
from madang.delivery.tail import TAIL
from madang.ports.log import Log, Tail

READ: Final = 500  # events per log read, rooms per look at their heads


class LogReader:
    """Reads the log, and counts how often."""

    def __init__(self, log: Log, statistics: DeliveryStatistics) -> None:
        self._log = log
        self._statistics = statistics
        self._reads: NextFlight[list[Event]] = NextFlight()
        self._heads: Batcher[str, int] = Batcher(self.heads, READ)

    async def read(self, room: str, after: int) -> list[Event]:
        """Return up to READ events above `after`, no older than the call."""
        return await self._reads.do((room, after), lambda: self._read(room, after))

    def _read(self, room: str, after: int) -> Coroutine[Any, Any, list[Event]]:
        self._statistics.log_reads += 1
        return self._log.read(room, after, READ)

    async def before_tail(self, room: LiveRoom, after: int) -> list[Event]:
        """Read what the tail lacks; the tail keeps it for a while, because people who come back seldom come alone."""
        asked_at = room.next
        events = await self.read(room.info.id, after)
        if events and events[0].seq != after + 1:
            return []  # the beginning was removed meanwhile
        room.tail.lengthen([event for event in events if event.seq > room.info.purged_seq], asked_at)
        return events

    async def tail(self, room: str) -> Tail | None:
        """Return a room's newest events, None when there is no such room."""
        self._statistics.log_reads += 1
        return await self._log.tail(room, TAIL)

    async def head(self, room: str) -> int:
        """Return the newest seq of a room, no older than the call; 0 when there is no such room."""
        return await self._heads.get(room) or 0

    async def heads(self, rooms: Sequence[str]) -> Mapping[str, int]:
        """Return the newest seq of each room, at most READ of them."""
        return await self._log.heads(rooms)
