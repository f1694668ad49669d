"""F1: kill -9 at any moment.

What the server had written stays in the kernel's cache, so this tests the order of its writes and acks, not its fsyncs.
"""

import asyncio
import random
from typing import Final

from madang_proof.faults.fault import ANYWHERE, started_again
from madang_proof.testbed.testbed import Testbed

WITHIN_S: Final = 0.5  # the kill comes within this time


class Kill:
    """Kill the process (SIGKILL) at a random moment, and start it again."""

    name = "kill"
    number = "F1"
    title = "kill -9 at a random moment, and start again"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        wait = dice.uniform(0, WITHIN_S)
        await asyncio.sleep(wait)
        await testbed.server.kill()
        await started_again(testbed.server, "kill -9")
        return f"killed after {wait * 1000:.0f} ms"
