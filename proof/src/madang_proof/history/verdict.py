"""The verdict on a history: what was judged, on how many facts, and the records that show a violation.

Nothing here judges; the families do (`sends`, `order`, `deliveries` …), and they report to `Findings`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from madang_proof.history.records import Record

TITLES: Final[dict[str, str]] = {
    "I1": "What was acked is in the log once, as it was sent and acked",
    "I2": "What was refused is not in the log",
    "I3": "What was not answered is in the log once, or not at all",
    "I4": "Nothing is in a log that no client asked for",
    "I5": "Seqs are 1, 2, 3 … without a gap, and ids grow with them",
    "I6": "What is sent after something was known comes after it in the log",
    "I7": "What one connection appends keeps its order",
    "I8": "A connection gets each event once and in order, or is told of a gap",
    "I9": "Joins, resumes and pages return all that is missing, once",
    "I10": "Everybody is told the same about a seq",
    "I11": "Nothing is delivered after leaving, or being kicked or banned",
    "I12": "Nothing is delivered from a room that was not joined",
    "I13": "A cid gives the same result every time",
    "I14": "Nobody is shown what was edited or deleted before they asked",
    "I15": "A read sees what was known before it was asked",
    "I16": "A position never goes back unless the client is told",
    "I17": "Nobody is online without a connection",
    "I18": "unread counts others' messages above read_seq, which never goes back",
    "I19": "A search finds what was acked before it was asked, as it is, for members",
    "I24": "Copies of a paper have all that was saved, and are equal when all is quiet",
    "I25": "After the storm the server holds no more than before it",
    "I26": "No ack promises more than the store provides",
    "I27": "Outside of faults, 99.9 % of sends are acked",
}

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Violation:
    """A violated invariant: a sentence, and the records that show it, each with its line in the file (from 1)."""

    invariant: str
    message: str
    records: list[tuple[int, Record]]

    def __str__(self) -> str:
        shown = [f"  {line:>8}  {_encode(record).decode()}" for line, record in self.records]
        return "\n".join([f"{self.invariant}: {self.message}", *shown])


@dataclass(frozen=True)
class Result:
    """The result for one invariant. `checked` is the number of facts examined: 0 means that nothing concerned it."""

    invariant: str
    title: str
    checked: int
    violation: Violation | None = None
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """The results for all invariants, in order."""

    results: dict[str, Result]
    records: int = 0
    _first: str = ""

    @property
    def held(self) -> bool:
        """Whether nothing was violated, which includes what was not touched: see `Result.checked`."""
        return not self._first

    @property
    def violation(self) -> Violation | None:
        """The violation that shows first in the history."""
        return self.results[self._first].violation if self._first else None


@dataclass
class _Found:
    message: str
    lines: tuple[int, ...]
    shown: int  # the line at which it can be seen: the last of `lines`


@dataclass
class Findings:
    """Where the families report. Keeps the first violation of each invariant, and how many there are."""

    checked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TITLES, 0))
    notes: dict[str, str] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)
    _found: dict[str, _Found] = field(default_factory=dict)

    def violated(self, invariant: str, message: str, *lines: int) -> None:
        """Report a violation with the lines that show it; 0 stands for none."""
        lines = tuple(sorted({line for line in lines if line}))
        self.count[invariant] = self.count.get(invariant, 0) + 1
        known = self._found.get(invariant)
        if known is None or lines[-1] < known.shown:
            self._found[invariant] = _Found(message, lines, lines[-1])

    def verdict(self, records: int, look_up: Callable[[Iterable[int]], dict[int, Record]]) -> Verdict:
        """Return the verdict; `look_up` returns the records of lines."""
        shown = look_up({line for found in self._found.values() for line in found.lines})
        results = {}
        for invariant, title in TITLES.items():
            violation = None
            notes = [self.notes[invariant]] if invariant in self.notes else []
            if found := self._found.get(invariant):
                violation = Violation(invariant, found.message, [(line, shown[line]) for line in found.lines])
                if (more := self.count[invariant] - 1) > 0:
                    notes.append(f"{more} more like it")
            results[invariant] = Result(invariant, title, self.checked[invariant], violation, "; ".join(notes))
        first = min(self._found, key=lambda invariant: self._found[invariant].shown, default="")
        return Verdict(results, records, first)
