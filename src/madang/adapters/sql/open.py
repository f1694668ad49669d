"""From a URL to an open database. What a kind of database is like is in its own module, which the catalogue names."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final
from urllib.parse import unquote_to_bytes

from sqlalchemy import URL, Connection

from madang.adapters import catalogue, urls
from madang.adapters.sql.engine import Engine
from madang.adapters.sql.finishing import finish
from madang.adapters.sql.inspection import Inspection
from madang.adapters.sql.outages import NamingEngine
from madang.adapters.sql.sqlite_file import is_begun
from madang.adapters.sql.store import Store
from madang.errors import SetupError

EXAMPLES: Final = "Write sqlite:///folder/madang.db, postgresql://user:password@host/database or mysql://…"


def parsed(url: str) -> URL:
    """Parse the URL of a database. Raises SetupError, which does not repeat it: a password may be in it."""
    found = urls.parse(url, "database", EXAMPLES)
    if found.drivername == "postgres":  # as many hosts write it
        found = found.set(drivername="postgresql")
    kind = found.get_backend_name()
    if kind not in catalogue.DATABASES:
        raise SetupError(f"Madang does not know the database {kind!r}.", EXAMPLES)
    adapter = catalogue.DATABASES[kind]
    if found.drivername not in (kind, f"{kind}+{adapter.driver or 'pysqlite'}"):
        raise SetupError(f"Madang uses another driver for {adapter.product}.", f"Write {kind}:// without a driver.")
    if kind == "sqlite" and found.database:  # a path is bytes, and SQLAlchemy takes it for UTF-8
        path = url.partition("///")[2].partition("?")[0]
        return found.set(database=os.fsdecode(unquote_to_bytes(path)))
    return found


def _adapter(url: URL) -> ModuleType:
    return catalogue.load(catalogue.DATABASES[url.get_backend_name()], "sqlite:///…")


async def open_engine(url: str, clock_ms: Callable[[], int]) -> Engine:
    """See `open_store`."""
    where = parsed(url)
    engine: Engine = await _adapter(where).open_engine(where, clock_ms)
    return engine


async def open_store(url: str, clock_ms: Callable[[], int]) -> Store:
    """Open a database by its URL and bring its tables to the newest schema. Close the store in the end.

    Args:
        url: sqlite:///relative/path, sqlite:////absolute/path, postgresql://user:password@host/database, or the same
            with mysql:// or mariadb://. A "?" or "%" in a part is percent-encoded.
        clock_ms: returns Unix milliseconds; it may step back.

    Raises:
        SetupError: wrong URL, missing extra, file in use, server not reachable.
    """
    return Store(NamingEngine(await open_engine(url, clock_ms), parsed(url)))


async def open_beside(url: str, tables: Callable[[Connection], object], pool: int) -> Engine:
    """Open a database server for tables that are not the store's, by connections of their own.

    Args:
        tables: makes them.
        pool: how many connections.

    Raises:
        SetupError: as `open_store` does.
    """
    where = parsed(url)
    engine: Engine = await _adapter(where).open_engine(where, lambda: 0, tables, pool)
    return NamingEngine(engine, where)


async def inspect_database(url: str) -> Inspection:
    """Inspect the database of a URL without changing it. Raises SetupError where it cannot be read."""
    where = parsed(url)
    found: Inspection = await _adapter(where).inspect(where)
    return found


async def need_database(url: str, named: bool) -> None:
    """Check that there is data of Madang at a URL, and make nothing.

    Args:
        named: whether the URL was given; otherwise it follows from the data folder.

    Raises:
        SetupError: there is none, or it cannot be read.
    """
    if (await inspect_database(url)).schema is not None:
        return
    if parsed(url).get_backend_name() == "sqlite":
        path = Path(place(url))
        raise not_yet(f"{path}") if await asyncio.to_thread(is_begun, path) else no_file(f"{path}", named)
    raise SetupError(
        f"There is no data of Madang at {place(url)}.", "Name another with --database; `madang serve` makes the tables."
    )


def not_yet(path: str) -> SetupError:
    """Return what to say where a SQLite database is not there, and a process may be making it."""
    return SetupError(f"There is no database at {path} yet.", "If a server is starting there, try again in a moment.")


def no_file(path: str, named: bool) -> SetupError:
    """Return what to say where a SQLite database is not there: `named` by its URL, or in the data folder."""
    return SetupError(
        f"There is no database at {path}.", "Name another with --database." if named else "Name the folder with --data."
    )


def place(url: str) -> str:
    """Return the name of a database, without user and password."""
    where = parsed(url)
    if where.get_backend_name() == "sqlite":
        return str(where.database)
    return URL.create(
        where.get_backend_name(), host=where.host, port=where.port, database=where.database
    ).render_as_string()


async def finish_upgrade(url: str, clock_ms: Callable[[], int]) -> list[str]:
    """Bring a database to the newest schema, drop what only older versions need, and return the steps finished.

    Raises:
        SetupError: it cannot be opened, or a node of an older version is on it.
    """
    engine = await open_engine(url, clock_ms)
    try:
        return await engine.write(finish)
    finally:
        await engine.close()
