"""Typing and read pointers: the last value per user, once per tick, to subscribers that keep up."""

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.delivery import ephemeral
from madang.delivery.ephemeral import CROWD, KEYS
from madang.delivery.room import FEW
from tests.unit.delivery.nodes import OWNER, Node, running_nodes
from tests.unit.delivery.subscribers import RecordingSubscriber
from tests.waiting import eventually, turns

ROOM = "plaza"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ephemeral, "TICK_S", 0.01)


def typing(node: Node, name: str, on: bool = True) -> None:
    node.hub.announce(ephemeral.typing(ROOM, f"u-{name}", name.title() if on else None))


async def quiet(node: Node) -> None:
    """Wait until everything has been told."""
    await eventually(lambda: not node.hub.ephemeral.waiting)
    await turns(2)


async def test_repeated_typing_signals_are_told_once(node: Node) -> None:
    subscribers = await node.follow(node.invent(ROOM), "mina", count=2)
    for _ in range(10):
        typing(node, "bora")
    assert subscribers[0].frames == []
    await quiet(node)
    typing(node, "bora")
    await turns()
    for subscriber in subscribers:
        assert subscriber.frames == [{"op": "typing", "room": ROOM, "on": {"u-bora": "Bora"}, "off": []}]
    typing(node, "bora", False)
    typing(node, "bora", False)
    await quiet(node)
    assert subscribers[0].frames[1:] == [{"op": "typing", "room": ROOM, "on": {}, "off": ["u-bora"]}]


async def test_typing_that_stops_within_a_tick_is_not_told(node: Node) -> None:
    (subscriber,) = await node.follow(node.invent(ROOM), "mina")
    typing(node, "bora")
    typing(node, "bora", False)
    typing(node, "chul", False)
    await quiet(node)
    assert subscriber.frames == []
    typing(node, "bora")
    await quiet(node)
    typing(node, "bora", False)
    typing(node, "bora")
    await quiet(node)
    assert len(subscriber.frames) == 1


async def test_typing_ends_without_a_stop_signal(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ephemeral, "TYPING_S", 0.02)
    (subscriber,) = await node.follow(node.invent(ROOM), "mina")
    typing(node, "bora")
    await eventually(lambda: len(subscriber.frames) == 2)
    assert [(f["on"], f["off"]) for f in subscriber.frames] == [({"u-bora": "Bora"}, []), ({}, ["u-bora"])]
    assert not node.hub.ephemeral.typing
    await eventually(lambda: not node.hub.ephemeral.ticking, "and then the tick rests")


async def test_only_the_last_read_pointer_of_a_tick_is_told(node: Node) -> None:
    (subscriber,) = await node.follow(node.invent(ROOM), "mina")
    for seq in (3, 7, 9):
        node.hub.announce(ephemeral.read(ROOM, "u-bora", seq))
    node.hub.announce(ephemeral.read(ROOM, "u-chul", 4))
    await quiet(node)
    assert subscriber.frames == [{"op": "read", "room": ROOM, "readers": {"u-bora": 9, "u-chul": 4}}]


async def test_large_rooms_are_not_told(node: Node) -> None:
    subscribers = await node.follow(node.invent(ROOM), "mina", count=CROWD + 1)
    typing(node, "bora")
    node.hub.announce(ephemeral.read(ROOM, "u-bora", 1))
    await turns()
    assert (node.hub.statistics.ephemeral_dropped, node.hub.ephemeral.waiting) == (2, {})
    assert subscribers[0].frames == []


async def test_many_typists_are_told_in_several_frames(node: Node) -> None:
    (subscriber,) = await node.follow(node.invent(ROOM), "mina")
    for n in range(KEYS + 20):
        typing(node, f"t{n}")
    await quiet(node)
    told = [f["on"] for f in subscriber.frames]
    assert [len(on) for on in told] == [KEYS, 20]
    assert len(told[0] | told[1]) == KEYS + 20


