"""F5: power loss. The server dies, at any moment or just before an fsync; what was not synced is undone, or part of it.

This tests the fsyncs, which kill -9 cannot.
"""

import asyncio
import contextlib
import random
from typing import Final

from madang_proof.faults.fault import EMBEDDED, started_again
from madang_proof.testbed import shim, shim_undo
from madang_proof.testbed.testbed import Testbed

WITHIN_S: Final = 0.5  # the cut comes within this time
SYNCS: Final = 30  # or at one of the next fsyncs, at most this one
SETTLE_S: Final = 0.2  # a dying process is gone after this time
START_SYNCS: Final = 4  # a second cut comes at one of the first fsyncs of the start that follows


class PowerCut:
    """Cut the power, and undo what had not been synced."""

    name = "power"
    number = "F5"
    title = "power cut: what was not synced is lost, or any part of it"
    needs = EMBEDDED

    def unavailable(self) -> str | None:
        return shim.unavailable()

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        disk = await testbed.shim()
        moment = dice.uniform(0, WITHIN_S)
        if dice.random() < 0.75:
            disk.die_at_sync(dice.randrange(1, SYNCS))
            moment += WITHIN_S  # time for fsyncs; without load there may be none
        try:
            await testbed.server.ended(moment)
        except TimeoutError:
            await testbed.server.kill()
        disk.calm()
        lost = await asyncio.to_thread(shim_undo.power_cut, disk, dice)
        if dice.random() < 0.3:
            disk.die_at_sync(dice.randrange(1, START_SYNCS))
            with contextlib.suppress(RuntimeError):
                await testbed.server.start()
            disk.calm()
            try:
                await testbed.server.ended(SETTLE_S)
            except TimeoutError:  # the start made fewer fsyncs
                return lost
            again = await asyncio.to_thread(shim_undo.power_cut, disk, dice)
            lost = f"{lost}; during the start that followed, {again}"
        await started_again(testbed.server, "a power cut")
        return lost
