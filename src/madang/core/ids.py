"""Message ids: 64-bit, time-ordered, unique over all nodes (Snowflake).

Layout, high to low: 41 bits milliseconds since EPOCH_MS, 10 bits node, 12 bits sequence.
The clock comes in as an argument; it may step back or stand still, an id never repeats.
What keeps two nodes from sharing a number is `madang.ports.leases`, not this file.
"""

from typing import Final

EPOCH_MS: Final = 1_704_067_200_000  # 2024-01-01T00:00:00Z: 41 bits last until 2093
NODES: Final = 1 << 10
_SEQUENCES: Final = 1 << 12
_SHIFT: Final = 22


def id_ms(id: int) -> int:
    """Give the Unix time in milliseconds that an id carries."""
    return (id >> _SHIFT) + EPOCH_MS


class IdSource:
    """Makes ids for one node. Not thread-safe: one owner calls it.

    Args:
        node: leased node number, 0 to NODES - 1.
        floor_ms: Unix milliseconds that a former holder of this number may have used; every id lies above.
    """

    __slots__ = ("_last_ms", "_node", "_sequence")

    def __init__(self, node: int, floor_ms: int = EPOCH_MS) -> None:
        if not 0 <= node < NODES:
            raise ValueError(f"node must be 0 to {NODES - 1}, not {node}")
        self._node = node << 12
        self._last_ms = max(floor_ms, EPOCH_MS)
        self._sequence = _SEQUENCES  # the floor's own millisecond counts as used up

    @property
    def last_ms(self) -> int:
        """The Unix millisecond of the newest id; what the lease must cover."""
        return self._last_ms

    def next(self, now_ms: int, above: int = 0) -> int:
        """Give an id above every id this source gave and above `above` (the room's newest id).

        A clock that stands behind either is overruled: the id's time runs ahead of the clock by what is needed.
        """
        floor_ms = (above >> _SHIFT) + EPOCH_MS
        if now_ms > self._last_ms and now_ms > floor_ms:
            self._last_ms = now_ms
            self._sequence = 0
        elif floor_ms >= self._last_ms and above:
            self._last_ms = floor_ms + 1
            self._sequence = 0
        else:
            self._sequence += 1
            if self._sequence >= _SEQUENCES:
                self._last_ms += 1
                self._sequence = 0
        return (self._last_ms - EPOCH_MS) << _SHIFT | self._node | self._sequence
