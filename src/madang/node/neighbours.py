"""Strangers: other nodes on the same database, while no bus is set. Neither hears what is said on the other.

Nothing is lost by it, since the log has all: while there are strangers, the hub is told to look there now and then.
A node that has died without a word counts as one until the lease of its number has run out.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from madang.errors import StorageError
from madang.node.lease import LEASE_MS
from madang.ports.leases import Leases

logger = logging.getLogger("madang.strangers")

LOOK_S: Final = LEASE_MS / 3000
LASTING: Final = 5
"""Looks at which a stranger was there; one that has died is seen at four."""
MEND: Final = "Set MADANG_BUS to the same on every node (docs/guides/fleet.md)."


async def watch_for_strangers(
    leases: Leases, own: str, clock_ms: Callable[[], int], check_soon: Callable[[], None]
) -> None:
    """Look for strangers, warn of them, and call `check_soon` while there are any. Until cancelled.

    Args:
        own: the holder that this node is.
    """
    looks: dict[str, int] = {}
    while True:
        try:
            strangers = set(await leases.holders(clock_ms())) - {own}
        except StorageError:
            strangers = set(looks)
        looks = {stranger: looks.get(stranger, 0) + 1 for stranger in strangers}
        for stranger, count in looks.items():
            if count == 1:
                logger.warning("no bus is set, and the node %s was on this database a moment ago. %s", stranger, MEND)
            elif count == LASTING:
                logger.error("no bus is set, and the node %s hears what is said here seconds late. %s", stranger, MEND)
        if strangers:
            check_soon()
        await asyncio.sleep(LOOK_S)
