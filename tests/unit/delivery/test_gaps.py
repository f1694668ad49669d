"""Gaps are filled from the log: whatever the bus loses or brings early, a room has every event once and in order."""

from collections.abc import Sequence
from typing import Any

import pytest

from madang.core.events import Event
from madang.delivery.gaps import HELD, HELD_BYTES
from madang.errors import StorageFailed
from tests.unit.delivery.nodes import YARD, Node, Wrapped
from tests.unit.delivery.subscribers import event
from tests.waiting import eventually, turns


async def test_early_events_are_held_and_duplicates_dropped(node: Node) -> None:
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    events = await node.stored(YARD, 6)
    node.hub.receive([events[1], events[0], events[0], events[3]])
    node.hub.receive([events[2], events[1], events[5], events[4], events[5]])
    await eventually(lambda: subscriber.position(YARD, 1) == 7)
    await eventually(lambda: not node.hub.gaps.open)


async def test_a_gap_is_filled_from_the_log(node: Node) -> None:
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    events = await node.stored(YARD, 900)
    node.hub.receive(events[-1:])
    await eventually(lambda: subscriber.position(YARD, 1) == 901)
    assert node.hub.statistics.gaps == 1
    assert not node.hub.gaps.open


async def test_events_below_a_head_that_was_seen_are_read_from_the_log(node: Node) -> None:
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    events = await node.stored(YARD, 700)
    node.hub.heads_seen({YARD: 300, "nowhere": 5})
    node.hub.heads_seen({YARD: events[-1].seq})
    await eventually(lambda: subscriber.position(YARD, 1) == 701)
    await eventually(lambda: not node.hub.gaps.open)
    reads = node.hub.statistics.log_reads
    node.hub.heads_seen({YARD: 701})
    node.hub.heads_seen({YARD: 300})
    await turns()
    assert node.hub.statistics.log_reads == reads, "what the room has is not read again"
    node.hub.receive([event(YARD, 702)])
    await eventually(lambda: subscriber.position(YARD, 1) == 702)


async def test_a_head_seen_while_the_log_is_read_is_read_up_to(node: Node) -> None:
    """The read under way may be older than the head."""
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    await node.stored(YARD, 1)

    class SlowRead(Wrapped):
        asked = 0

        async def read(self, *args: Any) -> Any:
            found = await self.inner.read(*args)
            self.asked += 1
            if self.asked == 1:
                await node.stored(YARD, 1)
                node.hub.heads_seen({YARD: 3})
            return found

    node.seen_store.inner = SlowRead(node.store)
    node.hub.heads_seen({YARD: 2})
    await eventually(lambda: subscriber.position(YARD, 1) == 3)


@pytest.mark.parametrize("lacking", [0, 1])
async def test_large_events_are_held_and_read_by_their_bytes(node: Node, lacking: int) -> None:
    """A read that ends by its bytes is not the end of the log."""
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    events = await node.stored(YARD, 500, "😀" * 3990)
    assert sum(len(event.body) for event in events) > 5 * HELD_BYTES
    node.hub.receive(events[1 : len(events) - lacking])
    assert sum(len(event.body) for event in node.hub.gaps.open[live].held.values()) < HELD_BYTES + 20_000
    node.hub.heads_seen({YARD: events[-1].seq})
    await eventually(lambda: subscriber.position(YARD, 1) == events[-1].seq)
    assert not node.hub.gaps.open


async def test_held_events_are_bounded_and_the_others_are_read_from_the_log(node: Node) -> None:
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    events = [e for _ in range(3) for e in await node.stored(YARD, 700)]
    node.hub.receive(events[1:])
    assert len(node.hub.gaps.open[live].held) == HELD
    await eventually(lambda: subscriber.position(YARD, 1) == events[-1].seq)
    assert not node.hub.gaps.open


async def test_a_log_that_fails_for_a_while_delays_events_and_loses_none(node: Node) -> None:
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    events = await node.stored(YARD, 5)

    class Failing(Wrapped):
        failures = 2

        async def read(self, *args: Any) -> list[Event]:
            if self.failures:
                self.failures -= 1
                raise StorageFailed
            return await self.inner.read(*args)

    node.seen_store.inner = Failing(node.store)
    node.hub.receive(events[2:])
    await eventually(lambda: subscriber.position(YARD, 1) == 6)


async def test_an_event_that_the_log_never_has_is_given_up(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be of another history. The room goes on, and the log is not read forever."""
    monkeypatch.setattr("madang.delivery.gaps.RETRY_S", 0.001)
    live = await node.live(YARD)
    (subscriber,) = await node.follow(live, "mina")
    node.hub.receive([event(YARD, 5000)])
    await eventually(lambda: not node.hub.gaps.open)
    node.hub.heads_seen({YARD: 5000})
    await eventually(lambda: not node.hub.gaps.open)
    await node.send(YARD)
    await eventually(lambda: subscriber.position(YARD, 1) == 2)


async def test_stopping_ends_gap_filling(node: Node) -> None:
    class Failing(Wrapped):
        async def read(self, *args: Any) -> list[Event]:
            raise StorageFailed

    await node.live(YARD)
    events: Sequence[Event] = await node.stored(YARD, 3)
    node.seen_store.inner = Failing(node.store)
    node.hub.receive(events[1:])
    await turns()
    assert node.turns.tasks
    await node.turns.stop()
    await turns(1)
    assert not node.turns.tasks
