"""What the presence of a fleet must do over several nodes, whatever keeps it."""

import asyncio
from collections.abc import Sequence

from madang.ports.presence import Presence


async def check_one_over_all_nodes(here: Presence, there: Presence) -> None:
    """Check that the first device and the last one count, wherever they are, and that a dead node is swept by another.

    Each node has a clock of its own.
    """
    assert await here.enter("yard", "ann", "Ann", "phone", 1000.0)
    assert not await there.enter("yard", "ann", "Ann", "admin", 5.0)
    assert await there.enter("yard", "ben", "Ben", "admin", 5.0)
    assert await here.count("yard") == 2
    assert not await here.leave("yard", "ann", "phone", 1001.0)
    await here.enter("yard", "cho", "Cho", "phone", 1002.0)
    # The other node falls silent with ann and ben on it.
    assert await here.refresh([("yard", "cho", "phone")], 1050.0) == []
    assert sorted(await here.sweep(1075.0)) == [("yard", "ann"), ("yard", "ben")]
    assert await there.online("yard") == [("cho", "Cho")]
    assert await there.refresh([("yard", "ben", "admin")], 80.0) == [("yard", "ben", "admin")]
    assert await here.sweep(1200.0) == [("yard", "cho")]


async def check_first_and_last(nodes: Sequence[Presence]) -> None:
    """Check that of nodes to which a user comes at once one has the first device, and one the last."""
    users = [f"user-{n}" for n in range(300)]
    for moves in (
        [node.enter("yard", user, user, f"on {n}", 0.0) for user in users for n, node in enumerate(nodes)],
        [node.leave("yard", user, f"on {n}", 1.0) for user in users for n, node in enumerate(nodes)],
    ):
        assert sum(await asyncio.gather(*moves)) == len(users)
