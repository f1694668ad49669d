"""From a URL to an open database. What a kind of database is like is in its own module, which the catalogue names."""

from collections.abc import Callable
from types import ModuleType
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from madang.adapters import catalogue
from madang.adapters.sql.finishing import finish
from madang.adapters.sql.inspection import Inspection
from madang.adapters.sql.outages import NamingEngine
from madang.adapters.sql.store import Engine, Store
from madang.errors import SetupError

EXAMPLES: Final = "Write sqlite:///folder/madang.db, postgresql://user:password@host/database or mysql://…"


def parsed(url: str) -> URL:
    """Parse the URL of a database. Raises SetupError, which does not repeat it: a password may be in it."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is not a number
        raise SetupError("The database setting is not a URL.", EXAMPLES) from None
    kind = found.get_backend_name()
    if kind not in catalogue.DATABASES:
        raise SetupError(f"Madang does not know the database {kind!r}.", EXAMPLES)
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
            with mysql:// or mariadb://.
        clock_ms: returns Unix milliseconds; it may step back.

    Raises:
        SetupError: wrong URL, missing extra, file in use, server not reachable.
    """
    return Store(NamingEngine(await open_engine(url, clock_ms), parsed(url)))


async def inspect_database(url: str) -> Inspection:
    """Inspect the database of a URL without changing it. Raises SetupError where it cannot be read."""
    where = parsed(url)
    found: Inspection = await _adapter(where).inspect(where)
    return found


async def finish_upgrade(url: str, clock_ms: Callable[[], int]) -> list[str]:
    """Bring a database to the newest schema, drop what only older versions need, and return the steps finished.

    Raises:
        SetupError: it cannot be opened, or a node of an older version is on it.
    """
    engine = await open_engine(url, clock_ms)
    try:
        return await engine.write(lambda c: finish(c, clock_ms()))
    finally:
        await engine.close()
