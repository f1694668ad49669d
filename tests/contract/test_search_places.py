"""Where search indexes are, on every database: one is made beside the one that serves, also over restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from madang.adapters.sql.search import open_indexes, server_places, sqlite_places
from madang.core.folding import fold
from madang.core.search import parsed
from madang.ports.followers import Position
from madang.ports.search import Changes, Document, SearchIndexes
from madang.testing import check_search_indexes
from madang.testing.search import found
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sqlite_places, server_places):
        monkeypatch.setattr(module, "KEPT_SECONDS", 2.0)  # 0.5 were over, under load, before the first search came
    monkeypatch.setattr(server_places, "EMPTIED", 2)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SearchIndexes]:
    indexes = await open_indexes(url, "1")
    assert indexes is not None
    try:
        yield indexes
    finally:
        await indexes.close()


async def test_keeps_the_contract(url: str) -> None:
    await check_search_indexes(lambda: opened(url))


def said(first: int, *texts: str) -> Changes:
    put = [Document(n, n << 22, "ann", fold(text)) for n, text in enumerate(texts, first)]
    return Changes(room="lobby", position=Position("e", first - 1), upto=put[-1].seq, put=put)


async def seqs(indexes: SearchIndexes, q: str) -> list[int]:
    return [hit.seq for hit in await found((await indexes.serving()).index, parsed(q), {"lobby": 0})]


async def test_what_is_being_made_goes_on_after_a_restart(url: str) -> None:
    async with opened(url) as indexes:
        await (await indexes.serving()).index.change([said(1, "옛 회의")])
        assert await indexes.begin("2")
        building = await indexes.building()
        assert building is not None
        await building.index.change([said(1, "새 회의")])
    async with opened(url) as indexes:
        assert await seqs(indexes, "옛") == [1] and (await indexes.serving()).version == "1"
        building = await indexes.building()
        assert building is not None and building.version == "2"
        assert await building.index.change([said(2, "새 일정")]) == set()
        await indexes.switch()
    async with opened(url) as indexes:
        assert (await indexes.serving()).version == "2" and await indexes.building() is None
        assert (await seqs(indexes, "새"), await seqs(indexes, "옛")) == ([2, 1], [])


async def test_a_file_that_cannot_be_removed_keeps_nothing_from_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remove, failing = sqlite_places.remove, 1

    def fails(path: Path) -> None:
        nonlocal failing
        if failing:
            failing -= 1
            raise PermissionError(13, "Permission denied")
        remove(path)

    indexes = await sqlite_places.open_indexes(tmp_path / "search.db", "1")
    assert await indexes.begin("2")
    building = await indexes.building()
    assert building is not None
    await building.index.change([said(1, "회의")])
    monkeypatch.setattr(sqlite_places, "remove", fails)
    await indexes.give_up()
    await eventually(lambda: "Permission denied" in caplog.text)
    assert await indexes.begin("3")
    building = await indexes.building()
    assert building is not None and await building.index.positions(["lobby"]) == {}
    await indexes.close()


async def test_nodes_share_places(server_url: str) -> None:
    async with opened(server_url) as one, opened(server_url) as two:
        assert await one.begin("2") and not await two.begin("2")
        building = await two.building()
        assert building is not None
        await building.index.change([said(1, "회의")])
        await one.switch()
        assert await seqs(two, "회의") == [1]
