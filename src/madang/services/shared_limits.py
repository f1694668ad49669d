"""Limits that hold over the whole fleet: each node publishes what was spent on it, and the others charge it to theirs.

An append waits for no other node: it is charged here, and published a fifth of a second later. So a user with sockets on
three nodes may spend the burst once on each before the nodes know of each other; the excess is owed, and from then on all
three together grant one rate. What the bus loses only loosens a limit, and what it repeats is charged once. The same
holds for slow mode: at most one message per node before they know, and the waits add up.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from madang.core.metrics import Metric
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Bus, Signal
from madang.services.limits import KINDS, Limits, Spending

SPENT: Final = "spent"
"""The topic of the signals."""
TICK_S: Final = 0.2
MOST: Final = 1_000
"""Spendings published per tick: those with the largest shares of their limits."""
PARTS: Final = 64
"""Signals that may wait for the broker; above that the oldest are dropped."""
NODES: Final = 4_096
"""Other nodes whose last numbers are remembered; above that all are forgotten."""
_SPENDING: Final = 32  # bytes of one in JSON besides its key


class _Report(msgspec.Struct, array_like=True):
    """The value of a signal. Later versions may add fields behind these."""

    number: int  # grows with each signal of a node
    spent: Sequence[Spending]


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Report).decode


class SharedLimits:
    """Publishes what was spent here, and charges what was spent on other nodes.

    Args:
        node: this node's name.
        now: loop time, as `limits` counts it.

    Attributes:
        charged: what was charged for other nodes, by kind.
    """

    def __init__(self, node: str, limits: Limits, bus: Bus, now: Callable[[], float]) -> None:
        self._node = node
        self._limits = limits
        self._bus = bus
        self._now = now
        self._number = 0
        self._received: dict[str, int] = {}  # by node, the highest number
        self.charged: Counter[str] = Counter(dict.fromkeys(KINDS, 0))

    @property
    def nodes(self) -> int:
        """How many other nodes are known by their last numbers."""
        return len(self._received)

    def metrics(self) -> list[Metric]:
        """Return what was charged here, by limit."""
        return [
            Metric("counter", "madang_limits_charged", "Charged for what was spent elsewhere.", n, ("limit", kind))
            for kind, n in self.charged.items()
        ]

    async def run(self) -> None:
        """Publish once per tick, until cancelled. A single node publishes nothing."""
        while not self._bus.local:
            await asyncio.sleep(TICK_S)
            self.publish()

    def publish(self) -> None:
        """Publish what was spent since the last call."""
        for portion in _portions(self._limits.spent(TICK_S, MOST)):
            self._number += 1
            key = f"{self._node}/{self._number % PARTS}"
            self._bus.signal(Signal(EVERYWHERE, SPENT, key, _encode(_Report(self._number, portion))))

    def receive(self, signal: Signal) -> None:
        """Charge what was spent on another node. A repeated or late signal is ignored."""
        name = signal.key.rpartition("/")[0]
        if name == self._node:
            return
        report = _decode(signal.value)
        if report.number <= self._received.get(name, 0):
            return
        if len(self._received) >= NODES:
            self._received.clear()
        self._received[name] = report.number
        now = self._now()
        for spent in report.spent:
            self._limits.charge(spent, now)
            self.charged[spent.kind] += spent.n


def _portions(spent: Sequence[Spending]) -> Iterator[list[Spending]]:
    """Split into what fits into one signal each."""
    portion: list[Spending] = []
    size = _SPENDING
    for each in spent:
        size += len(each.key) + _SPENDING
        if size > MAX_SIGNAL:
            yield portion
            portion, size = [], _SPENDING + len(each.key) + _SPENDING
        portion.append(each)
    if portion:
        yield portion
