"""Log, directory and leases in SQL: SQLite without any server; PostgreSQL, MariaDB or MySQL for a fleet. One set of queries."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from madang.adapters.sql.backup import backup, restore
from madang.adapters.sql.finishing import finish
from madang.adapters.sql.store import Engine, Store
from madang.errors import SetupError

__all__ = ["Store", "backup", "finish_upgrade", "open_store", "restore"]

_EXAMPLES: Final = "Write sqlite:///folder/madang.db, postgresql://user:password@host/database or mysql://…"


async def open_store(url: str, clock_ms: Callable[[], int]) -> Store:
    """Open a database by its URL and bring its tables to the newest schema. Close the store in the end.

    Args:
        url: sqlite:///relative/path, sqlite:////absolute/path, postgresql://user:password@host/database, or the same
            with mysql:// or mariadb://.
        clock_ms: gives Unix milliseconds; it may step back.

    Raises:
        SetupError: wrong URL, missing extra, file in use, server not reachable.
    """
    return Store(await open_engine(url, clock_ms))


async def finish_upgrade(url: str, clock_ms: Callable[[], int]) -> list[str]:
    """Bring a database to the newest schema and take away what only older versions need; gives the steps finished.

    Raises:
        SetupError: it cannot be opened, or a node of an older version is on it.
    """
    engine = await open_engine(url, clock_ms)
    try:
        return await engine.write(lambda c: finish(c, clock_ms()))
    finally:
        await engine.close()


async def open_engine(url: str, clock_ms: Callable[[], int]) -> Engine:
    """See `open_store`."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SetupError("The database setting is no URL.", _EXAMPLES) from None
    match parsed.get_backend_name():
        case "sqlite":
            from madang.adapters.sql.sqlite import open_sqlite

            if not parsed.database or parsed.database == ":memory:":
                raise SetupError("A SQLite database needs a file.", _EXAMPLES)
            return await open_sqlite(Path(parsed.database), clock_ms)
        case "postgresql":
            from madang.adapters.sql.postgresql import open_postgresql

            return await open_postgresql(parsed, clock_ms)
        case "mysql" | "mariadb":
            from madang.adapters.sql.mysql import open_mysql

            return await open_mysql(parsed, clock_ms)
        case name:
            raise SetupError(f"Madang does not know the database {name!r}.", _EXAMPLES)
