"""When rooms are written: at once while quiet, per tick while hot, in turns when many are due.

The first event after quiet goes out at once. For a tick after that the room only collects, and what it has collected
goes out joined, one write per subscriber: at 1,000 events/s in a room of 1,000 that is 10 times fewer writes.
Rooms that are due take turns of QUANTUM writes, and a turn of the event loop makes at most PASS writes (about 2.5 ms at
5 µs each; large ones count several times). So neither a large room nor a burst delays the others, or the reading of sockets, by more than a pass.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from madang.delivery.room import IDLE, LAZY, QUEUED, LiveRoom

logger = logging.getLogger("madang.scheduler")

TICK_S: Final = 0.010
LAZY_S: Final = 1.0  # for ranges of joins in large rooms: without it, 8,000 that came one by one joined at 26 a second
QUANTUM: Final = 128
PASS: Final = 512


class Scheduler:
    """Seals and writes rooms in turns.

    Args:
        on_written: called when a room that others lag behind has been written.
    """

    def __init__(self, on_written: Callable[[LiveRoom], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_written = on_written
        self._due: deque[LiveRoom] = deque()
        self._hot: list[LiveRoom] = []
        self._lazy: dict[LiveRoom, None] = {}
        self._ticking = False
        self._passing = False

    def touch(self, room: LiveRoom, now: float) -> None:
        """Queue a room that has something pending, if it is not queued."""
        if room.turn is QUEUED:
            return
        room.turn = QUEUED
        if now >= room.next_flush:
            self._due.append(room)
        else:
            self._hot.append(room)
            if not self._ticking:
                self._ticking = True
                self._loop.call_later(TICK_S, self._tick)

    def touch_lazily(self, room: LiveRoom) -> None:
        """Note a room that has only a range to tell: it goes out with the next event, or within LAZY_S."""
        if room.turn is IDLE:
            room.turn = LAZY
            if not self._lazy:
                self._loop.call_later(LAZY_S, self._lazy_tick)
            self._lazy[room] = None

    def push(self, room: LiveRoom) -> None:
        """Write what a room has pending: at once, or when its tick is over."""
        self.touch(room, self._loop.time())
        self.run()

    def _lazy_tick(self) -> None:
        lazy, self._lazy = self._lazy, {}
        for room in lazy:
            if room.turn is LAZY:
                room.turn = QUEUED
                self._due.append(room)
        self.run()

    def _tick(self) -> None:
        self._ticking = False
        self._due.extend(self._hot)
        self._hot.clear()
        self.run()

    def run(self) -> None:
        """Write what is due, up to one pass; the rest follows when the loop has read its sockets."""
        if not self._passing:
            self._write()

    def _write(self) -> None:
        now = self._loop.time()
        budget = PASS
        due = self._due
        while due and budget > 0:
            room = due.popleft()
            try:
                if not room.batches and (room.events_pending or room.skip_from):
                    room.next_flush = now + TICK_S
                    room.seal()
                budget -= room.write(min(QUANTUM, budget))
                if room.batches:
                    due.append(room)
                    continue
                room.turn = IDLE
                if room.lagging:
                    self._on_written(room)
            except Exception as error:  # one room must not cost the others their turn
                room.turn = IDLE
                logger.error("writing room %s failed", room.info.id, exc_info=error)
            if room.events_pending:
                self.touch(room, now)
            elif room.skip_from:
                self.touch_lazily(room)
        if due and not self._passing:
            self._passing = True
            self._loop.call_soon(self._pass)

    def _pass(self) -> None:
        self._passing = False
        self._write()

    def finish(self) -> None:
        """Write everything that is pending, hot or not, before the sockets are closed."""
        self._lazy_tick()
        while self._due or self._hot:
            self._due.extend(self._hot)
            self._hot.clear()
            self._write()

    @property
    def backlog(self) -> int:
        """How many rooms wait for their turn. When it grows, the node is over its capacity."""
        return len(self._due)
