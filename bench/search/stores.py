"""Each store's index over the corpus: what it costs to make, its size, and queries of every class, compared with a scan."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from bench.search.corpus import SCOPES, Corpus, Said, batches, classes, own, scanned
from madang.adapters import opensearch
from madang.adapters.sql.search import sqlite
from madang.adapters.sql.search.server_places import open_indexes
from madang.core.search import parsed
from madang.ports.search import SearchIndex
from tests.engines import run_engine
from tests.mariadb import run_mariadb
from tests.servers import run_postgres

BATCH: Final = 1_000
PAGE: Final = 20
TRIES: Final = 3
REST_S: Final = 3.0
"""After which SQLite has written all into its file."""


class Measured(msgspec.Struct):
    """What was measured of an index.

    Attributes:
        queries: of each class and scope the milliseconds of each query, the best of TRIES.
    """

    name: str
    messages: int
    index_us: float
    bytes_each: float
    queries: dict[str, dict[str, list[float]]]
    wrong: int = 0


@asynccontextmanager
async def _sqlite() -> AsyncIterator[tuple[SearchIndex, Callable[[], float]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "search.db")
        index = await sqlite.open_index(path)
        yield index, lambda: path.stat().st_size
        await index.close()


@asynccontextmanager
async def _postgresql() -> AsyncIterator[tuple[SearchIndex, Callable[[], float]]]:
    with run_postgres() as server:
        indexes = await open_indexes(server.url(), "1")
        yield (await indexes.serving()).index, lambda: _size(server.data / "base")
        await indexes.close()


@asynccontextmanager
async def _mariadb() -> AsyncIterator[tuple[SearchIndex, Callable[[], float]]]:
    with run_mariadb({"innodb_buffer_pool_size": "1G"}) as server:
        indexes = await open_indexes(server.create_database("bench"), "1")
        yield (await indexes.serving()).index, lambda: float(server.run(_MARIADB_SIZE))
        await indexes.close()


@asynccontextmanager
async def _engine(name: str) -> AsyncIterator[tuple[SearchIndex, Callable[[], float]]]:
    with run_engine(name, jvm=("-Xms1g", "-Xmx1g")) as server:
        indexes = await opensearch.open_indexes(server.url("bench"), "1")
        yield (await indexes.serving()).index, lambda: _size(server.data)
        await indexes.close()


_MARIADB_SIZE: Final = (
    "SELECT sum(data_length + index_length) FROM information_schema.tables WHERE table_schema = 'bench'"
)
STORES: Final[dict[str, Callable[[], AbstractAsyncContextManager[tuple[SearchIndex, Callable[[], float]]]]]] = {
    "SQLite": _sqlite,
    "PostgreSQL": _postgresql,
    "MariaDB": _mariadb,
    "OpenSearch": partial(_engine, "opensearch"),
    "Elasticsearch": partial(_engine, "elasticsearch"),
}


def _size(folder: Path) -> float:
    """Return the bytes of all files; some may go while we look."""
    total = 0
    for each in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += each.stat().st_size if each.is_file() else 0
    return total


async def measured(name: str, said: list[Said]) -> Measured:
    """Make an index of all that was said, and ask it."""
    async with STORES[name]() as (index, size):
        empty, began = size(), time.perf_counter()
        for n, changes in enumerate(batches(said, BATCH), 1):
            assert not await index.change(changes)
            if n % 100 == 0:
                print(f"{n * BATCH:,} messages indexed", flush=True)
        took = (time.perf_counter() - began) / len(said) * 1e6
        await asyncio.sleep(REST_S)
        result = Measured(name, len(said), took, (size() - empty) / len(said), {})
        mine = own(said)
        for kind, asked in classes(Corpus()).items():
            result.queries[kind] = {scope: [await _timed(index, q, scope) for q in asked] for scope in SCOPES}
            for q in asked:
                query = parsed(q)
                found = await index.hits(query, SCOPES["300 rooms"], limit=PAGE)
                ids = [hit.id for hit in found.hits]
                # Without a page's worth in one call there is a cursor to go on from; what was found must be right.
                result.wrong += ids != scanned(mine, query)[: PAGE if found.next is None else len(ids)]
            print(_line(kind, result.queries[kind]), flush=True)
    return result


async def _timed(index: SearchIndex, q: str, scope: str) -> float:
    """Return the milliseconds of a page, in as many calls as it takes, the best of TRIES."""
    query, best = parsed(q), float("inf")
    for _ in range(TRIES):
        began, found = time.perf_counter(), 0
        page = await index.hits(query, SCOPES[scope], limit=PAGE)
        while page.next is not None and (found := found + len(page.hits)) < PAGE:
            page = await index.hits(query, SCOPES[scope], before=page.next, limit=PAGE - found)
        best = min(best, (time.perf_counter() - began) * 1000)
    return best


def _line(kind: str, times: dict[str, list[float]]) -> str:
    cells = [f"{statistics.median(each):.1f} / {max(each):.1f}" for each in times.values()]
    return f"| {kind} | {' | '.join(cells)} |"


def table(result: Measured) -> list[str]:
    """Return the lines of a report."""
    return [
        "",
        f"## {result.name}",
        "",
        f"{result.index_us:.0f} µs and {result.bytes_each:.0f} bytes a message, in batches of {BATCH:,}; pages that a scan would not give: "
        f"{result.wrong}.",
        "",
        f"| ms, median / slowest of a class | {' | '.join(SCOPES)} |",
        "|---" * (len(SCOPES) + 1) + "|",
        *(_line(kind, times) for kind, times in result.queries.items()),
    ]
