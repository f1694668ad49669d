"""Joining and coming back: from any position to the present, without a hole and without a repetition."""

import asyncio
import json
from typing import Any

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.events import Appended, MemberJoined, MemberKicked, MemberLeft, RoleGiven, draft
from madang.core.rooms import Member
from madang.delivery import scheduler
from madang.delivery.catching_up import JOIN_BYTES, RESUME_EVENTS
from madang.delivery.joining import Joined, Start
from madang.delivery.memberships import REMEMBERED
from madang.delivery.tail import TAIL
from madang.errors import Refused
from madang.testing import LossyBus
from tests.unit.delivery.nodes import OWNER, YARD, Node, SlowLog, fill, running_nodes, user
from tests.unit.delivery.subscribers import RecordingSubscriber, event
from tests.waiting import eventually, turns


def seqs(joined: Joined) -> list[int]:
    return [json.loads(text)["seq"] for text in joined.events]


# -- joining -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 1, 50, 200])
@pytest.mark.parametrize("head", [1, 30, TAIL + 100])
async def test_a_fresh_join_returns_the_newest_events(node: Node, head: int, limit: int) -> None:
    await fill(node, head)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, limit=limit)
    assert (joined.seq, joined.reset) == (head, False)
    assert seqs(joined) == list(range(max(1, head - limit + 1), head + 1))
    await node.send(YARD)
    await eventually(lambda: subscriber.position(YARD, joined.seq) == head + 1)


@pytest.mark.parametrize("hot", [False, True])
async def test_a_first_join_contains_its_own_member_joined(node: Node, hot: bool) -> None:
    if hot:
        await node.follow(await node.live(YARD), "mina")
        await node.send(YARD)
    joined = await node.join(node.subscriber(), YARD, user("bora"))
    last = json.loads(joined.events[-1])
    assert (last["type"], last["user"], last["seq"]) == ("member.joined", "u-bora", joined.seq)


async def test_a_fresh_join_of_a_cold_room_reads_the_log(node: Node) -> None:
    await fill(node, TAIL + 100)
    node.hub.rooms.clear()  # as after a restart
    joined = await node.join(node.subscriber(), YARD, limit=200)
    assert seqs(joined) == list(range(TAIL + 100 - 199, TAIL + 101))


async def test_an_answer_to_join_is_bounded_in_bytes(node: Node) -> None:
    await node.burst(YARD, 100, text="x" * 3900)
    fresh = await node.join(node.subscriber(), YARD, limit=200)
    assert sum(map(len, fresh.events)) <= JOIN_BYTES
    assert seqs(fresh)[-1] == fresh.seq == 101, "the newest are given"
    live = await node.live(YARD)
    subscriber = node.subscriber()
    resumed = await node.join(subscriber, YARD, since=1, epoch=live.epoch)
    assert sum(map(len, resumed.events)) <= JOIN_BYTES
    assert seqs(resumed) == list(range(2, resumed.seq + 1)), "from where it stood"
    await eventually(lambda: subscriber.position(YARD, resumed.seq) == 101, "the rest follows as frames")
    assert not subscriber.of("behind"), "it did not read slowly"


async def test_who_only_follows_gets_all_as_frames_and_each_is_read_once(node: Node) -> None:
    await fill(node, TAIL + 100)
    epoch, reads = (await node.live(YARD)).epoch, node.hub.statistics.log_reads
    for since, limit, begin in ((TAIL + 50, 0, TAIL + 50), (40, 0, 40), (None, 30, TAIL + 70), (None, 150, TAIL - 50)):
        subscriber = node.subscriber()
        of = epoch if since is not None else None
        joined = await node.join(subscriber, YARD, since=since, epoch=of, limit=limit, follows=True)
        assert (joined.seq, joined.events, joined.reset) == (begin, [], False)
        await eventually(lambda: subscriber.position(YARD, joined.seq) == TAIL + 100)  # noqa: B023
        assert subscriber.seqs(YARD) == list(range(begin + 1, TAIL + 101))
        assert not subscriber.of("behind"), "it did not read slowly"
    assert node.hub.statistics.log_reads - reads <= 2, "where the tail does not reach"


async def test_who_only_follows_and_cannot_go_on_starts_afresh(node: Node) -> None:
    await fill(node, 30)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, since=5, epoch="of another log", limit=10, follows=True)
    assert (joined.reset, joined.seq, seqs(joined)) == (True, 30, list(range(21, 31)))
    await node.send(YARD)
    await eventually(lambda: subscriber.seqs(YARD) == [31])


