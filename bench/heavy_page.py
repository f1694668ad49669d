"""The figures of `bench/heavy.py` as a table, and the part of docs/reference/performance.md that has them.

`python -m bench.heavy_page` rewrites that part from bench/results/heavy.json; a run named `heavy` does so by itself.
"""

import itertools
import json
import statistics
from pathlib import Path
from typing import Any, Final

from bench.report import put, table
from bench.tools import BENCH, ROOT
from madang_proof.floods.kinds import KINDS

NAME: Final = "heavy"
PLACE: Final = BENCH / "results" / f"{NAME}.json"
PAGE: Final = ROOT / "docs/reference/performance.md"
BEGIN, END = "<!-- made by `python -m bench.heavy_page` -->\n", "<!-- end of heavy -->\n"
BUDGET: Final = 1.25  # times p99 of the users alone
BACK: Final = 1.05  # times what was resident before a flood, after it
Row = dict[str, Any]


def ratio(beside: Row) -> float:
    """Return the figure that is held against the budget: the median of the turns, each against the one alone before it."""
    return float(statistics.median(beside["ratios"]))


def noise(rows: dict[str, Row]) -> str:
    """Return by how much the users' p99 differs from one turn alone to the next, up or down: the median; nothing where each is alone."""
    pairs = [pair for row in rows.values() for pair in itertools.pairwise(row["alone"]["p99s"])]
    if not pairs:
        return ""
    return f"; one turn alone and the next differ by a factor of {statistics.median(max(a / b, b / a) for a, b in pairs):.2f} (median)"


def told(alone: Row, beside: Row) -> str:
    """Say in one line what a turn gave, while the run goes on."""
    return (
        f"p50 {alone['p50']:.2f} -> {beside['p50']:.2f}, p99 {alone['p99']:.2f} -> {beside['p99']:.2f} ms "
        f"(load tool late {beside['late']:.2f}); {beside['core_use']:.0%} of the core; {_memory(beside)} MB; {beside['flood']}"
    )


def lines(rows: dict[str, Row]) -> list[tuple[str, ...]]:
    """Return a line for each flood."""
    return [(*_line(kind, row["alone"], beside), _when(row)) for kind, row in rows.items() for beside in row["beside"]]


def _line(kind: str, alone: Row, beside: Row) -> tuple[str, ...]:
    flood = beside["flood"]
    closed = sum(count for what, count in flood.items() if what.startswith("closed"))
    away = flood.get("turned away", 0) + flood.get("not connected", 0)
    return (
        f"{KINDS[kind].title} (`{kind}`)", _who(beside), f"{flood.get('sent', 0):,}",
        f"{flood.get('taken', 0):,} / {flood.get('refused', 0):,} / {closed:,} / {away:,}",
        f"{alone['p50']:.2f} → {beside['p50']:.2f}", f"{alone['p99']:.2f} → {beside['p99']:.2f}",
        _cell(beside),
        f"{alone['late']:.2f} → {beside['late']:.2f}", f"{alone['core_use']:.0%} → {beside['core_use']:.0%}", _memory(beside),
        f"{beside['before']['files']} → {beside['after']['files']}", "yes" if beside["complete"] else "**no**",
    )  # fmt: skip


def _cell(beside: Row) -> str:
    """Return the ratio, bold where it is over the budget or messages were lost."""
    held = ratio(beside) <= BUDGET and beside["complete"]
    return f"{ratio(beside):.2f}" if held else f"**{ratio(beside):.2f}**"


def _who(beside: Row) -> str:
    return f"{beside['sockets']}, {'an address each' if beside['many'] else 'one address'}"


def _memory(beside: Row) -> str:
    before, during, after = beside["before"]["resident"], beside["during"], beside["after"]["resident"]
    text = f"{before / 2**20:.0f} → {during / 2**20:.0f} → {after / 2**20:.0f}"
    return text if after <= before * BACK else f"**{text}**"


