"""Rebuilding: an index is made again beside the one that serves, by whichever node leads, while the log goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from madang.adapters.sql import Store
from madang.adapters.sql.search.sqlite_places import SqliteIndexes, open_indexes
from madang.aio import cancelled
from madang.core import events as kinds
from madang.core.events import Appended, Event, draft
from madang.core.folding import VERSION, is_older
from madang.core.search import parsed
from madang.services.following import Following
from madang.services.indexing import IndexingServing
from madang.services.rebuilding import Rebuilding
from madang.testing.search import found
from tests.stores import opened_store
from tests.waiting import eventually

NEAR = 50  # events that an index may lack when it takes the place of another: searches find them in the log
OLDER, NEWER = "0-1.0-1.0", "9-99.0-99.0"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.services.rebuilding.LOOK_S", 0.05)
    monkeypatch.setattr("madang.services.rebuilding.LEVEL_S", 0.01)
    monkeypatch.setattr("madang.services.following.SWEEP_PAUSE_S", 0.0)
    monkeypatch.setattr("madang.services.following.NEAR", NEAR)
    monkeypatch.setattr("madang.adapters.sql.search.sqlite_places.KEPT_SECONDS", 0.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path) as store:
        await append(store, kinds.RoomCreated(title="Room", access="open", slow_ms=0))
        yield store


async def append(store: Store, *bodies: kinds.Body) -> list[Event]:
    outcomes = await store.append([draft(body, "room", "ann", "Ann") for body in bodies])
    return [outcome.event for outcome in outcomes if isinstance(outcome, Appended)]


def said(*texts: str) -> list[kinds.Body]:
    return [kinds.MessageSent(text=text) for text in texts]


@asynccontextmanager
async def places(folder: Path, version: str = VERSION) -> AsyncIterator[SqliteIndexes]:
    indexes = await open_indexes(folder / "search.db", version)
    try:
        yield indexes
    finally:
        await indexes.close()


async def no_papers(room: str, seq: int, paper: str) -> str | None:
    return None


async def always() -> bool:
    return True


@asynccontextmanager
async def node(
    store: Store, indexes: SqliteIndexes, leads: Callable[[], Awaitable[bool]] = always
) -> AsyncIterator[tuple[Following, Rebuilding]]:
    """What a node runs."""
    loop = asyncio.get_running_loop()
    following = Following(store, IndexingServing(indexes, no_papers), leads, lambda: False, loop.time)
    part = Rebuilding(store, indexes, leads, lambda: False, loop.time, following.sweep_now, no_papers)
    tasks = [loop.create_task(each()) for each in (following.run, following.sweep, part.run)]
    try:
        yield following, part
    finally:
        await cancelled(tasks)


async def seqs(indexes: SqliteIndexes, q: str = "회의") -> list[int]:
    return [hit.seq for hit in await found((await indexes.serving()).index, parsed(q), {"room": 0}, limit=1_000)]


async def test_the_old_one_serves_until_the_new_one_is_whole(store: Store, tmp_path: Path) -> None:
    for _ in range(6):
        await append(store, *said(*(f"회의 {n}" for n in range(100))))
    async with places(tmp_path) as indexes, node(store, indexes) as (following, part):
        while len(await seqs(indexes)) < 600:
            await asyncio.sleep(0.01)
        first = (await indexes.serving()).index
        await part.ask()
        while (await part.under_way())[0]:
            assert len(await seqs(indexes)) >= 600 - NEAR, "nothing is missing while it is made"
            events = await append(store, *said("회의"))
            following.committed(events)
            part.committed(events)
        assert (await indexes.serving()).index is not first
        head = (await store.heads(["room"]))["room"]
        while len(await seqs(indexes)) < head - 1:
            await asyncio.sleep(0.01)


async def test_what_an_older_analyzer_made_is_made_anew(store: Store, tmp_path: Path) -> None:
    await append(store, *said("회의"))
    async with places(tmp_path, OLDER) as indexes, node(store, indexes):
        while (await indexes.serving()).version != VERSION:
            await asyncio.sleep(0.01)
        assert await seqs(indexes) == [2]


async def test_what_a_newer_one_made_is_left_alone_until_somebody_asks(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with places(tmp_path, NEWER) as indexes, node(store, indexes) as (following, part):
        await eventually(lambda: "newer analyzer" in caplog.text)
        following.committed(await append(store, *said("회의")))
        await eventually(lambda: following.lag == 0.0)
        assert await (await indexes.serving()).index.positions(["room"]) == {}, "its texts are folded otherwise"
        await part.ask()
        while (await indexes.serving()).version != VERSION:
            await asyncio.sleep(0.01)
        assert await seqs(indexes) == [2]


async def test_another_node_goes_on_where_the_first_has_stopped(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "madang.search")
    await append(store, *said(*(f"회의 {n}" for n in range(100))))
    leading = True

    async def leads() -> bool:
        return leading

    async with places(tmp_path) as indexes:
        await indexes.begin(VERSION)
        async with node(store, indexes, leads):
            await eventually(lambda: "made again" in caplog.text)
            leading = False
        made = await indexes.building()
        async with node(store, indexes):
            while await indexes.building() is not None:
                await asyncio.sleep(0.01)
        assert len(await seqs(indexes)) == 100
        assert made is None or (await indexes.serving()).index is made.index


async def test_what_was_being_made_of_an_older_analyzer_is_given_up(store: Store, tmp_path: Path) -> None:
    async with places(tmp_path) as indexes:
        await indexes.begin(OLDER)
        async with node(store, indexes):
            while await indexes.building() is not None:
                await asyncio.sleep(0.01)
        assert (await indexes.serving()).version == VERSION


async def test_what_a_newer_node_was_making_waits_for_one_and_says_so(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with places(tmp_path) as indexes:
        await indexes.begin(NEWER)
        async with node(store, indexes) as (_, part):
            await eventually(lambda: "being made is of a newer analyzer" in caplog.text)
            assert NEWER in await part.why_it_waits()
            assert await indexes.building() is not None
            monkeypatch.setattr("madang.adapters.sql.search.sqlite_places.KEPT_SECONDS", 60.0)
            await indexes.give_up()
            await part.ask()
            assert await part.why_it_waits() == "", "not known yet"
            while not await part.why_it_waits():
                await asyncio.sleep(0.01)
            assert (await part.under_way())[0] and "before it is gone" in await part.why_it_waits()


def test_versions_have_an_order() -> None:
    assert is_older(OLDER, VERSION) and is_older(VERSION, NEWER) and not is_older(VERSION, VERSION)
    assert is_older("1-15.1.0-14.0.0", "1-16.0.0-14.0.0") and is_older("", VERSION)
