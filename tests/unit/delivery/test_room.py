"""A room settles order once: batches end where access ends, ranges are told, the tail forgets what was deleted."""

import json
from functools import partial

import pytest

from madang.core.events import (
    MemberJoined,
    MemberKicked,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    RoleGiven,
    RoomChanged,
)
from madang.delivery.room import FEW
from madang.delivery.subscription import SubscriptionState
from madang.delivery.tail import TAIL
from madang.transports.native.encoding import NativeEncoding
from madang.transports.websocket.framing import PLAIN
from tests.unit.delivery.nodes import Node, running_nodes, user
from tests.unit.delivery.subscribers import RecordingSubscriber, event
from tests.waiting import eventually, turns

ROOM = "plaza"


async def has(subscriber: RecordingSubscriber, seqs: list[int]) -> None:
    """Wait until exactly these events have come."""
    await eventually(lambda: len(subscriber.seqs(ROOM)) >= len(seqs))
    assert subscriber.seqs(ROOM) == seqs


@pytest.mark.parametrize("crowd", [0, FEW * 2])
@pytest.mark.parametrize("type", [MemberKicked.type, MemberLeft.type])
async def test_a_user_who_leaves_gets_nothing_later_and_the_others_everything(
    node: Node, crowd: int, type: str
) -> None:
    live = node.invent(ROOM)
    goes = await node.follow(live, "bora", count=2)
    stays = await node.follow(live, "mina", count=1 + crowd)
    end = (
        event(ROOM, 4, type, "u-mina", b'{"member":"u-bora"}')
        if type == MemberKicked.type
        else event(ROOM, 4, type, "u-bora")
    )
    node.hub.receive([event(ROOM, 2), event(ROOM, 3), end, event(ROOM, 5), event(ROOM, 6)])
    for subscriber in stays:
        await has(subscriber, [2, 3, 4, 5, 6])
    for subscriber in goes:
        await has(subscriber, [2, 3, 4])
        assert subscriber.over == [ROOM]
        assert not subscriber.subscriptions
    node.hub.receive([event(ROOM, 7)])
    await has(stays[0], [2, 3, 4, 5, 6, 7])
    await has(goes[0], [2, 3, 4])


async def test_another_users_kick_ends_no_access(node: Node) -> None:
    live = node.invent(ROOM)
    (subscriber,) = await node.follow(live, "mina")
    node.hub.receive([event(ROOM, 2, MemberKicked.type, "u-mina", b'{"member":"u-nobody"}'), event(ROOM, 3)])
    await has(subscriber, [2, 3])
    assert subscriber.over == []


def has_frames(subscriber: RecordingSubscriber, count: int) -> bool:
    return len(subscriber.frames) == count


async def test_joins_in_a_crowd_are_told_as_a_range(store: object) -> None:
    async with running_nodes(store, quiet_above=2) as (node,):
        live = node.invent(ROOM)
        subscribers = await node.follow(live, "mina", count=3)
        joins = [event(ROOM, seq, MemberJoined.type, f"u-{seq}") for seq in (2, 3, 4)]
        node.hub.receive([*joins, event(ROOM, 5), event(ROOM, 6, MemberJoined.type, "u-6"), event(ROOM, 7)])
        for subscriber in subscribers:
            await eventually(partial(has_frames, subscriber, 4))
            assert [(f["op"], f.get("from", f.get("seq")), f.get("to")) for f in subscriber.frames] == [
                ("skip", 2, 4), ("event", 5, None), ("skip", 6, 6), ("event", 7, None),
            ]  # fmt: skip
            assert subscriber.position(ROOM, 1) == 7


async def test_a_range_with_no_event_behind_it_is_told(store: object) -> None:
    async with running_nodes(store, quiet_above=0) as (node,):
        live = node.invent(ROOM)
        (subscriber,) = await node.follow(live, "mina")
        node.hub.receive([event(ROOM, 2, MemberJoined.type, "u-2")])
        await eventually(lambda: subscriber.frames)
        assert subscriber.position(ROOM, 1) == 2


async def test_a_range_that_begins_while_a_batch_waits_is_told(store: object) -> None:
    async with running_nodes(store, quiet_above=0) as (node,):
        live = node.invent(ROOM)
        (subscriber,) = await node.follow(live, "mina")
        node.hub.receive([event(ROOM, 2)])  # hot from now on
        node.hub.receive([event(ROOM, 3)])
        live.seal()  # as a join does that must contain its member.joined
        node.hub.receive([event(ROOM, 4, MemberJoined.type, "u-4")])
        await eventually(lambda: subscriber.position(ROOM, 1) == 4)


async def test_an_event_of_a_later_version_is_delivered_and_changes_nothing(node: Node) -> None:
    live = node.invent(ROOM)
    (subscriber,) = await node.follow(live, "bora")
    info = live.info
    node.hub.receive([event(ROOM, 2, "member.blessed", "u-mina", b'{"member":"u-bora"}'), event(ROOM, 3)])
    await has(subscriber, [2, 3])
    assert live.info == info


async def test_joins_in_a_small_room_are_told_one_by_one(node: Node) -> None:
    live = node.invent(ROOM)
    (subscriber,) = await node.follow(live, "mina")
    node.hub.receive([event(ROOM, 2, MemberJoined.type, "u-2")])
    await has(subscriber, [2])


