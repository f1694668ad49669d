"""Channels: each content goes out once, is heard by whoever needs it, and a Cluster's nodes share the partitions evenly."""

from collections import Counter
from itertools import count, pairwise

import pytest
from redis.crc import key_slot

from madang.adapters.bus.channels import OWN_BYTES, PARTITIONS, STRATEGIES
from madang.adapters.bus.envelopes import Content
from madang.adapters.bus.redis.channels import TAGS, Channels
from madang.core.events import Event, MessageSent
from madang.ports.bus import EVERYWHERE

SLOTS = 16_384
ROOMS = [f"room-{n}" for n in range(300)]


def content(size: int) -> Content:
    return Content([Event("", 1, 1, MessageSent.type, "u", "n", 1, b"x" * size)], [])


@pytest.mark.parametrize("nodes", range(1, 17))
def test_tags_are_even_over_a_cluster_of_any_size(nodes: int) -> None:
    """redis-cli gives each primary an equal range of slots; each then has as many partitions as another, or one more."""
    edges = [round(node * SLOTS / nodes) for node in range(nodes + 1)]
    slots = [key_slot(str(tag).encode()) for tag in TAGS]
    shares = [sum(low <= slot < high for slot in slots) for low, high in pairwise(edges)]
    assert sum(shares) == PARTITIONS
    assert max(shares) - min(shares) <= 1


def test_tags_are_the_smallest_that_lie_where_they_should() -> None:
    wanted = {SLOTS // PARTITIONS * n + SLOTS // PARTITIONS // 2: n for n in range(PARTITIONS)}
    found: dict[int, int] = {}
    for number in count():
        if (n := wanted.pop(key_slot(str(number).encode()), None)) is not None:
            found[n] = number
        if not wanted:
            break
    assert tuple(found[n] for n in range(PARTITIONS)) == TAGS


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_content_goes_out_once_and_where_its_room_is_heard(strategy: str) -> None:
    channels = Channels(strategy, "madang:x:")
    contents = {room: content(OWN_BYTES if n % 7 == 0 else 10) for n, room in enumerate(ROOMS)}
    contents[EVERYWHERE] = content(10)
    envelopes = channels.sort(contents)
    assert Counter(room for rooms in envelopes.values() for room in rooms) == Counter(list(contents))
    for channel, rooms in envelopes.items():
        assert len({channels.partition(room) for room in rooms}) == 1, "which is in one slot, with one server"
        for room in rooms:
            assert channel in channels.of(room), "where nobody listens for it"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_channel_is_wanted_as_long_as_a_room_needs_it(strategy: str) -> None:
    channels = Channels(strategy, "madang:x:")

    def wanted() -> set[str]:
        return {channel for partition in range(PARTITIONS) for channel in channels.wanted(partition)}

    at_first = wanted()
    for room in [*ROOMS, *ROOMS]:
        channels.add(room)
    assert wanted() == at_first | {channel for room in ROOMS for channel in channels.of(room)}
    dropped = [channel for room in [*ROOMS, *ROOMS] for channel in channels.drop(room)]
    assert wanted() == at_first == set(channels.of(EVERYWHERE))
    assert len(dropped) == len(set(dropped)), "told twice"


def test_adaptive_shares_what_is_small_and_sets_apart_what_is_large_or_alone() -> None:
    channels = Channels("adaptive", "madang:x:")
    partition = channels.partition(ROOMS[0])
    one, two, three = [room for room in ROOMS if channels.partition(room) == partition][:3]
    assert len(channels.sort({one: content(10), two: content(10)})) == 1
    assert len(channels.sort({one: content(10), two: content(10), three: content(OWN_BYTES)})) == 2
    (alone,) = channels.sort({one: content(10)})
    assert alone not in channels.of(two), "nodes without the room would be sent it"
