"""Rooms that show their history since one joined: nothing of before reaches a member, by whatever way it comes."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from madang.core.events import (
    HIDDEN,
    Body,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageSent,
    ReactionAdded,
    RoomChanged,
    draft,
)
from madang.delivery.joining import Joined
from tests.unit.delivery.nodes import OWNER, YARD, Node, fill, user
from tests.unit.delivery.subscribers import RecordingSubscriber
from tests.waiting import eventually

MINA, BORA = user("mina"), user("bora")
SECRET = "of before"


async def done(node: Node, body: Body) -> Event:
    """Append something of the owner's."""
    appended = await node.appender.append(draft(body, YARD, OWNER.id, OWNER.name))
    assert appended is not None
    return appended.event


async def done_to(node: Node, seq: int) -> list[int]:
    """Do everything with a message, and return the seqs of these events."""
    bodies: Sequence[Body] = [
        MessageEdited(target=seq, text=SECRET),
        ReactionAdded(target=seq, emoji=SECRET),
        MessagePinned(target=seq),
        MessageDeleted(target=seq),
    ]
    return [(await done(node, body)).seq for body in bodies]


async def closed(node: Node) -> int:
    """Let the yard show its history since one joined; return the seq of a message of before."""
    old = await node.send(YARD, SECRET)
    await node.rooms.change(OWNER, YARD, RoomChanged(history="joined"))
    return old.seq


def arrived(subscriber: RecordingSubscriber, joined: int, seq: int) -> bool:
    return subscriber.position(YARD, joined) == seq


def events(joined: Joined) -> list[dict[str, Any]]:
    return [json.loads(text) for text in joined.events]


def heard(subscriber: RecordingSubscriber) -> dict[int, str]:
    """Return the type of each event that came, by its seq; and hold what stands for others to its form."""
    found = {}
    for frame in subscriber.of("event", room=YARD):
        found[frame["seq"]] = frame["type"]
        hold(frame)
    return found


def hold(frame: dict[str, Any]) -> None:
    if frame["type"] == HIDDEN:
        assert (frame["user"], frame["name"]) == ("", "")
        assert set(frame) == {"op", "room", "seq", "type", "id", "user", "name", "at"}


@pytest.mark.parametrize("crowd", [1, 40], ids=["few", "many"])
async def test_what_is_done_to_older_messages_is_told_without_its_content(node: Node, crowd: int) -> None:
    old = await closed(node)
    owner, late = node.subscriber(), [node.subscriber() for _ in range(crowd)]
    await node.join(owner, YARD)
    joined = [await node.join(each, YARD, MINA) for each in late]
    new = (await node.send(YARD, "new")).seq
    seqs = await done_to(node, old)
    after = await done_to(node, new)
    last = after[-1]
    for each, answer in zip(late, joined, strict=True):
        await eventually(partial(arrived, each, answer.seq, last))
        types = heard(each)
        assert {types[seq] for seq in seqs} == {HIDDEN}
        assert HIDDEN not in {types[seq] for seq in after}
        assert SECRET not in json.dumps([f for f in each.frames if f.get("seq") in seqs])
    await eventually(lambda: heard(owner).get(last) == MessageDeleted.type)
    assert HIDDEN not in heard(owner).values()


async def test_a_join_begins_where_one_joined(node: Node) -> None:
    old = await closed(node)
    first = await node.join(node.subscriber(), YARD, MINA)
    assert [event["type"] for event in events(first)] == ["member.joined"]
    assert first.first == first.seq == events(first)[0]["seq"]
    await done_to(node, old)
    await node.send(YARD, "new")
    again = await node.join(node.subscriber(), YARD, MINA, limit=200)
    assert [event["seq"] for event in events(again)] == list(range(first.first, again.seq + 1))
    assert [event["type"] for event in events(again)] == ["member.joined", *[HIDDEN] * 4, MessageSent.type]
    assert SECRET not in str(again.events)
    owner = await node.join(node.subscriber(), YARD, limit=200)
    assert (owner.first, len(owner.events)) == (1, owner.seq)


@pytest.mark.parametrize("cold", [False, True], ids=["from the tail", "from the log"])
async def test_a_resume_from_before_one_joined_is_a_reset(node: Node, cold: bool) -> None:
    old = await closed(node)
    live = await node.live(YARD)
    first = await node.join(node.subscriber(), YARD, MINA)
    seqs = await done_to(node, old)
    await node.send(YARD, "new")
    epoch = live.epoch
    for since in range(first.first + 2):
        if cold:
            node.hub.rooms.clear()
        back = await node.join(node.subscriber(), YARD, MINA, since=since, epoch=epoch)
        assert back.reset is (since < first.first - 1)
        told = events(back)
        assert min(event["seq"] for event in told) == max(first.first, since + 1)
        assert [event["type"] for event in told if event["seq"] in seqs] == [HIDDEN] * len(
            [seq for seq in seqs if seq > since]
        )
        assert SECRET not in str(back.events)


async def test_who_reads_slowly_catches_up_with_what_they_may_see(node: Node) -> None:
    old = await closed(node)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, MINA)
    subscriber.pause()
    seqs = await done_to(node, old)
    new = await node.send(YARD, "new")
    subscriber.resume()
    await eventually(lambda: subscriber.position(YARD, joined.seq) == new.seq)
    assert [heard(subscriber)[seq] for seq in seqs] == [HIDDEN] * 4
    assert SECRET not in str(subscriber.written)


async def test_who_is_behind_when_history_is_closed_starts_anew(node: Node) -> None:
    await node.send(YARD, SECRET)
    early, late = node.subscriber(), node.subscriber()
    await node.join(early, YARD, MINA)
    live = await node.live(YARD)
    late_member = await node.rooms.enter(BORA, YARD)
    joined = await node.join(late, YARD, BORA, since=1, epoch=live.epoch)
    assert joined.first == 1
    behind = late.subscriptions[YARD]
    late.pause()
    behind.position = 1  # as if it had read nothing yet
    await node.rooms.change(OWNER, YARD, RoomChanged(history="joined"))
    late.resume()
    await eventually(lambda: late.of("reset"))
    (reset,) = late.of("reset")
    assert min(event["seq"] for event in reset["events"]) >= late_member.joined_seq
    await node.rooms.change(OWNER, YARD, RoomChanged(history="all"))
    again = await node.join(node.subscriber(), YARD, BORA, limit=200)
    assert (again.first, len(again.events)) == (1, again.seq)


async def test_a_crowded_room_tells_of_no_join_and_still_hides_what_was(node: Node) -> None:
    node.hub.quiet_above = 2
    old = await closed(node)
    await fill(node, 30)
    for name in ("a", "b", "c", "d"):
        answer = await node.join(node.subscriber(), YARD, user(name))
        assert answer.seq >= answer.first - 1
        assert all(event["seq"] >= answer.first > old for event in events(answer))
