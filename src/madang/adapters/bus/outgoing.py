"""What every bus over a network needs: a queue of what waits to be published, a log of its health, and a back-off.

How events are packed and sent is up to the broker's adapter.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Sequence
from typing import Final

from madang.core.events import Event
from madang.ports.bus import EVERYWHERE, BusStatistics, Signal

MAX_WAITING: Final = 10_000
"""Events that wait to be published; above it the oldest are dropped."""
MAX_WAITING_BYTES: Final = 16 * 2**20
"""Likewise, of their bodies."""
MAX_SIGNALS: Final = 2_000
"""Signals that wait, last value per key; above it new ones are dropped, except those for EVERYWHERE."""
TAKEN_EVENTS: Final = 1_000
TAKEN_BYTES: Final = 2**20
"""One take stops at this many events, or this many bytes of them."""
BACKOFF_S: Final = 0.1
MAX_BACKOFF_S: Final = 5.0


class Outgoing:
    """Events and signals that wait for the next call to the broker.

    Args:
        statistics: the bus's; what is dropped here is counted there.
    """

    def __init__(self, statistics: BusStatistics) -> None:
        self._statistics = statistics
        self._events: deque[Event] = deque()
        self._size = 0  # bytes of their bodies
        self._signals: dict[tuple[str, str, str], Signal] = {}
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> bool:
        """Whether there is something to take."""
        return bool(self._events or self._signals)

    def publish(self, events: Sequence[Event]) -> None:
        """See `Bus.publish`."""
        self._events.extend(events)
        self._size += sum(len(event.body) for event in events)
        while len(self._events) > MAX_WAITING or self._size > MAX_WAITING_BYTES:
            self._size -= len(self._events.popleft().body)
            self._statistics.dropped += 1
        self._wake.set()

    def signal(self, signal: Signal) -> None:
        """See `Bus.signal`."""
        key = signal.room, signal.topic, signal.key
        if len(self._signals) < MAX_SIGNALS or key in self._signals or signal.room == EVERYWHERE:
            self._signals[key] = signal
            self._wake.set()
        else:
            self._statistics.dropped += 1

    async def take(self) -> tuple[list[Event], list[Signal]]:
        """Wait for something to publish, and take what goes into the next call; the rest goes into the one after.

        Events in the order they came, up to TAKEN_EVENTS or about TAKEN_BYTES; all the signals.
        """
        while not self.waiting:
            self._wake.clear()
            await self._wake.wait()
        events: list[Event] = []
        size = 0
        while self._events and len(events) < TAKEN_EVENTS and size < TAKEN_BYTES:
            events.append(self._events.popleft())
            size += len(events[-1].body)
        self._size -= size
        signals = list(self._signals.values())
        self._signals.clear()
        return events, signals


class HealthLog:
    """Logs each failure once, when it begins, and once when it is over.

    Args:
        logger: the adapter's.
        where: what fails, as the beginning of a sentence: "Redis at host:6379".
    """

    def __init__(self, logger: logging.Logger, where: str) -> None:
        self._logger = logger
        self._where = where
        self._failing: set[str] = set()

    def failing(self, what: str, error: object) -> None:
        """Note that something fails, and why."""
        if what not in self._failing:
            self._failing.add(what)
            self._logger.warning("%s: %s fails: %s", self._where, what, error)

    def recovered(self, what: str) -> None:
        """Note that something works, perhaps as it always did."""
        if what in self._failing:
            self._failing.discard(what)
            self._logger.info("%s: %s works again", self._where, what)


def backoff_s(failed: int) -> float:
    """Return the seconds until the next attempt, jittered, so that the nodes of a fleet do not retry in step.

    Args:
        failed: attempts in a row, 1 or more.
    """
    return random.uniform(0.5, 1) * min(MAX_BACKOFF_S, BACKOFF_S * 2.0 ** min(failed, 10))  # noqa: S311  # no secret
