"""From a URL to an open database: which kind it is, and who opens it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from madang.adapters.sql.dialects import MYSQL
from madang.adapters.sql.finishing import finish
from madang.adapters.sql.store import Engine, Store
from madang.errors import SetupError

_EXAMPLES: Final = "Write sqlite:///folder/madang.db, postgresql://user:password@host/database or mysql://…"


def parsed(url: str) -> URL:
    """Read the URL of a database. Raises SetupError, which does not repeat it: a password may be in it."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        raise SetupError("The database setting is no URL.", _EXAMPLES) from None
    kind = found.get_backend_name()
    if kind == "sqlite" and (not found.database or found.database == ":memory:"):
        raise SetupError("A SQLite database needs a file.", _EXAMPLES)
    if kind not in {"sqlite", "postgresql"} | MYSQL:
        raise SetupError(f"Madang does not know the database {kind!r}.", _EXAMPLES)
    if kind in MYSQL and not found.database:
        raise SetupError("The database setting names a server, and no database of it.", _EXAMPLES)
    return found


async def open_engine(url: str, clock_ms: Callable[[], int]) -> Engine:
    """See `open_store`."""
    where = parsed(url)
    match where.get_backend_name():
        case "sqlite":
            from madang.adapters.sql.sqlite import open_sqlite

            return await open_sqlite(Path(where.database or ""), clock_ms)
        case "postgresql":
            from madang.adapters.sql.postgresql import open_postgresql

            return await open_postgresql(where, clock_ms)
        case _:
            from madang.adapters.sql.mysql import open_mysql

            return await open_mysql(where, clock_ms)


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
