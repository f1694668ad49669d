"""What every database server can do to a node: cut its connections, keep it waiting, serve another node as well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from madang.adapters.sql import Store, open_store, server_engine
from madang.core import events as kinds
from madang.core.events import Appended
from madang.core.ids import IdSource
from madang.errors import StorageFailed
from madang.testing import FakeClock
from madang.testing.rules import opened as opened_scene
from madang_proof.testbed.proxy import Proxy
from tests.contract.conftest import now_ms, opened


@asynccontextmanager
async def by_hand(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection beside the store's, in a transaction that is undone."""
    driver = "postgresql+asyncpg" if url.startswith("postgresql") else "mariadb+asyncmy"
    engine = create_async_engine(url.replace(url.partition(":")[0], driver, 1))
    try:
        async with engine.connect() as c:
            yield c
            await c.rollback()
    finally:
        await engine.dispose()


async def cut_off(url: str) -> None:
    """End all other connections to the database, as a restart of the server does."""
    async with by_hand(url) as c:
        if url.startswith("postgresql"):
            others = "pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            await c.execute(text(f"SELECT pg_terminate_backend(pid) FROM {others}"))
            return
        others = "information_schema.processlist WHERE id <> connection_id() AND db = database()"
        for id in (await c.execute(text(f"SELECT id FROM {others}"))).scalars().all():
            try:
                await c.execute(text(f"KILL {id}"))
            except exc.DBAPIError:  # it has ended by itself
                continue


async def test_nodes_that_start_at_once_migrate_once(server_url: str) -> None:
    stores = await asyncio.gather(*(open_store(server_url, now_ms) for _ in range(4)))
    leases = await asyncio.gather(*(store.acquire("node", now_ms(), 30_000) for store in stores))
    assert len({lease.node for lease in leases}) == 4
    for store in stores:
        await store.close()


async def test_lost_connections_are_replaced(server_url: str) -> None:
    """An append that loses its connection may have been stored or not; the same cids again are stored once."""
    async with opened(server_url) as store:
        scene = await opened_scene(store)
        await cut_off(server_url)
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
                    except StorageFailed:
                        lost += 1
                        continue
                    assert all(isinstance(outcome, Appended) for outcome in outcomes)
                    break
                if stop.is_set():
                    return n
            raise AssertionError("never stopped")

        appending = asyncio.ensure_future(append_on())
        for _ in range(8):
            await asyncio.sleep(0.05)
            await cut_off(server_url)
        stop.set()
        last = await appending
        assert await scene.texts() == [
            "after the connections at rest were cut",
            *(f"{n}-{m}" for n in range(last + 1) for m in range(10)),
        ]


async def test_connections_that_were_cut_at_rest_cost_nobody_anything(server_url: str) -> None:
    """As after a restart of the server: found out at the first use, and replaced before there was anything to commit."""
    async with opened(server_url) as store:
        scene = await opened_scene(store)
        for round in range(3):
            used = [store.read(scene.room, 0, 1) for _ in range(2 * server_engine.POOL)]
            await asyncio.gather(*used)  # so that all of the pool has been connected
            await cut_off(server_url)
            appends = [store.append([scene.say("hello", cid=f"{round}-{n}")]) for n in range(server_engine.POOL)]
            reads = [store.read(scene.room, 0, 1) for _ in range(server_engine.POOL)]
            outcomes, found = await asyncio.gather(asyncio.gather(*appends), asyncio.gather(*reads))
            assert all(isinstance(outcome, Appended) for (outcome,) in outcomes)
            assert all(len(events) == 1 for events in found)


async def test_reads_on_lost_connections_say_so(server_url: str) -> None:
    async with opened(server_url) as store:
        scene = await opened_scene(store)
        reading = [asyncio.ensure_future(store.read(scene.room, 0, 10)) for _ in range(50)]
        await cut_off(server_url)
        for outcome in await asyncio.gather(*reading, return_exceptions=True):
            assert isinstance(outcome, list | StorageFailed)
        assert len(await store.read(scene.room, 0, 10)) == 1


