"""SQLite: one thread with one connection writes (`sqlite_writer.py`), three more read.

Group commit happens above: a batch is one call to the writer thread, one transaction, one fsync, one wake-up of the loop.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, create_engine, exc

from madang.adapters.sql.inspection import SQLITE_VERSION, Inspection, examine
from madang.adapters.sql.rows import EventRow, Head
from madang.adapters.sql.sqlite_file import open_read_only, reader_engine, storage_error
from madang.adapters.sql.sqlite_writer import REST_SECONDS, SHRINK_SECONDS, Writer
from madang.adapters.sql.worker import Workers
from madang.adapters.urls import options
from madang.core.events import Draft
from madang.core.ids import IdSource
from madang.errors import SetupError, StorageFailed
from madang.ports.log import Outcome
from madang.threads import let_others_go_first

T = TypeVar("T")

READERS: Final = 3  # pages take two at most (`services/reading.py`)


async def open_engine(url: URL, clock_ms: Callable[[], int]) -> "SqliteEngine":
    """Open a file, created and brought to the newest schema where needed. Raises SetupError."""
    engine = SqliteEngine(_path(url), clock_ms)
    try:
        await engine.open()
    except BaseException:
        await engine.close()
        raise
    return engine


async def inspect(url: URL) -> Inspection:
    """Inspect a file, also while a server runs on it. Raises SetupError where it cannot be read."""
    return await asyncio.to_thread(_inspect, _path(url))


def _path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise SetupError("A SQLite database needs a file.", "Write sqlite:///folder/madang.db.")
    options(url.query, {}, "database", "SQLite")
    return Path(url.database)


def _inspect(path: Path) -> Inspection:
    server = f"SQLite {SQLITE_VERSION}"
    if not path.exists():
        return Inspection(server, None, empty=True)
    engine = create_engine("sqlite://", creator=lambda: open_read_only(path))
    try:
        with engine.connect() as c:
            return examine(c, server)
    except exc.DBAPIError as error:
        raise SetupError(f"{path} cannot be read ({error.orig}).", "Restore a backup: madang restore FILE.") from error
    finally:
        engine.dispose()


class SqliteEngine:
    """Runs work on one SQLite file. `store.Engine` is its contract."""

    lanes = 1

    def __init__(self, path: Path, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._writer = Writer(path)
        self._readers = reader_engine(path, READERS)
        self._writing = Workers("madang-sql-writer", 1, self._writer.between_calls)
        self._reading = Workers("madang-sql-reader", READERS, self._between_reads, let_others_go_first)
        self._shrunk = time.monotonic()

    async def open(self) -> None:
        """Lock and prepare the file."""
        await self._writing.call(self._writer.open)

    async def append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        return await self._writing.call(lambda: self._writer.append(drafts, ids, self._clock_ms()))

    async def write(self, work: Callable[[Connection], T], room: str | None = None) -> T:
        return await self._writing.call(lambda: self._writer.write(work, room))

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._reading.call(lambda: self._read(work))

    def reading_s(self) -> float:
        return sum(self._reading.spent.values())

    async def fold_all(self) -> None:
        await self._writing.call(self._writer.fold_all)

    def recent(self, room: str) -> Sequence[EventRow]:
        return self._writer.journal.rows_of(room)

    def waiting(self) -> Mapping[str, Sequence[EventRow]]:
        return {room: waiting.rows for room, waiting in self._writer.journal.recent.copy().items()}

    def heads(self) -> Mapping[str, Head]:
        return self._writer.journal.heads

    async def forget(self, rooms: Sequence[str]) -> None:
        await self._writing.call(lambda: self._writer.journal.forget_rooms(rooms))

    async def close(self) -> None:
        await self._reading.stop()
        self._readers.dispose()
        await self._writing.call(self._writer.close)
        await self._writing.stop()

    def _between_reads(self, at_rest: bool) -> float | None:
        """Let a connection give back the pages that it keeps, when its thread rests; the next time another's turn comes."""
        now = time.monotonic()
        if at_rest and now - self._shrunk > SHRINK_SECONDS / READERS:
            self._shrunk = now
            with self._readers.connect() as c:
                c.exec_driver_sql("PRAGMA shrink_memory")
        return None if at_rest else REST_SECONDS

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._readers.connect() as c:
                return work(c)
        except exc.DBAPIError as error:
            if storage_error(error.orig) is not None:
                raise StorageFailed from error
            raise
