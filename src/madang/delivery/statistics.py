"""What delivery counts, and how it is called in metrics."""

from typing import Final

import msgspec

from madang.core.metrics import Metric, counters

_METRICS: Final = {
    "events": ("madang_events", "Events accepted into rooms that are live on this node."),
    "deliveries": ("madang_deliveries", "Event frames handed to sockets."),
    "writes": ("madang_writes", "Calls that wrote events to a socket."),
    "duplicates": ("madang_bus_duplicates", "Events that the bus brought again."),
    "gaps": ("madang_gaps", "Gaps in a room's events that were filled from the log."),
    "checks": ("madang_log_checks", "Times all live rooms were compared with the log."),
    "log_reads": ("madang_log_reads", "Calls that read events of live rooms from the log."),
    "lagging": ("madang_lagging", "Times a socket was over its byte budget."),
    "resets": ("madang_resets", "Times a socket was too far behind to catch up event by event."),
    "ephemeral_dropped": (
        "madang_ephemeral_dropped",
        "Notices of typing, reading and presence left out under load, or not understood.",
    ),
}


class DeliveryStatistics(msgspec.Struct):
    """Counters of the hub; every buffer with what it did when it was full."""

    events: int = 0
    deliveries: int = 0
    writes: int = 0
    duplicates: int = 0
    gaps: int = 0
    checks: int = 0
    log_reads: int = 0  # equal reads at the same time count once
    lagging: int = 0
    resets: int = 0
    ephemeral_dropped: int = 0

    def metrics(self) -> list[Metric]:
        """Return the counters as metrics."""
        return counters(self, _METRICS)
