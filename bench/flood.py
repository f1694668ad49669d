"""Flooders beside normal users: `python -m bench.flood [KIND …]`. Every kind of flood in turns with none, in one run.

20 users of one room talk, far below their limits, on a server with the limits it has by default. Turn by turn they are alone,
then beside a flood, then alone again. What counts is how much later the 99th of 100 messages comes: at most a tenth.
The server has core 0, the users and the flooders core 1. Results go to bench/results/NAME.md, .json and .png.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop
from websockets.uri import parse_uri

from bench.flooders import KINDS
from bench.plot import FLOOR, INK, MET
from bench.run import kinds_of, workplace
from bench.server import environment, madang
from bench.tools import BENCH, ROOT
from madang_proof.measuring.clients import LoadClients, Target
from madang_proof.measuring.figures import times
from madang_proof.measuring.process import usage
from madang_proof.measuring.publishing import publish

USERS: Final = 20
RATE: Final = 160.0  # messages a second of all users together; a user may send 10
SECONDS: Final = 2.8  # of a turn
CALM_S: Final = 0.5  # for the last turn's messages to be over
BUDGET: Final = 1.10  # times p99 without the flood
LOAD_CORE: Final = 1
Row = dict[str, Any]


@dataclass
class Side:
    """With the flood or without: all its turns together."""

    latency: list[float] = field(default_factory=list)  # ms, of every receipt
    p99s: list[float] = field(default_factory=list)  # of each turn
    cpu_s: float = 0.0
    seconds: float = 0.0
    incomplete: int = 0  # turns in which a normal user's message was refused, lost, doubled or out of order
    flood: Counter[str] = field(default_factory=Counter)

    def row(self) -> dict[str, Any]:
        found = times(self.latency)
        assert found is not None
        return {
            "p50": found.p50, "p99": found.p99, "max": found.max, "receipts": found.count, "p99s": self.p99s,
            "core_use": self.cpu_s / self.seconds, "incomplete": self.incomplete, "flood": dict(self.flood),
            "flood_seconds": self.seconds,
        }  # fmt: skip


async def _turn(clients: LoadClients, side: Side, kind: str | None, port: int) -> None:
    """Let the users talk for a turn, beside a flood or alone."""
    flood = None
    before, began = usage(clients.target.pid), time.monotonic()
    if kind is not None:
        argv = [sys.executable, "-m", "bench.flooders", kind, str(port), clients.room(0), str(SECONDS)]
        flood = await asyncio.create_subprocess_exec(
            "taskset", "-c", str(LOAD_CORE), *argv, cwd=ROOT, env=environment(), stdout=subprocess.PIPE
        )
        assert flood.stdout is not None
        await asyncio.wait_for(flood.stdout.readline(), 30)  # it is under way
    try:
        figures = await publish(clients, "flood", USERS, RATE, SECONDS, lambda *_: None)
    finally:
        if flood is not None:
            told, _ = await asyncio.wait_for(flood.communicate(), 30)
            side.flood.update(json.loads(told))
    after = usage(clients.target.pid)
    assert before and after and figures.latency
    side.latency += clients.latency
    side.p99s.append(figures.latency.p99)
    side.cpu_s += after.cpu_s - before.cpu_s
    side.seconds += time.monotonic() - began
    side.incomplete += not figures.complete
    await asyncio.sleep(CALM_S)


async def _measure(kinds: list[str], repeat: int, port: int, pid: int) -> dict[str, tuple[Side, Side]]:
    sides = {kind: (Side(), Side()) for kind in kinds}
    clients = LoadClients(Target(parse_uri(f"ws://127.0.0.1:{port}/ws"), None, pid), USERS, USERS)
    try:
        await clients.open(lambda _: None)
        await _turn(clients, Side(), None, port)  # a rehearsal
        for turn in range(repeat):
            for kind, (alone, beside) in sides.items():
                await _turn(clients, alone, None, port)
                await _turn(clients, beside, kind, port)
                print(
                    f"{turn + 1}/{repeat} {kind}: p99 {alone.p99s[-1]:.2f} -> {beside.p99s[-1]:.2f} ms; {dict(beside.flood)}",
                    file=sys.stderr,
                )
    finally:
        await clients.close()
    return sides


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)} (all)")
    parser.add_argument("--name", default="local-flood", help="name of the result files (local-flood)")
    parser.add_argument("--repeat", type=int, default=5, help="turns of each kind, with and without (5: six minutes)")
    parser.add_argument("--now", action="store_true", help="do not wait for a quiet machine")
    options = parser.parse_args()
    kinds = kinds_of(parser, options.kinds, KINDS)
    with workplace("flood", options.now) as (scratch, facts), madang(scratch, load_test=False) as server:
        sides = uvloop.run(_measure(kinds, options.repeat, server.port, server.pid))
    rows = {kind: {"alone": alone.row(), "beside": beside.row()} for kind, (alone, beside) in sides.items()}
    place = BENCH / "results" / options.name
    place.with_suffix(".json").write_text(json.dumps({"machine": facts, "runs": rows}, indent=1) + "\n")
    text = page(options.name, facts, rows)
    place.with_suffix(".md").write_text(text)
    draw(rows, place.with_suffix(".png"))
    print(f"{text}\nwritten: bench/results/{options.name}.md, .json, .png")


def ratios(row: Row) -> list[float]:
    """Return p99 beside the flood over p99 alone, for each pair of turns: what moves with the machine moves in both."""
    return [beside / alone for alone, beside in zip(row["alone"]["p99s"], row["beside"]["p99s"], strict=True)]


def ratio(row: Row) -> float:
    """Return the figure that is held against the budget."""
    return statistics.median(ratios(row))


def noise(rows: dict[str, Row]) -> float:
    """Return how far the p99 of users whom nobody floods differs from one turn to the next, up or down: the median."""
    alone = [p99 for turn in zip(*(row["alone"]["p99s"] for row in rows.values()), strict=True) for p99 in turn]
    return statistics.median(max(a / b, b / a) for a, b in itertools.pairwise([*alone, alone[0]]))


def verdict(row: Row, rows: dict[str, Row]) -> str:
    """Say whether the budget is kept, or that one turn without a flood differs as much from the next."""
    if ratio(row) <= BUDGET:
        return "met"
    return "cannot be told" if ratio(row) <= noise(rows) else "**missed**"


def page(name: str, facts: dict[str, str], rows: dict[str, Row]) -> str:
    """Write the figures as a page."""
    lines = []
    for kind, row in rows.items():
        alone, beside, flood = row["alone"], row["beside"], row["beside"]["flood"]
        seconds = beside["flood_seconds"]
        closed = sum(count for what, count in flood.items() if what.startswith("closed"))
        commands = flood.get("sent", 0)
        cost = (beside["core_use"] - alone["core_use"]) * seconds * 1e6 / (commands or 1)
        cells = [
            f"{KINDS[kind].title} (`{kind}`)", f"{commands / seconds:,.0f}", f"{flood.get('taken', 0) / seconds:,.0f}",
            f"{flood.get('refused', 0) / seconds:,.0f}", f"{closed / seconds:.1f}",
            f"{alone['p50']:.2f} → {beside['p50']:.2f}", f"{alone['p99']:.2f} → {beside['p99']:.2f}",
            f"{ratio(row):.2f} ({min(ratios(row)):.2f}–{max(ratios(row)):.2f})", verdict(row, rows),
            f"{alone['core_use']:.1%} → {beside['core_use']:.1%}", f"{cost:.0f}",
            "yes" if not beside["incomplete"] else f"**not in {beside['incomplete']} turns**",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    head = (
        "| the flood | commands/s | taken/s | refused/s | closed/s | users' p50 ms | users' p99 ms | ratio | ≤ 1.10 "
        "| server's core | CPU µs per command | users' messages complete |"
    )
    return (
        f"# Flooders beside normal users ({name})\n\n"
        + "".join(f"- {key}: {value}\n" for key, value in facts.items())
        + f"- {USERS} users of one room send {RATE:g} messages a second together, on a server with its usual limits; turns of {SECONDS:g} s "
        "without and with each flood, all turns of a kind together\n"
        "- server on core 0; users and flooders on core 1, the flooders at the lowest priority\n"
        "- times are of all turns of a kind together; the ratio is the median of those of each pair of turns (lowest–highest)\n"
        f"- one turn without a flood and the next differ by a factor of {noise(rows):.2f} (median)\n\n"
        f"![p99 without and with each flood]({name}.png)\n\n{head}\n{'| --- ' * head.count(' | ')}| --- |\n"
        + "\n".join(lines)
        + "\n\n"
        "`commands/s` is what got into the socket: a flooder that is closed waits a second or, if it is one that comes back at\n"
        "once, shakes hands again; one who is not read is held up by TCP.\n\n"
        f"## Command\n\n```sh\n.venv/bin/python -m bench.flood --name {name}\n```\n"
    )


def draw(rows: dict[str, Row], path: Path) -> None:
    """Draw p99 without and with each flood, every turn as a dot."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure: Any
    figure, axes = plt.subplots(figsize=(10, 4.6), layout="constrained")
    for offset, side, colour, label in ((-0.2, "alone", FLOOR, "alone"), (0.2, "beside", MET, "beside the flood")):
        places = [place + offset for place in range(len(rows))]
        axes.bar(places, [row[side]["p99"] for row in rows.values()], 0.38, color=colour, label=label)
        for place, row in zip(places, rows.values(), strict=True):
            axes.plot([place] * len(row[side]["p99s"]), row[side]["p99s"], ".", color=INK, ms=4)
    for place, row in enumerate(rows.values()):
        top = max(*row["alone"]["p99s"], *row["beside"]["p99s"])
        axes.annotate(f"× {ratio(row):.2f}", (place, top), (0, 4), textcoords="offset points", ha="center", color=INK)
    axes.set_xticks(range(len(rows)), list(rows))
    axes.set_ylabel("p99 of 20 normal users, ms")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
