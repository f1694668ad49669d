"""F37: heavy but legal neighbours: clients ask for what costs much, as often as they may, also what they do not take.

The others are served meanwhile, and afterwards the server holds no more than before. What the neighbours say is in `floods`.
"""

import asyncio
import math
import random
import sys
from collections import Counter
from typing import Final

from madang_proof.faults.fault import ANYWHERE, Broken
from madang_proof.faults.probe import probing
from madang_proof.faults.watcher import Watcher, until, watching
from madang_proof.floods.kinds import KINDS
from madang_proof.floods.pouring import pour
from madang_proof.history.records import Sample
from madang_proof.testbed.samples import sample
from madang_proof.testbed.server import Server
from madang_proof.testbed.testbed import Testbed

AT_ONCE: Final = 6  # kinds
RATE: Final = 4.0  # a second of each socket: a page of 200 rows counts as eleven commands, and 50 a second are allowed
TOGETHER: Final = 200.0  # a second of all of a kind, at most: they share a process with the clients of the run
HOLD_S: Final = 4.0
REHEARSAL_S: Final = 1.0
TICK_S: Final = 0.1  # between two messages of the client that stays calm
SLOWEST_S: Final = 2.0  # its ack may take, on a machine that does other work as well
RETURN_S: Final = 20.0  # until the server must hold no more than before
# What it may hold more afterwards than before. The clients of the run come and go meanwhile, on 28 connections.
FILES: Final = 32
THREADS: Final = 16
TASKS: Final = 64
RSS_TIMES: Final = 1.05
RSS_BYTES: Final = 16 << 20
"""What clients of the run say meanwhile: events that are not in their table yet are up to 11 MB, and tails are filled."""


def grown(before: Sample, after: Sample, own: int = RSS_BYTES) -> list[str]:
    """Return what a server holds more after a storm than it may, as sentences.

    Args:
        own: bytes that others have filled meanwhile.
    """
    bounds = {
        "fds": before.fds + FILES,
        "threads": before.threads + THREADS,
        "tasks": before.tasks + TASKS,
        "rss": int(before.rss * RSS_TIMES) + own,
    }
    return [
        f"{name} was {getattr(before, name):,} and is {getattr(after, name):,}; up to {bound:,} would be as before"
        for name, bound in bounds.items()
        if getattr(after, name) > bound
    ]


class Heavy:
    """Let clients do heavy work that is allowed, beside one who sends calmly.

    Args:
        sockets: of each of AT_ONCE kinds.
    """

    name = "heavy"
    number = "F37"
    title = "let a few clients do what is allowed and costs much"
    needs = ANYWHERE

    def __init__(self, sockets: int = 2) -> None:
        self._sockets = sockets
        self._said = 0

    def unavailable(self) -> str | None:
        return None if sys.platform == "linux" else "It needs addresses 127.x.y.z and /proc."

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server, counted = testbed.server, Counter[str]()
        kinds = dice.sample(sorted(name for name, kind in KINDS.items() if not kind.compressed), AT_ONCE)
        async with probing(server) as probe, watching(probe, server.direct_url) as calm:
            # Tails, caches and pools fill up to their bounds once, and that is not what a flood leaves behind.
            await self._beside(server, kinds, calm, REHEARSAL_S, Counter())
            before = await taken(server)
            slowest = await self._beside(server, kinds, calm, HOLD_S, counted)
            if slowest > SLOWEST_S:
                raise Broken(f"Beside {', '.join(kinds)}, an ack took {slowest:.1f} s.")
            after = await returned(server, before)
        return (
            f"{', '.join(kinds)}: {counted['sent']} writes, {counted['taken']} taken, {counted['refused']} refused; slowest ack "
            f"beside {slowest:.2f} s; {before.rss >> 20} MiB and {before.fds} files before, {after.rss >> 20} and {after.fds} after"
        )

    async def _beside(
        self, server: Server, kinds: list[str], calm: Watcher, seconds: float, counted: Counter[str]
    ) -> float:
        """Let all kinds flood for some seconds; return the slowest ack of the calm client."""
        rate, pouring = min(RATE, TOGETHER / self._sockets), list[asyncio.Task[None]]()
        opened = [asyncio.Event() for _ in kinds]
        loop = asyncio.get_running_loop()
        slowest, ends = 0.0, math.inf
        try:
            for block, name in enumerate(kinds):
                where = (server.port, self._sockets, self._sockets)
                flood = pour(KINDS[name], *where, counted, opened[block], block=block, rate=rate)
                pouring.append(asyncio.create_task(flood))
            while loop.time() < ends:
                if ends == math.inf and all(event.is_set() for event in opened):
                    ends = loop.time() + seconds
                self._said += 1
                sent = loop.time()
                await calm.send_acked(1, f"beside-{self._said}")
                slowest = max(slowest, loop.time() - sent)
                await asyncio.sleep(TICK_S)
        finally:
            for task in pouring:
                task.cancel()
            await asyncio.gather(*pouring, return_exceptions=True)
        return slowest


async def taken(server: Server) -> Sample:
    """Take a sample, as soon as the server answers."""
    found: Sample = await until(lambda: sample(server, "storm"), "a sample of the server")
    return found


async def returned(server: Server, before: Sample, own: int = RSS_BYTES) -> Sample:
    """Wait until the server holds no more than before, and return what it holds. Raise Broken, with what it holds too much."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while more := grown(before, after := await taken(server), own):
        if loop.time() - begun > RETURN_S:
            raise Broken(f"{RETURN_S:.0f} s after heavy neighbours, {'; '.join(more)}.")
        await asyncio.sleep(TICK_S)
    return after
