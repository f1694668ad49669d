"""F27 and F28: a pool that is exhausted, a commit whose answer is lost.

What a whole fleet makes of these is `tests/scenario/fleet`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import URL, make_url, text

from madang.adapters.sql import Store, pooled
from madang.core.events import Appended
from madang.core.rooms import User
from madang.errors import Refused, StorageFailed
from madang.proving.proxy import Proxy
from madang.services.appender import Appender
from madang.services.rooms import Rooms
from madang.testing.rules import Scene, assert_repeat, new_event
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import opened
from tests.contract.test_database_servers import by_hand

CREATORS = 100


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[Rooms]:
    """What a node does with rooms, over a store."""
    appender = Appender(store, lambda events: None)
    running = asyncio.create_task(appender.run())
    try:
        yield Rooms(store, appender)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def create_and_enter(rooms: Rooms, n: int) -> None:
    """Make a room, let another in, and read what stands."""
    await rooms.create(User(id=f"owner-{n}", name="Owner"), f"room-{n}", "Room", "open")
    await rooms.enter(User(id=f"guest-{n}", name="Guest"), f"room-{n}")
    assert (await rooms.member(User(id=f"guest-{n}", name="Guest"), f"room-{n}")).role == "member"


# -- F27: the pool ---------------------------------------------------------------------------------------------------


async def test_a_hundred_create_rooms_at_once_over_one_connection(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4's deadlock: nobody who holds a connection waits for another, so the smallest pool serves them all in turn."""
    monkeypatch.setattr(pooled, "POOL", 1)
    async with opened(server_url) as store, serving(store) as rooms:
        await asyncio.gather(*(create_and_enter(rooms, n) for n in range(CREATORS)))
        assert await store.heads([f"room-{n}" for n in range(CREATORS)]) == {f"room-{n}": 2 for n in range(CREATORS)}


async def test_who_waits_too_long_for_a_connection_is_told(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All connections wait for a lock that nobody gives back: everybody is answered all the same, and later all is well."""
    monkeypatch.setattr(pooled, "POOL", 1)
    monkeypatch.setattr(pooled, "ANSWER_SECONDS", 0.5)
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
        monkeypatch.setattr(pooled, "ANSWER_SECONDS", 15.0)
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
    """What stands in the room's log, looked up beside the store: seq, id, cid."""
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
        async with asyncio.timeout(30):
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