async def test_joining_again_moves_the_position(node: Node) -> None:
    live = await node.live(YARD)
    subscriber = node.subscriber()
    await node.join(subscriber, YARD)
    await fill(node, 10)
    before = len(subscriber.seqs(YARD))
    again = await node.join(subscriber, YARD, since=5, epoch=live.epoch)
    assert seqs(again) == [6, 7, 8, 9, 10]
    await node.send(YARD)
    await eventually(lambda: subscriber.seqs(YARD)[before:] == [11], "one subscription, so each event once")
    assert (live.live, len(subscriber.subscriptions)) == (1, 1)
    subscriber.close()
    assert live.live == 0


async def test_joining_again_while_a_batch_is_written_repeats_nothing(node: Node) -> None:
    live = await node.live(YARD)
    subscribers = await node.follow(live, "mina", count=3000)
    events = await node.stored(YARD, 3)
    node.hub.receive(events)
    subscriber = next(o for o in subscribers if not o.written)  # its turn is still to come
    joined = await node.put(subscriber, live, user("mina"))
    assert joined.seq == events[-1].seq
    await eventually(lambda: not live.batches)
    await node.send(YARD)
    await eventually(lambda: live.sealed == joined.seq + 1 and not live.batches)
    assert subscriber.seqs(YARD) == [joined.seq + 1]
    assert all(o.position(YARD, 1) == joined.seq + 1 for o in subscribers if o is not subscriber)


