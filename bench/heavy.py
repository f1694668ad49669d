"""Heavy neighbours beside calm users: `python -m bench.heavy [KIND …]`. Legal work that costs much, by many sockets.

20 users of one room talk, far below their limits, on a server with the limits it has by default: alone, then beside 8 sockets
that flood it, from one address and from an address each; alone again, beside 50, alone, beside 500; and all that REPEAT times.
A turn beside a flood is held against the turn alone just before it, and what counts is the median over the repetitions. Every
kind has a server of its own, so that what one leaves behind is not counted for the next. The server has core 0, the users and
the flooders core 1. Results go to bench/results/NAME.md and .json, beside those of other kinds that are there already with
--add; those named `heavy` also into docs/reference/performance.md. `flood.py` has floods of single people who do too much.
"""

import argparse
import asyncio
import itertools
import json
import os
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

from bench import heavy_page
from bench.run import kinds_of, workplace
from bench.server import Server, environment, madang
from bench.tools import BENCH, ROOT
from madang_proof.floods.kinds import KINDS
from madang_proof.measuring.clients import LoadClients, Target
from madang_proof.measuring.process import usage
from madang_proof.measuring.publishing import publish

USERS: Final = 20
RATE: Final = 160.0  # messages a second of all users together; a user may send 10
SECONDS: Final = 2.5  # of a turn
LONGER_S: Final = 0.5  # that a flood goes on after the last message, so that each is sent beside it
SETTLE_S: Final = 1.0  # after a flood
REST_S: Final = 12.0  # after all floods of a kind: the server looks every 5 s whether to give memory back
SOCKETS: Final = (8, 50, 500)
LOAD_CORE: Final = 1
Row = dict[str, Any]


@dataclass
class Side:
    """The users alone, or beside one flood. Times are of each turn, in ms, from when a message was due to its ack."""

    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    tool_p99s: list[float] = field(
        default_factory=list
    )  # p99 of how late the load tool itself was: its own part of them
    ratios: list[float] = field(default_factory=list)  # of p99, to that of the turn alone just before
    count: int = 0
    cpu_s: float = 0.0
    seconds: float = 0.0
    complete: bool = True
    flood: Counter[str] = field(default_factory=Counter)
    before: Row = field(default_factory=dict)  # what the server held before the first turn
    during: int = 0  # resident bytes in the last moment of a turn, the most
    after: Row = field(default_factory=dict)  # what it held a while after the last turn

    async def talk(self, clients: LoadClients, seconds: float = SECONDS) -> None:
        """Let the users talk for a turn."""
        pid = clients.target.pid
        before, began = usage(pid), time.monotonic()
        figures = await publish(clients, "heavy", USERS, RATE, seconds, lambda *_: None)
        after = usage(pid)
        assert before and after and figures.ack
        self.p50s.append(figures.ack.p50)
        self.p99s.append(figures.ack.p99)
        self.tool_p99s.append(figures.generator_late_ms)
        self.count += figures.ack.count
        self.cpu_s += after.cpu_s - before.cpu_s
        self.seconds += time.monotonic() - began
        self.complete &= figures.complete
        self.during = max(self.during, after.resident)

    async def beside(
        self, clients: LoadClients, kind: str, sockets: int, many: bool, block: int, alone: "Side | None" = None
    ) -> None:
        """Measure a turn of the users beside a flood; it is compared with their last turn alone."""
        self.before = self.before or _held(clients.target.pid)
        where = (str(clients.target.uri.port), str(sockets), str(sockets if many else 1))
        flood = await asyncio.create_subprocess_exec(
            # Idle class: what the flooders cost their own core must not be counted as the users' latency. It tripled their p99.
            *("taskset", "-c", str(LOAD_CORE), "chrt", "--idle", "0", sys.executable, "-m", "madang_proof.floods", kind, *where),
            *(str(SECONDS + LONGER_S), str(block)),
            cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
        )  # fmt: skip
        assert flood.stdout is not None
        await asyncio.wait_for(flood.stdout.readline(), 30)  # it is under way
        try:
            await self.talk(clients)
        finally:
            told, _ = await asyncio.wait_for(flood.communicate(), 60)
        self.flood.update(json.loads(told))
        if alone is not None:
            self.ratios.append(self.p99s[-1] / alone.p99s[-1])
        await asyncio.sleep(SETTLE_S)
        self.after = _held(clients.target.pid)

    def row(self) -> Row:
        """Return all of it as plain data."""
        return {
            "p50": statistics.median(self.p50s), "p99": statistics.median(self.p99s), "late": statistics.median(self.tool_p99s),
            "ratios": self.ratios, "p99s": self.p99s, "count": self.count, "core_use": self.cpu_s / self.seconds,
            "complete": self.complete, "flood": dict(self.flood), "before": self.before, "during": self.during,
            "after": self.after,
        }  # fmt: skip


