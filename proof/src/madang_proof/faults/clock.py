"""F13: the wall clock jumps an hour back and two hours ahead, while the server runs and over a restart.

Order is by seq, ids rise with it, and tokens stay valid.
"""

import asyncio
import random
from typing import Any, Final

from madang_proof.faults.fault import ANYWHERE, Broken, started_again
from madang_proof.faults.probe import Probe, probing
from madang_proof.testbed import shim
from madang_proof.testbed.testbed import Testbed

JUMPS_S: Final = (-3600, 7200)
NEAR_S: Final = (-10, 10)  # clocks of one fleet may differ by less than a lease of 30 s
HOLD_S: Final = 0.5  # at each of the times, at most


class Clock:
    """Change the wall clock back and forth, and correct it at the end."""

    name = "clock"
    number = "F13"
    title = "wall clock -1 h and +2 h (of a node among several: 10 s), while running and over a restart"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return shim.unavailable()

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        clock = await testbed.shim()
        jumps = dice.sample(NEAR_S if testbed.others else JUMPS_S, 2)
        over = dice.choice(jumps)
        acked: list[Any] = []
        try:
            async with probing(testbed.server) as probe:
                await _send(probe, acked)
                for seconds in (*jumps, 0):
                    clock.set_clock(seconds)
                    await _send(probe, acked)
                    await asyncio.sleep(dice.uniform(0, HOLD_S))
                    if seconds == over:
                        await testbed.server.kill()
                        await started_again(testbed.server, f"the clock was {seconds} s off")
                        await _send(probe, acked)
                    async with probing(testbed.server, probe.room) as guest:  # whose token was made at that time
                        await guest.surely("PUT", f"/api/rooms/{probe.room}/members/me")
                        clock.set_clock(0)
                        await guest.surely("GET", "/api/me")
                        clock.set_clock(seconds)
                await _send(probe, acked)
                found = [(int(message["id"]), message["seq"]) for message in await probe.history()]
        finally:
            clock.set_clock(0)
        if found != sorted(set(found)) or [seq for _, seq in found] != sorted(ack["seq"] for ack in acked):
            raise Broken(f"The clock was changed, and ids do not rise with seq: {found}.")
        return f"{jumps[0]:+} s, {jumps[1]:+} s, a restart at {over:+} s"


async def _send(probe: Probe, acked: list[Any]) -> None:
    """Send two messages with the token that the probe has had from the start. Raise Broken."""
    for _ in range(2):
        acked.append(await probe.surely_send(f"tick-{len(acked)}", "tick"))
