"""The search index in a SQLite file: its contract, and what becomes of a file that is lost, torn or of another shape."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from madang.adapters.sql.search import sqlite, sqlite_hits
from madang.adapters.sql.search.sqlite import SqliteIndex, open_index
from madang.adapters.sql.search.sqlite_documents import tidy
from madang.core.folding import fold
from madang.core.search import parsed
from madang.errors import StorageFailed
from madang.ports.followers import Position
from madang.ports.search import Changes, Document
from madang.testing import check_search
from madang.testing.search import finds_what_a_scan_finds, found
from tests.waiting import eventually

HERE = {"lobby": 0}


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteIndex]:
    index = await open_index(path)
    try:
        yield index
    finally:
        await index.close()


def said(*texts: str) -> Changes:
    put = [Document(n, n << 22, "ann", fold(text)) for n, text in enumerate(texts, 1)]
    return Changes(room="lobby", position=Position("e", 0), upto=len(texts), put=put)


async def test_keeps_the_contract(tmp_path: Path) -> None:
    await check_search(lambda: opened(tmp_path / "search.db"))


async def test_keeps_it_where_few_messages_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in (("FEW", 3), ("NEWEST", 5), ("MANY", 9), ("EXAMINED", 7)):
        monkeypatch.setattr(sqlite_hits, name, few)
    async with opened(tmp_path / "search.db") as index:
        await finds_what_a_scan_finds(index, 40)


async def test_is_there_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path / "search.db") as index:
        await index.change([said("회의", "주간회의록을")])
    async with opened(tmp_path / "search.db") as index:
        assert await index.positions(["lobby"]) == {"lobby": Position("e", 2)}
        assert [hit.seq for hit in await found(index, parsed("회의"), HERE)] == [2, 1]


async def test_gives_back_its_pages_at_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "REST_SECONDS", 0.01)
    monkeypatch.setattr(sqlite, "SHRINK_SECONDS", 0.0)
    told: list[str] = []
    async with opened(tmp_path / "search.db") as index:
        await index._write(lambda c: c.set_trace_callback(told.append))  # noqa: SLF001
        await index.change([said("회의")])
        await eventually(lambda: "PRAGMA shrink_memory" in told)


def lose(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def fill_with_nonsense(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def reshape(path: Path) -> None:
    c = sqlite3.connect(path)
    c.execute("PRAGMA user_version=99")
    c.close()


@pytest.mark.parametrize("harm", [lose, fill_with_nonsense, reshape])
async def test_a_file_that_is_no_good_is_made_anew(harm: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    async with opened(path) as index:
        await index.change([said("회의")])
    harm(path)
    async with opened(path) as index:
        assert await index.positions(["lobby"]) == {}
        assert await index.change([said("회의")]) == set()
        assert [hit.seq for hit in await found(index, parsed("회의"), HERE)] == [1]


async def test_a_torn_file_is_made_anew_as_soon_as_that_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    async with opened(path) as index:
        await index.change([said(*(f"회의 {n}" for n in range(3_000)))])
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    async with opened(path) as index:
        with pytest.raises(StorageFailed):
            await found(index, parsed("회의"), HERE)
        assert await index.positions(["lobby"]) == {}
        assert await index.change([said("회의")]) == set()
        assert [hit.seq for hit in await found(index, parsed("회의"), HERE)] == [1]


async def test_what_is_deleted_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    async with opened(path) as index:
        await index.change([said("zebracrossing", *(f"회의 {n}" for n in range(200)))])
        await index.change([Changes(room="lobby", position=Position("e", 201), upto=202, remove=[1])])
        await index.change([Changes(room="lobby", position=Position("e", 202), upto=203, edit={2: fold("giraffe")})])
    await asyncio.to_thread(tidied, path)
    assert b"zebracrossing" not in path.read_bytes()


def tidied(path: Path) -> None:
    """Do what the index does at rest."""
    c = sqlite3.connect(path)
    c.execute("PRAGMA secure_delete=ON")
    while tidy(c):
        c.commit()
    c.close()
