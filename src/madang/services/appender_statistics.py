"""What the appender counts: drafts by what became of them, and batches by their size and how long they took."""

from bisect import bisect_left
from itertools import accumulate
from typing import Final

import msgspec

from madang.core.events import Appended
from madang.core.metrics import Metric
from madang.errors import MadangError, Refused
from madang.ports.log import Outcome

TIMES_S: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024,
    0.032, 0.048, 0.064, 0.096, 0.128, 0.256, 0.512, 1.0, 2.0, 4.0, 60.0,
)  # fmt: skip
"""Batches are counted by how long they took, which is at most one of these."""

_OUTCOMES: Final = ("stored", "duplicates", "unchanged", "refused", "failed", "overloaded")


class AppenderStatistics(msgspec.Struct):
    """Counters of the appender. Per draft, only what did not become an event is counted."""

    batches: list[int]  # by size: at most 1, 2, 4 …
    stored: int = 0
    duplicates: int = 0  # repeats of a cid
    unchanged: int = 0
    refused: int = 0
    failed: int = 0  # because of the storage, or of a bug
    overloaded: int = 0  # refused because WAITING were in line
    commit_s: float = 0.0  # spent waiting for commits
    took_s: float = 0.0  # from when the first draft of a batch was in line until its events were fanned out
    times: list[int] = msgspec.field(default_factory=lambda: [0] * len(TIMES_S))  # the same, by TIMES_S

    def took(self, seconds: float) -> None:
        """Count how long a batch took."""
        self.took_s += seconds
        self.times[bisect_left(TIMES_S, seconds, hi=len(TIMES_S) - 1)] += 1

    def count(self, outcome: Outcome | MadangError) -> None:
        """Count what did not become an event."""
        if outcome is None:
            self.unchanged += 1
        elif isinstance(outcome, Appended):
            self.duplicates += 1
        elif isinstance(outcome, Refused):
            self.refused += 1
        else:
            self.failed += 1

    def metrics(self) -> list[Metric]:
        """Return the counters as metrics."""
        outcomes = {name: getattr(self, name) for name in _OUTCOMES}
        drafts = sum(outcomes.values()) - self.overloaded
        sizes = [(float(1 << power), count) for power, count in enumerate(accumulate(self.batches))]
        return [
            *(
                Metric("counter", "madang_appends", "Drafts answered, by outcome.", count, ("outcome", name))
                for name, count in outcomes.items()
            ),
            Metric("counter", "madang_commit_seconds", "Time spent waiting for commits.", self.commit_s),
            Metric("histogram", "madang_batch_size", "Drafts committed in one transaction.", drafts, buckets=sizes),
            Metric(
                "histogram",
                "madang_append_seconds",
                "From a batch's first draft in line to its events' fan-out.",
                self.took_s,
                buckets=list(zip(TIMES_S, accumulate(self.times), strict=True)),
            ),
        ]
