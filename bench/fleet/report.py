"""The figures of a fleet as text: one table for each question. What they mean is said in docs/reference/fleet-performance.md."""

import importlib.metadata
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.driving import Values
from bench.fleet.results import Result, Row
from bench.report import CROWDED, crowd, number, table

STORED_BUDGET: Final = 5_000  # msg/s on PostgreSQL
ELSEWHERE_BUDGET: Final = (1_000, 25)  # msg/s; p99 in ms
CORE_BUDGET: Final = 100_000  # events/s
PICTURES: Final = {
    "appends": "Events stored a second by the size of a batch, on each database",
    "elsewhere": "From a send to clients of the same and of another node, by rate",
    "ways": "CPU of Redis and of the nodes per event, by the number of nodes, rooms and events",
}
_BRIEF: Final = {
    "appends": (("appends_s", "events/s", 1), ("node_us", "µs node", 1), ("database_us", "µs database", 1)),
    "stored": (
        ("messages_s", "msg/s", 1), ("p50", "p50 ms", 1), ("p99", "p99 ms", 1), ("cpu_us_message", "µs node", 1),
        ("database_us_message", "µs database", 1),
    ),
    "elsewhere": (
        ("ack_p99", "ms ack p99", 1), ("own node p99", "ms own p99", 1), ("other node p99", "ms other p99", 1),
        ("cpu_us_message", "µs nodes", 1), ("database_us_message", "µs database", 1), ("bus_us_message", "µs bus", 1),
    ),
    "ways": (
        ("redis_us", "µs Redis", 1), ("publisher_us", "µs publisher", 1), ("nodes_us", "µs nodes", 1), ("p99", "ms p99", 1),
        ("lost", "% lost", 100),
    ),
    "core": (("events_s", "events/s", 1), ("redis_core", "% of the core", 100), ("redis_us", "µs Redis", 1)),
}  # fmt: skip


def brief(part: str, values: Values) -> str:
    """Say in one line what a run gave."""
    return "; ".join(f"{number(values[key] * factor)} {unit}" for key, unit, factor in _BRIEF[part] if key in values)


def tables(result: Result) -> str:
    """Make all tables."""
    there = {"budgets", *(row.part for row in result.rows)}
    return "\n".join(f"## {title}\n\n{make(result)}" for name, (title, make) in SECTIONS.items() if name in there)


def budgets(result: Result) -> str:
    """Make the table of the figures that have a budget."""
    stored = max(
        (row for row in result.of("stored", database="PostgreSQL")),
        key=lambda row: row.value("messages_s") or 0,
        default=None,
    )
    rate, most = ELSEWHERE_BUDGET
    lines = []
    if stored is not None:
        reached = stored.value("messages_s") or 0.0
        lines.append(
            ["messages `stored` a second on PostgreSQL: node, database and load on two cores",
             f"≥ {STORED_BUDGET:,}", f"{number(reached)} of {number(stored.value('offered') or 0)} offered",
             _met(reached >= STORED_BUDGET * 0.99)]
        )  # fmt: skip
    for row in result.of("elsewhere", rate=rate):
        if (p99 := row.value("other node p99")) is not None:
            what = f"p99 to another node's client, {rate:,} msg/s, {row.about['nodes']} nodes, by {row.about['bus']}"
            lines.append([what, f"≤ {most} ms", f"{number(p99)} ms", _met(p99 <= most)])
    for row in result.of("core", way="partition"):
        carries = row.value("events_core") or 0.0
        what = f"published events a second that one Redis core carries, to {row.about['nodes']} nodes"
        lines.append([what, f"≥ {CORE_BUDGET:,}", number(carries), _met(carries >= CORE_BUDGET)])
    return table(["what", "budget", "measured", ""], lines)


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def appends(result: Result) -> str:
    """Make the table of one store alone, by batch."""
    batches = result.settings("appends", "batch")
    lines = []
    for name in result.settings("appends", "database"):
        for rooms in result.settings("appends", "rooms", database=name):
            for what, key in (
                ("events/s", "appends_s"),
                ("CPU µs, node", "node_us"),
                ("CPU µs, database", "database_us"),
            ):
                found = [result.value("appends", key, database=name, rooms=rooms, batch=batch) for batch in batches]
                if any(found):
                    lines.append([f"{name}, {_rooms(rooms)}", what, *map(_cell, found)])
    return table(["", "batch of", *map(str, batches)], lines) + _left_out(result, "appends")


def stored(result: Result) -> str:
    """Make the table of one node on a database server."""
    lines = [
        [
            str(row.about["database"]), _cell(row.value("offered")), _cell(row.value("messages_s")),
            *(_cell(row.value(key)) for key in ("ack_p50", "ack_p99", "p99", "cpu_us_message", "database_us_message")),
            _whole(row),
        ]
        for row in result.of("stored")
    ]  # fmt: skip
    head = ["", "offered msg/s", "stored msg/s", "ack p50 ms", "ack p99 ms", "delivery p99 ms", "CPU µs per message, node",
            "CPU µs, database", "all once and in order"]  # fmt: skip
    return table(head, lines) + _left_out(result, "stored")


