"""`check_consumers`: the promises of `ports.consumers`."""

import asyncio
from typing import Protocol

from madang.core import events as kinds
from madang.core.consumers import MOST, Consumer
from madang.errors import Refused
from madang.ports.consumers import ConsumerStore
from madang.ports.followers import Position
from madang.ports.upkeep import Upkeep
from madang.testing.rules import Make, Scene, Store, named, new, opened, run_rules


class WithRooms(Store, ConsumerStore, Upkeep, Protocol):
    """Consumers, and the rooms that they read."""


async def check_consumers(make: Make[WithRooms]) -> None:
    """Check that a store keeps its contract; `make` opens it, new at first and then the same again."""
    rules = [
        a_consumer_is_made_once,
        a_key_has_so_many,
        who_was_not_here_is_found,
        a_position_rises,
        who_is_being_made_is_not_moved_once_it_is_here,
        each_reader_has_a_number_of_its_own,
        who_there_is_not_has_no_positions,
        what_is_dropped_is_gone,
        a_forgotten_room_has_no_positions,
    ]
    await run_rules(make, rules)
    await named(positions_stay, make)


def consumer(key: str, name: str = "search", at_ms: int = 5) -> Consumer:
    """Return a consumer to be."""
    return Consumer(key, name, at_ms, at_ms)


async def a_consumer_is_made_once(store: WithRooms) -> None:
    """Each key has its own, by their names; the first of one name is kept."""
    key, other = new("k"), new("k")
    assert await store.add_consumer(consumer(key, "b"))
    assert not await store.add_consumer(consumer(key, "b", 9))
    assert await store.add_consumer(consumer(key, "a"))
    assert await store.add_consumer(consumer(other, "b", 7))
    assert await store.consumers(key) == [consumer(key, "a"), consumer(key, "b")]
    assert await store.note_consumer(key, "a", 8)
    assert await store.note_consumer(key, "a", 6)
    assert (await store.consumers(key))[0].seen_ms == 8
    assert not await store.note_consumer(key, "c", 8)
    assert await store.consumers(other) == [consumer(other, "b", 7)]


async def a_key_has_so_many(store: WithRooms) -> None:
    """A key has MOST; one of them is still found to be there, and one that is dropped makes room."""
    key = new("k")
    for n in range(MOST):
        assert await store.add_consumer(consumer(key, f"c{n}"))
    try:
        await store.add_consumer(consumer(key, "more"))
    except Refused as refused:
        assert refused.code == "too_many"
    else:
        raise AssertionError("added one more than MOST")
    assert not await store.add_consumer(consumer(key, "c1"))
    assert not await store.drop_consumer(key, "c1", 10)
    assert await store.add_consumer(consumer(key, "more"))


async def who_was_not_here_is_found(store: WithRooms) -> None:
    """`unseen_consumers` has those not noted since, and no others."""
    key = new("k")
    await store.add_consumer(consumer(key, "old", 1))
    await store.add_consumer(consumer(key, "new", 1))
    await store.note_consumer(key, "new", 3)
    await store.add_consumer(Consumer(key, "being made", 4, 0))
    await store.add_consumer(Consumer(key, "broken off", 2, 0))
    found = [each for each in await store.unseen_consumers(3, 1000) if each.key == key]
    assert sorted(each.name for each in found) == ["broken off", "old"]
    assert len(await store.unseen_consumers(3, 1)) == 1


async def a_position_rises(store: WithRooms) -> None:
    """In one epoch it never falls, whoever is later; another epoch takes its place. Rooms that there are not have none."""
    scene, other = await opened(store), await opened(store)
    key, epoch = new("k"), await epoch_of(scene)
    await store.add_consumer(consumer(key, "a"))
    rooms = [scene.room, other.room, new("room")]
    found = await store.reached(key, "a", rooms)
    assert set(found) == {scene.room, other.room}
    assert (found[scene.room].epoch, found[scene.room].position) == (epoch, None)
    await store.reach(key, "a", {scene.room: Position(epoch, 5), other.room: Position("0f", 1)})
    await asyncio.gather(*(store.reach(key, "a", {scene.room: Position(epoch, n)}) for n in (7, 3, 9, 4)))
    found = await store.reached(key, "a", rooms)
    assert found[scene.room].position == Position(epoch, 9)
    assert found[other.room].position == Position("0f", 1)
    await store.reach(key, "a", {scene.room: Position("0f", 2)})
    assert (await store.reached(key, "a", rooms))[scene.room].position == Position("0f", 2)
    assert (await store.reached(key, "b", rooms))[scene.room].position is None
    assert (await store.reached(new("k"), "a", rooms))[scene.room].position is None


