"""A room that is deleted: everybody who follows it is told, on every node, nothing comes after that, and nobody gets in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.events import MemberJoined, RoomCreated, RoomDeleted, draft
from madang.delivery import gaps, reader
from madang.delivery.room import LiveRoom
from madang.delivery.subscription import BEHIND
from madang.errors import Refused
from madang.services.rooms import SYSTEM
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER, YARD, Node, running_nodes, user
from tests.unit.delivery.subscribers import RecordingSubscriber
from tests.waiting import eventually

PEOPLE = ["ara", "bora", "chul"]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path) as store:
        await store.append([draft(RoomCreated(title="Yard", access="open", slow_ms=0), YARD, OWNER.id, OWNER.name)])
        joins = [draft(MemberJoined(role="member"), YARD, user(name).id, name) for name in PEOPLE]
        await store.append(joins)
        yield store


def types(subscriber: RecordingSubscriber) -> list[str]:
    subscriber.flush()
    return [frame["type"] for frame in subscriber.frames if frame["op"] == "event"]


async def followers(nodes: list[Node]) -> list[RecordingSubscriber]:
    found = []
    for node in nodes:
        for name in PEOPLE:
            found.append(node.subscriber())
            await node.join(found[-1], YARD, user(name))
    return found


async def test_all_who_follow_are_told_on_every_node_and_nothing_follows(store: Store) -> None:
    broker = MemoryBroker()
    async with running_nodes(store, MemoryBus(broker), MemoryBus(broker)) as nodes:
        everybody = await followers(nodes)
        await nodes[0].send(YARD, "before")
        deleted = await nodes[0].rooms.delete(OWNER, YARD)
        assert deleted is not None
        await eventually(lambda: all(types(each)[-1:] == [RoomDeleted.type] for each in everybody))
        assert all(not each.subscriptions and not each.closed for each in everybody), "the connections stay"
        with pytest.raises(Refused, match="does not exist"):
            await nodes[1].send(YARD, "after", user("ara"))
        for node in nodes:
            live = node.hub.rooms[YARD]
            assert live.live == 0 and not live.lagging
            for start in ({}, {"since": 1, "epoch": live.epoch}):
                with pytest.raises(Refused, match="does not exist"):
                    await node.join(node.subscriber(), YARD, user("ara"), **start)  # type: ignore[arg-type]


async def test_one_who_is_behind_catches_up_to_the_end_and_no_further(store: Store) -> None:
    async with running_nodes(store) as (node,):
        slow = node.subscriber(budget=200)
        await node.join(slow, YARD, user("ara"))
        await node.burst(YARD, 20)
        await eventually(lambda: slow.paused)
        deleted = await node.rooms.delete(OWNER, YARD)
        assert deleted is not None
        while slow.paused or slow.subscriptions:
            slow.resume()
            await asyncio.sleep(0)
        slow.resume()
        assert types(slow)[-1] == RoomDeleted.type


async def test_a_join_under_way_while_the_room_is_deleted_is_refused(store: Store) -> None:
    async with running_nodes(store) as (node,):
        live = await node.live(YARD)
        assert isinstance(live, LiveRoom)
        entered = asyncio.Event()
        enter = node.rooms.enter

        async def slowly(*args: object, **more: object) -> object:
            member = await enter(*args, **more)  # type: ignore[arg-type]
            entered.set()
            await node.rooms.delete(OWNER, YARD)
            return member

        node.rooms.enter = slowly  # type: ignore[method-assign, assignment]
        with pytest.raises(Refused, match="does not exist"):
            await node.join(node.subscriber(), YARD, user("ara"))
        assert entered.is_set()


async def test_only_owners_delete_and_nobody_the_lobby(store: Store) -> None:
    async with running_nodes(store) as (node,):
        with pytest.raises(Refused) as error:
            await node.rooms.delete(user("ara"), YARD)
        assert error.value.code == "forbidden"
        with pytest.raises(Refused) as error:
            await node.rooms.delete(user("dal"), YARD)
        assert error.value.code == "not_found"
        await node.rooms.ensure_lobby()
        with pytest.raises(Refused, match="lobby"):
            await node.rooms.delete(SYSTEM, "lobby")
        await node.rooms.delete(SYSTEM, YARD)
        with pytest.raises(Refused) as error:
            await node.rooms.create(user("ara"), YARD, "", "open")
        assert error.value.code == "room_exists"


@pytest.mark.parametrize("left", [0, 3, 30])
async def test_a_node_that_heard_nothing_finds_the_end_of_an_erased_room(
    store: Store, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bus lost everything, and of the log only the last event is there, or the last and some before it."""
    monkeypatch.setattr(reader, "READ", 10)
    monkeypatch.setattr(gaps, "READ", 10)
    async with running_nodes(store, MemoryBus(MemoryBroker())) as (node,):
        (follower, *_) = await followers([node])
        behind = node.subscriber(budget=100)
        await node.join(behind, YARD, user("bora"))
        behind.pause()
        await node.stored(YARD, 60)
        assert behind.subscriptions[YARD].standing is BEHIND
        outcomes = await store.append([draft(RoomDeleted(), YARD, "key", "Key", server=True)])
        last = (await store.heads([YARD]))[YARD]
        assert outcomes and last > 60
        while (await store.read(YARD, 0, 1))[0].seq < last - left:
            await store.erase(YARD, 1)
        await node.hub.check()
        await eventually(lambda: types(follower)[-1:] == [RoomDeleted.type] and not follower.subscriptions)
        assert follower.frames[-1]["seq"] == last
        while behind.paused or behind.subscriptions:
            behind.resume()
            await asyncio.sleep(0)
        behind.resume()
        assert types(behind)[-1] == RoomDeleted.type
        assert not node.hub.gaps.open
