"""Commands go out in order, come back once, and survive refusals and lost connections."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.client.outbox import MAX_UNORDERED, Call, Outbox


def add(outbox: Outbox, *numbers: int, room: str = "yard", ordered: bool = True, again: bool = True) -> list[Call]:
    return [outbox.add(n, str(n).encode(), room=room, ordered=ordered, again=again) for n in numbers]


def ready(outbox: Outbox, now: float = 0.0) -> list[int]:
    return [call.n for call in outbox.ready(now)]


def test_one_of_a_room_is_on_its_way_at_a_time() -> None:
    outbox = Outbox()
    one, two = add(outbox, 1, 2)
    add(outbox, 3, room="hall")
    assert ready(outbox) == [1, 3] and ready(outbox) == []
    outbox.remove(one)
    assert ready(outbox) == [2]
    assert outbox.find(2) is two and outbox.find(1) is None and len(outbox) == 2


def test_more_may_be_on_their_way_where_asked_for() -> None:
    outbox = Outbox(in_flight=2)
    one, *_ = add(outbox, 1, 2, 3)
    assert ready(outbox) == [1, 2]
    outbox.remove(one)
    assert ready(outbox) == [3]


def test_reads_do_not_wait_for_writes_and_are_few_at_a_time() -> None:
    outbox = Outbox()
    add(outbox, 1, 2)
    add(outbox, *range(10, 40), ordered=False)
    assert ready(outbox) == [1, *range(10, 10 + MAX_UNORDERED)]


def test_none_overtakes_one_that_waits() -> None:
    outbox = Outbox()
    one, _ = add(outbox, 1, 2)
    ready(outbox)
    outbox.postpone(one, 5.0)
    assert ready(outbox, 4.0) == [] and outbox.next_due() == 5.0
    assert ready(outbox, 5.0) == [1] and one.attempts == 2
    assert outbox.next_due() == inf


def test_reads_overtake_one_that_waits() -> None:
    outbox = Outbox()
    one, _ = add(outbox, 1, 2, ordered=False)
    ready(outbox)
    outbox.postpone(one, 5.0)
    add(outbox, 3, ordered=False)
    assert ready(outbox, 4.0) == [3] and outbox.next_due() == 5.0


def test_a_lost_connection_puts_all_back_in_order() -> None:
    outbox = Outbox(in_flight=3)
    add(outbox, 1, 2, 3, 4)
    assert ready(outbox) == [1, 2, 3]
    assert outbox.lost() == []
    assert ready(outbox) == [1, 2, 3]


def test_what_may_not_be_repeated_is_given_back_once_it_was_written() -> None:
    outbox = Outbox()
    written, unwritten = add(outbox, 1, 2, again=False)
    ready(outbox)
    assert outbox.lost() == [written]
    assert ready(outbox) == [unwritten.n]


def test_what_waits_for_its_room_goes_behind_the_join_of_it() -> None:
    outbox = Outbox()
    (one,) = add(outbox, 1)
    add(outbox, 2, room="hall")
    assert [call.n for call in outbox.ready(0.0, may=lambda room: room == "hall")] == [2]
    assert outbox.next_due(lambda room: room == "hall") == inf
    assert ready(outbox) == [1]
    outbox.postpone(one, inf)
    assert ready(outbox, 1e9) == []
    outbox.lost()  # the next connection begins with hello
    assert sorted(ready(outbox)) == [1, 2]


def test_the_window_is_kept_and_queues_take_turns() -> None:
    outbox = Outbox()
    for n in range(30):
        add(outbox, n, 100 + n, room=f"room-{n % 10}")
    seen: list[int] = []
    for _ in range(20):
        calls = outbox.ready(0.0, 3 - outbox.on_wire)
        assert len(calls) == outbox.on_wire == 3
        seen += [call.n for call in calls]
        for call in calls:
            outbox.remove(call)
    assert {n % 10 for n in seen[:10]} == set(range(10))
    for room in range(10):
        assert [n for n in seen if n % 10 == room] == [
            n for k in range(3) for n in (room + 10 * k, 100 + room + 10 * k)
        ]


def test_reads_that_wait_leave_no_room_for_more() -> None:
    outbox = Outbox()
    add(outbox, *range(2 * MAX_UNORDERED), ordered=False)
    for call in outbox.ready(0.0):
        outbox.postpone(call, 5.0)
    assert ready(outbox, 4.0) == []
    assert outbox.next_due() == 5.0
    assert ready(outbox, 5.0) == list(range(MAX_UNORDERED))


def test_removing_twice_is_nothing_and_clearing_gives_all() -> None:
    outbox = Outbox()
    one, two = add(outbox, 1, 2)
    outbox.remove(one)
    outbox.remove(one)
    assert outbox.clear() == [two] and len(outbox) == 0


def test_a_window_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="in flight"):
        Outbox(in_flight=0)


fates = st.lists(st.sampled_from(["ack", "refuse", "lose before", "lose after", "drop"]), max_size=60)


@given(fates, st.integers(1, 12), st.integers(1, 4))
def test_each_is_stored_once_and_in_order(fates: list[str], count: int, in_flight: int) -> None:
    """A server that dedupes, as the real one does; refusals keep order only with one in flight (Rule 2)."""
    outbox = Outbox(in_flight)
    add(outbox, *range(1, count + 1))
    stored: list[int] = []
    dropped: set[int] = set()
    wire: list[Call] = []
    now = 0.0
    for fate in [*fates, *["ack"] * (2 * count + 1)]:
        now = max(now, min(outbox.next_due(), 1e6))
        wire += outbox.ready(now)
        if not wire:
            break
        call = wire.pop(0)
        if fate == "refuse" and in_flight == 1:
            outbox.postpone(call, now + 1)
            continue
        if fate == "drop":  # its caller was cancelled while it was on the wire
            outbox.remove(call)
            dropped.add(call.n)
        if fate != "lose before" and call.n not in stored:
            stored.append(call.n)
        if fate.startswith("lose"):
            wire.clear()
            assert outbox.lost() == []
        else:
            outbox.remove(call)
    assert len(outbox) == 0
    assert stored == sorted(set(stored))
    assert set(stored) | dropped == set(range(1, count + 1))
