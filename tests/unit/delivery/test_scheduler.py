"""Rooms are written at once while quiet, per tick while hot, in turns when many are due; a failing one harms no other."""

import asyncio

import pytest

from madang.core.events import MemberKicked, MemberLeft
from madang.delivery.room import FEW, WRITE_BYTES
from madang.delivery.scheduler import PASS, QUANTUM
from madang.delivery.subscriber import Entry
from madang.transports.native.encoding import ENCODINGS, NativeEncoding
from madang.transports.websocket.framing import PLAIN
from tests.unit.delivery.nodes import Node
from tests.unit.delivery.subscribers import RecordingSubscriber, event
from tests.waiting import eventually, turns

ROOM = "plaza"


async def crowd(node: Node, room: str, count: int, seq: int = 1) -> list[RecordingSubscriber]:
    live = node.hub.rooms.get(room) or node.invent(room, seq)
    return await node.follow(live, "mina", count=count)


async def test_the_first_event_after_quiet_is_written_at_once(node: Node) -> None:
    subscribers = await crowd(node, ROOM, FEW + 1)
    node.hub.receive([event(ROOM, 2)])
    assert [o.seqs(ROOM) for o in subscribers] == [[2]] * len(subscribers)


@pytest.mark.parametrize("type", [MemberKicked.type, MemberLeft.type])
async def test_an_end_of_access_is_written_at_once(node: Node, type: str) -> None:
    subscribers = await crowd(node, ROOM, FEW + 1)
    (goes,) = await node.follow(node.hub.rooms[ROOM], "bora")
    end = event(ROOM, 2, type, "u-bora", b'{"member":"u-bora"}' if type == MemberKicked.type else b"{}")
    node.hub.receive([end])
    assert [o.seqs(ROOM) for o in [*subscribers, goes]] == [[2]] * (len(subscribers) + 1)


async def test_events_for_few_are_written_with_what_else_is_queued(node: Node) -> None:
    (subscriber,) = await crowd(node, ROOM, 1)
    node.hub.receive([event(ROOM, 2)])
    subscriber.queue(subscriber.encoding.text(b'{"op":"ok","n":1}'))
    assert subscriber.written == []
    await turns(2)
    assert len(subscriber.written) == 1
    assert [f["op"] for f in subscriber.frames] == ["event", "ok"]


async def test_events_of_a_hot_room_are_joined_per_tick(node: Node) -> None:
    (subscriber, *_) = await crowd(node, ROOM, FEW + 1)
    node.hub.receive([event(ROOM, 2)])
    for seq in range(3, 103):
        node.hub.receive([event(ROOM, seq)])
    assert subscriber.seqs(ROOM) == [2]
    await eventually(lambda: len(subscriber.written) > 1)
    assert subscriber.seqs(ROOM) == list(range(2, 103))
    assert len(subscriber.written) == 2


async def test_a_small_room_is_written_between_the_passes_of_a_large_one(node: Node) -> None:
    large = await crowd(node, "large", PASS * 3)
    small = await crowd(node, "small", FEW + 1)
    node.hub.receive([event("large", 2)])
    assert sum(bool(o.written) for o in large) == PASS
    node.hub.receive([event("small", 2)])
    assert sum(bool(o.written) for o in large) == PASS, "the loop has not turned since"
    await turns(1)
    assert {tuple(o.seqs("small")) for o in small} == {(2,)}
    assert sum(bool(o.written) for o in large) == PASS * 2 - len(small)
    await eventually(lambda: large[-1].written and all(o.written for o in large))
    assert {tuple(o.seqs("large")) for o in large} == {(2,)}


async def test_rooms_that_are_due_take_turns(node: Node) -> None:
    rooms = {name: await crowd(node, name, QUANTUM * 2) for name in ("a", "b", "c", "d", "e")}
    node.hub.receive([event(name, 2) for name in rooms])
    written = {name: sum(bool(o.written) for o in subscribers) for name, subscribers in rooms.items()}
    assert sum(written.values()) == PASS
    assert max(written.values()) == QUANTUM
    assert node.hub.scheduler.backlog == len(rooms)
    await eventually(lambda: all(o.written for subscribers in rooms.values() for o in subscribers))
    assert node.hub.scheduler.backlog == 0


async def test_what_is_large_counts_several_times(node: Node) -> None:
    subscribers = await crowd(node, ROOM, PASS)
    body = b'{"text":"%s"}' % (b"x" * 2 * WRITE_BYTES)
    node.hub.receive([event(ROOM, 2, body=body)])
    assert 0.9 * PASS / 3 <= sum(bool(o.written) for o in subscribers) <= PASS / 3 + 1
    await eventually(lambda: all(o.written for o in subscribers))


