"""Ids grow and never repeat, whatever the clock does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.ids import EPOCH_MS, NODES, IdSource, id_ms
from madang.errors import LeaseExceeded

NOW = 1_800_000_000_000
NODE = st.integers(0, NODES - 1)
CLOCK = st.integers(0, EPOCH_MS + 2**40)  # also before the epoch: a machine without a battery starts in 1970
WALK = st.lists(st.one_of(CLOCK, st.just(NOW), st.integers(NOW - 3, NOW + 3)), min_size=1, max_size=200)


@given(NODE, WALK)
def test_ids_grow_under_any_walk_of_the_clock(node: int, walk: list[int]) -> None:
    source = IdSource(node)
    ids = [source.next(now) for now in walk]
    assert ids == sorted(set(ids))


@given(NODE, st.lists(st.tuples(CLOCK, st.integers(0, 2**62)), min_size=1, max_size=50))
def test_an_id_lies_above_the_rooms_newest(node: int, walk: list[tuple[int, int]]) -> None:
    source = IdSource(node)
    last = 0
    for now, above in walk:
        id = source.next(now, above)
        assert id > above
        assert id > last
        last = id


@given(st.sets(NODE, min_size=2, max_size=5), WALK)
def test_nodes_never_share_an_id(nodes: set[int], walk: list[int]) -> None:
    sources = [IdSource(node) for node in nodes]
    ids = [source.next(now) for now in walk for source in sources]
    assert len(ids) == len(set(ids))


@given(NODE, st.integers(EPOCH_MS, EPOCH_MS + 2**40), CLOCK)
def test_a_new_holder_starts_above_the_floor_of_the_old_one(node: int, floor_ms: int, now: int) -> None:
    assert id_ms(IdSource(node, floor_ms).next(now)) > floor_ms


def test_an_id_carries_the_time() -> None:
    assert id_ms(IdSource(7).next(NOW)) == NOW


def test_an_id_fits_a_signed_64_bit_column() -> None:
    assert IdSource(NODES - 1).next(EPOCH_MS + 2**41 - 1) < 2**63


def test_a_full_millisecond_borrows_from_the_next() -> None:
    source = IdSource(0)
    ids = [source.next(NOW) for _ in range(5000)]
    assert [id_ms(ids[0]), id_ms(ids[4095]), id_ms(ids[4096])] == [NOW, NOW, NOW + 1]


def test_a_burst_in_one_room_stays_on_the_clock() -> None:
    source = IdSource(1)
    newest = 0
    for _ in range(1000):
        newest = source.next(NOW, above=newest)
    assert id_ms(newest) == NOW


def test_a_room_whose_newest_id_is_of_a_faster_node() -> None:
    ahead = IdSource(9).next(NOW + 500)
    assert id_ms(IdSource(1).next(NOW, above=ahead)) == NOW + 501


def test_last_ms_is_what_the_lease_must_cover() -> None:
    source = IdSource(0, floor_ms=NOW)
    assert source.last_ms == NOW
    assert source.last_ms == id_ms(source.next(NOW + 9)) or source.last_ms == NOW + 9


@pytest.mark.parametrize("node", [-1, NODES])
def test_a_node_number_out_of_range_is_refused(node: int) -> None:
    with pytest.raises(ValueError, match="node must be"):
        IdSource(node)


def test_no_id_lies_beyond_the_lease() -> None:
    source = IdSource(0, until_ms=NOW)
    last = source.next(NOW)
    for clock, above in ((NOW + 1, 0), (NOW, (NOW - EPOCH_MS) << 22 | (1 << 22) - 1)):
        with pytest.raises(LeaseExceeded):
            source.next(clock, above)
    assert (source.last_ms, source.needed_ms) == (NOW, NOW + 1)
    assert last < source.next(NOW) < last + 4, "what is covered is given out further on"
    source.until_ms = NOW + 1
    assert id_ms(source.next(NOW + 1)) == NOW + 1


def test_a_full_millisecond_does_not_borrow_beyond_the_lease() -> None:
    source = IdSource(0, until_ms=NOW)
    with pytest.raises(LeaseExceeded):
        for _ in range(4097):
            source.next(NOW)
    with pytest.raises(LeaseExceeded):
        source.next(NOW)


@given(NODE, WALK, st.lists(st.integers(0, 2**62), max_size=200))
def test_what_a_lease_covers_is_what_its_heir_starts_above(node: int, walk: list[int], newest: list[int]) -> None:
    """A holder who was stopped and goes on with any clock, and their heir: no id of one is an id of the other."""
    until = NOW
    zombie, heir = IdSource(node, until_ms=until), IdSource(node, floor_ms=until)
    given = set()
    for source in (zombie, heir):
        for now, above in zip(walk, [*newest, *[0] * len(walk)], strict=False):
            try:
                id = source.next(now, above)
            except LeaseExceeded:
                continue
            assert id not in given
            given.add(id)
