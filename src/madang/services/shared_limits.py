"""Limits that hold over the whole fleet: nodes tell each other what was spent on them, and each charges it to its own.

An append asks nobody: it is counted here, and told a fifth of a second later. So a user with sockets on three nodes may
spend his burst once on each before they know of each other; what was too much he owes, and from then on all three
together let him have one rate. What the bus loses only loosens a limit, and what it repeats is charged once. Slow mode
likewise: at most one message per node before they know, and the waits add up.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Bus, Signal
from madang.services.limits import KINDS, Limits, Spent

SPENT: Final = "spent"  # the topic
TICK_S: Final = 0.2
MOST: Final = 1_000
"""Spenders told per tick: those of the largest shares of their limits."""
PARTS: Final = 64
"""Signals that may wait for the broker; above that the oldest go."""
NODES: Final = 4_096
"""Other nodes whose numbers are remembered; above that all are forgotten."""
_SPENT: Final = 32  # bytes of one in JSON besides its key


class _Told(msgspec.Struct, array_like=True):
    """What a signal says. Later versions may add fields behind these."""

    number: int  # grows with each signal of a node
    spent: Sequence[Spent]


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Told).decode


class Sharing:
    """Tells the other nodes what was spent here, and charges what was spent there.

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
        self._heard: dict[str, int] = {}  # by node, the highest number
        self.charged: Counter[str] = Counter(dict.fromkeys(KINDS, 0))

    async def run(self) -> None:
        """Tell, once per tick, until cancelled. A single node has nobody to tell."""
        while not self._bus.local:
            await asyncio.sleep(TICK_S)
            self.tell()

    def tell(self) -> None:
        """Tell what was spent since the last time."""
        for portion in _portions(self._limits.spent(TICK_S, MOST)):
            self._number += 1
            key = f"{self._node}/{self._number % PARTS}"
            self._bus.signal(Signal(EVERYWHERE, SPENT, key, _encode(_Told(self._number, portion))))

    def hear(self, signal: Signal) -> None:
        """Charge what was spent on another node; what comes again, or too late, is passed over."""
        name = signal.key.rpartition("/")[0]
        if name == self._node:
            return
        told = _decode(signal.value)
        if told.number <= self._heard.get(name, 0):
            return
        if len(self._heard) >= NODES:
            self._heard.clear()
        self._heard[name] = told.number
        now = self._now()
        for spent in told.spent:
            self._limits.charge(spent, now)
            self.charged[spent.kind] += spent.n


def _portions(spent: Sequence[Spent]) -> Iterator[list[Spent]]:
    """Split into what fits into one signal each."""
    portion: list[Spent] = []
    size = _SPENT
    for each in spent:
        size += len(each.key) + _SPENT
        if size > MAX_SIGNAL:
            yield portion
            portion, size = [], _SPENT + len(each.key) + _SPENT
        portion.append(each)
    if portion:
        yield portion
