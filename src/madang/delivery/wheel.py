"""One timing wheel for everything that is due in seconds: pings, hello time-outs, stuck readers. Not a timer per socket.

A turn per second costs one callback and the items due in it; an item is due within a second of what it asked for.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("madang.wheel")

SLOTS: Final = 64  # the longest wait, in seconds
Item = Callable[[], float | None]
"""Called when due; gives the seconds until it wants to be called again, or None for never."""


class Wheel:
    """Calls items about when they are due. Forgetting one early is not needed: it answers None at its next turn."""

    def __init__(self) -> None:
        self._slots: list[list[Item]] = [[] for _ in range(SLOTS)]
        self._now = 0

    def add(self, item: Item, seconds: float) -> None:
        """Call `item` after `seconds` (0 to SLOTS - 1)."""
        ahead = min(max(1, round(seconds)), SLOTS - 1)
        self._slots[(self._now + ahead) % SLOTS].append(item)

    def turn(self) -> None:
        """Advance by one second and call what is due."""
        self._now = (self._now + 1) % SLOTS
        due, self._slots[self._now] = self._slots[self._now], []
        for item in due:
            try:
                again = item()
            except Exception as error:
                logger.error("timed item failed", exc_info=error)
                continue
            if again is not None:
                self.add(item, again)

    async def run(self) -> None:
        """Turn once per second until cancelled; turns that were missed are made up for."""
        loop = asyncio.get_running_loop()
        next_turn = loop.time() + 1
        while True:
            await asyncio.sleep(max(0.0, next_turn - loop.time()))
            self.turn()
            next_turn += 1