async def test_a_server_that_turns_everybody_away_is_a_failure_and_no_mistake(server_url: str) -> None:
    """As it does while it starts again: connections are accepted, and reset at once."""
    parts = urlsplit(server_url)
    line = Proxy((str(parts.hostname), int(parts.port or 0)))
    await line.start()
    try:
        credentials = parts.netloc.rpartition("@")[0]
        through = parts._replace(netloc=f"{credentials}@127.0.0.1:{line.port}").geturl()
        async with opened(through) as store:
            scene = await opened_scene(store)
            line.part()
            for _ in range(5):
                outcomes = await asyncio.gather(
                    *(store.read(scene.room, n, 10) for n in range(5)), return_exceptions=True
                )
                assert all(isinstance(outcome, StorageFailed) for outcome in outcomes), outcomes
            line.heal()
            assert len(await store.read(scene.room, 0, 10)) == 1
    finally:
        await line.stop()


async def test_a_lock_that_is_never_given_back_is_given_up(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A room whose lock someone holds forever holds up only itself, and not forever."""
    monkeypatch.setattr(server_engine, "ANSWER_SECONDS", 2.0)  # which what is not stuck must keep, too
    async with opened(server_url) as store:
        held, free = await opened_scene(store), await opened_scene(store)
        async with by_hand(server_url) as c:
            await c.execute(text("SELECT 1 FROM rooms WHERE id = :room FOR UPDATE"), {"room": held.room})
            stuck = asyncio.ensure_future(held.outcome(held.say("stuck", cid="c")))
            await free.done(free.say("free"))
            with pytest.raises(StorageFailed):
                await stuck
        await held.done(held.say("stuck", cid="c"))


async def test_one_connection_is_enough(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction waits for a second connection: with a pool of one, many things at once all get done.

    The last of them waits for all others, which a busy machine must not take for a server that is gone.
    """
    monkeypatch.setattr(server_engine, "POOL", 1)
    monkeypatch.setattr(server_engine, "ANSWER_SECONDS", 60.0)
    async with opened(server_url) as store:
        scenes = [await opened_scene(store, "ben") for _ in range(5)]
        work: list[Any] = []
        for n in range(4):
            for scene in scenes:
                work += [scene.done(scene.say(f"{n}", cid=f"{n}", mentions=("ben",)))]
                work += [store.memberships(scene.id("ben")), store.set_read([(scene.room, scene.id("ben"), n)])]
        done = await asyncio.gather(*work, return_exceptions=True)  # to the end: a pool in use cannot be closed
        assert not [outcome for outcome in done if isinstance(outcome, BaseException)]
        assert await store.heads([scene.room for scene in scenes]) == {scene.room: 6 for scene in scenes}


async def test_ids_grow_in_a_room_whose_nodes_disagree_about_the_time(server_url: str) -> None:
    ahead, behind = FakeClock(), FakeClock()
    ahead.step(60_000)
    stores = []
    for node, clock in enumerate((ahead, behind)):
        store = await open_store(server_url, clock)
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


async def test_pointers_and_departures_never_wait_in_a_ring(server_url: str) -> None:
    """Two nodes touch the same memberships at once, each in an order of its own."""
    async with opened(server_url) as left, opened(server_url) as right:
        names = [f"user-{n}" for n in range(6)]
        scenes = [await opened_scene(left, *names) for _ in range(4)]

        async def leave_and_return(store: Store, names: list[str]) -> None:
            for _ in range(5):
                for kind in (kinds.MemberLeft, kinds.MemberJoined):
                    await store.append([s.any_draft(kind, name, None) for name in names for s in scenes])

        async def read(store: Store, names: list[str]) -> None:
            for n in range(20):
                await store.set_read([(scene.room, scene.id(name), n) for name in names for scene in scenes])

        await asyncio.gather(
            leave_and_return(left, names),
            read(left, names[::-1]),
            leave_and_return(right, names[::-1]),
            read(right, names),
        )
