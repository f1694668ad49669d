"""`check_bus`: the promises of `ports.bus`. A bus may lose, repeat and reorder and still keep them."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from madang.core.events import Event, MessageSent
from madang.core.ids import EPOCH_MS
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Bus, Signal
from madang.testing.rules import Make, new, run_rules

PATIENCE_S = 10.0
AT_ONCE_S = 0.5
LARGE = 200_000  # bytes of a body: more than the largest message of the default settings


async def check_bus(make: Make[Sequence[Bus]]) -> None:
    """Check that a bus keeps its contract.

    Args:
        make: opens the buses, not started, of two or more nodes that can reach each other.
    """
    await run_rules(make, BUS_RULES)


class Inbox:
    """A receiver that records what it gets."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.heads: dict[str, int] = {}
        self.signals: list[Signal] = []
        self.checks = 0

    def receive(self, events: Sequence[Event]) -> None:
        self.events += events

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        for room, seq in heads.items():
            self.heads[room] = max(seq, self.heads.get(room, 0))

    def signal(self, signal: Signal) -> None:
        self.signals.append(signal)

    def check_soon(self) -> None:
        self.checks += 1


async def _started(buses: Sequence[Bus]) -> list[Inbox]:
    inboxes = [Inbox() for _ in buses]
    for bus, inbox in zip(buses, inboxes, strict=True):
        await bus.start(inbox)
    return inboxes


def _event(room: str, seq: int, body: bytes = b'{"text":"\xea\xb0\x80 \\u0000"}') -> Event:
    return Event(room, seq, seq << 22, MessageSent.type, "user", "이름", EPOCH_MS + seq, body)


async def _until(send: Callable[[], None], received: Callable[[], bool]) -> None:
    """Repeat a call until it has had its effect: any one may be lost, but not all."""
    deadline = time.monotonic() + PATIENCE_S
    while not received():
        assert time.monotonic() < deadline, f"not received within {PATIENCE_S} s of repeating"
        send()
        await asyncio.sleep(0.01)


async def events_reach_subscribers_unaltered(buses: Sequence[Bus]) -> None:
    """Events published in a room reach every other node that subscribes to it, unaltered, and nobody else."""
    inboxes = await _started(buses)
    room, elsewhere = new("room"), new("room")
    for bus in buses:
        assert not bus.local, "other nodes can be reached"
        await bus.subscribe(room)
    events = [_event(room, seq) for seq in range(1, 6)]
    unasked = [_event(elsewhere, seq) for seq in range(1, 6)]
    for bus in buses:
        others = [inbox for inbox, other in zip(inboxes, buses, strict=True) if other is not bus]
        for inbox in inboxes:
            inbox.events.clear()
        await _until(
            lambda bus=bus: bus.publish([*events, *unasked]),  # type: ignore[misc]
            lambda others=others: all(set(events) <= set(inbox.events) for inbox in others),  # type: ignore[misc]
        )
        for inbox in others:
            assert set(inbox.events) == set(events), "altered, or of a room that was not subscribed"
    await _stop(buses)


async def large_events_arrive_or_are_announced(buses: Sequence[Bus]) -> None:
    """An event too large to be carried is announced by its seq to every other node that subscribes, and to nobody else."""
    inboxes = await _started(buses)
    room, elsewhere = new("room"), new("room")
    for bus in buses[1:]:
        await bus.subscribe(room)
    large, after = _event(room, 7, b'{"text":"' + b"x" * LARGE + b'"}'), _event(room, 8)
    unasked = _event(elsewhere, 7, large.body)

    def arrived() -> bool:
        return all(
            (large in inbox.events or inbox.heads.get(room, 0) >= 7) and after in inbox.events for inbox in inboxes[1:]
        )

    await _until(lambda: buses[0].publish([unasked, large, after]), arrived)
    for inbox in inboxes:
        assert set(inbox.heads) <= {room}, "a room that was not subscribed"
        assert max(inbox.heads.values(), default=0) <= 8, "what has not been published"
        assert set(inbox.events) <= {large, after}, "altered, or of a room that was not subscribed"
    await _stop(buses)


async def signals_reach_subscribers(buses: Sequence[Bus]) -> None:
    """A signal's newest value reaches the other nodes that subscribe to its room."""
    inboxes = await _started(buses)
    room = new("room")
    for bus in buses[1:]:
        await bus.subscribe(room)
    for value in (b"true", b'{"a":1}'):
        signal = Signal(room, "typing", "user", value)
        buses[0].signal(Signal(new("room"), "typing", "user", value))
        await _until(
            lambda signal=signal: buses[0].signal(signal),  # type: ignore[misc]
            lambda signal=signal: all(signal in inbox.signals for inbox in inboxes[1:]),  # type: ignore[misc]
        )
    assert {signal.room for inbox in inboxes for signal in inbox.signals} == {room}
    await _stop(buses)


