"""F8 and F36: the server is frozen (SIGSTOP) and goes on; the server is told to stop (SIGTERM) and starts again.

Nobody takes the node number of a single server while it is frozen, so a lapsed lease can be renewed.
"""

import asyncio
import random
from typing import Final

from madang_proof.faults.fault import ANYWHERE, Broken
from madang_proof.faults.probe import Probe, probing
from madang_proof.faults.watcher import Watcher, until, watching
from madang_proof.testbed.server import Server, answers
from madang_proof.testbed.testbed import Testbed

SHORTEST_S: Final = 0.5
LEAVE_S: Final = 30.0  # 10 s are promised, of a machine that is not busy; what waits for a peer waits longer than this
RESTART: Final = 1012


class Freeze:
    """Freeze the process for a while; its sockets stay open. Nothing sent before or meanwhile may be lost or doubled.

    Args:
        longest_s, least_s: for how long; beyond 30 s its lease has lapsed.
    """

    name = "freeze"
    number = "F8"
    title = "stop the server's process (SIGSTOP) for a while, and let it go on"
    needs = ANYWHERE

    def __init__(self, longest_s: float = 3.0, *, least_s: float = SHORTEST_S) -> None:
        self._longest_s = longest_s
        self._least_s = least_s

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server = testbed.server
        seconds = dice.uniform(self._least_s, self._longest_s)
        async with probing(server) as probe, watching(probe, server.direct_url) as watcher:
            watcher.send("before")
            server.pause()
            try:
                watcher.send("meanwhile")
                await asyncio.sleep(seconds)
            finally:
                server.resume()
            try:
                await self._look(server, probe, watcher)
            except Broken:
                if not server.running:
                    raise Broken(f"The server ended after it had stood still for {seconds:.1f} s.") from None
                raise
        return f"stood still for {seconds:.1f} s"

    async def _look(self, server: Server, probe: Probe, watcher: Watcher) -> None:
        await until(lambda: len(watcher.acked) == 2 or watcher.code, "an ack")
        if watcher.code is not None:  # the server may have taken the client for dead: resend
            await watcher.connect(server.direct_url)
            watcher.send("before")
            watcher.send("meanwhile")
            await until(lambda: len(watcher.acked) == 2, "an ack")
        found = [message["text"] for message in await probe.history()]
        if found != ["before", "meanwhile"]:
            raise Broken(f"Two messages were sent around a freeze, and these are there: {found}.")


class Drain:
    """Stop gracefully under load: all that was acked is kept, and every client is told when to reconnect, in time."""

    name = "drain"
    number = "F36"
    title = "end the server in order (SIGTERM) under load, and start it again"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server = testbed.server
        await asyncio.sleep(dice.uniform(0, SHORTEST_S))
        try:
            return await self._drain(testbed)
        finally:
            if not server.running:
                await server.start()

    async def _drain(self, testbed: Testbed) -> str:
        server = testbed.server
        async with probing(server) as probe, watching(probe, server.direct_url) as watcher:
            for i in range(20):
                watcher.send(f"drain-{i}")
            begun = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(LEAVE_S):
                    status = await server.stop()
            except TimeoutError:
                raise Broken(f"The server did not end within {LEAVE_S:.0f} s of SIGTERM.") from None
            took = asyncio.get_running_loop().time() - begun
            if status:
                raise Broken(f"The server ended with status {status} after SIGTERM.")
            await until(lambda: watcher.code is not None, "the end of the connection")
            if watcher.code != RESTART or not watcher.bye:
                raise Broken(f"A connection was closed with {watcher.code}, retry_ms {watcher.bye}, not with a bye.")
            acked = dict(watcher.acked)
            await server.start()
            there = {message["seq"]: message["text"] for message in await probe.history()}
            for cid, seq in acked.items():
                if there.get(seq) != cid:
                    raise Broken(f"{cid!r} was acked as {seq}, where {there.get(seq)!r} is after the restart.")
        if not await answers(server.port):
            raise Broken("The server does not answer after its restart.")
        return f"ended in {took:.1f} s, with {len(acked)} of 20 sends acked"
