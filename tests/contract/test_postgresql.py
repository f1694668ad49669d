"""What only a database server can suffer: not being there, going away, being set to lie; and two nodes on one."""

import asyncio
import importlib.util
from typing import Any

import asyncpg
import pytest

from madang.adapters.sql import Store, open_store, pooled
from madang.core import events as kinds
from madang.core.events import Appended
from madang.core.ids import IdSource
from madang.errors import SetupError, StorageFailed
from madang.testing import FakeClock
from madang.testing.rules import assert_refused, new_event
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import now_ms, opened

pytestmark = pytest.mark.postgres


async def test_what_cannot_be_reached_is_named(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, problem in {
        "postgresql://127.0.0.1:1/x": "127.0.0.1:1 cannot be used .*Connect call failed",
        "postgresql://nowhere.invalid/x": "nowhere.invalid:5432 cannot be used",
        f"{postgres_url}_not": 'database "test_.*_not" does not exist',
        postgres_url.replace("postgres@", "nobody:secret@"): 'role "nobody" does not exist',
    }.items():
        with pytest.raises(SetupError, match=problem) as caught:
            await open_store(url, now_ms)
        assert "secret" not in str(caught.value)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"madang\[postgres\]"):
        await open_store(postgres_url, now_ms)


async def test_a_server_that_confirms_too_early_is_refused(postgres_url: str) -> None:
    database = postgres_url.rpartition("/")[2]
    c = await asyncpg.connect(postgres_url)
    await c.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    await c.close()
    with pytest.raises(SetupError, match="synchronous_commit"):
        await open_store(postgres_url, now_ms)


async def test_nodes_that_start_at_once_migrate_once(postgres_url: str) -> None:
    stores = await asyncio.gather(*(open_store(postgres_url, now_ms) for _ in range(4)))
    leases = await asyncio.gather(*(store.acquire("node", now_ms(), 30_000) for store in stores))
    assert len({lease.node for lease in leases}) == 4
    for store in stores:
        await store.close()


async def cut_off(url: str) -> None:
    """End all other connections to the database, as a restart of the server does."""
    c = await asyncpg.connect(url)
    await c.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await c.close()


async def test_lost_connections_are_replaced(postgres_url: str) -> None:
    """An append that loses its connection may have been stored or not; the same cids again are stored once."""
    async with opened(postgres_url) as store:
        scene = await opened_scene(store)
        await cut_off(postgres_url)
        await scene.done(scene.say("after the connections at rest were cut", cid="c"))

        lost = 0
        stop = asyncio.Event()

        async def append_on() -> int:
            nonlocal lost
            for n in range(10_000):
                batch = [scene.say(f"{n}-{m}", cid=f"{n}-{m}") for m in range(10)]
                while True:
                    try:
                        outcomes = await store.append(batch)
                        break
                    except StorageFailed:
                        lost += 1
                assert all(isinstance(outcome, Appended) for outcome in outcomes)
                if stop.is_set():
                    return n
            raise AssertionError("never stopped")

        appending = asyncio.ensure_future(append_on())
        for _ in range(8):
            await asyncio.sleep(0.05)
            await cut_off(postgres_url)
        stop.set()
        last = await appending
        assert await scene.texts() == [
            "after the connections at rest were cut",
            *(f"{n}-{m}" for n in range(last + 1) for m in range(10)),
        ]


async def test_reads_on_lost_connections_say_so(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        scene = await opened_scene(store)
        reading = [asyncio.ensure_future(store.read(scene.room, 0, 10)) for _ in range(50)]
        await cut_off(postgres_url)
        for outcome in await asyncio.gather(*reading, return_exceptions=True):
            assert isinstance(outcome, list | StorageFailed)
        assert len(await store.read(scene.room, 0, 10)) == 1


async def test_a_server_that_does_not_answer_is_given_up(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A room whose lock someone holds for ever holds up only itself, and not for ever."""
    monkeypatch.setattr(pooled, "ANSWER_SECONDS", 0.5)
    async with opened(postgres_url) as store:
        held, free = await opened_scene(store), await opened_scene(store)
        c = await asyncpg.connect(postgres_url)
        transaction = c.transaction()
        await transaction.start()
        await c.execute("SELECT 1 FROM rooms WHERE id = $1 FOR UPDATE", held.room)
        stuck = asyncio.ensure_future(held.outcome(held.say("stuck", cid="c")))
        await free.done(free.say("free"))
        with pytest.raises(StorageFailed):
            await stuck
        await transaction.rollback()
        await c.close()
        await held.done(held.say("stuck", cid="c"))


async def test_nul_is_refused_alone(postgres_url: str) -> None:
    """Text of PostgreSQL cannot hold NUL; that is no reason for the other drafts of the batch to fail."""
    async with opened(postgres_url) as store:
        scene = await opened_scene(store)
        outcomes = await store.append([scene.say("one", cid="1"), scene.say("bad", cid="\0"), scene.say("two")])
        assert_refused(outcomes[1], "bad_field")
        assert [new_event(outcomes[n]).seq for n in (0, 2)] == [2, 3]


async def test_one_connection_is_enough(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction waits for a second connection: with a pool of one, many things at once all get done."""
    monkeypatch.setattr(pooled, "POOL", 1)
    async with opened(postgres_url) as store:
        scenes = [await opened_scene(store, "ben") for _ in range(5)]
        work: list[Any] = []
        for n in range(20):
            for scene in scenes:
                work += [scene.done(scene.say(f"{n}", cid=f"{n}", mentions=("ben",)))]
                work += [store.memberships(scene.id("ben")), store.set_read([(scene.room, scene.id("ben"), n)])]
        await asyncio.gather(*work)
        assert await store.heads([scene.room for scene in scenes]) == {scene.room: 22 for scene in scenes}


async def test_ids_grow_in_a_room_whose_nodes_disagree_about_the_time(postgres_url: str) -> None:
    ahead, behind = FakeClock(), FakeClock()
    ahead.step(60_000)
    stores = []
    for node, clock in enumerate((ahead, behind)):
        store = await open_store(postgres_url, clock)
        store.use_ids(IdSource(node))
        stores.append(store)
    scene = await opened_scene(stores[0])
    for n in range(10):
        scene.store = stores[n % 2]
        await scene.done(scene.say(f"{n}"))
    log = await scene.log()  # looks at the ids
    assert log[-1].at - log[0].at < 100, "the time of ids ran away"
    for store in stores:
        await store.close()


async def test_pointers_and_departures_never_wait_in_a_ring(postgres_url: str) -> None:
    """Two nodes touch the same memberships at once, each in an order of its own."""
    async with opened(postgres_url) as left, opened(postgres_url) as right:
        names = [f"user-{n}" for n in range(6)]
        scenes = [await opened_scene(left, *names) for _ in range(4)]

        async def leave_and_return(store: Store, names: list[str]) -> None:
            for _ in range(5):
                for type in (kinds.LEFT, kinds.JOINED):
                    await store.append([s.draft(type, name, role="member") for name in names for s in scenes])

        async def read(store: Store, names: list[str]) -> None:
            for n in range(20):
                await store.set_read([(scene.room, scene.id(name), n) for name in names for scene in scenes])

        await asyncio.gather(
            leave_and_return(left, names),
            read(left, names[::-1]),
            leave_and_return(right, names[::-1]),
            read(right, names),
        )
