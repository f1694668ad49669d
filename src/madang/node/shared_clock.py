"""The database's clock, as a node knows it without asking each time: nodes compare times by it, whatever their own clocks say."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from madang.errors import StorageError

ASK_S: Final = 30.0
"""Between two looks at the database's clock. Clocks part by less than 10 ms in that time."""


class SharedClock:
    """Returns Unix milliseconds by the database's clock.

    Args:
        ask: returns them, asked again.
    """

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self._ahead_ms = 0.0  # of the monotonic clock

    def __call__(self) -> int:
        return int(time.monotonic() * 1000 + self._ahead_ms)

    async def set(self) -> None:
        """Ask once. Raise StorageError where the database does not answer."""
        asked = time.monotonic() * 1000
        now = await self._ask()
        self._ahead_ms = now - (asked + time.monotonic() * 1000) / 2

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        while True:
            await asyncio.sleep(ASK_S)
            try:
                await self.set()
            except StorageError:
                pass  # the monotonic clock goes on
