"""The figures of a run, and how they are computed. What they mean is said in `report.py`."""

from array import array
from collections.abc import Sequence
from typing import Final

import msgspec

BUSY: Final = 0.9  # cores used by the generator from which on it may be what was measured
LATE_MS: Final = 5.0  # likewise, if more than 1 % of the messages were sent later than this after they were due


class Times(msgspec.Struct, frozen=True):
    """A summary of durations in ms: median, 99th percentile, maximum, and their number."""

    p50: float
    p99: float
    max: float
    count: int


def times(noted: Sequence[float]) -> Times | None:
    """Summarise durations in ms; return None if there are none.

    A percentile is the smallest duration that this share of them does not exceed.
    """
    if not noted:
        return None
    ordered = sorted(noted)

    def at(share: float) -> float:
        return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]

    return Times(at(0.5), at(0.99), ordered[-1], len(ordered))


def durations() -> "array[float]":
    """Return an array for durations, 8 bytes each."""
    return array("d")


class Figures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run.

    What is None or absent was not measured: the server's own usage only on this machine, by its process id.
    """

    workload: str
    sockets: int
    rooms: int
    seconds: float = 0.0  # of publishing
    offered_s: float = 0.0  # messages per second, of all rooms together
    sent: int = 0
    acked: int = 0
    refused: int = 0
    deliveries: int = 0
    expected: int = 0  # deliveries if every message reaches everyone in its room
    disorder: int = 0  # messages that arrived twice or after a later one, on parsed sockets
    parsed: int = 0  # sockets
    lost: int = 0  # sockets that ended meanwhile
    deliveries_s: float = 0.0
    acks_s: float = 0.0
    latency: Times | None = None  # from when a message was due until it arrived
    ack: Times | None = None  # likewise, until it was acked
    back: Times | None = None  # of each socket, from the cut until it was live again
    retries: int = 0  # repeated handshakes
    joins_s: float = 0.0
    cpu_core: float | None = None  # cores the server used
    cpu_us_delivery: float | None = None
    resident_mb: float | None = None
    kb_per_socket: float | None = None  # resident memory that a joined, silent socket adds
    disk_written_mb: float | None = None
    generator_cpu: float = 0.0  # cores the generator used
    generator_late_ms: float = 0.0  # of 99 % of the messages

    @property
    def complete(self) -> bool:
        """Whether every message was acked and reached everyone, once, and in order where order is seen."""
        exact = self.acked == self.sent and self.deliveries == self.expected
        return exact and not (self.refused or self.disorder or self.lost)

    @property
    def generator_limited(self) -> bool:
        """Whether the generator itself may have been the limit."""
        return self.generator_cpu >= BUSY or self.generator_late_ms > LATE_MS
