"""Whatever the bus loses and whichever node dies, what one node has stored reaches the others within a second."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from madang.core.events import Event, MemberKicked, MessageSent, draft
from madang.core.ids import IdSource
from madang.delivery import heartbeat as module
from madang.delivery.heartbeat import ASK_S, INTERVAL_S, TOPIC, UNHEARD_S
from madang.delivery.hub import CHECK_S
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Signal
from madang.testing import FakeClock, ModelStore, VirtualLoop
from tests.unit.delivery.heartbeats import PROMISE_S, ROOM, Courier, Story, events, everything, nothing, told
from tests.unit.delivery.nodes import OWNER, Node, running_nodes, user


def test_a_lost_last_event_arrives_within_a_second_without_a_check() -> None:
    async def story(s: Story) -> None:
        s.buses[0].loses = events
        event = await s.one.send(ROOM)
        await s.arrives(event.seq, INTERVAL_S * 2)
        assert s.store.looks == 0, "the heartbeat said where to read"

    told(story)


def test_an_event_lost_together_with_its_heartbeat_arrives_within_a_second() -> None:
    async def story(s: Story) -> None:
        for silence in (INTERVAL_S, INTERVAL_S * 2):
            s.buses[0].loses = everything
            event = await s.one.send(ROOM)
            await asyncio.sleep(silence)
            s.buses[0].loses = nothing
            await s.arrives(event.seq, PROMISE_S - silence)
        assert s.two.heartbeat.statistics.missed >= 3

    told(story)


def test_a_node_that_ran_before_counts_no_loss_but_causes_a_check() -> None:
    async def story(s: Story) -> None:
        s.two.heartbeat.receive(Signal(EVERYWHERE, TOPIC, "elder/500", b"[500,{}]"))
        await asyncio.sleep(0.1)
        assert (s.two.heartbeat.statistics.missed, s.store.looks) == (0, 1)

    told(story)


def test_what_a_node_stored_before_it_died_arrives_within_a_second() -> None:
    async def story(s: Story) -> None:
        await s.one.die()
        event = await s.stored_only()
        await s.arrives(event.seq)
        assert s.two.heartbeat.unheard == [s.one.name]

    told(story)


def test_a_node_that_is_cut_off_is_followed_through_the_log_until_it_loses_its_lease() -> None:
    async def story(s: Story) -> None:
        s.buses[0].loses = everything
        await asyncio.sleep(60)
        for _ in range(3):
            event = await s.one.send(ROOM)
            await s.arrives(event.seq)
            await asyncio.sleep(7.3)
        s.two.holders = holders_of(s.two)
        await asyncio.sleep(ASK_S + 1)
        assert s.two.heartbeat.unheard == [] and s.two.heartbeat.peers == {}
        looks = s.store.looks
        await asyncio.sleep(CHECK_S * 0.9)
        assert s.store.looks <= looks + 3, "no node is left to check for"

    told(story)


def holders_of(*nodes: Node) -> Callable[[], Awaitable[list[str]]]:
    async def holders() -> list[str]:
        return [node.name for node in nodes]

    return holders


def test_a_lease_holder_that_was_never_heard_is_followed_through_the_log_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(s: Story) -> None:
        s.two.heartbeat.peers.clear()
        s.buses[0].loses = everything
        await asyncio.sleep(ASK_S + 0.5)
        event = await s.one.send(ROOM)
        await s.arrives(event.seq)  # before it is said: it may be starting
        assert s.two.heartbeat.unheard == [] and "was never heard" not in caplog.text
        await asyncio.sleep(UNHEARD_S + ASK_S)
        assert s.two.heartbeat.unheard == [s.one.name]
        assert caplog.text.count(f"node {s.one.name} uses this database and was never heard") == 1
        event = await s.one.send(ROOM)
        await s.arrives(event.seq)

    told(story)


@pytest.mark.parametrize("way", ["loses", "misses"])
def test_a_deaf_or_mute_node_checks_until_it_hears_itself_and_logs_that_once(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(s: Story) -> None:
        with caplog.at_level(logging.INFO, "madang.heartbeat"):
            setattr(s.buses[1], way, everything)
            s.buses[1].misses = everything
            for _ in range(5):
                event = await s.one.send(ROOM)
                await s.arrives(event.seq)
            assert s.two.heartbeat.deaf
            assert 3 < s.two.heartbeat.statistics.deaf_s < 5
            s.buses[1].loses = nothing
            s.buses[1].misses = lambda item: isinstance(item, Signal) and item.key.startswith(s.one.name)
            await asyncio.sleep(2 * INTERVAL_S)
            s.buses[1].misses = nothing
            await asyncio.sleep(3)
            assert not s.two.heartbeat.deaf and s.two.heartbeat.unheard == []
        assert not any(f"{s.one.name} is not heard" in record.message for record in caplog.records), (
            "it was its own fault"
        )
        assert sum("this node's heartbeats" in record.message for record in caplog.records) == 2
        looks = s.store.looks
        await asyncio.sleep(10)
        assert s.store.looks == looks

    told(story)


def test_a_lost_kick_ends_access_within_a_second_and_nothing_follows_it() -> None:
    async def story(s: Story) -> None:
        victim = s.two.subscriber()
        joined = (await s.two.join(victim, ROOM, user("bora"))).seq
        s.buses[0].loses = events
        kick = await s.one.appender.append(draft(MemberKicked(member="u-bora"), ROOM, OWNER.id, OWNER.name))
        assert kick is not None
        for _ in range(20):
            await s.one.send(ROOM)
        await asyncio.sleep(PROMISE_S)
        assert victim.over == [ROOM]
        assert victim.position(ROOM, joined) == kick.event.seq
        assert s.at == kick.event.seq + 20

    told(story)


def test_a_fleet_that_loses_nothing_never_checks_the_log() -> None:
    async def story(s: Story) -> None:
        reads = s.two.hub.statistics.log_reads
        for _ in range(200):
            await s.one.send(ROOM)
            await asyncio.sleep(0.06)
        await asyncio.sleep(CHECK_S * 0.4)
        assert (s.store.looks, s.two.hub.statistics.log_reads, s.two.hub.statistics.duplicates) == (0, reads, 0)
        heartbeats = [signal for signal in s.buses[0].sent if signal.topic == TOPIC]
        assert len(heartbeats) == pytest.approx(27 / INTERVAL_S, rel=0.1), "four messages a second and node"

    told(story)


def test_a_slow_log_is_checked_at_most_half_the_time() -> None:
    async def story(s: Story) -> None:
        s.buses[1].misses = everything
        await asyncio.sleep(3)
        s.store.looks, s.store.takes_s = 0, 3.0
        await asyncio.sleep(60)
        assert 9 <= s.store.looks <= 13

    told(story)


def test_a_heartbeat_that_overtakes_its_events_costs_no_read() -> None:
    async def story(s: Story) -> None:
        reads = s.two.hub.statistics.log_reads
        (event,) = await s.one.stored(ROOM, 1)
        s.two.heartbeat.receive(
            Signal(EVERYWHERE, TOPIC, f"{s.one.name}/0", b'[1,{"%s":%d}]' % (ROOM.encode(), event.seq))
        )
        await asyncio.sleep(0.05)
        s.two.hub.receive([event])
        await asyncio.sleep(1)
        assert (s.at, s.two.hub.statistics.log_reads) == (event.seq, reads)

    told(story)


def test_a_node_that_says_goodbye_is_forgotten_and_causes_no_check() -> None:
    async def story(s: Story) -> None:
        await s.one.die()
        await s.one.heartbeat.leave()
        await asyncio.sleep(0.001)
        assert s.two.heartbeat.peers == {}
        s.two.holders = holders_of(s.two)
        await asyncio.sleep(10)
        assert s.store.looks == 0

    told(story)


@pytest.mark.parametrize("leaving", [True, False])
def test_a_node_heard_while_its_lease_is_looked_up_is_judged_by_what_it_said(leaving: bool) -> None:
    async def story(s: Story) -> None:
        await s.one.die()
        await asyncio.sleep(1.5)
        assert s.two.heartbeat.unheard == [s.one.name]

        asked = asyncio.Event()

        async def holders() -> list[str]:
            number = s.two.heartbeat.peers[s.one.name].number + 1
            heartbeat = json.dumps([number, {}, leaving]).encode()
            s.one.bus.signal(Signal(EVERYWHERE, TOPIC, f"{s.one.name}/1", heartbeat))
            await asyncio.sleep(0.1)
            asked.set()
            return []

        s.two.holders = holders
        await asked.wait()
        await asyncio.sleep(0.05)
        assert list(s.two.heartbeat.peers) == ([] if leaving else [s.one.name])
        await asyncio.sleep(0.1)
        assert not s.two.failed.is_set()

    told(story)


def test_goodbye_waits_at_most_a_second_for_a_bus_that_is_away() -> None:
    async def story(s: Story) -> None:
        await s.one.die()
        s.buses[0].loses = everything
        await asyncio.wait_for(s.one.heartbeat.leave(), module.LEAVE_S + 0.1)

    told(story)


def test_a_node_that_stood_still_receives_what_waits_before_it_judges() -> None:
    async def story(s: Story) -> None:
        loop: Any = asyncio.get_running_loop()
        for _ in range(3):
            loop.pass_time(5.0)
            await asyncio.sleep(1.0)
        assert s.two.heartbeat.statistics.deaf_s == 0
        assert s.store.looks == 0

    told(story)


def test_a_deaf_node_that_is_always_late_still_checks() -> None:
    async def story(s: Story) -> None:
        loop: Any = asyncio.get_running_loop()

        async def busy() -> None:
            while True:
                loop.pass_time(2 * INTERVAL_S)
                await asyncio.sleep(INTERVAL_S / 2)

        working = asyncio.ensure_future(busy())
        s.buses[1].misses = everything
        event = await s.one.send(ROOM)
        await s.arrives(event.seq, 5.0)
        working.cancel()

    told(story)


def test_many_heads_take_several_signals_and_too_many_cause_a_check() -> None:
    async def story(s: Story) -> None:
        bus, many = s.buses[0], [f"{n:064d}" for n in range(8000)]
        del bus.sent[:]
        s.one.heartbeat.note([Event(room, 9, 1, MessageSent.type, "u", "n", 1, b"{}") for room in many])
        await asyncio.sleep(4 * INTERVAL_S)
        heads: list[str] = []
        for signal in bus.sent:
            assert len(signal.value) <= MAX_SIGNAL
            heads += json.loads(signal.value)[1]
        assert heads == many, "each once, the oldest first"
        assert len({signal.key for signal in bus.sent}) <= module.PARTS, (
            "keys are bounded, whatever waits for the broker"
        )
        assert s.store.looks == 0
        s.one.heartbeat.note(
            [Event(f"room-{n}", 9, 1, MessageSent.type, "u", "n", 1, b"{}") for n in range(module.WAITING + 1)]
        )
        s.buses[0].loses = events
        await s.one.send(ROOM)
        await s.arrives(s.joined + 1)
        assert s.store.looks > 0

    told(story)


def test_unknown_fields_and_topics_of_a_later_version_are_ignored() -> None:
    async def story(s: Story) -> None:
        hub = s.two.hub
        hub.signal(Signal(EVERYWHERE, "news", "later/1", b"{}"))
        for topic in (TOPIC, "typing", "read", "presence"):
            for value in (b"", b"[", b'{"number":"seven"}'):
                hub.signal(Signal(EVERYWHERE if topic == TOPIC else ROOM, topic, "later/1", value))
        hub.signal(Signal(EVERYWHERE, TOPIC, "later/1", b'[1,{},false,"more"]'))
        assert list(s.two.heartbeat.peers) == [s.one.name, "later"]

    told(story)


def test_a_single_node_sends_no_heartbeats() -> None:
    async def alone() -> None:
        bus = Courier()
        async with running_nodes(ModelStore(IdSource(1), FakeClock()), bus, watch=True) as (node,):
            await node.rooms.create(OWNER, ROOM, "Yard", "open")
            await asyncio.sleep(10)
            await node.heartbeat.leave()
        assert bus.sent == []

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(alone())
