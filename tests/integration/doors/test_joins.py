"""A first join is an append, and counts as one: whatever doors a user's joins come through, there are no more of them."""

from pathlib import Path

import pytest

from madang.core.actors import Actor
from tests.integration.doors.doors import DOORS
from tests.integration.doors.stage import address, metered_node, token

ROOMS = 20
BURST = 12
OLIVE, ARA = Actor(id="u-olive", name="Olive"), Actor(id="u-ara", name="Ara")


@pytest.mark.parametrize("last", DOORS)
@pytest.mark.parametrize("first", DOORS)
async def test_first_joins_are_counted_through_all_doors_together(first: str, last: str, tmp_path: Path) -> None:
    async with metered_node(tmp_path, user_rate=0.001, user_burst=BURST) as node:
        makers = [Actor(id=f"u-{n}", name="Maker") for n in range(ROOMS)]
        for n, maker in enumerate(makers):
            await node.node.rooms.create(maker, f"room-{n}", "", "open")
        url, ara = address(node), token(node, ARA)
        async with DOORS[first].open(url, ara, []) as one, DOORS[last].open(url, ara, []) as another:
            codes = [(await (one, another)[n % 2].do("join", f"room-{n}")).code for n in range(ROOMS)]
            assert codes == [None] * BURST + ["rate_limited"] * (ROOMS - BURST)
            again = [(await (another, one)[n % 2].do("join", f"room-{n}")).code for n in range(BURST)]
            assert again == [None] * BURST, "who is a member comes in, whatever is spent"
