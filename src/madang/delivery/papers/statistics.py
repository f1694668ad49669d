"""What is counted of the papers of one node."""

from typing import Final

import msgspec

from madang.core.metrics import Metric, counters

_METRICS: Final = {
    "updates": ("madang_paper_updates", "Updates of papers that were stored, bursts as one."),
    "written": ("madang_paper_updates_written", "Updates of papers that clients sent."),
    "refused": (
        "madang_paper_updates_refused",
        "Updates of papers that could not be decoded, or that the store refused.",
    ),
    "reads": (
        "madang_paper_log_reads",
        "Logs of papers that were read: to open one, and for what the bus had not told.",
    ),
    "snapshots": ("madang_paper_snapshots", "Snapshots of papers that were stored."),
}


class Statistics(msgspec.Struct):
    """Counters of papers, since the process began."""

    updates: int = 0
    written: int = 0
    refused: int = 0
    reads: int = 0
    snapshots: int = 0

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return counters(self, _METRICS)