async def test_a_join_while_a_range_waits_misses_and_repeats_nothing(store: object) -> None:
    async with running_nodes(store, quiet_above=0) as (node,):
        live = node.invent(ROOM)
        await node.follow(live, "mina")
        node.hub.receive([event(ROOM, 2, MemberJoined.type, "u-2")])
        subscriber = RecordingSubscriber(node.hub, node.turns, encoding=NativeEncoding(PLAIN))
        joined = await node.put(subscriber, live, user("2"))
        node.hub.receive([event(ROOM, 3)])
        await eventually(lambda: subscriber.position(ROOM, joined.seq) == 3)


async def test_deleted_text_is_removed_from_the_tail(node: Node) -> None:
    live = node.invent(ROOM)
    edit = event(ROOM, 3, MessageEdited.type, body=b'{"target":2,"text":"secret, edited"}')
    other = event(ROOM, 4, body=b'{"text":"kept"}')
    node.hub.receive([event(ROOM, 2, body=b'{"text":"secret"}'), edit, other])
    node.hub.receive([event(ROOM, 5, MessageDeleted.type, body=b'{"target":2}')])
    await eventually(lambda: live.sealed == 5)
    joined = await node.put(node.subscriber(), live, user("bora"), since=1, epoch="epoch")
    told = [json.loads(text) for text in joined.events]
    assert [e["seq"] for e in told] == [2, 3, 4, 5]
    assert "secret" not in json.dumps(told)
    assert told[0]["deleted"] is True
    assert told[1]["target"] == 2
    assert told[2]["text"] == "kept"


async def test_a_role_reaches_all_of_a_users_subscriptions(node: Node) -> None:
    live = node.invent(ROOM)
    subscribers = await node.follow(live, "bora", count=2)
    (other,) = await node.follow(live, "mina")
    subscribers[1].pause()  # one of them is behind
    node.hub.receive([event(ROOM, 2, RoleGiven.type, "u-mina", b'{"member":"u-bora","role":"moderator"}')])
    assert [o.subscriptions[ROOM].role for o in subscribers] == ["moderator", "moderator"]
    assert other.subscriptions[ROOM].role == "member"


async def test_a_room_has_the_settings_of_its_log(node: Node) -> None:
    live = node.invent(ROOM)
    node.hub.receive([event(ROOM, 2, RoomChanged.type, body=b'{"title":"New"}')])
    assert (live.info.title, live.info.access, live.info.slow_ms) == ("New", "open", 0)
    node.hub.receive([event(ROOM, 3, RoomChanged.type, body=b'{"slow_ms":500,"access":"invite"}')])
    assert (live.info.title, live.info.access, live.info.slow_ms) == ("New", "invite", 500)
    node.hub.receive([event(ROOM, 4, RoomChanged.type, body=b'{"slow_ms":0}')])
    assert live.info.slow_ms == 0


@pytest.mark.parametrize("waiting", [1, TAIL, TAIL + 50])
async def test_the_first_subscriber_of_another_encoding_gets_what_is_unsealed(node: Node, waiting: int) -> None:
    live = await node.live("yard")
    (first,) = await node.follow(live, "mina")
    events = await node.stored("yard", 1 + waiting)
    node.hub.receive(events[:1])  # hot from now on: what follows waits for the tick
    node.hub.receive(events[1:])
    assert live.next - 1 - live.sealed == waiting
    other = RecordingSubscriber(node.hub, node.turns, encoding=NativeEncoding(PLAIN))
    joined = await node.put(other, live, user("bora"), limit=0)
    assert joined.seq == 2
    await eventually(lambda: other.seqs("yard")[-1:] == [2 + waiting])
    assert other.position("yard", joined.seq) == first.position("yard", 1) == 2 + waiting


async def test_the_standing_of_a_subscription_through_its_life(node: Node) -> None:
    live = node.invent(ROOM)
    (subscriber,) = await node.follow(live, "mina")
    subscription = subscriber.subscriptions[ROOM]
    assert (subscription.standing, live.live, live.lagging) == (SubscriptionState.LIVE, 1, set())
    node.hub.receive([event(ROOM, 2)])
    subscriber.pause()
    assert (subscription.standing, subscription.position) == (SubscriptionState.BEHIND, 2)
    assert (live.live, live.lagging) == (0, {subscription})
    node.hub.receive([event(ROOM, 3)])
    await turns()
    subscriber.resume()
    assert (subscription.standing, live.live, live.lagging) == (SubscriptionState.LIVE, 1, set())
    await has(subscriber, [2, 3])
    subscriber.close()
    assert (subscription.standing, live.live, live.lagging, subscriber.subscriptions) == (
        SubscriptionState.OUT,
        0,
        set(),
        {},
    )


async def test_a_socket_that_fills_up_while_a_batch_is_sealed_harms_no_other(node: Node) -> None:
    """Its answers are flushed before the room writes directly, and that may be what fills it."""
    live = node.invent(ROOM)
    others = await node.follow(live, "mina", count=FEW + 1)
    (slow,) = await node.follow(live, "bora", budget=100)
    slow.queue(slow.encoding.text(b'{"op":"ok","n":1,"filler":"%s"}' % (b"x" * 200)))
    node.hub.receive([event(ROOM, 2)])
    for subscriber in others:
        await has(subscriber, [2])
    assert slow.paused
    slow.read(10)
    await eventually(lambda: slow.unread)
    slow.read(10)
    assert slow.position(ROOM, 1) == 2
