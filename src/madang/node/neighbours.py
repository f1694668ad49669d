"""Neighbours: other nodes on the same database while no bus is set, so that no node hears of what another stores.

Nothing is lost, because the log has everything: while there are neighbours, the hub is told to check it again and again.
A node that crashed counts as a neighbour until its lease has run out.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from madang.errors import StorageError
from madang.node.lease import LEASE_MS
from madang.ports.leases import Leases

logger = logging.getLogger("madang.neighbours")

POLL_S: Final = LEASE_MS / 3000
LASTING: Final = 5
"""Polls that a neighbour must be found in to be reported as lasting; one that has crashed is found in four."""
HINT: Final = "Set MADANG_BUS to the same on every node (docs/guides/fleet.md)."


async def watch_neighbours(leases: Leases, own: str, check_soon: Callable[[], None]) -> None:
    """Poll for neighbours, warn of them, and call `check_soon` while there are any. Runs until cancelled.

    Args:
        own: the name under which this node holds its lease.
    """
    polls: dict[str, int] = {}
    while True:
        try:
            neighbours = set(await leases.holders()) - {own}
        except StorageError:
            neighbours = set(polls)
        polls = {neighbour: polls.get(neighbour, 0) + 1 for neighbour in neighbours}
        for neighbour, count in polls.items():
            if count == 1:
                logger.warning("no bus is set, and the node %s used this database a moment ago. %s", neighbour, HINT)
            elif count == LASTING:
                logger.error(
                    "no bus is set, and the node %s learns seconds late what is stored here. %s", neighbour, HINT
                )
        if neighbours:
            check_soon()
        await asyncio.sleep(POLL_S)
