"""What a trial of the fleet's bench gave, and how it is kept: a row for each thing measured, with the values of each run."""

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bench.driving import Values
from bench.tools import BENCH

NAME: Final = "fleet"
PLACE: Final = BENCH / "results" / NAME
About = dict[str, str | int]


@dataclass
class Row:
    """One thing measured: which part it belongs to, what was set, and the values of each run. `note`: why there are none."""

    part: str
    about: About
    runs: list[Values] = field(default_factory=list)
    note: str = ""

    def value(self, key: str) -> float | None:
        """The median of the runs."""
        values = [run[key] for run in self.runs if key in run]
        return statistics.median(values) if values else None


@dataclass
class Result:
    """A trial."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def row(self, part: str, about: About) -> Row:
        """Return the row of something, a new one if there is none."""
        for row in self.rows:
            if row.part == part and row.about == about:
                return row
        self.rows.append(row := Row(part, about))
        return row

    def of(self, part: str, **about: str | int) -> Iterator[Row]:
        """Return the rows of a part that have figures and in which all this was set."""
        for row in self.rows:
            if row.part == part and row.runs and all(row.about.get(name) == value for name, value in about.items()):
                yield row

    def value(self, part: str, key: str, **about: str | int) -> float | None:
        """Return one figure; None if it was not measured."""
        return next((row.value(key) for row in self.of(part, **about)), None)

    def settings(self, part: str, name: str, **about: str | int) -> list[str | int]:
        """Return what `name` was set to, in the order measured."""
        return list(dict.fromkeys(row.about[name] for row in self.of(part, **about) if name in row.about))


def read(place: Path) -> Result | None:
    """Read what `write` has written, if it has."""
    path = place.with_suffix(".json")
    if not path.exists():
        return None
    data = json.loads(path.read_text())
    return Result(data["machine"], [Row(**row) for row in data["rows"]])


def write(result: Result, place: Path) -> None:
    """Write NAME.json."""
    place.with_suffix(".json").write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n")
