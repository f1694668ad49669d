"""The hub delivers every event of a room once and in order, whatever the bus does to them."""

import asyncio
import random
from typing import Any

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.events import RoomChanged
from madang.delivery import ephemeral
from madang.delivery.gaps import HELD, HELD_BYTES
from madang.delivery.hub import LINGER_S
from madang.delivery.room import FEW
from madang.errors import StorageFailed
from madang.ports.bus import EVERYWHERE, Signal
from madang.testing import LossyBus, lossy_buses
from tests.seeds import seeds
from tests.unit.delivery.nodes import OWNER, YARD, Node, Wrapped, running_nodes, user
from tests.unit.delivery.subscribers import RecordingSubscriber, event
from tests.waiting import eventually, turns

PLAZA = "plaza"


async def follows(node: Node, room: str, name: str) -> tuple[RecordingSubscriber, int]:
    subscriber = node.subscriber()
    return subscriber, (await node.join(subscriber, room, user(name), limit=0)).seq


# -- several nodes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", seeds(4, 40))
async def test_over_a_lossy_bus_every_subscriber_gets_each_event_once_in_order(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    async with running_nodes(store, *lossy_buses(3, seed)) as nodes:
        rooms = [YARD, PLAZA]
        for room in rooms:
            await nodes[0].rooms.create(OWNER, room, room, "open")
        sockets: list[tuple[Node, str, RecordingSubscriber, int]] = []
        for n, node in enumerate(nodes):
            for room in rooms:
                names = [f"{n}-{m}" for m in range(chance.choice([1, 2, FEW + 2]))]
                sockets += [(node, room, *await follows(node, room, name)) for name in names]
        for _ in range(8):
            bursts = [chance.choice(nodes).burst(chance.choice(rooms), chance.randint(1, 20)) for _ in range(4)]
            late = chance.choice(nodes), chance.choice(rooms)
            joined = asyncio.ensure_future(follows(*late, f"late-{chance.random()}"))
            await asyncio.gather(joined, *bursts)
            sockets.append((*late, *joined.result()))
        heads = await store.heads(rooms)
        await eventually(lambda: all(bus.link and bus.link.lost for bus in (node.bus for node in nodes)))  # type: ignore[attr-defined]
        for node in nodes:
            await node.hub.check()  # what was lost at the end
        await eventually(lambda: all(o.position(room, joined) == heads[room] for _, room, o, joined in sockets))


async def test_a_lost_last_event_is_found_by_a_check(store: Store) -> None:
    broker = MemoryBroker()
    deaf = LossyBus(MemoryBus(broker), 1, lose=1.0)
    async with running_nodes(store, MemoryBus(broker), deaf) as (one, two):
        await one.rooms.create(OWNER, YARD, "Yard", "open")
        subscriber, joined = await follows(two, YARD, "mina")
        sent = await one.send(YARD)
        await eventually(lambda: deaf.link and deaf.link.lost)
        assert subscriber.position(YARD, joined) < sent.seq
        await two.hub.check()
        await eventually(lambda: subscriber.position(YARD, joined) == sent.seq)


async def test_a_check_finds_nothing_where_nothing_is_lost(node: Node) -> None:
    subscriber, joined = await follows(node, YARD, "mina")
    await node.send(YARD)
    await node.hub.check()
    await turns()
    assert node.hub.statistics.gaps == 0
    assert subscriber.position(YARD, joined) == joined + 1


async def test_a_user_kicked_on_another_node_gets_nothing_later(store: Store) -> None:
    broker = MemoryBroker()
    async with running_nodes(store, MemoryBus(broker), MemoryBus(broker)) as (one, two):
        await one.rooms.create(OWNER, YARD, "Yard", "open")
        subscriber, joined = await follows(two, YARD, "bora")
        other, _ = await follows(two, YARD, "mina")
        bursts = asyncio.gather(*(one.burst(YARD, 20) for _ in range(5)))
        kicked = await one.rooms.kick(OWNER, YARD, "u-bora")
        await bursts
        await one.send(YARD)
        head = (await store.heads([YARD]))[YARD]
        await eventually(lambda: other.seqs(YARD)[-1:] == [head])
        assert kicked is not None
        assert subscriber.position(YARD, joined) == kicked.event.seq
        assert subscriber.over == [YARD]


async def test_a_head_seen_while_a_room_is_opened_is_read_up_to(node: Node) -> None:
    slow = node.seen_store.inner = SlowTail(node.store)
    subscriber = node.subscriber()
    join = asyncio.ensure_future(node.join(subscriber, YARD, limit=0))
    await eventually(lambda: slow.asked)
    newest = (await node.stored(YARD, 2))[-1].seq
    node.hub.heads_seen({YARD: newest})
    node.hub.heads_seen({YARD: newest - 1})
    slow.go.set()
    joined = await join
    await eventually(lambda: subscriber.position(YARD, joined.seq) == newest)
    assert not node.hub.opening


async def test_a_room_that_fails_to_accept_costs_the_others_nothing(node: Node) -> None:
    broken, fine = node.invent("broken"), node.invent("fine")
    (subscriber,) = await node.follow(fine, "mina")
    await node.follow(broken, "mina")
    node.hub.receive([event("broken", 2, "member.role", body=b"not json"), event("fine", 2)])
    await eventually(lambda: subscriber.seqs("fine") == [2])


@pytest.mark.parametrize(
    ("room", "topic", "value"),
    [
        (YARD, "typing", b'"\xff"'),
        (YARD, "presence", b'"\xff"'),
        (YARD, "read", b'"\xff"'),
        (YARD, "read", b"{"),
        (EVERYWHERE, "beat", b'[1,{"\xff":1}]'),
        (EVERYWHERE, "spent", b'[1,[["user","\xff",1]]]'),
        (EVERYWHERE, "broken", b"1"),
    ],
)
async def test_a_signal_that_cannot_be_handled_costs_the_others_nothing(
    node: Node, room: str, topic: str, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(signal: Signal) -> None:
        raise ZeroDivisionError

    await node.follow(node.invent(YARD), "mina")
    node.hub.on_signal("broken", fail)
    for _ in range(3):
        node.hub.signal(Signal(room, topic, "another/1", value))
    assert node.hub.statistics.ephemeral_dropped == 3
    assert len(caplog.records) <= 1, "however many come"
    node.hub.signal(ephemeral.typing(YARD, "u-bora", "Bora"))
    assert (YARD, "u-bora") in node.hub.ephemeral.typing


# -- opening and letting go --------------------------------------------------------------------------------------------


class SlowTail(Wrapped):
    """A log whose `tail` returns late: what happens meanwhile must not be lost."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.go = asyncio.Event()
        self.asked = 0

    async def tail(self, room: str, limit: int) -> Any:
        tail = await self.inner.tail(room, limit)
        self.asked += 1
        await self.go.wait()
        return tail


async def test_large_events_that_come_while_a_room_is_opened_are_bounded(node: Node) -> None:
    slow = node.seen_store.inner = SlowTail(node.store)
    subscriber = node.subscriber()
    join = asyncio.ensure_future(node.join(subscriber, YARD, limit=0))
    await eventually(lambda: slow.asked)
    for _ in range(100):
        await node.send(YARD, "😀" * 4000)
    opening = node.hub.opening[YARD]
    assert HELD_BYTES - 20_000 < opening.size == sum(len(event.body) for event in opening.early) <= HELD_BYTES
    slow.go.set()
    joined = await join
    await eventually(lambda: subscriber.position(YARD, joined.seq) == 101)


@pytest.mark.parametrize("count", [0, 1, 50, HELD + 500])
async def test_opening_a_room_while_events_arrive_leaves_no_hole(node: Node, count: int) -> None:
    slow = node.seen_store.inner = SlowTail(node.store)
    subscriber = node.subscriber()
    join = asyncio.ensure_future(node.join(subscriber, YARD, limit=0))
    await eventually(lambda: slow.asked)
    sent = 0
    while sent < count:
        sent += len(await node.burst(YARD, min(count - sent, 200)))
    assert len(node.hub.opening[YARD].early) == min(count, HELD), "bounded"
    slow.go.set()
    joined = await join
    await eventually(lambda: subscriber.position(YARD, joined.seq) == 1 + count)
    assert not node.hub.opening


async def test_settings_changed_while_a_room_is_opened_are_seen(node: Node) -> None:
    class SlowRoom(SlowTail):
        async def room(self, room: str) -> Any:
            info = await self.inner.room(room)
            self.asked += 1
            await self.go.wait()
            return info

    slow = node.seen_store.inner = SlowRoom(node.store)
    opening = asyncio.ensure_future(node.live(YARD))
    await eventually(lambda: slow.asked)
    await node.rooms.change(OWNER, YARD, RoomChanged(slow_ms=500))
    slow.go.set()
    assert (await opening).info.slow_ms == 500


async def test_concurrent_calls_open_a_room_once(node: Node) -> None:
    slow = node.seen_store.inner = SlowTail(node.store)
    opening = [asyncio.ensure_future(node.hub.open(YARD)) for _ in range(20)]
    await eventually(lambda: slow.asked)
    opening[0].cancel()
    await turns()
    slow.go.set()
    rooms = await asyncio.gather(*opening, return_exceptions=True)
    assert isinstance(rooms[0], asyncio.CancelledError)
    assert set(rooms[1:]) == {node.hub.rooms[YARD]}
    assert slow.asked == 1
    assert node.hub.statistics.log_reads == 1


async def test_equal_reads_at_one_time_are_two_reads_of_the_log(node: Node) -> None:
    await asyncio.gather(*(node.hub.reader.read(YARD, 0) for _ in range(20)))
    assert node.hub.statistics.log_reads == 2, "the first, and one that all share who came while it was under way"


class Subscriptions(Wrapped):
    """A bus that keeps what is subscribed, and is slow about it."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.rooms: set[str] = set()

    async def subscribe(self, room: str) -> None:
        await asyncio.sleep(0)
        self.rooms.add(room)

    async def unsubscribe(self, room: str) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        self.rooms.discard(room)


async def test_opening_a_room_that_does_not_exist_leaves_nothing_behind(node: Node) -> None:
    bus = node.seen_bus.inner = Subscriptions(node.bus)
    assert await node.hub.open("nowhere") is None
    assert (node.hub.opening, bus.rooms) == ({}, set())
    assert "nowhere" not in node.hub.rooms


async def test_opening_a_room_that_cannot_be_read_leaves_nothing_behind(node: Node) -> None:
    bus = node.seen_bus.inner = Subscriptions(node.bus)

    class Failing(Wrapped):
        async def tail(self, *args: Any) -> Any:
            raise StorageFailed

    node.seen_store.inner = Failing(node.store)
    with pytest.raises(StorageFailed):
        await node.hub.open(YARD)
    assert (node.hub.opening, bus.rooms, node.hub.rooms) == ({}, set(), {})
    node.seen_store.inner = node.store
    assert await node.hub.open(YARD)
    assert bus.rooms == {YARD}


def pass_time(node: Node, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Put the node's clock ahead."""
    before = node.turns.time
    monkeypatch.setattr(node.turns, "time", lambda: before() + seconds)


async def test_only_rooms_that_nobody_follows_are_let_go_of(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = node.seen_bus.inner = Subscriptions(node.bus)
    subscriber, _ = await follows(node, YARD, "mina")
    await node.rooms.create(OWNER, PLAZA, "Plaza", "open")
    await node.live(PLAZA)
    await node.hub.sweep()
    assert set(node.hub.rooms) == {YARD, PLAZA}
    pass_time(node, monkeypatch, LINGER_S + 1)
    await node.hub.sweep()
    assert set(node.hub.rooms) == bus.rooms == {YARD}
    subscriber.pause()  # behind is followed, too
    pass_time(node, monkeypatch, LINGER_S + 1)
    await node.hub.sweep()
    assert set(node.hub.rooms) == {YARD}
    subscriber.close()
    await node.hub.sweep()
    assert set(node.hub.rooms) == {YARD}, "it lingers from when it was left"
    pass_time(node, monkeypatch, LINGER_S + 1)
    await node.hub.sweep()
    assert (node.hub.rooms, bus.rooms) == ({}, set())


async def test_a_room_just_opened_again_is_not_let_go_of(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    await node.live(YARD)
    pass_time(node, monkeypatch, LINGER_S + 1)
    live = await node.live(YARD)
    await node.hub.sweep()
    assert node.hub.rooms.get(YARD) is live


async def test_a_room_opened_while_it_is_let_go_of_stays_subscribed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = MemoryBroker()
    async with running_nodes(store, MemoryBus(broker), MemoryBus(broker)) as (node, other):
        await other.rooms.create(OWNER, YARD, "Yard", "open")
        bus = node.seen_bus.inner = Subscriptions(node.bus)
        await node.live(YARD)
        pass_time(node, monkeypatch, LINGER_S + 1)
        sweep = asyncio.ensure_future(node.hub.sweep())
        await turns(1)
        assert YARD not in node.hub.rooms
        await node.live(YARD)
        await sweep
        assert bus.rooms == {YARD}


async def test_events_that_nobody_told_are_found_by_a_check_that_was_asked_for(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a commit whose answer was lost, on a single node, which checks nothing without a reason."""
    monkeypatch.setattr("madang.delivery.hub.PAUSE_S", 0.001)

    class Failing(Wrapped):
        failures = 2

        async def heads(self, rooms: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise StorageFailed
            return await self.inner.heads(rooms)

    node.turns.spawn(node.hub.watch())
    subscriber, joined = await follows(node, YARD, "mina")
    failing = node.seen_store.inner = Failing(node.store)
    await node.stored(YARD, 3)
    await turns(100)
    assert subscriber.position(YARD, joined) == joined
    node.hub.check_soon()
    await eventually(lambda: subscriber.position(YARD, joined) == joined + 3)
    assert failing.failures == 0
