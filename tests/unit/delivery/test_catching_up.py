"""Subscribers that are behind get everything in order, at their own speed, or are told that they cannot."""

from typing import Any

import pytest

from madang.delivery.catching_up import CHUNK, RESET_EVENTS, RESUME_EVENTS
from madang.delivery.room import FEW
from madang.delivery.subscription import SubscriptionState
from madang.delivery.tail import TAIL
from madang.errors import StorageFailed
from tests.unit.delivery.nodes import YARD, Node, SlowLog, fill, user
from tests.unit.delivery.subscribers import HIGH
from tests.waiting import eventually, turns

# -- reading slowly ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missed", [1, 100, TAIL + 100, RESUME_EVENTS])
async def test_a_slow_reader_is_told_and_gets_everything_in_order(node: Node, missed: int) -> None:
    live = await node.live(YARD)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD)
    subscriber.pause()
    await fill(node, 1 + missed)
    subscriber.resume()
    await eventually(lambda: subscriber.position(YARD, joined.seq) == 1 + missed)
    assert subscriber.of("behind") == [{"op": "behind", "room": YARD, "seq": 1 + missed, "from": 1}]
    assert not subscriber.of("reset")
    await node.send(YARD)
    await eventually(lambda: subscriber.position(YARD, joined.seq) == 2 + missed)
    assert (live.live, live.lagging) == (1, set())


async def test_a_reader_too_far_behind_is_reset_instead(node: Node) -> None:
    live = await node.live(YARD)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD)
    subscriber.pause()
    await fill(node, RESUME_EVENTS + 2)
    subscriber.resume()
    (reset,) = await eventually(lambda: subscriber.of("reset"))
    assert (reset["epoch"], reset["seq"]) == (live.epoch, RESUME_EVENTS + 2)
    assert len(reset["events"]) == RESET_EVENTS
    assert not subscriber.of("behind"), "the one instead of the other"
    await node.send(YARD)
    await eventually(lambda: subscriber.position(YARD, joined.seq) == RESUME_EVENTS + 3)


async def test_a_reader_that_missed_nothing_is_told_nothing(node: Node) -> None:
    subscriber = node.subscriber()
    await node.join(subscriber, YARD)
    subscriber.pause()
    subscriber.resume()
    await turns()
    assert subscriber.frames == []


@pytest.mark.parametrize("followers", [1, FEW * 2])
async def test_a_slow_reader_gets_everything_at_its_own_speed(node: Node, followers: int) -> None:
    """A peer that reads a little at a time gets everything; nothing is kept for it beyond its budget."""
    budget = 100_000
    live = await node.live(YARD)
    others = await node.follow(live, "mina", count=followers)
    subscriber = node.subscriber(budget)
    joined = await node.join(subscriber, YARD)
    for _ in range(20):
        await node.burst(YARD, 12, text="x" * 3900)
        await eventually(lambda: live.sealed == live.next - 1)
    head = live.next - 1
    assert subscriber.paused
    while subscriber.unread or subscriber.subscriptions[YARD].standing is not SubscriptionState.LIVE:
        subscriber.read(1)
        await turns(3)
    assert subscriber.position(YARD, joined.seq) == head
    batch = 12 * 4200  # the budget is looked at behind each batch, and behind each chunk
    assert subscriber.most_unread <= budget + max(CHUNK + 4200, batch)
    assert others[0].position(YARD, 1) == head


async def test_nothing_is_queued_for_a_socket_that_never_reads(node: Node) -> None:
    live = await node.live(YARD)
    subscriber = node.subscriber(HIGH)
    await node.join(subscriber, YARD)
    await fill(node, 2)
    subscriber.pause()
    held = sum(map(len, subscriber.unread))
    await fill(node, 1500)
    assert sum(map(len, subscriber.unread)) == held
    assert (subscriber.most_unread, subscriber.queued) == (held, [])
    assert live.lagging == {subscriber.subscriptions[YARD]}


async def test_a_join_on_a_full_socket_is_live_once_it_has_been_read(node: Node) -> None:
    subscriber = node.subscriber()
    subscriber.pause()
    joined = await node.join(subscriber, YARD)
    await node.send(YARD)
    await turns()
    assert subscriber.frames == []
    subscriber.resume()
    await eventually(lambda: subscriber.position(YARD, joined.seq) == 2)


