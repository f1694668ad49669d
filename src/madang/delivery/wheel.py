"""A timing wheel for everything that is due in seconds: pings, hello time-outs, stuck readers. One timer, not one per socket.

A turn per second costs one callback and the items due in it. An item is called within a second of when it asked to be.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("madang.wheel")

TURN_S: Final = 1.0
SLOTS: Final = 64  # the longest wait, in turns
PORTION: Final = 500  # items called in one turn of the loop: thousands that connected together are due together
Item = Callable[[], float | None]
"""Called when due; returns the seconds until it wants to be called again, or None for never."""
_Slot = dict[Item, None]


class Wheel:
    """Calls items about when they are due. An item waits once; one that is no longer needed returns None when it is called.

    What is dropped is let go of at once. 10,000 closed connections that stayed here for another 25 s cost 12 MB.
    """

    def __init__(self) -> None:
        self._slots: list[_Slot] = [{} for _ in range(SLOTS)]
        self._where: dict[Item, _Slot] = {}
        self._now = 0

    def __len__(self) -> int:
        """Count the items that wait."""
        return len(self._where)

    def add(self, item: Item, seconds: float) -> None:
        """Call `item` after `seconds` (0 to SLOTS - 1), and no longer at the time it was added for before.

        Items of one turn are called in the order they were added in.
        """
        self.drop(item)
        ahead = min(max(1, round(seconds)), SLOTS - 1)
        slot = self._slots[(self._now + ahead) % SLOTS]
        slot[item] = None
        self._where[item] = slot

    def drop(self, item: Item) -> None:
        """Forget an item, even one that is due and not called yet."""
        if (slot := self._where.pop(item, None)) is not None:
            del slot[item]

    def turn(self) -> None:
        """Advance by one second and call what is due."""
        due = self._advance()
        for item in list(due):
            self._call(item, due)

    def _advance(self) -> _Slot:
        self._now = (self._now + 1) % SLOTS
        due, self._slots[self._now] = self._slots[self._now], {}
        return due

    def _call(self, item: Item, due: _Slot) -> None:
        if item not in due:  # dropped meanwhile, or added again
            return
        self.drop(item)
        try:
            again = item()
        except Exception as error:
            logger.error("timed item failed", exc_info=error)
            return
        if again is not None:
            self.add(item, again)

    async def run(self) -> None:
        """Turn once per second until cancelled. Turns that were missed are skipped.

        Otherwise a node that stood still for a minute would find every peer silent, having given none time to answer.
        """
        loop = asyncio.get_running_loop()
        next_turn = loop.time() + TURN_S
        while True:
            await asyncio.sleep(max(0.0, next_turn - loop.time()))
            due = self._advance()
            items = list(due)
            for start in range(0, len(items), PORTION):
                for item in items[start : start + PORTION]:
                    self._call(item, due)
                await asyncio.sleep(0)
            next_turn = max(next_turn + TURN_S, loop.time())
