"""Message ids: 64-bit, time-ordered, unique over all nodes (Snowflake).

Layout, high to low: 41 bits milliseconds since EPOCH_MS, 10 bits node, 12 bits sequence.
The clock comes in as an argument; it may step back or stand still, an id never repeats.
What keeps two nodes from sharing a number is `madang.ports.leases`, not this file.
"""

from typing import Final

from madang.errors import LeaseExceeded

EPOCH_MS: Final = 1_704_067_200_000  # 2024-01-01T00:00:00Z: 41 bits last until 2093
NODES: Final = 1 << 10
_SEQUENCES: Final = 1 << 12
_SHIFT: Final = 22
ALWAYS_MS: Final = EPOCH_MS + (1 << 41) - 1  # what fits into an id


def id_ms(id: int) -> int:
    """Give the Unix time in milliseconds that an id carries."""
    return (id >> _SHIFT) + EPOCH_MS


class IdSource:
    """Makes ids for one node. Not thread-safe: one owner calls it.

    Args:
        node: leased node number, 0 to NODES - 1.
        floor_ms: Unix milliseconds that a former holder of this number may have used; every id lies above.
        until_ms: Unix milliseconds up to which the lease covers ids; the default is for a number that nobody else can get.

    Attributes:
        until_ms: raised by whoever renews the lease, never lowered.
        needed_ms: the latest millisecond that an id has had or was refused for; what a renewal should cover.
    """

    __slots__ = ("_last_ms", "_node", "_sequence", "needed_ms", "until_ms")

    def __init__(self, node: int, floor_ms: int = EPOCH_MS, until_ms: int = ALWAYS_MS) -> None:
        if not 0 <= node < NODES:
            raise ValueError(f"node must be 0 to {NODES - 1}, not {node}")
        self._node = node << 12
        self._last_ms = self.needed_ms = max(floor_ms, EPOCH_MS)
        self.until_ms = until_ms
        self._sequence = _SEQUENCES - 1  # the floor's own millisecond counts as used up

    @property
    def last_ms(self) -> int:
        """The Unix millisecond of the newest id."""
        return self._last_ms

    def next(self, now_ms: int, above: int = 0) -> int:
        """Give an id above every id this source gave and above `above` (the room's newest id).

        A clock that stands behind either is overruled: the id's time runs ahead of the clock by what is needed.

        Raises:
            LeaseExceeded: the id would lie beyond `until_ms`, where another holder of the number may be giving out the same.
        """
        if now_ms > self._last_ms:
            self._step(now_ms)
        elif self._sequence + 1 < _SEQUENCES:
            self._sequence += 1
        else:
            self._step(self._last_ms + 1)
        if self._id() <= above:
            self._step(id_ms(above) + 1)
        return self._id()

    def _step(self, ms: int) -> None:
        self.needed_ms = max(self.needed_ms, ms)
        if ms > self.until_ms:
            raise LeaseExceeded
        self._last_ms = ms
        self._sequence = 0

    def _id(self) -> int:
        return (self._last_ms - EPOCH_MS) << _SHIFT | self._node | self._sequence
