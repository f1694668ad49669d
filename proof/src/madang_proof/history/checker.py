"""The checker: feeds each record to the families of invariants that need it, and collects their verdict.

The families share what is known (`state`), and are called in a fixed order: first, what is known is updated.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from madang_proof.history import records as r
from madang_proof.history.access import Access
from madang_proof.history.deliveries import Deliveries
from madang_proof.history.order import Order
from madang_proof.history.pages import Pages
from madang_proof.history.papers import Papers
from madang_proof.history.presence import OnlineLists
from madang_proof.history.reads import Reads
from madang_proof.history.records import Record, read
from madang_proof.history.searches import Searches
from madang_proof.history.sends import Sends
from madang_proof.history.state import State
from madang_proof.history.upkeep import Upkeep
from madang_proof.history.verdict import Findings, Verdict

EVERY: Final = 1 << 16  # records between two reports of progress
HANDLERS: Final[dict[type[Record], tuple[str, ...]]] = {
    r.Skip: ("on_notice", "on_skip"),
    r.Behind: ("on_notice",),
    r.Reset: ("on_notice", "on_reset"),
    **{
        kind: (f"on_{kind.__name__.lower()}",)
        for kind in (
            r.Opened, r.Closed, r.Invoke, r.Ok, r.Fail, r.Unknown, r.Joined, r.Event, r.Page, r.Found, r.Wrote, r.Saved, r.Replica,
            r.Unread, r.Presence, r.Sample, r.Fault, r.Setup,
        )
    },
}  # fmt: skip
"""Return the methods of a family that handle a type of record."""


class Checker:
    """Judges one history, record by record, in the order of the file.

    Time is linear. Memory is about 60 bytes per event of a room and 600 per command with a cid. The records themselves are
    kept only if there is no `path`, for the verdict.

    Args:
        path: the file that the records come from. It is read again, once, for the records that show a violation.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kept: list[Record] = []
        self._findings = Findings()
        self._state = state = State(self._findings)
        families = (Sends, Access, Deliveries, Order, Pages, Searches, Reads, OnlineLists, Papers, Upkeep)
        asked = (state, *(family(state) for family in families))
        self._handlers = {kind: _methods(asked, names) for kind, names in HANDLERS.items()}
        self._finish = _methods(asked, ("on_finish",))

    @property
    def line(self) -> int:
        """How many records have been fed."""
        return self._state.line

    def feed(self, record: Record) -> None:
        """Handle the next record.

        Raises:
            HistoryError: the record names an unknown connection or call, so the records are not a history.
        """
        self._state.line += 1
        if self._path is None:
            self._kept.append(record)
        for handle in self._handlers[type(record)]:
            handle(record)

    def finish(self) -> Verdict:
        """Judge what only the whole history shows, and return the verdict. Call it once, after the last record."""
        for finish in self._finish:
            finish()
        return self._findings.verdict(self.line, self._look_up)

    def _look_up(self, lines: Iterable[int]) -> dict[int, Record]:
        if self._path is None:
            return {line: self._kept[line - 1] for line in lines}
        wanted = set(lines)
        if not wanted:
            return {}
        numbered = enumerate(islice(read(self._path), max(wanted)), 1)
        return {line: record for line, record in numbered if line in wanted}


def _methods(families: tuple[object, ...], names: tuple[str, ...]) -> tuple[Callable[..., None], ...]:
    return tuple(getattr(family, name) for family in families for name in names if hasattr(family, name))


def check(records: Iterable[Record] | Path, progress: Callable[[int], None] | None = None) -> Verdict:
    """Judge a history: records in order, or the file that contains them.

    Args:
        records: the history. A file is never in memory as a whole; records passed in are.
        progress: called periodically with the number of records judged.

    Raises:
        HistoryError: a line is not a record, or contradicts others in a way that only the recorder can cause.
        OSError: the file cannot be read.
    """
    path = records if isinstance(records, Path) else None
    checker = Checker(path)
    feed = checker.feed
    rest = iter(read(path) if path else records)  # type: ignore[arg-type]
    while chunk := list(islice(rest, EVERY)):
        for record in chunk:
            feed(record)
        if progress:
            progress(checker.line)
    return checker.finish()
