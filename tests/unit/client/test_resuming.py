"""A program comes back in another run: it goes on from the position that an earlier run has kept."""

import asyncio
from typing import Any

import pytest

from madang.client import Reset
from tests.unit.client.fakes import World, event


async def test_a_position_of_an_earlier_run_is_resumed_from() -> None:
    world = World()
    socket = await world.enter()
    joining = asyncio.ensure_future(world.client.join("yard", since=3, epoch="e1"))
    join = await socket.let_in(5, [event(4), event(5)])
    assert (join["since"], join["epoch"]) == (3, "e1")
    room = await joining
    assert (room.recent, room.seq, room.epoch) == ([], 3, "e1")
    socket.say(event(6))
    assert [(await anext(room)).seq for _ in range(3)] == [4, 5, 6]
    assert (room.seq, room.epoch) == (6, "e1")
    await world.client.close()


async def test_a_position_that_is_no_longer_in_the_log_is_a_reset_first() -> None:
    """Until it is given, the position is the old one: kept then, it leads to the same reset again."""
    world = World()
    socket = await world.enter()
    joining = asyncio.ensure_future(world.client.join("yard", since=3, epoch="e0"))
    await socket.let_in(90, [event(90)], reset=True)
    room = await joining
    assert (room.recent, room.seq, room.epoch) == ([], 3, "e0")
    reset = await anext(room)
    assert isinstance(reset, Reset)
    assert (room.seq, room.epoch) == (reset.seq, "e1") == (89, "e1")
    assert (await anext(room)).seq == 90
    await world.client.close()


async def test_an_answer_that_was_lost_is_asked_for_again_from_the_same_position() -> None:
    world = World()
    socket = await world.enter()
    joining = asyncio.ensure_future(world.client.join("yard", since=3, epoch="e1"))
    await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    assert (await socket.let_in(4, [event(4)]))["since"] == 3
    room = await joining
    assert (await anext(room)).seq == 4
    await world.client.close()


async def test_half_a_position_is_none() -> None:
    world = World()
    await world.enter()
    halves: list[dict[str, Any]] = [{"since": 3}, {"epoch": "e1"}]
    for half in halves:
        with pytest.raises(ValueError, match="together"):
            await world.client.join("yard", **half)
    await world.client.close()