_HEAD: Final = (
    "the flood", "sockets", "writes", "answers ok / refused / closed / turned away", "users' p50 ms", "users' p99 ms",
    f"ratio of p99, ≤ {BUDGET}", "of it the load tool's own", "server's core", "MB before → during → after", "files before → after",
    "users' messages complete", "measured",
)  # fmt: skip


def _when(row: Row) -> str:
    """Return a sentence on when a kind was measured, of which commit, and whether the machine was quiet."""
    turns = max(len(beside["ratios"]) for beside in row["beside"])
    return f"{row['measured'][:10]}, {row['commit']}, {turns} ×{'' if row['quiet'] else ', beside other work'}"


def _rest(row: Row) -> str:
    """Return what a server held before all floods of a kind, and at rest after them; nothing where that was not looked at."""
    if "rest" not in row:
        return ""
    before, rest = row["beside"][0]["before"]["resident"], row["rest"]["resident"]
    text = f"{before / 2**20:.0f} → {rest / 2**20:.0f}"
    return text if rest <= before * BACK else f"**{text}**"


def page(name: str, facts: dict[str, str], rows: dict[str, Row]) -> str:
    """Return all of it as a page."""
    return (
        f"# Heavy neighbours beside calm users ({name})\n\n"
        + "".join(f"- {key}: {value}\n" for key, value in facts.items())
        + "- 20 users of one room send 160 messages a second together, on a server with its usual limits; times are from when a message\n"
        "  was due to its ack, alone → beside the flood, the median of all turns\n"
        "- each flood has turns of 2.5 s, 400 messages each; the ratio is the median of those of its turns, each against the turn alone just\n"
        f"  before{noise(rows)}\n"
        "- server on core 0; users and flooders on core 1, the flooders at the lowest priority; a server for each kind\n"
        "- a flood: at most 2,000 writes and 16 MB a second of all its sockets together, 48 writes a second of each; whoever is\n"
        "  closed comes back after a second\n"
        "- memory and files: before the first turn, in the last moment of one (the most), a second after the last one; a rehearsal by the\n"
        "  most sockets goes before, in which what is bounded fills up once (tails of rooms, caches, pools)\n\n"
        f"{table(_HEAD, lines(rows))}\n"
        f"## Command\n\n```sh\n.venv/bin/python -m bench.heavy --name {name}\n```\n"
    )


def part(result: dict[str, Any]) -> str:
    """Return the part of the page of performance: for each kind, the ratios of p99, and the memory before all and at rest after all."""
    rows: dict[str, Row] = result["runs"]
    sides = [(beside["sockets"], beside["many"]) for beside in next(iter(rows.values()))["beside"]]
    head = (
        "the flood",
        *(f"{count}, {'an address each' if many else 'one address'}" for count, many in sides),
        "MB, then at rest",
        "measured",
    )
    body = []
    for kind, row in rows.items():
        found = {(beside["sockets"], beside["many"]): beside for beside in row["beside"]}
        cells = [_cell(found[side]) if side in found else "" for side in sides]
        body.append((f"{KINDS[kind].title} (`{kind}`)", *cells, _rest(row), _when(row)))
    every = [(row["alone"], beside) for row in rows.values() for beside in row["beside"]]
    held = sum(not _cell(beside).startswith("*") for _, beside in every)
    return (
        f"{held} of {len(every)} floods are within the budget of {BUDGET} ×; those that are not are in bold. The users alone had a p99 of "
        f"{min(alone['p99'] for alone, _ in every):.1f} to {max(alone['p99'] for alone, _ in every):.1f} ms{noise(rows)}. Users and flooders share "
        "a core, and what the load tool itself was late is part of the figures "
        f"(p99 up to {max(beside['late'] for _, beside in every):.1f} ms beside a flood, {max(alone['late'] for alone, _ in every):.1f} ms without).\n\n"
        f"{table(head, body)}\n"
        f"All of it, with the server's CPU and its open files: [results/{NAME}.md](../../bench/results/{NAME}.md).\n"
    )


def write(page: Path = PAGE, place: Path = PLACE) -> None:
    """Put the part into the page."""
    put(page, BEGIN, END, part(json.loads(place.read_text())))


if __name__ == "__main__":
    write()
