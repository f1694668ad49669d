"""F26 to F28: a database that dies and comes back, a pool that is exhausted, a commit whose answer is lost.

What a whole fleet makes of these is `tests/scenario/fleet`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import URL, make_url, text

from madang.adapters.sql import Store, server_engine
from madang.core.actors import Actor
from madang.core.events import Appended
from madang.errors import Refused, StorageFailed
from madang.services.appender import Appender
from madang.services.charges import Charges
from madang.services.limits import UNLIMITED, Limits
from madang.services.quotas import NO_QUOTAS
from madang.services.rooms import Rooms
from madang.testing.rules import Scene, assert_repeat, new_event, text_of
from madang.testing.rules import opened as opened_scene
from madang_proof.testbed.proxy import Proxy
from tests.contract.conftest import opened
from tests.contract.test_database_servers import by_hand
from tests.mariadb import MariadbServer, run_mariadb
from tests.servers import PostgresServer, run_postgres
from tests.waiting import PATIENCE_S, eventually

CREATORS = 100


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[Rooms]:
    """What a node does with rooms, over a store."""
    appender = Appender(store, lambda events: None)
    running = asyncio.create_task(appender.run())
    try:
        yield Rooms(store, appender, Charges(Limits(UNLIMITED), lambda: 0.0), NO_QUOTAS)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def create_and_enter(rooms: Rooms, n: int) -> None:
    """Make a room, let another in, and read what is stored."""
    await rooms.create(Actor(id=f"owner-{n}", name="Owner"), f"room-{n}", "Room", "open")
    await rooms.enter(Actor(id=f"guest-{n}", name="Guest"), f"room-{n}")
    assert (await rooms.member(Actor(id=f"guest-{n}", name="Guest"), f"room-{n}")).role == "member"


# -- F27: the pool ---------------------------------------------------------------------------------------------------


def grown(before: list[int], lists: Iterable[list[str]]) -> bool:
    """Whether each list is longer than it was."""
    return all(len(now) > was for now, was in zip(lists, before, strict=True))


async def test_a_hundred_create_rooms_at_once_over_one_connection(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4's deadlock: nobody who holds a connection waits for another, so the smallest pool serves them all in turn."""
    monkeypatch.setattr(server_engine, "POOL", 1)
    async with opened(server_url) as store, serving(store) as rooms:
        await asyncio.gather(*(create_and_enter(rooms, n) for n in range(CREATORS)))
        assert await store.heads([f"room-{n}" for n in range(CREATORS)]) == {f"room-{n}": 2 for n in range(CREATORS)}


