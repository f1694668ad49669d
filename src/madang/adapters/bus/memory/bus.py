"""A bus within one process. A single node needs none, so alone it carries nothing; nodes that share a `Yard` hear each
other, as tests of many nodes want it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from madang.core.events import Event
from madang.ports.bus import EVERYWHERE, Receiver, Signal, Statistics

MAX_WAITING: Final = 10_000
"""Parcels that wait for one node until the loop's next turn; above that the oldest go. Only a stuck loop gets there."""


class Yard:
    """Where the buses of one process meet."""

    def __init__(self) -> None:
        self.buses: list[MemoryBus] = []


class MemoryBus:
    """A bus of one node; without a yard, the bus of the only node there is."""

    def __init__(self, yard: Yard | None = None) -> None:
        self.statistics = Statistics()
        self._yard = yard
        self._receiver: Receiver | None = None
        self._rooms: set[str] = set()
        self._arrived: deque[Event | Signal] = deque(maxlen=MAX_WAITING)

    @property
    def local(self) -> bool:
        return self._yard is None

    async def start(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._yard is not None:
            self._yard.buses.append(self)

    async def stop(self) -> None:
        self._receiver = None
        self._arrived.clear()
        if self._yard is not None and self in self._yard.buses:
            self._yard.buses.remove(self)

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
        for bus in self._yard.buses if everywhere and self._yard is not None else self._others():
            if everywhere or signal.room in bus._rooms:
                bus._arrive([signal])

    async def probe(self) -> bool:
        """A running bus in the same loop cannot be cut off."""
        return self._receiver is not None

    def _others(self) -> list["MemoryBus"]:
        return [bus for bus in self._yard.buses if bus is not self] if self._yard is not None else []

    def _arrive(self, parcels: Sequence[Event | Signal]) -> None:
        if not parcels:
            return
        if not self._arrived:  # in the loop's next turn, so that a receiver that publishes never calls itself
            asyncio.get_running_loop().call_soon(self._deliver)
        self._arrived.extend(parcels)

    def _deliver(self) -> None:
        parcels = list(self._arrived)
        self._arrived.clear()
        if self._receiver is None:
            return
        events = [parcel for parcel in parcels if isinstance(parcel, Event)]
        if events:
            self.statistics.received += len(events)
            self._receiver.receive(events)
        latest = {(s.room, s.topic, s.key): s for s in parcels if isinstance(s, Signal)}
        for signal in latest.values():
            self._receiver.signal(signal)