async def test_rejoining_before_the_batch_with_the_leave_is_written(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = await node.live(YARD)
    bora = user("bora")
    subscriber = node.subscriber()
    await node.join(subscriber, YARD, bora)
    await eventually(lambda: live.sealed == 2)
    monkeypatch.setattr(scheduler, "TICK_S", 3600)  # so that the batch with the leave waits as long as all this takes
    await eventually(lambda: node.turns.time() >= live.next_flush)
    await node.send(YARD)  # hot from now on
    await node.rooms.leave(bora, YARD)
    assert list(live.leaving) == [subscriber]
    joined = await node.join(subscriber, YARD, bora)
    subscriber.flush()
    before = len(subscriber.frames)
    await node.send(YARD)
    node.hub.scheduler.finish()
    await eventually(lambda: [f["seq"] for f in subscriber.frames[before:] if f["op"] == "event"] == [joined.seq + 1])
    assert live.leaving == set()


async def test_a_closed_subscriber_cannot_join(node: Node) -> None:
    subscriber = node.subscriber()
    subscriber.close()
    with pytest.raises(Refused):
        await node.join(subscriber, YARD)
    assert (await node.live(YARD)).live == 0
    assert not subscriber.subscriptions


async def test_a_cancelled_join_leaves_nothing_behind(node: Node) -> None:
    await fill(node, TAIL + 50)
    live = await node.live(YARD)
    subscriber = node.subscriber()
    task = asyncio.ensure_future(node.put(subscriber, live, user("x"), since=1, epoch=live.epoch))
    await turns(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await node.send(YARD)
    assert (live.live, live.lagging, subscriber.subscriptions, subscriber.written) == (0, set(), {}, [])


@pytest.mark.parametrize("end", ["kick", "leave", "role"])
async def test_a_membership_that_changes_during_a_join_is_looked_up_again(node: Node, end: str) -> None:
    live = node.invent("plaza", seq=300)
    body = b'{"member":"u-bora","role":"moderator"}'
    told = {
        "kick": event("plaza", 301, MemberKicked.type, "u-mina", body),
        "leave": event("plaza", 301, MemberLeft.type, "u-bora"),
        "role": event("plaza", 301, RoleGiven.type, "u-mina", body),
    }[end]
    subscriber = node.subscriber()
    joined = await node.put(subscriber, live, user("bora"), meanwhile=lambda: node.hub.receive([told]), limit=0)
    assert (node.looked_up, joined.seq) == (1, 301)


async def test_another_users_change_during_a_join_causes_no_second_look_up(node: Node) -> None:
    live = node.invent("plaza", seq=300)
    left = event("plaza", 301, MemberLeft.type, "u-bora")
    await node.put(node.subscriber(), live, user("chul"), meanwhile=lambda: node.hub.receive([left]), limit=0)
    assert node.looked_up == 0


async def test_a_membership_that_ends_during_a_join_refuses_it(node: Node) -> None:
    live = await node.live(YARD)
    bora, subscriber = user("bora"), node.subscriber()
    await node.rooms.enter(bora, YARD)

    async def enter() -> Member:
        member = await node.rooms.member(bora, YARD)
        await node.rooms.kick(OWNER, YARD, bora.id)
        return member

    with pytest.raises(Refused):
        await node.joiner.join(
            subscriber, bora, YARD, Start(), enter=enter, look_up=lambda: node.rooms.member(bora, YARD)
        )
    assert (live.live, live.lagging, subscriber.subscriptions) == (0, set(), {})


@pytest.mark.parametrize("behind", ["node", "answer"])
async def test_the_end_of_a_former_membership_does_not_end_the_present_one(node: Node, behind: str) -> None:
    """A user who left and rejoined on another node follows here, though this node receives the leave after the join."""
    live = await node.live(YARD)
    bora = user("bora")
    subscriber = node.subscriber()
    went = [draft(MemberJoined(role="member"), YARD, bora.id, "Bora"), draft(MemberLeft(), YARD, bora.id, "Bora")]
    outcomes = await node.store.append([*went, draft(MemberJoined(role="member"), YARD, bora.id, "Bora")])
    events = [outcome.event for outcome in outcomes if isinstance(outcome, Appended)]
    joined_at = events[-1].seq
    if behind == "answer":  # this node has received it, but not written it yet
        node.hub.receive([event(YARD, live.next)])
        events = [event(YARD, e.seq + 1, e.type, e.user, e.body) for e in events]
        joined_at += 1
        node.hub.receive(events)
    joined = await node.put(subscriber, live, bora, joined_at=joined_at, limit=0)
    node.hub.receive(events)
    after = event(YARD, live.next)
    node.hub.receive([after])
    await eventually(lambda: subscriber.position(YARD, joined.seq) == after.seq)
    assert subscriber.over == []
    node.hub.receive([event(YARD, live.next, MemberLeft.type, bora.id)])
    await eventually(lambda: subscriber.over == [YARD])


async def test_more_changes_than_are_remembered_cause_another_look_up(node: Node) -> None:
    live = node.invent("plaza", seq=300)
    ends = [event("plaza", 301 + n, MemberLeft.type, f"u-{n}") for n in range(REMEMBERED + 100)]
    await node.put(node.subscriber(), live, user("0"), meanwhile=lambda: node.hub.receive(ends), limit=0)
    assert node.looked_up == 1


# -- coming back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("head", "since"), [(40, 40), (40, 39), (40, 0), (TAIL + 300, 1), (RESUME_EVENTS + 1, 1)])
async def test_a_resume_returns_what_was_missed(node: Node, head: int, since: int) -> None:
    await fill(node, head)
    live = await node.live(YARD)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, since=since, epoch=live.epoch)
    assert not joined.reset
    assert seqs(joined) == list(range(since + 1, joined.seq + 1))
    await eventually(lambda: subscriber.position(YARD, joined.seq) == head)
    await node.send(YARD)
    await eventually(lambda: subscriber.position(YARD, joined.seq) == head + 1)


@pytest.mark.parametrize(
    ("since", "epoch"), [(5, "other"), (41, "same"), (10**12, "same")], ids=["epoch", "next", "far"]
)
async def test_a_position_that_cannot_be_resumed_from_is_reset(node: Node, since: int, epoch: str) -> None:
    await fill(node, 40)
    live = await node.live(YARD)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, since=since, epoch=live.epoch if epoch == "same" else epoch, limit=10)
    assert (joined.reset, joined.seq) == (True, 40)
    assert seqs(joined) == list(range(31, 41))
    await node.send(YARD)
    await eventually(lambda: subscriber.position(YARD, 40) == 41)


@pytest.mark.parametrize("half", [{"since": 5}, {"since": 0}, {"epoch": "other"}, {"epoch": ""}])
async def test_half_a_position_is_none(node: Node, half: dict[str, Any]) -> None:
    """A client that resumes without the epoch would be reset on every connection, and not know why."""
    subscriber = node.subscriber()
    with pytest.raises(Refused, match="since, epoch: all of them or none") as refused:
        await node.join(subscriber, YARD, **half)
    assert refused.value.code == "bad_field"
    assert not subscriber.subscriptions


async def test_a_position_too_far_behind_is_reset(node: Node) -> None:
    await fill(node, RESUME_EVENTS + 2)
    live = await node.live(YARD)
    joined = await node.join(node.subscriber(), YARD, since=1, epoch=live.epoch, limit=10)
    assert joined.reset
    assert seqs(joined) == list(range(RESUME_EVENTS - 7, RESUME_EVENTS + 3))