async def test_who_waits_too_long_for_a_connection_is_told(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All connections wait for a lock that nobody gives back: everybody is answered all the same, and later all is well."""
    monkeypatch.setattr(server_engine, "POOL", 1)
    monkeypatch.setattr(server_engine, "ANSWER_SECONDS", 2.0)  # which what is not stuck must keep, too
    async with opened(server_url) as store, serving(store) as rooms:
        scene = await opened_scene(store)
        async with by_hand(server_url) as c:
            await c.execute(text("SELECT 1 FROM rooms WHERE id = :room FOR UPDATE"), {"room": scene.room})
            stuck = asyncio.create_task(scene.outcome(scene.say("stuck", cid="c")))
            told = await asyncio.gather(*(create_and_enter(rooms, n) for n in range(CREATORS)), return_exceptions=True)
            with pytest.raises(StorageFailed):
                await stuck
        refused = [error for error in told if isinstance(error, BaseException)]
        assert refused, "nobody had to wait, so this proves nothing"
        assert all(isinstance(error, StorageFailed) for error in refused), refused
        monkeypatch.setattr(server_engine, "ANSWER_SECONDS", 15.0)
        await scene.done(scene.say("stuck", cid="c"))
        for n in range(CREATORS):
            try:
                await create_and_enter(rooms, n)
            except Refused as error:  # it had been made, and nobody was told
                assert error.code == "room_exists"
        assert set(await store.heads([f"room-{n}" for n in range(CREATORS)])) == {f"room-{n}" for n in range(CREATORS)}


# -- F28: a commit whose answer is lost ------------------------------------------------------------------------------


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """The same database behind a proxy."""
    direct: URL = make_url(url)
    assert direct.port is not None
    proxy = Proxy(("127.0.0.1", direct.port))
    await proxy.start()
    try:
        yield proxy, direct.set(port=proxy.port).render_as_string(hide_password=False)
    finally:
        await proxy.stop()


async def stored(url: str, scene: Scene) -> list[Any]:
    """What is in the room's log, looked up beside the store: seq, id, cid."""
    async with by_hand(url) as c:
        rows = await c.execute(
            text("SELECT seq, id, cid FROM events WHERE room = :room ORDER BY seq"), {"room": scene.room}
        )
        return [tuple(row) for row in rows]


async def test_a_commit_whose_answer_is_lost_is_found_by_the_cid(server_url: str) -> None:
    async with proxied(server_url) as (proxy, url), opened(url) as store:
        scene = await opened_scene(store)
        drafts = [scene.say(f"{n}", cid=f"{n}") for n in range(5)]
        proxy.lose_answers(b"COMMIT")
        lost = asyncio.create_task(store.append(drafts))
        async with asyncio.timeout(PATIENCE_S):
            while len(there := await stored(server_url, scene)) == 1:
                await asyncio.sleep(0.01)
        assert not lost.done(), "it was told what the proxy has swallowed"
        proxy.heal()
        with pytest.raises(StorageFailed):
            await lost
        again = await store.append(drafts)
        assert [
            (o.event.seq, o.event.id, d.cid) for d, o in zip(drafts, again, strict=True) if isinstance(o, Appended)
        ] == there[1:]
        assert all(isinstance(o, Appended) and o.duplicate for o in again)
        assert await stored(server_url, scene) == there
        assert_repeat(again[0], (await scene.log())[1])
        assert new_event(await scene.outcome(scene.say("new", cid="new"))).seq == 7


# -- F26: a database that dies and comes back ------------------------------------------------------------------------


@pytest.fixture(
    params=[pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("mariadb", marks=pytest.mark.mariadb)]
)
def mortal(request: pytest.FixtureRequest) -> Iterator[PostgresServer | MariadbServer]:
    """A server of the test's own, as durable as in production."""
    with run_postgres() if request.param == "postgres" else run_mariadb() as server:
        yield server


def crash(server: PostgresServer | MariadbServer) -> None:
    server.kill()
    server.start()


async def open_transactions(url: str) -> int:
    """How many transactions others have open."""
    if url.startswith("postgresql"):
        found = (
            "pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()"
        )
    else:
        found = "information_schema.innodb_trx WHERE trx_mysql_thread_id <> connection_id()"
    async with by_hand(url) as c:
        return int((await c.execute(text(f"SELECT count(*) FROM {found}"))).scalar_one())


@pytest.mark.slow
async def test_a_database_that_dies_under_appends_loses_nothing_acked(mortal: PostgresServer | MariadbServer) -> None:
    """No ack without its commit, the same pool serves again by itself, and no transaction is left behind."""
    url = mortal.create_database("mortal")
    async with opened(url) as store:
        scenes = [await opened_scene(store) for _ in range(4)]
        acked: dict[str, list[str]] = {scene.room: [] for scene in scenes}
        failed = 0
        stop = asyncio.Event()

        async def append_on(scene: Scene) -> None:
            nonlocal failed
            said = acked[scene.room]
            while not stop.is_set():
                batch = [scene.say(f"{len(said) + n}", cid=f"{len(said) + n}") for n in range(5)]
                try:
                    outcomes = await store.append(batch)
                except StorageFailed:
                    failed += 1
                    await asyncio.sleep(0.01)
                    continue
                assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
                said += [text_of(d.content) for d in batch]

        appending = [asyncio.create_task(append_on(scene)) for scene in scenes]
        try:
            for _ in range(2):
                before = [len(said) for said in acked.values()]
                await asyncio.to_thread(crash, mortal)
                await eventually(partial(grown, before, acked.values()))
        finally:
            stop.set()
            await asyncio.gather(*appending)
        assert failed, "nobody noticed, so this proves nothing"
        for scene in scenes:
            assert await scene.texts() == acked[scene.room]
        async with asyncio.timeout(PATIENCE_S):
            while await open_transactions(url):
                await asyncio.sleep(0.01)
