"""A bus within one process.

A single node needs none, so without a broker it carries nothing; tests of several nodes let them share a `MemoryBroker`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from madang.core.events import Event
from madang.ports.bus import EVERYWHERE, BusStatistics, Receiver, Signal

MAX_WAITING: Final = 10_000
"""Events and signals that wait for one node until the loop's next turn; above it the oldest are dropped. Only a stuck
loop gets there."""


class MemoryBroker:
    """What the buses of one process share."""

    def __init__(self) -> None:
        self.buses: list[MemoryBus] = []


class MemoryBus:
    """The bus of one node; without a broker, of the only node there is."""

    def __init__(self, broker: MemoryBroker | None = None) -> None:
        self.statistics = BusStatistics()
        self._broker = broker
        self._receiver: Receiver | None = None
        self._rooms: set[str] = set()
        self._arrived: deque[Event | Signal] = deque(maxlen=MAX_WAITING)

    @property
    def local(self) -> bool:
        return self._broker is None

    async def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._broker is not None:
            self._broker.buses.append(self)

    async def stop(self) -> None:
        self._receiver = None
        self._arrived.clear()
        if self._broker is not None and self in self._broker.buses:
            self._broker.buses.remove(self)

    async def subscribe(self, room: str) -> None:
        self._rooms.add(room)

    async def unsubscribe(self, room: str) -> None:
        self._rooms.discard(room)

    def publish(self, events: Sequence[Event]) -> None:
        self.statistics.published += len(events)
        for bus in self._others():
            bus._arrive([event for event in events if event.room in bus._rooms])

    def signal(self, signal: Signal) -> None:
        everywhere = signal.room == EVERYWHERE
        for bus in self._broker.buses if everywhere and self._broker is not None else self._others():
            if everywhere or signal.room in bus._rooms:
                bus._arrive([signal])

    async def probe(self) -> bool:
        """A running bus in the same loop cannot be cut off."""
        return self._receiver is not None

    def _others(self) -> list["MemoryBus"]:
        return [bus for bus in self._broker.buses if bus is not self] if self._broker is not None else []

    def _arrive(self, items: Sequence[Event | Signal]) -> None:
        if not items:
            return
        if not self._arrived:  # in the loop's next turn, so that a receiver that publishes is not called by itself
            asyncio.get_running_loop().call_soon(self._deliver)
        self._arrived.extend(items)

    def _deliver(self) -> None:
        items = list(self._arrived)
        self._arrived.clear()
        if self._receiver is None:
            return
        events = [item for item in items if isinstance(item, Event)]
        if events:
            self.statistics.received += len(events)
            self._receiver.receive(events)
        latest = {(s.room, s.topic, s.key): s for s in items if isinstance(s, Signal)}
        for signal in latest.values():
            self._receiver.signal(signal)
