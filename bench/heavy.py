"""Heavy neighbours beside calm users: `python -m bench.heavy [KIND …]`. Legal work that costs much, by many sockets.

20 users of one room talk, far below their limits, on a server with the limits it has by default: alone, then beside 8, 50 and
500 sockets that flood it, from one address and from an address each, then alone again. Every kind has a server of its own, so that
what one leaves behind is not counted for the next. The server has core 0, the users and the flooders core 1. Results go to
bench/results/NAME.md and .json; those named `heavy` also into docs/reference/performance.md. `flood.py` has floods of
single people who do too much.
"""

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop
from websockets.uri import parse_uri

from bench import heavy_page
from bench.run import kinds_of, workplace
from bench.server import Server, environment, madang
from bench.tools import BENCH, ROOT
from madang_proof.floods.kinds import KINDS
from madang_proof.measuring.clients import LoadClients, Target
from madang_proof.measuring.figures import times
from madang_proof.measuring.process import usage
from madang_proof.measuring.publishing import publish

USERS: Final = 20
RATE: Final = 160.0  # messages a second of all users together; a user may send 10
SECONDS: Final = 2.5  # of a turn
LONGER_S: Final = 0.5  # that a flood goes on after the last message, so that each is sent beside it
SETTLE_S: Final = 1.0  # after a flood
SOCKETS: Final = (8, 50, 500)
LOAD_CORE: Final = 1
Row = dict[str, Any]


@dataclass
class Side:
    """The users alone, or beside one flood: all its turns together."""

    latency: list[float] = field(default_factory=list)  # ms, from when a message was due to its ack
    late: float = 0.0  # ms, p99 of how late the load tool itself was: what is its own part of the latency
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
        assert before and after
        self.latency += clients.ack
        self.late = max(self.late, figures.generator_late_ms)
        self.cpu_s += after.cpu_s - before.cpu_s
        self.seconds += time.monotonic() - began
        self.complete &= figures.complete
        self.during = max(self.during, after.resident)

    async def beside(self, clients: LoadClients, kind: str, sockets: int, many: bool, block: int) -> None:
        """Let the users talk for a turn beside a flood."""
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
        await asyncio.sleep(SETTLE_S)
        self.after = _held(clients.target.pid)

    def row(self) -> Row:
        """Return all of it as plain data."""
        found = times(self.latency)
        assert found is not None
        return {
            "p50": found.p50, "p99": found.p99, "count": found.count, "late": self.late, "core_use": self.cpu_s / self.seconds,
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
        await Side().beside(clients, kind, min(sockets), True, next(blocks))
        for _ in range(repeat):
            await alone.talk(clients)
            for (count, many), side in sides.items():
                await side.beside(clients, kind, count, many, next(blocks))
                print(f"{kind} {count}: {heavy_page.told(alone.row(), side.row())}", file=sys.stderr)
        await alone.talk(clients)
    finally:
        await clients.close()
    beside = [{"sockets": count, "many": many, **side.row()} for (count, many), side in sides.items()]
    return {"alone": alone.row(), "beside": beside}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.heavy", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)} (all)")
    parser.add_argument("--name", default="local-heavy", help="name of the result files (local-heavy)")
    parser.add_argument("--sockets", type=int, nargs="+", default=list(SOCKETS), help="how many flood (8 50 500)")
    parser.add_argument("--quick", action="store_true", help="8 sockets only, three minutes instead of eight")
    parser.add_argument("--repeat", type=int, default=1, help="turns of each flood (1: eight minutes)")
    parser.add_argument("--now", action="store_true", help="do not wait for a quiet machine")
    options = parser.parse_args()
    kinds = kinds_of(parser, options.kinds, KINDS)
    sockets = [8] if options.quick else options.sockets
    rows = {}
    with workplace("heavy", options.now) as (scratch, facts):
        for kind in kinds:
            folder = scratch / kind
            folder.mkdir()
            config = folder / "madang.toml"
            config.write_text(f"compression = {'true' if KINDS[kind].compressed else 'false'}\n")
            os.sched_setaffinity(0, {LOAD_CORE})
            with madang(folder, ("--config", str(config)), load_test=False) as server:
                rows[kind] = uvloop.run(_measure(kind, sockets, options.repeat, server))
    place = BENCH / "results" / options.name
    place.with_suffix(".json").write_text(json.dumps({"machine": facts, "runs": rows}, indent=1) + "\n")
    text = heavy_page.page(options.name, facts, rows)
    place.with_suffix(".md").write_text(text)
    if options.name == heavy_page.NAME:
        heavy_page.write()
    print(f"{text}\nwritten: bench/results/{options.name}.md, .json")


if __name__ == "__main__":
    main()