async def test_a_resume_from_an_event_this_node_has_not_received_yet(node: Node) -> None:
    """The client was further on another node; the log has it."""
    live = await node.live(YARD)
    (follower,) = await node.follow(live, "mina")
    events = await node.stored(YARD, 1200)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, since=events[-2].seq, epoch=live.epoch)
    assert not joined.reset
    assert seqs(joined) == [events[-1].seq]
    await eventually(lambda: follower.position(YARD, 1) == events[-1].seq, "and who was there hears it, too")


async def test_a_join_on_a_deaf_node_misses_nothing(store: Store) -> None:
    """What this node has not received is in the log and in the answer: a deletion, too, before its text is shown."""
    broker = MemoryBroker()
    deaf = LossyBus(MemoryBus(broker), 1, lose=1.0)
    async with running_nodes(store, MemoryBus(broker), deaf) as (one, two):
        await one.rooms.create(OWNER, YARD, "Yard", "open")
        live = await two.live(YARD)
        sent = await one.send(YARD)
        fresh = await two.join(two.subscriber(), YARD)
        assert seqs(fresh)[-1] == fresh.seq == sent.seq
        assert (await one.send(YARD)).seq >= live.next
        subscriber = two.subscriber()
        again = await two.join(subscriber, YARD, since=fresh.seq, epoch=live.epoch)
        await eventually(
            lambda: [*seqs(again), *subscriber.seqs(YARD)] == [sent.seq + 1], "at the latest with its next batch"
        )


async def test_resuming_while_many_events_arrive_leaves_no_hole(node: Node) -> None:
    """Each join comes at another moment of the stream; none has a hole or a repetition."""
    await fill(node, TAIL + 200)
    live = await node.live(YARD)
    followers: list[tuple[RecordingSubscriber, Joined, int]] = []

    async def come(since: int | None) -> None:
        subscriber = node.subscriber()
        joined = await node.join(
            subscriber, YARD, since=since, epoch=live.epoch if since is not None else None, limit=20
        )
        followers.append((subscriber, joined, since if since is not None else -1))

    pour = asyncio.ensure_future(node.burst(YARD, RESUME_EVENTS - TAIL - 100))  # so nobody is ever too far behind
    rounds = 0
    while not pour.done() or rounds < 10:
        rounds += 1
        await asyncio.gather(come(None), come(live.sealed), come(live.sealed - 10), come(live.sealed - TAIL - 90))
    await node.send(YARD)
    for subscriber, joined, since in followers:
        assert seqs(joined)[-1:] in ([], [joined.seq])
        assert not joined.reset
        if since >= 0:
            assert seqs(joined) == list(range(since + 1, joined.seq + 1))
        else:
            assert seqs(joined) == list(range(joined.seq - 19, joined.seq + 1))
        await eventually(lambda subscriber=subscriber: subscriber.seqs(YARD)[-1:] == [live.next - 1])  # type: ignore[misc]
        assert subscriber.position(YARD, joined.seq) == live.next - 1


@pytest.mark.parametrize("since", [None, 10])
async def test_a_join_whose_read_is_overtaken_has_no_hole(node: Node, since: int | None) -> None:
    """While the log is read the room goes on by more than its tail holds."""
    await fill(node, TAIL + 20)
    live = await node.live(YARD)
    slow = SlowLog(node.store)
    node.seen_store.inner = slow
    subscriber = node.subscriber()
    node.hub.rooms.pop(YARD)
    live = node.hub.rooms[YARD] = type(live)(
        live.info, live.epoch, live.sealed, [], node.hub.statistics, node.hub.tails
    )  # no tail
    epoch = live.epoch if since is not None else None
    join = asyncio.ensure_future(node.put(subscriber, live, user("x"), since=since, epoch=epoch))
    await eventually(lambda: slow.waiting)
    for _ in range(5):
        node.hub.receive(await node.stored(YARD, 150))
    await eventually(lambda: live.sealed == live.next - 1)
    slow.go.set()
    joined = await join
    told = seqs(joined)
    assert told == list(range(joined.seq - len(told) + 1, joined.seq + 1)), "contiguous, and ending at seq"
    if since is not None:
        assert told[0] == since + 1
    else:
        assert len(told) == 50
    await eventually(lambda: subscriber.position(YARD, joined.seq) == live.next - 1)
