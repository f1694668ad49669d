"""The Redis bus when servers change places: Sentinels name another primary, a Cluster's slots move, members die.

What counts is always the same: it goes on by itself, and whatever was lost on the way, the receiver was told to check after it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from madang.adapters.bus.channels import partition
from madang.adapters.bus.redis import RedisBus, RedisPresence
from madang.adapters.bus.redis.channels import TAGS
from madang.errors import StorageFailed
from madang.ports.bus import EVERYWHERE, Signal
from tests.contract.test_redis import KEYS, Receiver, event
from tests.redis_topologies import Cluster, role, run_cluster, run_sentinels
from tests.waiting import eventually

pytestmark = pytest.mark.redis

ROOMS = [f"room-{n}" for n in range(200)]  # some in nearly every partition
EVERY_S = 0.002  # an event, of one room after the other


class Talk:
    """One bus tells numbered events of many rooms without end; another hears them."""

    def __init__(self, here: RedisBus, heard: Receiver, rooms: list[str]) -> None:
        self._here = here
        self._heard = heard
        self._rooms = rooms
        self._checks: list[int] = []  # of each event: how often the receiver had been told to check when it was told

    async def run(self) -> None:
        while True:
            seq = len(self._checks)
            self._checks.append(self._heard.checks)
            self._here.publish([event(self._room(seq), seq)])
            await asyncio.sleep(EVERY_S)

    async def is_heard(self, rooms: list[str] | None = None) -> None:
        """Wait until something that is told from now on is heard of each room."""
        now, looked_at = len(self._checks), len(self._heard.events)
        silent = set(rooms or self._rooms)

        def all_heard() -> bool:
            nonlocal looked_at
            silent.difference_update(event.room for event in self._heard.events[looked_at:] if event.seq >= now)
            looked_at = len(self._heard.events)
            return not silent

        await eventually(all_heard, "some rooms fell silent")

    def lost(self) -> list[int]:
        """Return what was lost without a check after it.

        What is newer than anything heard of its room may still be under way: each member of a cluster has its own pace.
        """
        heard = {event.seq for event in self._heard.events}
        newest = {event.room: event.seq for event in self._heard.events}
        return [
            seq for seq, checks in enumerate(self._checks)
            if seq not in heard and checks == self._heard.checks and seq < newest[self._room(seq)]
        ]  # fmt: skip

    def _room(self, seq: int) -> str:
        return self._rooms[seq % len(self._rooms)]


@asynccontextmanager
async def talking(url: str, rooms: list[str] = ROOMS) -> AsyncIterator[tuple[Talk, RedisBus, RedisBus, Receiver]]:
    buses = [RedisBus(url, "partition", KEYS, f"node-{n}") for n in range(2)]
    receivers = Receiver(), Receiver()
    talk = Talk(buses[0], receivers[1], rooms)
    telling = asyncio.create_task(talk.run())
    try:
        for bus, receiver in zip(buses, receivers, strict=True):
            await bus.start(receiver)
        await asyncio.gather(*(buses[1].subscribe(room) for room in rooms))
        await talk.is_heard()
        yield talk, buses[0], buses[1], receivers[1]
    finally:
        telling.cancel()
        for bus in buses:
            await bus.stop()


async def test_sentinels_name_another_primary() -> None:
    with run_sentinels() as redis:
        async with talking(redis.url) as (talk, _here, _there, heard):
            old = redis.primary
            checks = heard.checks
            old.kill()
            await eventually(lambda: redis.primary is not old)
            await talk.is_heard()
            assert heard.checks > checks, "deaf for a moment, and nobody was told"
            assert talk.lost() == []


@pytest.mark.slow  # Sentinels take their time to tell a primary that it is none any more
async def test_a_primary_that_comes_back_is_not_listened_to() -> None:
    with run_sentinels() as redis:
        async with talking(redis.url) as (talk, here, there, _heard):
            old = redis.primary
            old.kill()
            await eventually(lambda: redis.primary is not old)
            old.start()  # and takes itself for the primary, for ten seconds
            await talk.is_heard()
            await eventually(lambda: role(old) == "slave", "the Sentinels did not take it in")
            await talk.is_heard()
            assert await here.probe()
            assert await there.probe()
            assert talk.lost() == []


@pytest.mark.slow
async def test_a_primary_that_stands_still_is_left() -> None:
    """Its connections stay open, so nothing fails: only the probe finds that it says nothing."""
    with run_sentinels() as redis:
        async with talking(redis.url) as (talk, _here, _there, _heard):
            old = redis.primary
            old.pause()
            await eventually(lambda: redis.primary is not old)
            await talk.is_heard()
            old.resume()
            await eventually(lambda: role(old) == "slave", "the Sentinels did not take it in")
            await talk.is_heard()
            assert talk.lost() == []


async def test_slots_of_a_cluster_move_and_a_primary_is_replaced() -> None:
    with run_cluster() as redis:
        async with talking(redis.url) as (talk, _here, _there, heard):
            source = redis.carrying(f"{{{TAGS[0]}}}")
            target = next(server for server in redis.primaries if server is not source)
            redis.move(1000, source, target)
            assert redis.carrying(f"{{{TAGS[0]}}}") is target
            await talk.is_heard()
            assert talk.lost() == []
            checks = heard.checks
            target.kill()
            await talk.is_heard()
            assert heard.checks > checks, "deaf for a moment, and nobody was told"
            target.start()
            await eventually(lambda: role(target) == "slave", "it was not taken in")
            await talk.is_heard()
            assert talk.lost() == []


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["kill", "pause"])
async def test_what_one_member_of_a_cluster_carried_is_all_that_its_death_costs(harm: str) -> None:
    with run_cluster(replicas=0, settings={"cluster-require-full-coverage": "no"}) as redis:
        async with talking(redis.url) as (talk, here, _there, heard):
            victim = redis.carrying(f"{{{TAGS[-1]}}}")
            others = _rooms_elsewhere(redis, victim)
            getattr(victim, harm)()
            for _ in range(3):
                await talk.is_heard(others)
            here.signal(Signal(EVERYWHERE, "test", "key", b"1"))
            await eventually(lambda: any(signal.room == EVERYWHERE for signal in heard.signals))
            victim.start() if harm == "kill" else victim.resume()
            await talk.is_heard()
            assert talk.lost() == []


def _rooms_elsewhere(redis: Cluster, victim: object) -> list[str]:
    of_victim = {n for n, tag in enumerate(TAGS) if redis.carrying(f"{{{tag}}}") is victim}
    return [room for room in ROOMS if partition(room) not in of_victim]


async def test_presence_of_other_rooms_goes_on_without_a_member_of_a_cluster() -> None:
    """Who is in its rooms cannot be told meanwhile; when it comes back empty, who refreshes learns that they are not known."""
    with run_cluster(replicas=0, settings={"cluster-require-full-coverage": "no"}) as redis:
        presence = RedisPresence(redis.url, "test", ttl_s=60)
        try:
            devices = [(room, "ann", "phone") for room in ROOMS]
            for room in ROOMS:
                assert await presence.enter(room, "ann", "Ann", "phone", 0.0)
            victim = redis.carrying(f"{{{TAGS[0]}}}")
            of_victim = {n for n, tag in enumerate(TAGS) if redis.carrying(f"{{{tag}}}") is victim}
            lost = [room for room in ROOMS if partition(room) in of_victim]
            kept = [room for room in ROOMS if room not in lost]
            victim.kill()
            for room in kept[:5]:
                assert await presence.enter(room, "ben", "Ben", "phone", 0.0)
                assert await presence.count(room) == 2
            with pytest.raises(StorageFailed):
                await presence.count(lost[0])
            assert await presence.refresh(devices, 1.0) == []
            assert sorted(await presence.sweep(60.5)) == sorted((room, "ben") for room in kept[:5])
            victim.start()
            await eventually(lambda: "cluster_state:ok" in victim.ask("cluster", "info"))
            assert sorted(await presence.refresh(devices, 2.0)) == sorted((room, "ann", "phone") for room in lost)
        finally:
            await presence.stop()