async def test_finish_writes_everything(node: Node) -> None:
    large, small = await crowd(node, "large", PASS + 1), await crowd(node, "small", 1)
    for seq in range(2, 10):
        node.hub.receive([event("large", seq), event("small", seq)])
    node.hub.scheduler.finish()
    await turns(2)  # batches for few are written at the end of the turn
    assert {tuple(o.seqs("large")) for o in large} == {tuple(range(2, 10))}
    assert small[0].seqs("small") == list(range(2, 10))


async def test_a_socket_lost_while_its_batch_is_written_harms_no_other(node: Node) -> None:
    subscribers = await crowd(node, ROOM, PASS * 2)
    small = await crowd(node, "small", 1)
    node.hub.receive([event(ROOM, 2)])
    waiting = [o for o in subscribers if not o.written]
    lost = waiting[:3]
    for subscriber in lost:
        subscriber.close()
    node.hub.receive([event("small", 2)])
    await eventually(lambda: all(o.written for o in waiting[3:]))
    node.hub.receive([event(ROOM, 3), event("small", 3)])
    await eventually(lambda: small[0].seqs("small") == [2, 3])
    await eventually(lambda: all(o.seqs(ROOM) == [2, 3] for o in subscribers if o not in lost))


async def test_a_socket_lost_before_the_end_of_the_turn_harms_no_other(node: Node) -> None:
    subscribers = await crowd(node, ROOM, 3)
    node.hub.receive([event(ROOM, 2)])
    subscribers[0].close()
    subscribers[1].close()
    node.hub.receive([event(ROOM, 3)])
    await eventually(lambda: subscribers[2].seqs(ROOM) == [2, 3])


async def test_a_room_that_fails_does_not_stop_the_others(node: Node) -> None:
    (bad,), (good,) = await crowd(node, "bad", 1), await crowd(node, "good", 1)

    class Broken(NativeEncoding):
        def event(self, entry: Entry) -> bytes:
            raise ValueError

    bad.pause()
    bad.paused, bad.encoding = False, Broken(PLAIN)  # what it lacks is given to it when the room has been written
    node.hub.receive([event("bad", 2), event("good", 2)])
    await eventually(lambda: good.seqs("good") == [2])
    bad.encoding = ENCODINGS[PLAIN]
    node.hub.receive([event("bad", 3)])
    await eventually(lambda: bad.position("bad", 1) == 3)


async def test_a_batch_that_cannot_be_sealed_does_not_stop_the_others(node: Node) -> None:
    (bad, other), (good,) = await crowd(node, "bad", 2), await crowd(node, "good", 1)
    sound = bad.flush

    def broken() -> None:
        raise ValueError

    bad.flush = broken  # type: ignore[method-assign]
    node.hub.receive([event("bad", 2), event("good", 2)])
    await eventually(lambda: good.seqs("good") == [2])
    bad.flush = sound  # type: ignore[method-assign]
    await eventually(lambda: other.seqs("bad") == [2])
    assert bad.seqs("bad") == [2]


async def test_a_room_that_grows_between_two_batches_keeps_its_order(node: Node) -> None:
    """Batches for few are queued, those for many written directly: the second must not overtake the first."""
    subscribers = await crowd(node, ROOM, FEW)
    (goes,) = await node.follow(node.hub.rooms[ROOM], "bora")
    (also,) = await node.follow(node.hub.rooms[ROOM], "chul")
    subscribers[0].close()
    subscribers[1].close()
    node.hub.receive([event(ROOM, 2)])  # hot from now on
    node.hub.receive(
        [event(ROOM, 3), event(ROOM, 4, MemberKicked.type, body=b'{"member":"u-bora"}')]
    )  # closes a batch, for few
    more = await crowd(node, ROOM, FEW)
    node.hub.receive(
        [event(ROOM, 5), event(ROOM, 6, MemberKicked.type, body=b'{"member":"u-chul"}')]
    )  # and one for many
    node.hub.receive([event(ROOM, 7)])
    await eventually(lambda: all(o.seqs(ROOM)[-1:] == [7] for o in [*subscribers[2:], *more]))
    await turns(1)  # batches for few are written at the end of the turn, which a late tick may have missed
    for subscriber in subscribers[2:]:
        assert subscriber.seqs(ROOM) == [2, 3, 4, 5, 6, 7]
    for subscriber in more:
        assert subscriber.seqs(ROOM) == [5, 6, 7]
    assert goes.seqs(ROOM) == [2, 3, 4]
    assert also.seqs(ROOM) == [2, 3, 4, 5, 6]


async def test_passes_let_the_loop_read_its_sockets(node: Node) -> None:
    subscribers = await crowd(node, ROOM, PASS * 3)
    node.hub.receive([event(ROOM, 2)])
    counts = []
    while not all(o.written for o in subscribers):
        counts.append(sum(bool(o.written) for o in subscribers))
        await asyncio.sleep(0)
    assert len(counts) >= 2
