"""Reading the logs of papers."""

from madang.delivery.papers.statistics import Statistics
from madang.errors import Refused
from madang.ports.papers import PaperLog, PaperStore


class Logs:
    """Reads logs, and counts how often."""

    def __init__(self, store: PaperStore, statistics: Statistics) -> None:
        self._store = store
        self._statistics = statistics

    async def read(self, paper: str, after: int = 0) -> PaperLog:
        """Return what is in a paper's log above a number (not_found)."""
        self._statistics.reads += 1
        log = await self._store.paper_log(paper, after)
        if log is None:
            raise Refused("not_found")
        return log


def pieces(log: PaperLog) -> list[bytes]:
    """Return all updates that a log has: the snapshot is one."""
    return [*([log.snapshot] if log.snapshot else ()), *log.written]
