"""A bus that loses, repeats and reorders, as the contract of `ports.bus` allows. Delivery must cope with it."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.events import Event
from madang.ports.bus import Bus, Receiver, Signal

P = TypeVar("P", Event, Signal, tuple[str, int])

HELD_S = 0.005
"""The default of how long a late item may wait for others to overtake it."""


class LossyLink:
    """A receiver that passes what it gets to another one, unreliably.

    Attributes:
        lost, repeated, late: how many events, heads and signals have been so far.
    """

    def __init__(
        self, receiver: Receiver, seed: int, lose: float, repeat: float, delay: float, late_s: float = HELD_S
    ) -> None:
        self._receiver = receiver
        self._late_s = late_s
        self._chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn from it
        self._lose = lose
        self._repeat = repeat
        self._delay = delay
        self._open = True
        self.lost = 0
        self.repeated = 0
        self.late = 0

    def close(self) -> None:
        """Pass on nothing more, not even what is late."""
        self._open = False

    def receive(self, events: Sequence[Event]) -> None:
        self._receiver.receive(self._spoil(events, lambda event: self._receiver.receive([event])))

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        for room, seq in self._spoil(list(heads.items()), lambda head: self._receiver.heads_seen(dict([head]))):
            self._receiver.heads_seen({room: seq})

    def signal(self, signal: Signal) -> None:
        for passed in self._spoil([signal], self._receiver.signal):
            self._receiver.signal(passed)

    def check_soon(self) -> None:
        self._receiver.check_soon()

    def _spoil(self, items: Sequence[P], deliver: Callable[[P], None]) -> list[P]:
        """Return what arrives now, shuffled; what is late goes to `deliver`."""
        now: list[P] = []
        for item in items:
            if self._chance.random() < self._lose:
                self.lost += 1
                continue
            repeated = self._chance.random() < self._repeat
            self.repeated += repeated
            for _ in range(1 + repeated):
                if self._chance.random() < self._delay:
                    self.late += 1
                    wait = self._chance.random() * self._late_s
                    asyncio.get_running_loop().call_later(wait, self._deliver_late, deliver, item)
                else:
                    now.append(item)
        self._chance.shuffle(now)
        return now

    def _deliver_late(self, deliver: Callable[[P], None], item: P) -> None:
        if self._open:
            deliver(item)


class LossyBus:
    """Any bus, with a `LossyLink` in front of the receiver.

    Args:
        bus: the bus underneath.
        seed: with equal seeds and equal input it misbehaves alike.
        lose: share of events, heads and signals that never arrive.
        repeat: share that arrives twice.
        delay: share that arrives late, behind what was sent after it.
        late_s: how late, at most.

    Attributes:
        cut: while set, this node is cut off: nothing comes in or goes out, and the probe fails.
    """

    def __init__(
        self,
        bus: Bus,
        seed: int,
        *,
        lose: float = 0.2,
        repeat: float = 0.2,
        delay: float = 0.3,
        late_s: float = HELD_S,
    ) -> None:
        self.statistics = bus.statistics
        self._bus = bus
        self._fate = (seed, lose, repeat, delay, late_s)
        self.link: LossyLink | None = None
        self.cut = False

    @property
    def local(self) -> bool:
        return self._bus.local

    async def start(self, receiver: Receiver) -> None:
        self.link = LossyLink(_Door(self, receiver), *self._fate)
        await self._bus.start(self.link)

    async def stop(self) -> None:
        await self._bus.stop()
        if self.link is not None:
            self.link.close()

    async def subscribe(self, room: str) -> None:
        await self._bus.subscribe(room)

    async def unsubscribe(self, room: str) -> None:
        await self._bus.unsubscribe(room)

    def publish(self, events: Sequence[Event]) -> None:
        if not self.cut:
            self._bus.publish(events)

    def signal(self, signal: Signal) -> None:
        if not self.cut:
            self._bus.signal(signal)

    async def probe(self) -> bool:
        return not self.cut and await self._bus.probe()


class _Door:
    """A receiver that drops everything while the bus is cut."""

    def __init__(self, bus: LossyBus, receiver: Receiver) -> None:
        self._bus = bus
        self._receiver = receiver

    def receive(self, events: Sequence[Event]) -> None:
        if not self._bus.cut:
            self._receiver.receive(events)

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        if not self._bus.cut:
            self._receiver.heads_seen(heads)

    def signal(self, signal: Signal) -> None:
        if not self._bus.cut:
            self._receiver.signal(signal)

    def check_soon(self) -> None:
        self._receiver.check_soon()


def lossy_buses(count: int, seed: int) -> list[LossyBus]:
    """Return the buses of `count` nodes in this process, all of them lossy."""
    broker = MemoryBroker()
    return [LossyBus(MemoryBus(broker), seed + n) for n in range(count)]
