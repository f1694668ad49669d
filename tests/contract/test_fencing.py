"""Two nodes and one number: one that stood still until another took its number stores nothing under an id of the other's.

In real time, with real processes, on real servers: `tests/scenario/test_zombie.py`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import update

from madang.adapters.sql import Store, open_store, tables
from madang.core.ids import NODES, id_ms
from madang.errors import StorageFailed
from madang.node.lease import LEASE_MS, NodeLease, acquire
from madang.testing import FakeClock
from madang.testing.rules import opened as opened_scene

Node = tuple[Store, NodeLease, FakeClock]


@asynccontextmanager
async def node(url: str, clock: FakeClock) -> AsyncIterator[Node]:
    """A store with a number that nobody keeps, as in a process that stands still."""
    store = await open_store(url, clock)
    try:
        lease = await acquire(store, "node", clock)
        store.use_ids(lease.ids, lease.renew)
        yield store, lease, clock
    finally:
        await store.close()


@asynccontextmanager
async def zombie_and_heir(url: str) -> AsyncIterator[tuple[Node, Node]]:
    clock, later = FakeClock(), FakeClock()
    later.step(LEASE_MS)
    async with node(url, clock) as zombie:
        await zombie[0].engine.write(lambda c: c.execute(update(tables.leases).values(expires_ms=0)))  # it runs out
        async with node(url, later) as heir:
            yield zombie, heir


def node_of(id: int) -> int:
    return id >> 12 & NODES - 1


async def test_who_has_lost_his_number_stores_nothing(server_url: str) -> None:
    async with zombie_and_heir(server_url) as ((zombie, lease, clock), (heir, _, _)):
        scene = await opened_scene(zombie)
        await scene.done(scene.say("in time", cid="1"))
        clock.step(LEASE_MS + 1)  # it goes on
        with pytest.raises(StorageFailed, match="taken"):
            await zombie.append([scene.say(f"late {n}", cid=f"late {n}") for n in range(5)])
        assert await scene.texts() == ["in time"]
        scene.store = heir
        await scene.done(scene.say("late 0", cid="late 0"))  # what was refused is stored once, by another
        assert await scene.texts() == ["in time", "late 0"]
        with pytest.raises(RuntimeError, match="lost"):
            await lease.keep()


async def test_ids_of_a_late_holder_and_his_heir_differ(server_url: str) -> None:
    """The holder's clock has not moved: they cannot know that their time is over, and need not. The room is the heir's, too."""
    async with zombie_and_heir(server_url) as ((zombie, _, clock), (heir, _, later)):
        scene = await opened_scene(zombie)
        other = await opened_scene(heir)
        for n in range(20):
            scene.store, other.store = zombie, heir
            await scene.done(scene.say(f"{n}"))
            await other.done(other.say(f"{n}"))
            clock.step(LEASE_MS // 25)
            later.step(1)
        ids = [event.id for event in [*await scene.log(), *await other.log()]]
        assert len({node_of(id) for id in ids}) == 1, "both held one number, or this proves nothing"
        assert len(set(ids)) == len(ids) == 42
        scene.store = heir
        newest = await scene.done(scene.say("the heir's"))
        scene.store = zombie
        with pytest.raises(StorageFailed, match="taken"):  # an id above the room's newest is one of the heir's
            await scene.outcome(scene.say("the zombie's"))
        assert (await scene.log())[-1] == newest


async def test_a_number_that_nobody_took_is_prolonged_by_the_append_that_needs_it(url: str) -> None:
    async with node(url, FakeClock()) as (store, _, clock):
        scene = await opened_scene(store)
        clock.step(10 * LEASE_MS)
        event = await scene.done(scene.say("after a long sleep"))
        assert id_ms(event.id) == clock.ms
        outcomes = await store.append([scene.say(f"{n}") for n in range(300)])
        assert len(outcomes) == 300


async def test_a_room_of_a_node_whose_clock_is_ahead_is_written_to_at_once(server_url: str) -> None:
    async with node(server_url, FakeClock()) as (behind, _, _), node(server_url, FakeClock()) as (store, _, ahead):
        ahead.step(10 * LEASE_MS)
        scene = await opened_scene(store)
        for n in range(6):
            scene.store = (store, behind)[n % 2]
            await scene.done(scene.say(f"{n}"))
        assert await scene.texts() == [f"{n}" for n in range(6)]
