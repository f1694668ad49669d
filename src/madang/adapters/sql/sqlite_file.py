"""A SQLite file: its lock, connections to it, and what its errors mean.

Threads and transactions are in `sqlite.py`, and there is no SQL here.
"""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy import Engine as SQLAlchemyEngine
from sqlalchemy.pool import QueuePool

from madang.errors import InUse, SetupError, StorageError, StorageFailed, StorageFull, plain_reason

BUSY_SECONDS: Final = 5.0
"""How long to wait for SQLite's lock. Only another program (a shell, a copy) can hold it: we have a single writer."""

WRITER_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    # Every commit is fsynced. Under NORMAL, 139 of 500 acked commits are lost with the power.
    "PRAGMA synchronous=FULL",
    # SQLite 3.7.0 to 3.51.2 (Debian 12 has 3.40.1) can corrupt a WAL when two connections checkpoint at a time.
    # So only the writer checkpoints, when it chooses to.
    "PRAGMA wal_autocheckpoint=0",
    "PRAGMA cache_size=-32768",  # 32 MiB of index pages in memory
    "PRAGMA journal_size_limit=67108864",  # after a long backup the WAL shrinks back to 64 MiB
    "PRAGMA temp_store=MEMORY",
)


def lock_file(path: Path) -> int:
    """Lock a database file for this process, and return the descriptor of the lock. It ends with the process.

    The lock is a file beside it, because closing any descriptor of the database itself would drop SQLite's own locks.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if path.parent.is_file():
            raise SetupError(f"{path.parent} is a file, not a folder.", "Choose another with --data.") from None
        raise SetupError(
            f"The folder {path.parent} cannot be written to ({plain_reason(error)}).", "Choose another with --data."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise InUse(
            f"Another process is using {path}.", "Stop it, or give this one its own folder with --data."
        ) from error
    return descriptor


def is_begun(path: Path) -> bool:
    """Return whether a process has ever locked a database file: one may be about to make it. It takes the lock from nobody."""
    return os.path.lexists(f"{path}.lock")


def writer_engine(path: Path) -> SQLAlchemyEngine:
    """Return an engine with one connection, which writes. It must stay in one thread."""

    def connect() -> sqlite3.Connection:
        # Private from the start: messages and the signing secret will be in it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        c = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in WRITER_PRAGMAS:
                c.execute(pragma)
        except BaseException:
            c.close()
            raise
        return c

    engine = create_engine(
        "sqlite://", creator=connect, hide_parameters=True, poolclass=QueuePool, pool_size=1, max_overflow=0
    )
    # Take the write lock at once: a transaction that reads first and then writes can be refused.
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reader_engine(path: Path, count: int) -> SQLAlchemyEngine:
    """Return an engine with up to `count` connections that cannot write."""

    def connect() -> sqlite3.Connection:
        return open_read_only(path)

    engine = create_engine(
        "sqlite://", creator=connect, hide_parameters=True, poolclass=QueuePool, pool_size=count, max_overflow=0
    )
    event.listen(engine, "begin", _begin)
    return engine


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write. It needs no lock, so it works while a server runs on the file."""
    uri = f"file:{quote(os.fsencode(path))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _begin_immediate(c: Connection) -> None:
    c.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(c: Connection) -> None:
    c.exec_driver_sql("BEGIN")  # so that all statements of a read see the same moment


def storage_error(error: BaseException | None) -> StorageError | None:
    """Return what an error of SQLite means for an append; None when it is not a fault of the disk but a bug of ours."""
    if not isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError):
        return None
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return None
    if code(error) == sqlite3.SQLITE_FULL:
        return StorageFull()
    return StorageFailed()


def is_fatal(error: BaseException | None) -> bool:
    """Whether the file can no longer be trusted to keep what is written to it.

    After a failed write or fsync the kernel may have dropped the pages and report success the next time
    ("fsyncgate"), so a retry proves nothing.
    """
    return code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def code(error: Any) -> int:
    """Return the primary result code of an error of SQLite, or 0."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