def elsewhere(result: Result) -> str:
    """Make the table of several nodes."""
    keys = ("ack_p50", "ack_p99", "own node p50", "own node p99", "other node p50", "other node p99", "cpu_us_message",
            "database_us_message", "bus_us_message")  # fmt: skip
    lines = [
        [str(row.about["bus"]), str(row.about["nodes"]), _cell(row.value("offered")), *(_cell(row.value(key)) for key in keys),
         _whole(row)]
        for row in result.of("elsewhere")
    ]  # fmt: skip
    head = ["bus", "nodes", "msg/s", "ack p50 ms", "p99", "own node p50 ms", "p99", "other node p50 ms", "p99",
            "CPU µs per message, nodes", "database", "Redis", "all once and in order"]  # fmt: skip
    return table(head, lines) + _left_out(result, "elsewhere")


def ways(result: Result) -> str:
    """Make the tables of the ways from node to node."""
    keys = ("redis_us", "nodes_us", "publisher_us", "redis_bytes", "p50", "p99")
    head = ["way", "nodes", "rooms", "events/s", "CPU µs per event, Redis", "all nodes that hear", "the one that publishes",
            "bytes out of Redis", "p50 ms", "p99 ms", "not heard"]  # fmt: skip
    text = ""
    for sweep, title in SWEEPS.items():
        lines = []
        for row in result.of("ways", sweep=sweep):
            name = f"from {int(row.about['own_bytes']):,} bytes" if "own_bytes" in row.about else str(row.about["way"])
            lost = row.value("lost") or 0.0
            told = (
                _cell(row.value("events_s")),
                *(_cell(row.value(key)) for key in keys),
                f"{lost:.1%}" if lost > 0.0005 else "–",
            )
            lines.append([name, str(row.about["nodes"]), f"{row.about['rooms']:,}", *told])
        if lines:
            text += f"{title}:\n\n{table(head, lines)}\n"
    return text.rstrip("\n") + "\n" + _left_out(result, "ways")


SWEEPS: Final = {
    "nodes": "More nodes; each room is followed by two of them",
    "rooms": "More rooms; the ten are followed by every node, the others by two",
    "events": "More events a second, 200 commits a second",
    "own channel": "Where a room takes its own channel (`adaptive`), when half of all events are in one room",
}


def core(result: Result) -> str:
    """Make the table of what one Redis core carries."""
    lines = [
        [
            str(row.about["way"]), str(row.about["nodes"]), _cell(row.value("envelopes")), _cell(row.value("events_s")),
            f"{(row.value('redis_core') or 0):.0%}", _cell(row.value("redis_us")), _cell(row.value("events_core")),
        ]
        for row in result.of("core")
    ]  # fmt: skip
    head = ["way", "nodes", "PUBLISH per 100 events", "events/s in the run", "of the Redis core", "CPU µs per event, Redis",
            "events/s that a whole core carries"]  # fmt: skip
    return table(head, lines) + _left_out(result, "core")


SECTIONS: Final = {
    "budgets": ("Budgets", budgets),
    "appends": ("Stored by one store alone, by size of a batch", appends),
    "stored": ("One node on a database server: 500 rooms of 2, everybody sends", stored),
    "elsewhere": ("From a send to another node's client: 60 rooms of 6, everybody sends", elsewhere),
    "ways": ("Who pays for fan-out", ways),
    "core": ("What one Redis core carries", core),
}
"""Title and table of each section."""


def write(result: Result, place: Path) -> None:
    """Write NAME.md."""
    facts = "".join(f"- {key}: {value}\n" for key, value in result.machine.items())
    pictures = "".join(
        f"![{alt}]({place.name}-{kind}.png)\n\n" for kind, alt in PICTURES.items() if any(result.of(kind))
    )
    place.with_suffix(".md").write_text(
        f"# Measured: {place.name}\n\n{facts}- meanwhile: {disturbed(result)}\n\n{pictures}{tables(result)}"
    )


def disturbed(result: Result) -> str:
    """Say in how many runs others took the core."""
    runs = [run for row in result.rows for run in row.runs]
    count = sum(crowd(run) > CROWDED for run in runs)
    if not count:
        return f"nobody else took more than {CROWDED:.0%} of the servers' core"
    return f"in {count} of {len(runs)} runs others took more than {CROWDED:.0%} of the servers' core"


def versions() -> dict[str, str]:
    """Return the versions of what a fleet uses."""
    found = {
        "PostgreSQL": _said("postgres", "--version"),
        "MariaDB": _said("mariadbd", "--version") or _said("/usr/sbin/mariadbd", "--version"),
        "Redis": _said("redis-server", "--version"),
    }
    drivers = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("asyncpg", "asyncmy", "redis"))
    return {name: text for name, text in found.items() if text} | {"drivers": drivers}


def _said(*argv: str) -> str:
    try:
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return next((word.removeprefix("v=") for word in said.split() if word.removeprefix("v=")[:1].isdigit()), said)


def _rooms(rooms: str | int) -> str:
    return "one room" if rooms == 1 else f"{rooms} rooms"


def _cell(value: float | None) -> str:
    return "–" if value is None else number(value)


def _whole(row: Row) -> str:
    """Say what was wrong, if anything was: the worst of the runs."""
    names = {
        "missing": "missing",
        "missing_acks": "acks missing",
        "refused": "refused",
        "disorder": "out of order",
        "lost": "cut",
    }
    worst = {told: max(run.get(key, 0.0) for run in row.runs) for key, told in names.items()}
    return ", ".join(f"{value:,.0f} {told}" for told, value in worst.items() if value) or "yes"


def _left_out(result: Result, part: str) -> str:
    notes: Sequence[str] = [
        f"- {', '.join(map(str, row.about.values()))}: {row.note}\n"
        for row in result.rows
        if row.part == part and row.note
    ]
    return "\nNot measured:\n\n" + "".join(notes) if notes else ""
