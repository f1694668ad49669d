"""F5: power loss. The server dies, at any moment or just before an fsync, and what it had not synced is taken back, or
any part of it: this tries the fsyncs, which kill -9 cannot."""

import asyncio
import contextlib
import random
from typing import Final

from madang_proof.faults.fault import EMBEDDED, started_again
from madang_proof.testbed import shim, shim_undo
from madang_proof.testbed.testbed import Testbed

MOMENT_S: Final = 0.5  # the cut comes within this time
SYNCS: Final = 30  # or at one of this many next fsyncs
SETTLE_S: Final = 0.2  # a process that is dying is gone by then
START_SYNCS: Final = 4  # a second cut comes at one of so many fsyncs of the start that follows


class PowerCut:
    """Take away the power, and what the disk had not been made to keep."""

    name = "power"
    number = "F5"
    title = "power cut: what was not synced is lost, or any part of it"
    needs = EMBEDDED

    def unavailable(self) -> str | None:
        return shim.unavailable()

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        disk = await testbed.shim()
        moment = dice.uniform(0, MOMENT_S)
        if dice.random() < 0.75:
            disk.die_at_sync(dice.randrange(1, SYNCS))
            moment += MOMENT_S  # for the syncs to come; without load there may be none
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