async def who_is_being_made_is_not_moved_once_it_is_here(store: WithRooms) -> None:
    """Who makes it moves it on until somebody has noted that it is here; its acknowledgements do so from then on."""
    scene, key = await opened(store), new("k")
    await store.add_consumer(Consumer(key, "a", 5, 0))
    await store.reach(key, "a", {scene.room: Position("0f", 1)}, making=True)
    assert await store.note_consumer(key, "a", 6, making=True)
    await store.reach(key, "a", {scene.room: Position("0f", 2)}, making=True)
    assert (await store.reached(key, "a", [scene.room]))[scene.room].position == Position("0f", 1)
    await store.reach(key, "a", {scene.room: Position("0f", 2)})
    assert (await store.reached(key, "a", [scene.room]))[scene.room].position == Position("0f", 2)


async def each_reader_has_a_number_of_its_own(store: WithRooms) -> None:
    """Also of those that begin at once; whoever was never here, or is being removed, has none."""
    scene, key = await opened(store), new("k")
    assert await store.next_reader(key, "a") is None
    await store.add_consumer(Consumer(key, "a", 5, 0))
    assert await store.next_reader(key, "a") is None
    assert await store.note_consumer(key, "a", 6)
    assert await store.next_reader(key, "a") is None
    await store.note_consumer(key, "a", 6, making=True)
    found = await asyncio.gather(*(store.next_reader(key, "a") for _ in range(5)))
    assert sorted(each.reader for each in found if each) == [1, 2, 3, 4, 5]
    assert await store.consumer(key, "a") == Consumer(key, "a", 5, 6, 5)
    assert await store.consumer(key, "b") is None
    await store.reach(key, "a", {scene.room: Position("0f", 1)})
    assert await store.drop_consumer(key, "a", 1)
    assert await store.note_consumer(key, "a", 7)
    assert await store.consumer(key, "a") == Consumer(key, "a", 5, 0, 5)
    assert await store.next_reader(key, "a") is None
    assert not await store.drop_consumer(key, "a", 1)
    assert await store.consumer(key, "a") is None


async def who_there_is_not_has_no_positions(store: WithRooms) -> None:
    """Neither before a consumer is made nor by an acknowledgement that comes while it is dropped."""
    scenes, key = [await opened(store) for _ in range(3)], new("k")
    rooms, positions = [scene.room for scene in scenes], {scene.room: Position("0f", 1) for scene in scenes}
    await store.reach(key, "a", positions)

    async def drop() -> None:
        while await store.drop_consumer(key, "a", 1):
            pass

    for _ in range(10):
        await store.add_consumer(consumer(key, "a"))
        assert [each.position for each in (await store.reached(key, "a", rooms)).values()] == [None] * 3
        await asyncio.gather(drop(), *(store.reach(key, "a", positions) for _ in range(5)))
        assert await store.consumers(key) == []


async def what_is_dropped_is_gone(store: WithRooms) -> None:
    """A consumer goes with its positions, a piece at a time, itself last; others keep theirs."""
    scenes, key = [await opened(store) for _ in range(3)], new("k")
    positions = {scene.room: Position("0f", 1) for scene in scenes}
    for name in ("a", "b"):
        await store.add_consumer(consumer(key, name))
        await store.reach(key, name, positions)
    pieces = 1
    while await store.drop_consumer(key, "a", 1):
        assert len(await store.consumers(key)) == 2
        pieces += 1
    assert pieces == 4
    assert [each.name for each in await store.consumers(key)] == ["b"]
    assert [each.position for each in (await store.reached(key, "a", list(positions))).values()] == [None] * 3
    assert len([each for each in (await store.reached(key, "b", list(positions))).values() if each.position]) == 3


async def a_forgotten_room_has_no_positions(store: WithRooms) -> None:
    """A deleted room has its epoch and its position until it is forgotten; one that is made again has another, and none."""
    scene, key = await opened(store), new("k")
    epoch = await epoch_of(scene)
    await store.add_consumer(consumer(key, "a"))
    await store.reach(key, "a", {scene.room: Position(epoch, 1)})
    await scene.done(scene.draft(kinds.RoomDeleted))
    assert (await store.reached(key, "a", [scene.room]))[scene.room] == (epoch, Position(epoch, 1))
    while await store.erase(scene.room, 100):
        pass
    assert await store.forget_rooms([scene.room]) == 1
    assert await store.reached(key, "a", [scene.room]) == {}
    await scene.done(scene.draft(kinds.RoomCreated, title="again"))
    assert (await store.reached(key, "a", [scene.room]))[scene.room].position is None


async def positions_stay(make: Make[WithRooms]) -> None:
    """What was said is there after reopening, too."""
    key = new("k")
    async with make() as store:
        scene = await opened(store)
        await store.add_consumer(consumer(key))
        await store.reach(key, "search", {scene.room: Position("0f", 3)})
    async with make() as store:
        assert await store.consumers(key) == [consumer(key)]
        assert (await store.reached(key, "search", [scene.room]))[scene.room].position == Position("0f", 3)


async def epoch_of(scene: Scene) -> str:
    """Return the epoch of a room's log."""
    tail = await scene.store.tail(scene.room, 0)
    assert tail is not None
    return tail.epoch
