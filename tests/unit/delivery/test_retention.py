"""What a room no longer keeps reaches nobody any more, from the moment the log says so; and whoever was behind starts again."""

import json

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.events import RoomPurged, draft
from madang.core.rooms import Room
from madang.services.rooms import SYSTEM
from tests.unit.delivery.nodes import OWNER, YARD, Node, fill, running_nodes, user
from tests.waiting import eventually

MINA = user("mina")


async def purge(node: Node, upto: int) -> int:
    """Keep nothing up to a seq; return the seq of the event that says so."""
    appended = await node.appender.append(draft(RoomPurged(upto=upto), YARD, SYSTEM.id, SYSTEM.name, server=True))
    assert appended is not None
    return appended.event.seq


async def test_a_join_begins_behind_what_is_kept_no_longer(node: Node) -> None:
    await fill(node, 30)
    live = await node.live(YARD)
    first = await node.join(node.subscriber(), YARD, MINA)
    last = await purge(node, 20)
    await eventually(lambda: live.sealed == last)
    assert [entry.event.seq for entry in live.tail.entries] == list(range(21, last + 1))
    for since in (None, 0, 19, 20, 25):
        back = await node.join(node.subscriber(), YARD, MINA, since=since, epoch=None if since is None else live.epoch)
        seqs = [json.loads(text)["seq"] for text in back.events]
        assert seqs == list(range(21 if since is None or since < 20 else since + 1, last + 1))
        assert back.reset is (since is not None and since < 20)
        assert back.first == 21
    assert first.first == 1


async def test_a_room_that_is_opened_later_begins_there_too(node: Node) -> None:
    await fill(node, 30)
    last = await purge(node, 20)
    node.hub.rooms.clear()
    for erased in (False, True):
        if erased:
            while await node.store.erase(YARD, 7):
                pass
            node.hub.rooms.clear()
        joined = await node.join(node.subscriber(), YARD, limit=200)
        assert [json.loads(text)["seq"] for text in joined.events] == list(range(21, last + 1))
        assert isinstance(node.hub.rooms[YARD].info, Room) and node.hub.rooms[YARD].info.purged_seq == 20


async def test_a_slow_reader_starts_anew_from_what_is_kept(node: Node) -> None:
    subscriber = node.subscriber()
    joined = await node.join(subscriber, YARD, MINA)
    subscriber.pause()
    await fill(node, 30)
    last = await purge(node, 20)
    live = await node.live(YARD)
    await eventually(lambda: live.sealed == last)
    subscriber.resume()
    await eventually(lambda: subscriber.of("reset"))
    (reset,) = subscriber.of("reset")
    assert min(event["seq"] for event in reset["events"]) == 21
    assert subscriber.position(YARD, joined.seq) == last


async def test_a_node_that_heard_nothing_goes_on_where_the_log_begins(store: Store) -> None:
    broker = MemoryBroker()
    async with running_nodes(store, MemoryBus(broker), MemoryBus(broker)) as (here, there):
        await here.rooms.create(OWNER, YARD, "Yard", "open")
        subscriber = there.subscriber()
        joined = await there.join(subscriber, YARD, MINA)
        behind = await there.live(YARD)
        at = behind.next - 1
        drafts = [draft(RoomPurged(upto=20), YARD, SYSTEM.id, SYSTEM.name, server=True)]
        await here.stored(YARD, 30)
        await store.append(drafts)
        while await store.erase(YARD, 10):
            pass
        assert behind.next - 1 == at, "nobody has told it"
        await there.hub.check()
        head = (await store.heads([YARD]))[YARD]
        await eventually(lambda: behind.sealed == head)
        await eventually(lambda: subscriber.position(YARD, joined.seq) == head)
        (reset,) = subscriber.of("reset")
        assert min(event["seq"] for event in reset["events"]) == 21
