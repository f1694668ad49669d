"""The figures as text: a line while measuring, tables for the terminal and for bench/results."""

import json
import shlex
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench import load
from bench.driving import Values
from bench.server import madang_command
from bench.tools import ROOT
from bench.workloads import WORKLOADS, Row, Workload

# Figures of runs under load: key, heading, digits, factor.
_DETAILS: Final = (
    ("messages_s", "msg/s", 0, 1),
    ("per_second", "deliveries/s", 0, 1),
    ("p50", "p50 ms", 1, 1),
    ("p99", "p99 ms", 1, 1),
    ("worst", "max ms", 1, 1),
    ("ack_p50", "ack p50 ms", 1, 1),
    ("ack_p99", "ack p99 ms", 1, 1),
    ("cpu_us_delivery", "CPU µs per delivery", 2, 1),
    ("floor_cpu_us_delivery", "floor", 2, 1),
    ("cpu_us_message", "CPU µs per message", 1, 1),
    ("floor_cpu_us_message", "floor", 1, 1),
    ("core_use", "core used %", 0, 100),
    ("kernel_share", "in kernel %", 0, 100),
    ("thread_share", "other threads %", 0, 100),
    ("reads_message", "read(2) per message", 2, 1),
    ("writes_message", "write(2) per message", 2, 1),
    ("sleeps_message", "thread sleeps per message", 2, 1),
    ("per_read", "frames per read", 1, 1),
    ("rss_mb", "resident MB", 0, 1),
    ("others_use", "server's core used by others %", 1, 100),
    ("load_others_use", "load's core used by others %", 1, 100),
)
CROWDED: Final = 0.10  # of a core, taken by others: from here on figures are not to be trusted
_PROBLEMS: Final = ("missing", "missing_acks", "refused", "disorder", "lost")


@dataclass(frozen=True)
class Result:
    """One trial's figures: for each workload the values of each repetition."""

    machine: dict[str, str]
    seconds: float
    server: tuple[str, ...]
    runs: dict[str, list[Values]]

    def column(self, name: str, key: str) -> list[float]:
        return [values[key] for values in self.runs[name] if key in values]


def number(value: float, digits: int | None = None) -> str:
    """Write a number with three digits that mean something, or a fixed number of decimals."""
    if digits is None:
        digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def spread(values: Sequence[float], digits: int | None = None, factor: float = 1) -> str:
    """Write the median, with the lowest and highest in brackets."""
    if not values:
        return "–"
    low, middle, high = (number(f(values) * factor, digits) for f in (min, statistics.median, max))
    return middle if low == high else f"{middle} ({low}–{high})"


def quantity(value: str, unit: str) -> str:
    return f"{value} {unit}" if unit != "share" else value


def verdict(row: Row, values: Sequence[float]) -> str:
    """Say whether the median meets the budget."""
    yes = row.met(statistics.median(values))
    return {(True, False): "met", (False, False): "**missed**"}.get((yes, row.stretch), "met" if yes else "missed")


def crowd(values: Values) -> float:
    """Return how much of a core others took during a run, the server's or the load's."""
    return max((value for key, value in values.items() if key.endswith("others_use")), default=0.0)


def _disturbed(result: Result) -> str:
    for_all = [values for runs in result.runs.values() for values in runs]
    count = sum(crowd(values) > CROWDED for values in for_all)
    return (
        f"in {count} of {len(for_all)} runs others took more than {CROWDED:.0%} of a core"
        if count
        else f"nobody else took more than {CROWDED:.0%} of a core"
    )


def brief(workload: Workload, values: Values) -> str:
    """Say in one line what a repetition gave."""
    shown = [f"{row.what} {quantity(number(values[row.key]), row.unit)}" for row in workload.rows]
    if "p99" in values:
        shown.append(f"p50 {values['p50']:.1f}, p99 {values['p99']:.1f} ms, {values['cpu_us_message']:.0f} µs/msg")
        shown += [f"{key} {values[key]:.0f}" for key in _PROBLEMS if values[key]]
    return "; ".join(shown)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Make a Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines)) + "\n"


def put(page: Path, begin: str, end: str, part: str) -> None:
    """Put a part between its two marks in a page."""
    before, begins, rest = page.read_text().partition(begin)
    _, ends, after = rest.partition(end)
    assert begins and ends, f"{page.name} has lost its marks"
    page.write_text(f"{before}{begin}{part}{end}{after}")


def budgets(result: Result) -> str:
    """Make the table of figures that have a budget."""
    lines = []
    for name in result.runs:
        for row in WORKLOADS[name].rows:
            values = result.column(name, row.key)
            sign = "≥" if row.at_least else "≤"
            budget = f"{sign} {quantity(number(row.budget), row.unit)}{' (stretch)' if row.stretch else ''}"
            low = result.column(name, f"floor_{row.floor_key}") if row.floor_key else []
            unit = "µs" if row.floor_key.startswith("cpu") else row.unit
            floor = quantity(spread(low), unit) if low else ""
            measured = quantity(spread(values), row.unit)
            lines.append([WORKLOADS[name].title, row.what, budget, measured, verdict(row, values), floor])
    return table(["workload", "figure", "budget", "measured: median (min–max)", "", "`fanout_floor`"], lines)


def details(result: Result) -> str:
    """Make the table of everything measured under load."""
    names = [name for name in result.runs if result.column(name, "p99")]
    if not names:
        return ""
    lines = [
        [heading, *(spread(result.column(name, key), digits, factor) for name in names)]
        for key, heading, digits, factor in _DETAILS
    ]
    lines.append(["nothing lost, doubled, refused or out of order", *(_complete(result, name) for name in names)])
    return table(["", *names], lines)


def _complete(result: Result, name: str) -> str:
    found = {key: max(result.column(name, key)) for key in _PROBLEMS}
    return ", ".join(f"{key} {value:.0f}" for key, value in found.items() if value) or "yes"


def _shown(argv: list[str], port: int) -> str:
    text = shlex.join(argv).replace(f"{ROOT}/", "")
    return text.replace(str(port + 1), "ADMIN").replace(str(port), "PORT")


def commands(result: Result) -> str:
    """List the command lines, as they can be typed in the project's folder."""
    port = 18400
    lines = [_shown(madang_command(port, Path("DIR"), result.server), port)]
    for name in result.runs:
        wanted = WORKLOADS[name].load
        if wanted is not None:
            lines += ["", f"# {name}", _shown(load.command(wanted, port), port)]
    return "\n".join(lines) + "\n"


def write(result: Result, place: Path) -> None:
    """Write NAME.md and NAME.json."""
    place.with_suffix(".json").write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n")
    facts = "".join(f"- {key}: {value}\n" for key, value in result.machine.items())
    least, most = (limit(map(len, result.runs.values())) for limit in (min, max))
    repeat = f"{least}" if least == most else f"{least} to {most}"
    place.with_suffix(".md").write_text(
        f"# Measured: {place.name}\n\n{facts}- each figure: median of {repeat} runs of {result.seconds:g} s, lowest and highest in "
        "brackets; server on core 0, load on core 1, every message stored (fsync) before its ack\n"
        "- a rate counts as met from 99 % on: the last messages of a run arrive after its end\n"
        f"- meanwhile: {_disturbed(result)}\n\n"
        f"![Against the budgets]({place.name}.png)\n\n## Budgets\n\n{budgets(result)}\n## Under load\n\n{details(result)}\n"
        f"## Commands\n\n```sh\n{commands(result)}```\n"
    )