async def test_under_load_signals_are_dropped_but_stops_are_told_later(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    (subscriber,) = await node.follow(node.invent(ROOM), "mina")
    typing(node, "chul")
    await quiet(node)
    monkeypatch.setattr(ephemeral, "BACKLOG", -1)
    typing(node, "bora")
    typing(node, "chul", False)
    node.hub.announce(ephemeral.read(ROOM, "u-bora", 1))
    await eventually(lambda: node.hub.statistics.ephemeral_dropped == 3)
    assert len(subscriber.frames) == 1
    monkeypatch.undo()
    typing(node, "bora")
    await quiet(node)
    assert subscriber.frames[1:] == [{"op": "typing", "room": ROOM, "on": {"u-bora": "Bora"}, "off": ["u-chul"]}]


async def test_subscribers_that_are_behind_are_not_told(node: Node) -> None:
    live = node.invent(ROOM)
    (subscriber,), (slow,) = await node.follow(live, "mina"), await node.follow(live, "bora")
    slow.pause()
    typing(node, "chul")
    await quiet(node)
    assert len(subscriber.frames) == 1
    slow.resume()
    assert slow.frames == []


async def test_a_socket_that_fills_up_while_a_frame_is_told_harms_no_other(node: Node) -> None:
    live = node.invent(ROOM)
    full = await node.follow(live, "bora", budget=10, count=5)
    fine = await node.follow(live, "mina", count=FEW)
    typing(node, "chul")
    await quiet(node)
    assert all(o.paused for o in full)
    assert all(len(o.frames) == 1 for o in fine)


async def test_nothing_is_kept_for_rooms_that_nobody_follows(node: Node) -> None:
    typing(node, "bora")
    assert (node.hub.ephemeral.typing, node.hub.ephemeral.waiting) == ({}, {})


async def test_signals_reach_other_nodes(store: Store) -> None:
    broker = MemoryBroker()
    async with running_nodes(store, MemoryBus(broker), MemoryBus(broker)) as (one, two):
        await one.rooms.create(OWNER, ROOM, "Plaza", "open")
        subscribers: list[RecordingSubscriber] = [one.subscriber(), two.subscriber()]
        await one.join(subscribers[0], ROOM)
        await two.join(subscribers[1], ROOM)
        typing(one, "bora")
        for subscriber in subscribers:
            (told,) = await eventually(lambda subscriber=subscriber: subscriber.of("typing"))  # type: ignore[misc]
            assert told["on"] == {"u-bora": "Bora"}


async def test_moderators_alone_are_told_of_reports_once_per_tick_also_in_a_crowd(node: Node) -> None:
    live = node.invent(ROOM)
    crowd = await node.follow(live, "mina", count=CROWD)
    watching = await node.follow(live, "bora", count=3)
    for subscriber, role in zip(watching, ("moderator", "owner", "viewer"), strict=True):
        subscriber.subscriptions[ROOM].role = role
    for messages in (3, 1, 2):
        node.hub.tell_reports(ROOM, messages)
    await eventually(lambda: watching[0].frames)
    told = [{"op": "reports", "room": ROOM, "open": 2}]
    assert [subscriber.frames for subscriber in watching] == [told, told, []]
    assert not any(subscriber.frames for subscriber in crowd)
    assert (node.hub.ephemeral.reports, node.hub.ephemeral.ticking) == ({}, False)


async def test_under_load_moderators_are_told_later(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    (subscriber,) = await node.follow(node.invent(ROOM), "mina")
    subscriber.subscriptions[ROOM].role = "moderator"
    monkeypatch.setattr(ephemeral, "BACKLOG", -1)
    node.hub.tell_reports(ROOM, 1)
    await turns(20)
    assert (subscriber.frames, node.hub.ephemeral.reports) == ([], {ROOM: 1})
    monkeypatch.setattr(ephemeral, "BACKLOG", 64)
    await eventually(lambda: subscriber.frames == [{"op": "reports", "room": ROOM, "open": 1}])
