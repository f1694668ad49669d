"""Searching: others have their turn while a page of long messages is marked, and no more of it is made than can be told."""

import asyncio

from madang.core.bounds import ANSWER_BYTES
from madang.core.messages import RoomMessage
from madang.core.search_filters import wanted
from madang.services.searching import _shown

TEXT = "회의 " * 1_333


def message(seq: int) -> RoomMessage:
    return RoomMessage(
        room="yard", seq=seq, id=str(seq), user="ann", name="Ann", text=TEXT, at="2026-11-29T00:00:00.000Z"
    )


async def test_others_have_their_turn_while_a_page_is_marked() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.get_running_loop().create_task(others())
    shown = [found async for found in _shown([message(seq) for seq in range(200)], wanted("회의"))]
    task.cancel()
    assert ANSWER_BYTES < sum(len(found.text) for found in shown) <= ANSWER_BYTES + len(TEXT)
    assert all(len(found.ranges) == 1_333 for found in shown)
    assert turns >= len(shown) // 2