def _held(pid: int | None) -> Row:
    """Return what a process holds: resident bytes and open files."""
    found = usage(pid)
    assert found is not None
    return {"resident": found.resident, "files": len(os.listdir(f"/proc/{pid}/fd"))}


async def _measure(kind: str, sockets: list[int], repeat: int, server: Server) -> Row:
    clients = LoadClients(Target(parse_uri(f"ws://127.0.0.1:{server.port}/ws"), None, server.pid), USERS, USERS)
    alone = Side()
    sides = {(count, many): Side() for count in sockets for many in (False, True)}
    blocks = itertools.count()  # of addresses: who was refused in one turn begins the next as somebody else
    try:
        await clients.open(lambda _: None)
        # A rehearsal: tails, caches and pools fill up to their bounds once, and that is not what a flood leaves behind.
        await Side().beside(clients, kind, max(sockets), True, next(blocks))
        for _ in range(repeat):
            for (count, many), side in sides.items():
                if not many:
                    await alone.talk(clients)
                await side.beside(clients, kind, count, many, next(blocks), alone)
                print(f"{kind} {count}: {heavy_page.told(alone.row(), side.row())}", file=sys.stderr)
        await asyncio.sleep(REST_S)
        rest = _held(server.pid)
    finally:
        await clients.close()
    beside = [{"sockets": count, "many": many, **side.row()} for (count, many), side in sides.items()]
    return {"alone": alone.row(), "beside": beside, "rest": rest}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.heavy", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)} (all)")
    parser.add_argument("--name", default="local-heavy", help="name of the result files (local-heavy)")
    parser.add_argument("--sockets", type=int, nargs="+", default=list(SOCKETS), help="how many flood (8 50 500)")
    parser.add_argument("--quick", action="store_true", help="8 sockets only, eight minutes instead of thirty")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each flood (3: thirty minutes)")
    parser.add_argument("--add", action="store_true", help="keep what the result files have of other kinds")
    parser.add_argument("--now", action="store_true", help="do not wait for a quiet machine")
    options = parser.parse_args()
    kinds = kinds_of(parser, options.kinds, KINDS)
    sockets = [8] if options.quick else options.sockets
    place = BENCH / "results" / options.name
    rows: dict[str, Row] = json.loads(place.with_suffix(".json").read_text())["runs"] if options.add else {}
    with workplace("heavy", options.now) as (scratch, facts):
        for kind in kinds:
            folder = scratch / kind
            folder.mkdir()
            config = folder / "madang.toml"
            config.write_text(f"compression = {'true' if KINDS[kind].compressed else 'false'}\n")
            os.sched_setaffinity(0, {LOAD_CORE})
            with madang(folder, ("--config", str(config)), load_test=False) as server:
                rows[kind] = uvloop.run(_measure(kind, sockets, options.repeat, server))
            rows[kind] |= {"measured": facts["measured"], "commit": facts["commit"], "quiet": not options.now}
            _write(place, facts, {each: rows[each] for each in KINDS if each in rows})
    print(f"{place.with_suffix('.md').read_text()}\nwritten: bench/results/{options.name}.md, .json")


def _write(place: Path, facts: dict[str, str], rows: dict[str, Row]) -> None:
    place.with_suffix(".json").write_text(json.dumps({"machine": facts, "runs": rows}, indent=1) + "\n")
    place.with_suffix(".md").write_text(heavy_page.page(place.name, facts, rows))
    if place.name == heavy_page.NAME:
        heavy_page.write()


if __name__ == "__main__":
    main()
