"""The writer of a SQLite file: everything here runs in its one thread, over its one connection.

A call into SQLite that takes longer than a thread's wake-up yields the GIL to a busy loop, and regains it only after a
switch interval (`node/run.py`): so the number of calls per batch matters more than the work in them. A plain batch is one call.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, exc

from madang.adapters.sql import appending, migrations, sqlite_file
from madang.adapters.sql.engine import Unstorable
from madang.adapters.sql.journal import Journal
from madang.core.events import Draft
from madang.core.ids import IdSource
from madang.errors import SetupError, StorageFailed, plain_reason
from madang.ports.log import Outcome

T = TypeVar("T")
log = logging.getLogger("madang.sql")

REST_SECONDS: Final = 1.0
"""After this long without a call the journal is folded and the WAL checkpointed."""
TIDY_SECONDS: Final = 5.0
"""How long both wait at most, when calls never pause: deleted content soon leaves the journal, and a start is quick."""
CHECKPOINT_CHANGES: Final = 4_000
"""Changed rows after which the WAL is checkpointed, idle or not, also between two slices of a fold: an append waits for it.
After 1,000, 2,000 and 4,000 rows it takes up to 7 to 9 ms of the processor, after a whole fold 27."""
CHECKPOINT_SIZE: Final = 2 << 20
"""Likewise, bytes of events. 4,000 of the largest messages are 36 MB."""
UNUSED_SECONDS: Final = 60.0
"""How often what was not used since is forgotten: rooms and members that an append need not look up."""
SHRINK_SECONDS: Final = 10.0
"""How often, at rest, SQLite gives back the pages that it keeps in memory. The kernel has them, too, and reads them back at 1 µs each."""
MAX_WAITING: Final = 40_000
"""Events in the journal above which an append folds first. Only reached when folds fail, as on a full disk."""


class Writer:
    """Owns a file from `open` to `close`. Raises StorageFull, StorageFailed and Unstorable, never the driver's errors."""

    def __init__(self, path: Path) -> None:
        self.journal: Journal  # from `open` on
        self._path = path
        self._engine = sqlite_file.writer_engine(path)
        self._lock: int | None = None
        self._c: Connection | None = None
        self._raw: sqlite3.Connection | None = None  # the same connection below SQLAlchemy
        self._failed = False  # once True, no more writes until a restart
        self._failing = False  # the last fold or checkpoint failed, and that has been logged
        self._batch = self._batch_size = 0  # appended since the last slice: events, and characters of bodies
        self._checkpointed = 0  # changes as of the last checkpoint
        self._size = self._checkpointed_size = 0  # bytes appended; and with those folded, as of the last checkpoint
        self._tidied = time.monotonic()  # when nothing waited for the last time
        self._forgot = self._shrunk = self._tidied
        self._called = False  # since the last time that SQLite gave back its pages

    def open(self) -> None:
        """Lock the file, bring it to the newest schema, and load what a crash left in the journal."""
        self._lock = sqlite_file.lock_file(self._path)
        try:
            c = self._engine.connect()
            try:
                self._raw = c.connection.driver_connection
                assert self._raw is not None
                with c.begin():
                    migrations.upgrade(c)
                self.journal = Journal(self._raw)
                with c.begin():
                    self.journal.recover(c)
            except BaseException:
                self._raw = None
                c.close()
                raise
            self._c = c
        except (OSError, exc.DBAPIError, sqlite3.Error) as error:
            raise SetupError(
                f"{self._path} cannot be used as a database ({_why(error)}).",
                "Check that it is a file of Madang on a local disk, or choose another folder with --data.",
            ) from error

    def close(self) -> None:
        """Fold and close. SQLite checkpoints the WAL when its last connection closes."""
        if self._c is not None:
            try:
                if not self._failed:
                    self._fold_all()
            except sqlite3.Error as error:  # acked events stay in the journal
                self._log_failure("closing", error)
            self._c.close()
            self._c = None
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def fold_all(self) -> None:
        """Fold everything, so that every event is in the table."""
        self._guarded(self._fold_all)

    def append(self, drafts: Sequence[Draft], ids: IdSource, now_ms: int) -> list[Outcome]:
        """Append a batch: in one call if it is plain, otherwise by `appending.append`."""
        size = sum(len(d.body) for d in drafts)
        self._batch += len(drafts)
        self._batch_size += size
        self._size += size
        if self.journal.waiting > MAX_WAITING:
            self._guarded(lambda: self.journal.fold(tidy=True))
        outcomes = self._guarded(lambda: self.journal.append_plain(drafts, ids, now_ms))
        if outcomes is None:
            outcomes = self.write(lambda c: appending.append(c, drafts, ids, now_ms, self.journal))
        return outcomes

    def write(self, work: Callable[[Connection], T], room: str | None = None) -> T:
        """Run work in one transaction, with all events of a room in the table."""
        return self._guarded(lambda: self._transaction(work, room))

    def between_calls(self, at_rest: bool) -> float | None:
        """Checkpoint or fold a slice, where due; return the longest time to rest before the next call."""
        if self._c is None or self._failed:
            return None
        now = time.monotonic()
        tidy = at_rest or now - self._tidied > TIDY_SECONDS
        try:
            if self._checkpoint(CHECKPOINT_CHANGES):
                return 0.0
            more = self.journal.fold(tidy, self._batch, self._batch_size)
            self._batch = self._batch_size = 0
            if more:
                return 0.0
            if tidy:
                self._checkpoint(1)
        except sqlite3.Error as error:
            self._log_failure("folding or checkpointing", error)
            return REST_SECONDS
        self._failing = False
        if tidy:
            self._tidied = now
        if now - self._forgot > UNUSED_SECONDS:
            self._forgot = now
            self.journal.forget_unused()
        self._called = self._called or not at_rest
        return self._rest(now) if at_rest else REST_SECONDS

    def _rest(self, now: float) -> float | None:
        """Let SQLite give back the pages that it keeps; return when there may be something to give back or forget again."""
        assert self._raw is not None
        if self._called:
            if (early := self._shrunk + SHRINK_SECONDS - now) > 0:
                return early
            self._raw.execute("PRAGMA shrink_memory")
            self._shrunk, self._called = now, False
        return UNUSED_SECONDS if self.journal.remembered else None

    def _fold_all(self) -> None:
        while self.journal.fold(tidy=True):
            pass

    def _transaction(self, work: Callable[[Connection], T], room: str | None) -> T:
        assert self._c is not None
        try:
            with self._c.begin():
                if room is not None:
                    self.journal.fold_room(self._c, room)
                result = work(self._c)
            self.journal.transaction_committed()
            return result
        finally:
            self.journal.transaction_ended()

    def _guarded(self, work: Callable[[], T]) -> T:
        if self._failed or self._c is None:
            raise StorageFailed("The storage has failed; nothing more is stored until Madang is restarted.")
        try:
            return work()
        except UnicodeEncodeError as error:
            raise Unstorable from error
        except (exc.DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            if self._raw is not None and self._raw.in_transaction:
                self._raw.rollback()
            self._note(cause)
            if meaning := sqlite_file.storage_error(cause):
                raise meaning from error
            raise

    def _checkpoint(self, changes: int) -> bool:
        """Checkpoint the WAL if that many rows have changed, or large ones; return whether they had.

        PASSIVE: never waits for a reader.
        """
        assert self._raw is not None
        changed, size = self._raw.total_changes, self._size + self.journal.folded
        if changed - self._checkpointed < changes and size - self._checkpointed_size < CHECKPOINT_SIZE:
            return False
        self._raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._checkpointed, self._checkpointed_size = changed, size
        return True

    def _log_failure(self, doing: str, error: sqlite3.Error) -> None:
        """Log a failure that no caller waits for, once until it is over. Acked events are safe in the WAL."""
        if not self._failing:
            self._failing = True
            log.warning("%s of %s failed: %s", doing, self._path, error)
        self._note(error)

    def _note(self, error: BaseException | None) -> None:
        if sqlite_file.is_fatal(error):
            self._failed = True
            log.critical("%s can no longer be written to (%s): appends are refused until a restart", self._path, error)


def _why(error: OSError | exc.DBAPIError | sqlite3.Error) -> str:
    return plain_reason(error) if isinstance(error, OSError) else str(getattr(error, "orig", error))