async def what_is_for_everywhere_reaches_every_node(buses: Sequence[Bus]) -> None:
    """A signal to EVERYWHERE reaches all nodes, whatever they subscribe to, and its sender, too."""
    inboxes = await _started(buses)
    for n, bus in enumerate(buses):
        signal = Signal(EVERYWHERE, "test", f"node-{n}", b'"' + b"x" * (MAX_SIGNAL - 2) + b'"')
        await _until(
            lambda bus=bus, signal=signal: bus.signal(signal),  # type: ignore[misc]
            lambda signal=signal: all(signal in inbox.signals for inbox in inboxes),  # type: ignore[misc]
        )
    assert {signal.room for inbox in inboxes for signal in inbox.signals} == {EVERYWHERE}
    await _stop(buses)


async def what_is_carried_is_counted(buses: Sequence[Bus]) -> None:
    """Each bus counts what went out and what came in."""
    await _started(buses)
    room = new("room")
    await buses[1].subscribe(room)
    sent, came = buses[0].statistics, buses[1].statistics
    await _until(lambda: buses[0].publish([_event(room, 1)]), lambda: bool(sent.published and came.received))
    await _stop(buses)


async def unsubscribed_rooms_fall_silent(buses: Sequence[Bus]) -> None:
    """After unsubscribe, once what was in flight has arrived, nothing more of the room comes."""
    inboxes = await _started(buses)
    room, marker = new("room"), new("room")
    await buses[1].subscribe(room)
    await buses[1].subscribe(marker)
    await _until(lambda: buses[0].publish([_event(room, 1)]), lambda: bool(inboxes[1].events))
    await buses[1].unsubscribe(room)
    await _until(lambda: buses[0].publish([_event(marker, 1)]), lambda: _event(marker, 1) in inboxes[1].events)
    await asyncio.sleep(0.1)
    inboxes[1].events.clear()
    await _until(
        lambda: buses[0].publish([_event(room, 2), _event(marker, 2)]),
        lambda: _event(marker, 2) in inboxes[1].events,
    )
    assert not any(event.room == room for event in inboxes[1].events)
    await _stop(buses)


async def publishing_never_blocks(buses: Sequence[Bus]) -> None:
    """Publish and signal return at once and never raise, however much is published and whoever has stopped."""
    await _started(buses)
    room = new("room")
    await buses[1].subscribe(room)
    events = [_event(room, seq) for seq in range(1, 101)]
    start = time.monotonic()
    for _ in range(200):
        buses[0].publish(events)
    assert time.monotonic() - start < AT_ONCE_S * 4, "publish waits"
    await buses[1].stop()
    for bus in buses:
        bus.publish(events)
        bus.signal(Signal(room, "typing", "user", b"1"))
    await _stop(buses)


async def a_stopped_bus_delivers_nothing(buses: Sequence[Bus]) -> None:
    """Once stop has returned, nothing more is delivered."""
    inboxes = await _started(buses)
    room = new("room")
    for bus in buses:
        await bus.subscribe(room)
    await _until(lambda: buses[0].publish([_event(room, 1)]), lambda: bool(inboxes[1].events))
    for _ in range(20):
        buses[0].publish([_event(room, 2)])
    await buses[1].stop()
    inboxes[1].events.clear()
    for _ in range(20):
        buses[0].publish([_event(room, 3)])
        await asyncio.sleep(0.005)
    assert inboxes[1].events == []
    await _stop(buses)


async def a_working_bus_answers_its_probe(buses: Sequence[Bus]) -> None:
    """The probe of a working bus comes back."""
    await _started(buses)
    for bus in buses:
        assert await bus.probe()
    await _stop(buses)


async def _stop(buses: Sequence[Bus]) -> None:
    for bus in buses:
        await bus.stop()


BUS_RULES = [
    events_reach_subscribers_unaltered,
    large_events_arrive_or_are_announced,
    signals_reach_subscribers,
    what_is_for_everywhere_reaches_every_node,
    what_is_carried_is_counted,
    unsubscribed_rooms_fall_silent,
    publishing_never_blocks,
    a_stopped_bus_delivers_nothing,
    a_working_bus_answers_its_probe,
]
