"""F37: heavy but legal neighbours: a few clients ask for what costs much, as often as they may, also what they do not take.

The others are served meanwhile, and afterwards the server holds no more than before. What the neighbours say is in `floods`.
"""

import asyncio
import random
import sys
from collections import Counter
from typing import Final

from madang_proof.faults.fault import ANYWHERE, Broken
from madang_proof.faults.probe import probing
from madang_proof.faults.watcher import until, watching
from madang_proof.floods.kinds import KINDS
from madang_proof.floods.pouring import pour
from madang_proof.history.records import Sample
from madang_proof.testbed.samples import sample
from madang_proof.testbed.server import Server
from madang_proof.testbed.testbed import Testbed

SOCKETS: Final = 2  # of each kind
AT_ONCE: Final = 6  # kinds
RATE: Final = 4.0  # a second of each socket: a page of 200 rows counts as eleven commands, and 50 a second are allowed
HOLD_S: Final = 4.0
TICK_S: Final = 0.1  # between two messages of the client that stays calm
SLOWEST_S: Final = 2.0  # its ack may take, on a machine that does other work as well
RETURN_S: Final = 20.0  # until the server must hold no more than before
# What it may hold more afterwards than before. The clients of the run come and go meanwhile, on 28 connections; tails of rooms
# fill up to their bound, and an allocator seldom returns pages.
FILES: Final = 32
THREADS: Final = 16
TASKS: Final = 64
RSS_TIMES: Final = 1.25
RSS_BYTES: Final = 32 << 20


def grown(before: Sample, after: Sample) -> list[str]:
    """Return what a server holds more after a storm than it may, as sentences."""
    bounds = {
        "fds": before.fds + FILES,
        "threads": before.threads + THREADS,
        "tasks": before.tasks + TASKS,
        "rss": int(before.rss * RSS_TIMES) + RSS_BYTES,
    }
    return [
        f"{name} was {getattr(before, name):,} and is {getattr(after, name):,}; up to {bound:,} would be as before"
        for name, bound in bounds.items()
        if getattr(after, name) > bound
    ]


class Heavy:
    """Let a few clients do heavy work that is allowed, beside one who sends calmly."""

    name = "heavy"
    number = "F37"
    title = "let a few clients do what is allowed and costs much"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return None if sys.platform == "linux" else "It needs addresses 127.x.y.z and /proc."

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server, counted = testbed.server, Counter[str]()
        kinds = dice.sample(sorted(name for name, kind in KINDS.items() if not kind.compressed), AT_ONCE)
        async with probing(server) as probe, watching(probe, server.direct_url) as calm:
            before = await _sample(server)
            pouring = [
                asyncio.create_task(
                    pour(KINDS[name], server.port, SOCKETS, SOCKETS, counted, asyncio.Event(), block=block, rate=RATE)
                )
                for block, name in enumerate(kinds)
            ]
            loop = asyncio.get_running_loop()
            begun, said, slowest = loop.time(), 0, 0.0
            try:
                while loop.time() - begun < HOLD_S:
                    sent = loop.time()
                    await calm.send_acked(1, f"beside-{said}")
                    slowest, said = max(slowest, loop.time() - sent), said + 1
                    await asyncio.sleep(TICK_S)
            finally:
                for task in pouring:
                    task.cancel()
                await asyncio.gather(*pouring, return_exceptions=True)
            if slowest > SLOWEST_S:
                raise Broken(f"Beside {', '.join(kinds)}, an ack took {slowest:.1f} s.")
            after = await _returned(server, before)
        return (
            f"{', '.join(kinds)}: {counted['sent']} writes, {counted['taken']} taken, {counted['refused']} refused; slowest ack "
            f"beside {slowest:.2f} s; {before.rss >> 20} MiB and {before.fds} files before, {after.rss >> 20} and {after.fds} after"
        )


async def _sample(server: Server) -> Sample:
    taken: Sample = await until(lambda: sample(server, "storm"), "a sample of the server")
    return taken


async def _returned(server: Server, before: Sample) -> Sample:
    """Wait until the server holds no more than before, and return what it holds. Raise Broken, with what it holds too much."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while more := grown(before, after := await _sample(server)):
        if loop.time() - begun > RETURN_S:
            raise Broken(f"{RETURN_S:.0f} s after heavy neighbours, {'; '.join(more)}.")
        await asyncio.sleep(TICK_S)
    return after