async def test_a_log_that_cannot_be_read_closes_the_subscriber_retryably(node: Node) -> None:
    subscriber = node.subscriber()
    await node.join(subscriber, YARD)
    subscriber.pause()
    await fill(node, TAIL + 100)

    class Broken(SlowLog):
        async def read(self, room: str, after: int, limit: int) -> Any:
            raise StorageFailed

    node.seen_store.inner = Broken(node.store)
    subscriber.resume()
    await eventually(lambda: subscriber.failed)
    assert (await node.live(YARD)).lagging == set()


async def test_joining_again_while_the_log_is_read_for_catching_up(node: Node) -> None:
    live = await node.live(YARD)
    subscriber = node.subscriber()
    await node.join(subscriber, YARD)
    subscriber.pause()
    await fill(node, TAIL + 100)
    slow = node.seen_store.inner = SlowLog(node.store)
    subscriber.resume()
    await eventually(lambda: slow.waiting)
    joined = await node.join(subscriber, YARD)
    before = len(subscriber.frames)
    slow.go.set()
    await node.send(YARD)
    await eventually(lambda: subscriber.frames[before:])
    assert [f["seq"] for f in subscriber.frames[before:] if f["op"] == "event"] == [joined.seq + 1]
    assert (subscriber.failed, live.live, live.lagging) == (False, 1, set())


async def test_a_log_without_the_events_it_announced_is_not_read_forever(node: Node) -> None:
    live = await node.live(YARD)
    subscriber = node.subscriber()
    await node.join(subscriber, YARD)
    subscriber.pause()
    await fill(node, TAIL + 100)

    class Trailing(SlowLog):
        async def read(self, room: str, after: int, limit: int) -> Any:
            self.waiting += 1
            return []

    trailing = node.seen_store.inner = Trailing(node.store)
    subscriber.resume()
    await eventually(lambda: subscriber.failed or trailing.waiting > 100)
    assert trailing.waiting < 100
    assert live.lagging == set()


# -- going while behind ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missed", [1, TAIL + 50])
@pytest.mark.parametrize("way", ["kick", "leave"])
async def test_access_that_ends_while_behind_is_caught_up_to_the_end_only(node: Node, way: str, missed: int) -> None:
    bora = user("bora")
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, bora)
    subscriber.pause()
    await fill(node, joined.seq + missed)
    if way == "kick":
        await node.rooms.kick(user("owner"), YARD, bora.id)
    else:
        await node.rooms.leave(bora, YARD)
    end = joined.seq + missed + 1
    await fill(node, end + 5)
    assert subscriber.over == [YARD]
    subscriber.resume()
    await eventually(lambda: subscriber.position(YARD, joined.seq) == end)
    await node.send(YARD)
    await turns()
    assert subscriber.position(YARD, joined.seq) == end
    live = await node.live(YARD)
    assert (live.live, live.lagging, subscriber.subscriptions) == (0, set(), {})


@pytest.mark.parametrize("later", [5, TAIL + 50])
async def test_access_that_ends_while_far_behind_is_told_after_a_reset(node: Node, later: int) -> None:
    bora = user("bora")
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, bora)
    subscriber.pause()
    await fill(node, joined.seq + RESUME_EVENTS + 10)
    await node.rooms.leave(bora, YARD)
    end = joined.seq + RESUME_EVENTS + 11
    await fill(node, end + later)
    subscriber.resume()
    await eventually(lambda: subscriber.seqs(YARD)[-1:] == [end])
    await turns()
    assert subscriber.position(YARD, joined.seq) == end
    assert [f["seq"] for f in subscriber.of("reset")] == [end - 1]
    assert (await node.live(YARD)).lagging == set()


async def test_rejoining_after_leaving_while_behind_follows_once(node: Node) -> None:
    bora = user("bora")
    subscriber = node.subscriber()
    await node.join(subscriber, YARD, bora)
    subscriber.pause()
    await node.send(YARD)
    await node.rooms.leave(bora, YARD)
    subscriber.paused = False
    subscriber.written += subscriber.unread
    subscriber.unread.clear()
    again = await node.join(subscriber, YARD, bora)
    before = len(subscriber.frames)
    await node.send(YARD)
    await eventually(lambda: [f["seq"] for f in subscriber.frames[before:] if f["op"] == "event"] == [again.seq + 1])
    live = await node.live(YARD)
    assert (live.live, live.lagging) == (1, set())
