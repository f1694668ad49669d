"""The search index beside a SQLite database: a file of its own, with its own writer thread.

In the log's file it would make commits wait: their p99 rose from 5 to 60 ms and more. It is made of the log, so it is not
synced at each commit, and where it is lost, torn or of another shape it is made again, empty. Statements are in
`sqlite_documents.py` (writing) and `sqlite_hits.py` (reading).
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

from madang.adapters.sql.search import sqlite_documents as documents
from madang.adapters.sql.search import sqlite_hits
from madang.adapters.sql.sqlite_file import BUSY_SECONDS, code, open_read_only
from madang.adapters.sql.worker import Workers
from madang.core.search import Query
from madang.errors import SetupError, StorageFailed, plain_reason
from madang.ports.followers import Position
from madang.ports.search import NEWEST, Asked, Changes, Hits, Status
from madang.threads import let_others_go_first

T = TypeVar("T")
log = logging.getLogger("madang.search")

READERS: Final = 2
SHAPE: Final = 2
"""Of the tables; a file with another is made again."""
REST_SECONDS: Final = 0.5
"""After so long without a call something is tidied up."""
CHECKPOINT_SECONDS: Final = 5.0
SHRINK_SECONDS: Final = 10.0
"""How often, at rest, SQLite gives back the pages that it keeps of what was written, as it does in the log's file."""
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # whole after a loss of power, perhaps older
    "PRAGMA wal_autocheckpoint=0",  # as in the log's file: only the writer does it
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten
    "PRAGMA cache_size=-16384",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA temp_store=MEMORY",
)
ALONE: Final = documents.File("", 1, True)
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


async def open_index(path: Path, file: documents.File = ALONE) -> "SqliteIndex":
    """Open an index, made where there is none, as that file. Raises SetupError."""
    index = SqliteIndex(path, file)
    try:
        await index.open()
    except BaseException:
        await index.close()
        raise
    return index


class SqliteIndex:
    """A search index in a file. `ports.search.SearchIndex` is its contract. One process has it open, that of the log."""

    def __init__(self, path: Path, file: documents.File = ALONE) -> None:
        self._path = path
        self._file = file
        self._c: sqlite3.Connection | None = None
        self._readers: SimpleQueue[tuple[int, sqlite3.Connection]] = SimpleQueue()
        self._generation = 0  # of the file: one more each time that it is made again
        self._checkpointed = time.monotonic()
        self._shrunk = self._checkpointed
        self._tidy = True
        self._writing = Workers("madang-search-writer", 1, self._between, let_others_go_first)
        self._reading = Workers("madang-search-reader", READERS, began=let_others_go_first)

    async def open(self) -> None:
        """Open the file, or make it again."""
        await self._writing.call(self._open)

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        return await self._read(lambda c: documents.positions(c, rooms))

    async def change(self, changes: Sequence[Changes]) -> set[str]:
        return await self._write(lambda c: documents.change(c, changes))

    async def forget(self, rooms: Sequence[str]) -> None:
        await self._write(lambda c: documents.forget(c, rooms))

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        return await self._read(lambda c: documents.rooms_after(c, after, limit))

    async def hits(
        self, query: Query, rooms: Mapping[str, int], *, before: int = NEWEST, since: int = 0, user: str | None = None,
        limit: int = 50,
    ) -> Hits:  # fmt: skip
        asked = Asked(query, rooms, before, since, user, limit)
        return await self._read(lambda c: sqlite_hits.hits(c, asked))

    async def status(self) -> Status:
        return await self._read(documents.status)

    async def serve(self) -> None:
        """Let this file be one that serves."""
        self._file = self._file._replace(serves=True)
        await self._write(lambda c: c.execute("UPDATE made SET serves = 1").close())

    async def close(self) -> None:
        await self._reading.stop()
        while not self._readers.empty():
            self._readers.get()[1].close()
        await self._writing.call(self._close)
        await self._writing.stop()

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._writing.call(lambda: self._in_transaction(work))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        generation = self._generation
        try:
            return await self._reading.call(lambda: self._in_snapshot(work))
        except sqlite3.Error as error:
            if code(error) in _BROKEN:
                reason = str(error)
                await self._writing.call(lambda: self._replace(reason, generation))
            raise StorageFailed from error

    # In the writer's thread

    def _open(self) -> None:
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            if code(error) not in _BROKEN:
                raise SetupError(
                    f"{self._path} cannot be opened ({error}).", "Move it away: it is made again."
                ) from error
            self._replace(str(error))
        except OSError as error:
            raise SetupError(
                f"{self._path} cannot be written to ({plain_reason(error)}).", "Choose another folder with --data."
            ) from error

    def _connect(self) -> None:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # messages will be in it
        c = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in _PRAGMAS:
                c.execute(pragma)
            shape = c.execute("PRAGMA user_version").fetchone()[0]
            if shape not in (0, SHAPE):
                raise _wrong_shape(shape)
            documents.create(c, SHAPE, self._file)
        except BaseException:
            c.close()
            raise
        self._c = c

    def _replace(self, reason: str, generation: int | None = None) -> None:
        if generation not in (None, self._generation):
            return  # it has been already
        log.warning("the search index is made again, because it is not whole (%s)", reason)
        self._make_again()

    def _make_again(self) -> None:
        self._close()
        for end in ("", "-wal", "-shm"):
            Path(f"{self._path}{end}").unlink(missing_ok=True)
        self._generation += 1
        self._tidy = True
        self._connect()

    def _close(self) -> None:
        if self._c is not None:
            self._c.close()
            self._c = None

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        c = self._c
        if c is None:
            raise StorageFailed
        try:
            c.execute("BEGIN IMMEDIATE")
            try:
                result = work(c)
                c.execute("COMMIT")
            except BaseException:
                if c.in_transaction:
                    c.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if code(error) in _BROKEN:
                self._replace(str(error))
            raise StorageFailed from error
        self._tidy = True
        return result

    def _between(self, at_rest: bool) -> float | None:
        """Checkpoint from time to time; at rest erase what is no longer found, a little at a time, and then keep no pages."""
        if self._c is None:
            return None
        now = time.monotonic()
        if at_rest or now - self._checkpointed > CHECKPOINT_SECONDS:
            self._checkpointed = now
            if at_rest and self._tidy:
                self._tidy = False
                self._tidy = self._in_transaction(documents.tidy)
            self._c.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if self._tidy or not at_rest:
            return REST_SECONDS
        if (early := self._shrunk + SHRINK_SECONDS - now) > 0:
            return early
        self._shrunk = now
        self._c.execute("PRAGMA shrink_memory")
        return None

    # In a reader's thread

    def _in_snapshot(self, work: Callable[[sqlite3.Connection], T]) -> T:
        c = self._reader()
        generation = self._generation
        try:
            c.execute("BEGIN")
            result = work(c)
            c.execute("COMMIT")
        except BaseException:
            c.close()
            raise
        self._readers.put((generation, c))
        return result

    def _reader(self) -> sqlite3.Connection:
        while not self._readers.empty():
            generation, c = self._readers.get()
            if generation == self._generation:
                return c
            c.close()
        return open_read_only(self._path)


def _wrong_shape(shape: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(f"shape {shape}")
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    return error
