"""Many that resume from further back than the tail: the log is read for the first, and what was erased stays erased."""

from typing import Any

import pytest

from madang.core.events import MessageDeleted
from madang.delivery import tail as tail_module
from madang.delivery.catching_up import JOIN_BYTES
from madang.delivery.room import LiveRoom
from madang.delivery.tail import LONG_TAIL, TAIL, TAIL_BYTES
from tests.unit.delivery.nodes import OWNER, Node
from tests.unit.delivery.subscribers import event
from tests.waiting import eventually

ROOM = "plaza"
MISSED = TAIL + 150


async def spoken(node: Node, count: int = MISSED) -> LiveRoom:
    """Return a live room with many messages."""
    await node.rooms.create(OWNER, ROOM, ROOM, "open")
    live = await node.live(ROOM)
    await node.burst(ROOM, count)
    await eventually(lambda: live.sealed == count + 1)
    return live


async def test_the_log_is_read_only_for_the_first_that_resumes_from_far_behind(node: Node) -> None:
    live = await spoken(node)
    before = node.hub.statistics.log_reads
    for _ in range(20):
        joined = await node.join(node.subscriber(), ROOM, since=1, epoch=live.epoch)
        assert joined.seq == live.sealed
        assert [text.count(b'"op":"event"') for text in joined.events] == [1] * MISSED
        assert [f'"seq":{seq},'.encode() in text for seq, text in enumerate(joined.events, 2)] == [True] * MISSED
    assert node.hub.statistics.log_reads == before + 1


async def test_resuming_from_as_far_behind_as_allowed_takes_few_reads(node: Node) -> None:
    live = await spoken(node, LONG_TAIL)
    before = node.hub.statistics.log_reads
    for _ in range(10):
        subscriber = node.subscriber()
        joined = await node.join(subscriber, ROOM, since=1, epoch=live.epoch)
        rest = list(range(joined.seq + 1, live.sealed + 1))
        await eventually(lambda: len(subscriber.seqs(ROOM)) == len(rest))  # noqa: B023
        assert subscriber.seqs(ROOM) == rest
    assert node.hub.statistics.log_reads <= before + 3
    assert len(live.tail) == LONG_TAIL


async def test_a_lengthened_tail_is_shortened_when_nobody_needs_it(node: Node) -> None:
    live = await spoken(node)
    await node.join(node.subscriber(), ROOM, since=1, epoch=live.epoch)
    await node.hub.sweep()
    assert len(live.tail) > TAIL, "somebody came since the last sweep"
    await node.hub.sweep()
    assert len(live.tail) == TAIL
    assert live.tail.entries[-1].event.seq == live.next - 1
    await node.burst(ROOM, 3)
    assert len(live.tail) == TAIL


def far(node: Node) -> tuple[LiveRoom, list[Any]]:
    live = node.invent(ROOM, 10)
    return live, [event(ROOM, seq) for seq in range(5, 11)]


async def test_a_read_that_an_erasure_overtook_is_not_kept(node: Node) -> None:
    live, read = far(node)
    asked = live.next
    node.hub.receive([event(ROOM, 11, MessageDeleted.type, body=b'{"target":7}')])
    live.tail.lengthen(read, asked)
    assert live.tail.start == 10
    live.tail.lengthen(read, live.next)
    assert live.tail.start == 4


async def test_events_that_the_tail_does_not_continue_are_not_kept(node: Node) -> None:
    live, read = far(node)
    live.tail.lengthen(read[:-1], live.next)
    live.tail.lengthen([], live.next)
    assert live.tail.start == 10


async def test_a_lengthened_tail_is_bounded_in_bytes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    live, read = far(node)
    monkeypatch.setattr(tail_module, "LONG_BYTES", 400)
    live.tail.lengthen(read, live.next)
    assert 4 < live.tail.start < 10
    assert [entry.event.seq for entry in live.tail.entries] == list(range(live.tail.start + 1, 11))


# -- bytes -------------------------------------------------------------------------------------------------------------


LARGE = "😀" * 4000


def counted(node: Node) -> int:
    """What the tails of a node hold, counted one by one."""
    return sum(
        len(entry.text) + len(entry.event.body) + tail_module.ENTRY_BYTES
        for room in node.hub.rooms.values()
        for entry in room.tail.entries
    )


async def say_large(node: Node, room: str, count: int) -> LiveRoom:
    await node.rooms.create(OWNER, room, room, "open")
    live = await node.live(room)
    for _ in range(count):
        await node.send(room, LARGE)
    await eventually(lambda: live.sealed == count + 1)
    return live


async def test_a_tail_is_bounded_by_bytes_and_serves_joins_all_the_same(node: Node) -> None:
    live = await say_large(node, ROOM, 90)
    assert live.tail.size == counted(node) == node.memory.held["tails"] <= TAIL_BYTES
    assert 10 < len(live.tail) < 60
    reads = node.hub.statistics.log_reads
    joined = await node.join(node.subscriber(), ROOM, limit=50)
    assert JOIN_BYTES - 20_000 < sum(map(len, joined.events)) <= JOIN_BYTES
    assert joined.seq == live.sealed
    assert node.hub.statistics.log_reads == reads, "what is older would not fit into the answer"
    subscriber = node.subscriber()
    joined = await node.join(subscriber, ROOM, since=5, epoch=live.epoch)
    rest = list(range(joined.seq + 1, live.sealed + 1))
    await eventually(lambda: subscriber.seqs(ROOM) == rest)
    assert len(joined.events) == joined.seq - 5
    for _ in range(2):
        await node.hub.sweep()
    assert live.tail.size == counted(node) == node.memory.held["tails"] <= TAIL_BYTES


async def test_all_tails_share_a_bound_and_the_one_not_used_for_the_longest_goes_first(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.hub.tails, "_most", 2 * TAIL_BYTES + TAIL_BYTES // 2)
    rooms = [await say_large(node, f"r{n}", 60) for n in range(2)]
    await node.join(node.subscriber(), "r0", limit=5)  # used
    third = await say_large(node, "r2", 60)
    assert [len(room.tail) > 0 for room in (*rooms, third)] == [True, False, True]
    assert node.hub.tails.emptied == 1
    assert node.memory.held["tails"] == counted(node)
    subscriber = node.subscriber()
    joined = await node.join(subscriber, "r1", since=20, epoch=rooms[1].epoch)
    await eventually(lambda: subscriber.seqs("r1") == list(range(joined.seq + 1, 62)))
    await node.send("r1", "on it goes")
    await eventually(lambda: subscriber.seqs("r1")[-1:] == [62])


async def test_tails_give_way_to_answers(node: Node) -> None:
    await say_large(node, ROOM, 40)
    node.memory.take("answers", node.memory.limit - node.memory.total)
    await node.memory.acquire("answers", 1000)
    assert node.memory.held["tails"] == counted(node) == 0


async def test_tails_that_hold_nothing_are_not_asked_to_give(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        await say_large(node, f"r{n}", 1)
    tails = node.hub.tails
    tails.release(node.memory.limit)
    asked: list[object] = []
    monkeypatch.setattr(tails, "resized", lambda tail, by: asked.append(tail))
    node.memory.take("answers", node.memory.limit)
    assert not node.memory.try_take("input", 1)
    assert not asked


async def test_a_room_that_is_let_go_of_gives_its_bytes_back(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    await say_large(node, ROOM, 40)
    monkeypatch.setattr("madang.delivery.hub.LINGER_S", -1.0)
    await node.hub.sweep()
    assert not node.hub.rooms
    assert node.memory.held["tails"] == 0
