"""SQLite: one thread with one connection writes and checkpoints, two more read.

Group commit happens above: a batch is one call to the writer thread, one transaction, one fsync, one wake-up of the
loop. Every call into SQLite gives up the GIL and must win it back from a busy loop, so calls per batch count more
than the work in them.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, exc

from madang.adapters.sql import appending, migrations, sqlite_file
from madang.adapters.sql.store import Unstorable
from madang.adapters.sql.worker import Workers
from madang.core.events import Draft
from madang.core.ids import IdSource
from madang.errors import SetupError, StorageFailed
from madang.ports.log import Outcome

T = TypeVar("T")
log = logging.getLogger("madang.sql")

READERS: Final = 2
IDLE_SECONDS: Final = 1.0
CHECKPOINT_ROWS: Final = 5_000
"""Changed rows after which the WAL is copied into the file, busy or not. It grows by about 1 KB per row till then."""


async def open_sqlite(path: Path, clock_ms: Callable[[], int]) -> "SqliteEngine":
    """Open a file, made and brought to the newest schema where needed. Raises SetupError."""
    engine = SqliteEngine(path, clock_ms)
    try:
        await engine.open()
    except BaseException:
        await engine.close()
        raise
    return engine


class SqliteEngine:
    """Runs work on one SQLite file. `store.Engine` is its contract."""

    lanes = 1

    def __init__(self, path: Path, clock_ms: Callable[[], int]) -> None:
        self._path = path
        self._clock_ms = clock_ms
        self._lock: int | None = None
        self._c: Connection | None = None  # the writer's
        self._raw: sqlite3.Connection | None = None  # the same, below SQLAlchemy
        self._failed = False  # once True, no more writes until a restart
        self._checkpointed = 0  # total_changes as of the last checkpoint
        self._writers = sqlite_file.writer_engine(path)
        self._readers = sqlite_file.reader_engine(path, READERS)
        self._writer = Workers("madang-sql-writer", 1, self._idle, IDLE_SECONDS)
        self._reader = Workers("madang-sql-reader", READERS)

    async def open(self) -> None:
        """Claim and prepare the file."""
        await self._writer.call(self._open)

    async def append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        return await self.write(lambda c: appending.append(c, drafts, ids, self._clock_ms()))

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._writer.call(lambda: self._write(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._reader.call(lambda: self._read(work))

    async def close(self) -> None:
        await self._reader.stop()
        await self._writer.call(self._close)
        await self._writer.stop()

    # From here on, all runs in the writer thread or, for _read, in a reader thread.

    def _open(self) -> None:
        self._lock = sqlite_file.lock_file(self._path)
        try:
            self._c = self._writers.connect()
            self._raw = self._c.connection.driver_connection
            with self._c.begin():
                migrations.upgrade(self._c)
        except exc.DBAPIError as error:
            raise SetupError(
                f"{self._path} cannot be used as a database ({error.orig}).",
                "Check that it is a file of Madang on a local disk, or choose another folder with --data.",
            ) from error

    def _close(self) -> None:
        self._readers.dispose()
        if self._c is not None:
            self._c.close()
            self._c = None
        self._writers.dispose()  # the last connection: SQLite checkpoints and removes the WAL
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write(self, work: Callable[[Connection], T]) -> T:
        if self._failed or self._c is None:
            raise StorageFailed("The storage failed before; it takes nothing more until Madang is started again.")
        try:
            with self._c.begin():
                result = work(self._c)
        except UnicodeEncodeError as error:
            raise Unstorable from error
        except exc.DBAPIError as error:
            self._note(error.orig)
            if told := sqlite_file.storage_error(error.orig):
                raise told from error
            raise
        self._checkpoint_when(CHECKPOINT_ROWS)
        return result

    def _note(self, error: BaseException | None) -> None:
        if sqlite_file.is_fatal(error) and not self._failed:
            self._failed = True
            log.critical(
                "%s cannot be written to any more (%s): appends are refused until a restart", self._path, error
            )

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._readers.connect() as c:
                return work(c)
        except exc.DBAPIError as error:
            if told := sqlite_file.storage_error(error.orig):
                raise StorageFailed from told
            raise

    def _idle(self) -> None:
        if self._c is not None and not self._failed:
            self._checkpoint_when(1)

    def _checkpoint_when(self, rows: int) -> None:
        """Copy the WAL into the file if that many rows have changed. PASSIVE: never waits for a reader."""
        assert self._raw is not None
        changes = self._raw.total_changes
        if changes - self._checkpointed < rows:
            return
        self._checkpointed = changes
        try:
            self._raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            # What was acked is safe in the WAL. A full disk mends itself; a failed fsync does not.
            log.warning("checkpoint of %s failed: %s", self._path, error)
            self._note(error)
