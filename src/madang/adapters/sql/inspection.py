"""A look at a database for `madang doctor`: who answers, and at which schema. Changes nothing, also while a server runs."""

import asyncio
import importlib.util
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Connection, create_engine, exc, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from madang.adapters.sql import finishing, fitness, installation, leases, migrations, mysql, postgresql, sqlite_file
from madang.adapters.sql.dialects import MYSQL
from madang.adapters.sql.opening import parsed
from madang.adapters.sql.pooled import reason
from madang.errors import SetupError

SQLITE_VERSION: Final = sqlite3.sqlite_version
ANSWER_SECONDS: Final = 5.0


class Inspection(NamedTuple):
    """What stands there.

    Attributes:
        schema: of the tables; None for a database that Madang has not used yet.
        newest: the schema that this version knows.
        empty: whether there are no tables, of anybody.
        refused: why this version cannot use it, if it cannot.
        warnings: what its server should be set to otherwise.
        unfinished: steps that wait for `madang upgrade --finish`.
        nodes: who holds a number; one of them may have died less than half a minute ago.
    """

    server: str
    schema: str | None
    newest: str = migrations.NEWEST
    empty: bool = False
    refused: SetupError | None = None
    warnings: tuple[fitness.Unfit, ...] = ()
    unfinished: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


async def inspect_database(url: str) -> Inspection:
    """Look at the database of a URL. Raises SetupError where it cannot be read."""
    where = parsed(url)
    if where.get_backend_name() == "sqlite":
        return await asyncio.to_thread(_inspect_sqlite, Path(where.database or ""))
    return await _inspect_server(where)


def _inspect_sqlite(path: Path) -> Inspection:
    server = f"SQLite {SQLITE_VERSION}"
    if not path.exists():
        return Inspection(server, None, empty=True)
    engine = create_engine("sqlite://", creator=lambda: sqlite_file.open_read_only(path))
    try:
        with engine.connect() as c:
            return _inspect(c, server)
    except exc.DBAPIError as error:
        raise SetupError(f"{path} cannot be read ({error.orig}).", "Restore a backup: madang restore FILE.") from error
    finally:
        engine.dispose()


def _inspect(c: Connection, server: str) -> Inspection:
    schema = migrations.current(c)
    names = inspect(c).get_table_names()
    if "installation" not in names:
        return Inspection(server, schema, empty=not names)
    refused = None
    try:
        installation.check_version(c, migrations.NEWEST)
        installation.check_complete(c)
    except SetupError as error:
        refused = error
    nodes = tuple(leases.holders(c, time.time_ns() // 1_000_000))
    return Inspection(server, schema, refused=refused, unfinished=tuple(finishing.pending(c)), nodes=nodes)


def _fit(found: list[fitness.Unfit], refused: SetupError | None) -> dict[str, Any]:
    try:
        return {"warnings": tuple(fitness.refuse(found)), "refused": refused}
    except SetupError as error:
        return {"refused": error}


class _Server(NamedTuple):
    """How one kind of database server is asked."""

    name: str
    driver: str
    module: str
    extra: str
    port: int
    timeout: str
    version: str
    mend: Callable[[BaseException], str | None]


_POSTGRESQL: Final = _Server(
    "PostgreSQL", "postgresql+asyncpg", "asyncpg", "postgres", 5432, "timeout", "SHOW server_version", postgresql.mend
)
_MYSQL: Final = _Server(
    "MySQL", "mysql+asyncmy", "asyncmy", "mysql", 3306, "connect_timeout", "SELECT version()", mysql.mend
)


async def _inspect_server(url: URL) -> Inspection:
    kind = _MYSQL if url.get_backend_name() in MYSQL else _POSTGRESQL
    if importlib.util.find_spec(kind.module) is None:
        raise SetupError(f"{kind.name} needs a driver that is not installed.", f"Install madang[{kind.extra}].")
    url = postgresql.driver_url(url) if kind is _POSTGRESQL else url.set(drivername=kind.driver)
    engine = create_async_engine(url, connect_args={kind.timeout: int(ANSWER_SECONDS)})
    try:
        async with engine.connect() as c:
            version = str((await c.execute(text(kind.version))).scalar())
            name = "MariaDB" if "MariaDB" in version else kind.name
            found = await c.run_sync(_inspect, f"{name} {version}")
            return found._replace(**_fit(await c.run_sync(fitness.unfit, max(1, len(found.nodes))), found.refused))
    except (OSError, TimeoutError, exc.SQLAlchemyError) as error:
        raise SetupError(
            f"The database at {url.host or 'localhost'}:{url.port or kind.port} does not answer ({reason(error)}).",
            kind.mend(error) or f"Check MADANG_DATABASE, and that {kind.name} runs there.",
        ) from error
    finally:
        await engine.dispose()
