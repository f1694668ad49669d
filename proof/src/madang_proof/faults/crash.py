"""F2 to F4: kill -9 at four named points between the steps of an append (`madang_proof.testbed.crashing`).

One message, in whose batch the server dies, tells what must hold. Sent again under its cid it has the id and seq that it
had, and is a `duplicate`; if it had not been committed, it takes the seq that it would have had. Whether members receive
it in order, and what the crash did to other messages of that batch, is judged by the history.
"""

import asyncio
import random
import signal
from typing import Final

import httpx2

from madang_proof.faults.fault import ANYWHERE, EMBEDDED, Broken, started_again
from madang_proof.faults.probe import Probe, probing
from madang_proof.testbed import crashing
from madang_proof.testbed.testbed import Testbed

WITHIN_S: Final = 0.5  # the fatal message is sent within this time
DEATH_S: Final = 20.0


class Crash:
    """Die at one of `crashing.POINTS`."""

    def __init__(self, name: str, number: str, point: str, title: str, needs: frozenset[str] = ANYWHERE) -> None:
        self.name = name
        self.number = number
        self.title = title
        self.needs = needs
        self._point = point

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server = testbed.server
        async with probing(server) as probe:
            first = await probe.surely_send("first", "before the crash")
            server.launcher = ("madang_proof.testbed.crashing", self._point)
            try:
                await server.restart()
                await asyncio.sleep(dice.uniform(0, WITHIN_S))
                cid = f"{crashing.MARK}{self._point}"
                try:
                    ack = await probe.send(cid, "fatal")
                except httpx2.HTTPError:
                    ack = None
                status = await server.ended(DEATH_S)
            except TimeoutError:
                raise Broken(f"The server did not reach {self._point}.") from None
            finally:
                server.launcher = ()
            await started_again(server, f"a crash at {self._point}")
            if status != -signal.SIGKILL:
                raise Broken(f"The server ended with status {status} and not at {self._point}.")
            await self._judge(probe, cid, first["seq"] + 1, ack)
        return f"died {self._point.replace('_', ' ')}"

    async def _judge(self, probe: Probe, cid: str, seq: int, ack: dict[str, object] | None) -> None:
        found = [(message["id"], message["seq"]) for message in await probe.history() if message["text"] == "fatal"]
        again = await probe.surely_send(cid, "fatal")
        duplicate = again.get("duplicate", False)
        if ack is not None and (ack["id"], ack["seq"]) != (again["id"], again["seq"]):
            raise Broken(f"A message was acked as {ack}, and as {again} when it was sent again after the crash.")
        if self._point == "before_commit":
            if found or duplicate:
                raise Broken("A message is in the log, though the server died before it was committed.")
        elif found != [(again["id"], again["seq"])] or not duplicate:
            raise Broken(f"A committed message is in the log as {found}, and sent again it was answered {again}.")
        if again["seq"] != seq:
            raise Broken(f"A message has seq {again['seq']} where {seq} follows: the crash has left a gap.")


CRASHES: Final = (
    Crash("after-commit", "F2", "after_commit", "kill -9 between commit and ack", EMBEDDED),
    Crash("before-commit", "F3", "before_commit", "kill -9 between numbering and commit", EMBEDDED),
    Crash("before-ack", "F2", "before_ack", "kill -9 in the event loop, before the ack"),
    Crash("before-fanout", "F4", "before_fanout", "kill -9 between ack and fan-out"),
)
