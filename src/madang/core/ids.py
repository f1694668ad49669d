"""Message ids: 64-bit, time-ordered, unique over all nodes (Snowflake).

Layout, high to low: 41 bits milliseconds since EPOCH_MS, 10 bits node, 12 bits sequence.
The clock is an argument. It may step back or stand still: an id never repeats.
`madang.ports.leases` keeps two nodes from sharing a number; this file does not.
"""

from typing import Final

from madang.errors import LeaseExceeded

EPOCH_MS: Final = 1_704_067_200_000  # 2024-01-01T00:00:00Z: 41 bits last until 2093
NODES: Final = 1 << 10
_SEQUENCES: Final = 1 << 12
_SHIFT: Final = 22
ALWAYS_MS: Final = EPOCH_MS + (1 << 41) - 1  # the last that fits into an id


def id_ms(id: int) -> int:
    """Return the Unix time in milliseconds that an id carries."""
    return (id >> _SHIFT) + EPOCH_MS


def first_id(ms: int) -> int:
    """Return the lowest id that carries this time, in Unix milliseconds."""
    return max(0, min(ms, ALWAYS_MS) - EPOCH_MS) << _SHIFT


class IdSource:
    """A source of ids for one node. Not thread-safe: one owner calls it.

    Args:
        node: leased node number, 0 to NODES - 1.
        floor_ms: Unix milliseconds that an earlier holder of this number may have used; every id is later.
        until_ms: Unix milliseconds up to which the lease covers ids; the default is for a number that no other node can get.

    Attributes:
        until_ms: raised when the lease is renewed, never lowered.
        needed_ms: the latest millisecond that an id has used or was refused for; a renewal should cover it.
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
        """Return an id above every earlier one of this source, and above `above` (the room's newest id).

        If the clock is behind either of them, the id's time runs ahead of the clock by as much as needed.

        Raises:
            LeaseExceeded: the id would lie beyond `until_ms`, where another holder of the number may use the same ids.
        """
        if now_ms > self._last_ms:
            self._step(now_ms)
        elif self._sequence + 1 < _SEQUENCES:
            self._sequence += 1
        else:
            self._step(self._last_ms + 1)
        id = self._id()
        if id <= above:
            self._step(id_ms(above) + 1)
            id = self._id()
        return id

    def _step(self, ms: int) -> None:
        self.needed_ms = max(self.needed_ms, ms)
        if ms > self.until_ms:
            raise LeaseExceeded
        self._last_ms = ms
        self._sequence = 0

    def _id(self) -> int:
        return (self._last_ms - EPOCH_MS) << _SHIFT | self._node | self._sequence
