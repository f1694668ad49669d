"""Backups of a SQLite database: consistent while a server runs on it, and restored as a new history.

These calls block; run them in a program of their own or in a thread. Database servers have their own tools.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from madang.adapters.sql import installation, migrations
from madang.adapters.sql.dialects import MYSQL
from madang.adapters.sql.directory import EPOCH
from madang.adapters.sql.open import no_file, parsed
from madang.adapters.sql.sqlite_file import lock_file, open_read_only
from madang.errors import SetupError, plain_reason

Progress = Callable[[int, int], None]
"""Called after each step with the number of pages copied so far, and the total."""

STEP_PAGES: Final = 2_048  # 8 MiB

SERVER_HINTS: Final = {
    "postgresql": "Use pg_dump. After pg_restore, give every room a new history, so that no client takes it for the "
    "old one: UPDATE rooms SET epoch = md5(id || random()); DELETE FROM secrets WHERE name = 'epoch';",
    "mysql": "Use mariadb-dump --single-transaction. After loading it, give every room a new history, so that no client "
    "takes it for the old one: UPDATE rooms SET epoch = left(md5(concat(id, rand())), 16); DELETE FROM secrets WHERE name = 'epoch';",
}


def backup(url: str, path: Path, progress: Progress, named: bool = False) -> None:
    """Copy the database of a URL into a new file, all of it as of one moment. Writers are not blocked.

    Args:
        named: as of `need_database`.

    Raises:
        SetupError: nothing to copy, the file exists already, or the database is not SQLite.
    """
    database = _file_of(url)
    if not database.exists():
        raise no_file(str(database), named)
    with closing(_opened(database)) as source, _new_file(path, "Name another file") as partial:
        _copy(source, partial, progress)


def restore(path: Path, url: str, progress: Progress) -> None:
    """Create the database of a URL, which must not exist yet, from a backup. Every room gets a new epoch.

    Raises:
        SetupError: not a backup of Madang, a damaged or newer one, or the database exists already.
    """
    database = _file_of(url)
    with closing(_opened(path)) as source:
        if (found := source.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise SetupError(f"{path} is damaged ({found}).", "Use another backup.")
        lock = lock_file(database)
        try:
            with _new_file(database, "Name another folder with --data") as partial:
                _copy(source, partial, progress)
                with closing(sqlite3.connect(partial, isolation_level=None)) as c:
                    # Clients have seen seqs from after the backup, which will now be assigned a second time.
                    c.execute("UPDATE rooms SET epoch = lower(hex(randomblob(8)))")
                    # Nor may nodes take for news what was said between nodes before.
                    c.execute("DELETE FROM secrets WHERE name = ?", (EPOCH,))
        finally:
            os.close(lock)


def _file_of(url: str) -> Path:
    where = parsed(url)
    if where.get_backend_name() != "sqlite" or not where.database:
        kind = "mysql" if where.get_backend_name() in MYSQL else "postgresql"
        raise SetupError("Madang copies SQLite databases only.", SERVER_HINTS[kind])
    return Path(where.database)


def _opened(path: Path) -> sqlite3.Connection:
    """Open a database of Madang and begin a read transaction, so that all that follows is as of this moment."""
    try:
        path.open("rb").close()
    except FileNotFoundError:
        raise SetupError(f"There is no file {path}.", "Name another file.") from None
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {plain_reason(error)}.", "Name another file.") from None
    try:
        c = open_read_only(path)
        try:
            c.execute("BEGIN")
            (revision,) = c.execute("SELECT version_num FROM alembic_version").fetchone()
            oldest = ""
            if revision > migrations.NEWEST:
                found = c.execute("SELECT value FROM installation WHERE name = ?", (installation.OLDEST,)).fetchone()
                oldest = found[0] if found else ""
        except BaseException:
            c.close()
            raise
    except (sqlite3.Error, TypeError) as error:
        raise SetupError(f"{path} is not a database of Madang, or is damaged.", "Name another file.") from error
    if oldest > migrations.NEWEST:
        c.close()
        raise SetupError(f"{path} was written by a newer Madang (schema {revision}).", "Use that version.")
    return c


@contextmanager
def _new_file(path: Path, other: str) -> Iterator[Path]:
    """Yield the name of a file to write, which becomes `path` when it is complete and on disk.

    It is written in a folder that only its owner can look into (messages and the signing secret are in it), so that nobody
    who may write beside it can put a link there instead; and a file that came to `path` meanwhile is not replaced.

    Args:
        other: how to name another place, for the error.
    """
    refused = SetupError(f"{path} exists already.", f"{other}, or move this one away.")
    if os.path.lexists(path):
        raise refused
    try:
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as private:
            partial = Path(private) / path.name
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            yield partial
            _sync(partial)
            _put(partial, path)
            _sync(path.parent)
    except FileExistsError:
        raise refused from None
    except (OSError, sqlite3.Error) as error:
        why = plain_reason(error) if isinstance(error, OSError) else error
        raise SetupError(f"{path} cannot be written ({why}).", f"{other}, or make room on the disk.") from error


def _put(partial: Path, path: Path) -> None:
    """Name a file, unless something has that name. Raises FileExistsError."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, as on many USB sticks
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        os.rename(partial, path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    with closing(sqlite3.connect(target, isolation_level=None)) as c:
        c.execute("PRAGMA synchronous=OFF")  # the file is synced as a whole, or thrown away
        source.backup(c, pages=STEP_PAGES, progress=lambda _, left, total: progress(total - left, total))
        c.execute("PRAGMA journal_mode=DELETE")  # one file, without a -wal beside it
