"""F35: thousands of clients that were cut off at once reconnect at once, to the same server or away from a dead node.

All are back in bounded time, the log is not read for each of them, and clients that stayed are served meanwhile. The
clients are in `reconnecting.py`.
"""

import asyncio
import random
from typing import Final

from madang_proof.faults.fault import ANYWHERE, NODES, Broken, started_again
from madang_proof.faults.probe import probing
from madang_proof.faults.reconnecting import ReconnectingClients
from madang_proof.faults.watcher import Watcher, metric, until, watching
from madang_proof.load.open_files import allow_open_files, most_open_files
from madang_proof.testbed.server import Server
from madang_proof.testbed.testbed import Testbed

MISSED: Final = 250  # events to resume over: more than a room keeps in memory, so that the log must be read
WITHIN_S: Final = 1.0  # in which all reconnect
FILES: Final = 500  # open files besides those of the clients
TICK_S: Final = 0.1  # between two messages of the client that stayed


class Storm:
    """Cut many clients of one room off, and let them reconnect at once.

    Args:
        count: how many of them.
        back_s: seconds until all must be back.
    """

    name = "storm"
    number = "F35"
    title = "let many clients reconnect within a second"
    needs = ANYWHERE

    def __init__(self, count: int = 300, back_s: float = 20.0) -> None:
        self._count = count
        self._back_s = back_s

    def unavailable(self) -> str | None:
        return _too_few_files(self._count)

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        allow_open_files(self._count + FILES)
        async with probing(testbed.server) as probe, watching(probe, testbed.server.direct_url) as stayed:
            clients = ReconnectingClients([testbed.server.direct_url], probe, stayed.epoch, self._count, dice)
            try:
                return await self._inject(testbed, stayed, clients)
            finally:
                clients.close()

    async def _inject(self, testbed: Testbed, stayed: Watcher, clients: ReconnectingClients) -> str:
        clients.connect(spread_s=self._count / 1000)
        await until(lambda: clients.back, "every client before the storm", self._back_s + self._count / 500)
        clients.disconnect()
        await stayed.send_acked(MISSED, "missed")
        before = await _counts(testbed.server)
        clients.connect(spread_s=WITHIN_S)
        took, slowest = await _all_back(clients, stayed, self._back_s)
        return _summary(before, await _counts(testbed.server), self._count, took, slowest)


class Exodus:
    """Kill a node with many clients: all connect to the other nodes at once, and have missed events to receive.

    Args:
        count: how many of them.
        back_s: seconds until all must be back.
    """

    name = "exodus"
    number = "F35"
    title = "kill -9 a node with many clients, which all connect to the others"
    needs = NODES

    def __init__(self, count: int = 300, back_s: float = 20.0) -> None:
        self._count = count
        self._back_s = back_s

    def unavailable(self) -> str | None:
        return _too_few_files(self._count)

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        allow_open_files(self._count + FILES)
        server = testbed.server
        async with probing(testbed.others[0]) as probe, watching(probe, testbed.others[0].direct_url) as stayed:
            clients = ReconnectingClients([server.direct_url], probe, stayed.epoch, self._count, dice)
            try:
                clients.connect(spread_s=self._count / 1000)
                await until(lambda: clients.back, "every client before the exodus", self._back_s + self._count / 500)
                await stayed.send_acked(MISSED, "said")
                before = await _counts(*testbed.others)
                clients.urls = [other.direct_url for other in testbed.others]
                await server.kill()
                took, slowest = await _all_back(clients, stayed, self._back_s)
                after = await _counts(*testbed.others)
            finally:
                clients.close()
                if not server.running:
                    await started_again(server, "kill -9")
        return _summary(before, after, self._count, took, slowest, nodes=len(testbed.others))


async def _counts(*servers: Server) -> tuple[float, float]:
    """Return how often servers have read the log, and how often they have turned a client away."""
    reads = [await metric(server, "madang_log_reads_total") for server in servers]
    return sum(reads), sum([await metric(server, "madang_turned_away_total") for server in servers])


def _summary(
    before: tuple[float, float], after: tuple[float, float], count: int, took: float, slowest: float, nodes: int = 1
) -> str:
    """Sum up. Raise Broken where the log was read for each client."""
    reads, away = (there - here for here, there in zip(before, after, strict=True))
    if reads > nodes * 50 + count / 10:
        raise Broken(f"The log was read {reads:.0f} times for {count} clients that came back to one room.")
    return (
        f"{count} were back after {took:.1f} s, {away:.0f} turned away on the way, {reads:.0f} reads of the log; "
        f"slowest ack meanwhile {slowest:.1f} s"
    )


def _too_few_files(count: int) -> str | None:
    most = most_open_files()
    return None if most >= count + FILES else f"Only {most} files may be open (ulimit -Hn)."


async def _all_back(clients: ReconnectingClients, stayed: Watcher, within_s: float) -> tuple[float, float]:
    """Wait until all are back, while the client that stayed goes on sending. Raise Broken.

    Return how many seconds it took, and the slowest ack.
    """
    loop = asyncio.get_running_loop()
    begun, said, slowest = loop.time(), 0, 0.0
    while not clients.back:
        if loop.time() - begun > within_s:
            raise Broken(f"{clients.missing} of {len(clients.all)} were not back within {within_s:.0f} s.")
        sent = loop.time()
        await stayed.send_acked(1, f"meanwhile-{said}")
        slowest, said = max(slowest, loop.time() - sent), said + 1
        await asyncio.sleep(TICK_S)
    if gap := stayed.gap():
        raise Broken(f"For the client that stayed, {gap}.")
    if clients.anomalies:
        raise Broken(f"Among the clients that came back: {dict(clients.anomalies)}.")
    return loop.time() - begun, slowest
