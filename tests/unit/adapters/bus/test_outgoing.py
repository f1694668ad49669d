"""What waits for the bus is bounded by number and by bytes; the oldest are dropped, and counted."""

from madang.adapters.bus.outgoing import MAX_WAITING, MAX_WAITING_BYTES, Outgoing
from madang.core.events import Event
from madang.ports.bus import BusStatistics


def events(count: int, size: int) -> list[Event]:
    return [Event("yard", seq, seq, "message.sent", "u", "U", 0, b"x" * size) for seq in range(1, count + 1)]


async def test_the_oldest_are_dropped_by_number() -> None:
    outgoing = Outgoing(statistics := BusStatistics())
    outgoing.publish(events(MAX_WAITING + 3, 1))
    assert statistics.dropped == 3
    assert (await outgoing.take())[0][0].seq == 4


async def test_the_oldest_are_dropped_by_bytes() -> None:
    outgoing = Outgoing(statistics := BusStatistics())
    size = MAX_WAITING_BYTES // 100
    for event in events(130, size):
        outgoing.publish([event])
    assert statistics.dropped == 30
    taken = []
    while outgoing.waiting:
        taken += (await outgoing.take())[0]
    assert [event.seq for event in taken] == list(range(31, 131))
    outgoing.publish(events(100, size))
    assert statistics.dropped == 30, "what was taken no longer counts"
