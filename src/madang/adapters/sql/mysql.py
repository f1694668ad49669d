"""MariaDB and MySQL: how they are opened, and what their errors mean.

Transactions are in `server_engine.py`, what the servers must be set to in `server_settings.py`. Tested with MariaDB 10.11;
MySQL 8 differs in two names (collation, isolation).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import URL, Connection, Dialect, event, exc, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from madang.adapters import network
from madang.adapters.sql import migrations, server_engine, server_settings
from madang.adapters.sql.dialects import MARIADB_COLLATION, MYSQL_COLLATION
from madang.adapters.sql.engine import Unstorable
from madang.adapters.sql.inspection import INSPECT_SECONDS, Inspection, ServerKind, inspect_server
from madang.adapters.sql.server_engine import Retryable, ServerEngine
from madang.adapters.urls import Options, one_of, options, readable_file, tls
from madang.errors import SetupError, StorageFailed, StorageFull

log = logging.getLogger("madang.sql")
logging.getLogger("asyncmy").setLevel(logging.ERROR)  # its warnings repeat what our errors say

PORT: Final = 3306
KNOWN: Final[Options] = {
    "ssl-mode": one_of("DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"),
    "ssl_mode": one_of("DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"),
    "ssl-ca": readable_file,
    "ssl_ca": readable_file,
    "charset": one_of("utf8mb4"),  # what Madang uses anyway
}

# Error numbers. Any other (lost connections, shutdowns, I/O errors) leaves the outcome unknown.
DISK_FULL: Final = frozenset({1021, 1114})
UNDONE: Final = frozenset({1213})  # deadlock: the server rolled the transaction back
DATA: Final = frozenset({1264, 1366, 1406, 3988})  # out of range, no such character, too long
OUR_BUGS: Final = frozenset({1048, 1054, 1062, 1064, 1146, 1267, 1364, 1451, 1452})  # constraint, syntax

NOT_NOW: Final = frozenset({1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 2002, 2003, 2005, 2006, 2013, 2055})
"""Too many connections, connections refused or lost, a server that stops, a host without an address."""

HINTS: Final = {
    1040: "Raise the server's max_connections, or let other programs use fewer.",
    1044: "Give the user the database: GRANT ALL ON name.* TO user;",
    1045: "Check the user and the password in MADANG_DATABASE.",
    1049: "Create the database first, with CREATE DATABASE, or name another in MADANG_DATABASE.",
    1142: "Let the user create tables: GRANT ALL ON name.* TO user;",
}

SNAPSHOT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


async def open_engine(
    url: URL,
    clock_ms: Callable[[], int],
    tables: Callable[[Connection], object] = migrations.upgrade,
    pool: int | None = None,
) -> ServerEngine:
    """Connect, and make tables: those of the newest schema, or others. Raises SetupError."""
    _check(url)
    try:
        # In a thread with a loop of its own, because Alembic reads files.
        kind = await asyncio.to_thread(lambda: asyncio.run(_prepare(url, tables)))
    except (OSError, TimeoutError, exc.SQLAlchemyError) as error:
        hint, passing = hint_for(error), is_passing(error)
        raise server_engine.unusable(url, PORT, "the server", error, hint, passing=passing) from error
    engine = _engine(url, kind, pool or server_engine.POOL)
    readers = engine.execution_options()
    event.listen(readers.sync_engine, "begin", _begin_snapshot)
    return ServerEngine(engine, readers, judge, clock_ms)


async def inspect(url: URL) -> Inspection:
    """Inspect a database without changing it. Raises SetupError."""
    _check(url)
    return await inspect_server(
        _driver_url(url),
        ServerKind(
            "MySQL",
            PORT,
            {**_arguments(url), "connect_timeout": INSPECT_SECONDS},
            "SELECT version()",
            hint_for,
            is_passing,
        ),
    )


def _driver_url(url: URL, kind: str = "mysql") -> URL:
    """Return the URL as the driver takes it: its options and password go beside it."""
    return url.set(drivername=f"{kind}+asyncmy", query={})


def _arguments(url: URL) -> dict[str, Any]:
    """Return what a URL is to the driver besides host, user and database. Raises SetupError."""
    found = options(url.query, KNOWN, "database", "the driver of MySQL and MariaDB")
    found = {name.replace("-", "_"): value for name, value in found.items()}
    mode, authorities = found.get("ssl_mode"), found.get("ssl_ca")
    verify = mode in ("VERIFY_CA", "VERIFY_IDENTITY")
    if authorities is not None and not verify:
        raise SetupError(
            "The database setting has an ssl-ca that is not used.",
            "Add ssl-mode=VERIFY_IDENTITY or ssl-mode=VERIFY_CA.",
        )
    arguments: dict[str, Any] = {"charset": "utf8mb4"}
    if url.password is not None:  # the driver would encode it as Latin-1
        arguments["password"] = str(url.password).encode()
    if mode not in (None, "DISABLED"):
        arguments["ssl"] = tls(verify=verify, host=mode == "VERIFY_IDENTITY", authorities=authorities)
    return arguments


def _check(url: URL) -> None:
    _arguments(url)
    if not url.database:
        raise SetupError(
            "The database setting names a server, but no database on it.", "Write mysql://user:password@host/database."
        )


def _begin_snapshot(c: Connection) -> None:
    c.exec_driver_sql(SNAPSHOT)


async def _prepare(url: URL, tables: Callable[[Connection], object]) -> str:
    """Make tables, and return which of the two servers it is."""
    kind = await _kind(url, warn=tables is migrations.upgrade)
    engine = _engine(url, kind, pool=1)
    try:
        async with engine.begin() as c:
            await c.run_sync(tables)
    finally:
        await engine.dispose()
    return kind


async def _kind(url: URL, *, warn: bool) -> str:
    engine = _connecting(create_async_engine(_driver_url(url), connect_args=_arguments(url) | _timeouts()))
    try:
        async with engine.connect() as c:
            for one in server_settings.raise_fatal(await c.run_sync(server_settings.misconfigurations)):
                if warn:
                    log.warning("%s %s", one.problem, one.hint)
            version = str((await c.execute(text("SELECT version()"))).scalar())
    finally:
        await engine.dispose()
    return "mariadb" if "MariaDB" in version else "mysql"


def _connecting(engine: AsyncEngine) -> AsyncEngine:
    event.listen(engine.sync_engine, "do_connect", _connect)
    return engine


def _connect(dialect: Dialect, _: Any, args: list[Any], options: dict[str, Any]) -> Any:
    """Connect. Where the server resets the connection at once, asyncmy raises a RuntimeError of its own."""
    try:
        return dialect.connect(*args, **options)
    except RuntimeError as error:
        raise ConnectionResetError(str(error)) from error


def _engine(url: URL, kind: str, pool: int) -> AsyncEngine:
    collation = MARIADB_COLLATION if kind == "mariadb" else MYSQL_COLLATION
    # Values in a statement are compared as the columns are; nothing is truncated; waiting for a lock has a limit.
    settings = f"collation_connection='{collation}', sql_mode='STRICT_ALL_TABLES', innodb_lock_wait_timeout="
    engine = create_async_engine(
        _driver_url(url, kind),
        isolation_level="READ COMMITTED",  # after waiting for a room's row, see what its last holder committed
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,  # they are people's messages
        pool_timeout=server_engine.ANSWER_SECONDS,
        connect_args=_arguments(url)
        | _timeouts()
        | {"init_command": f"SET {settings}{max(1, round(server_engine.ANSWER_SECONDS))}"},
    )
    return _connecting(engine)


def _timeouts() -> dict[str, Any]:
    return {
        "connect_timeout": int(server_engine.CONNECT_SECONDS),
        "read_timeout": server_engine.ANSWER_SECONDS + 1,
    }


def hint_for(error: BaseException) -> str | None:
    """Return what to do about an error that keeps a database from being opened; None where it does not say."""
    return HINTS.get(_number(error)) if isinstance(error, exc.DBAPIError) else None


def is_passing(error: BaseException) -> bool:
    """Return whether what keeps a database from being opened may be over in a moment: nobody answers, or not yet."""
    number = _number(error) if isinstance(error, exc.DBAPIError) else 0
    return number in NOT_NOW if number else network.is_passing(error)


def judge(error: exc.DBAPIError) -> Exception | None:
    """Return what an error of asyncmy means; None for a bug of ours."""
    number = _number(error)
    if number in UNDONE:
        return Retryable()
    if number in DISK_FULL:
        return StorageFull()
    if number in DATA:
        return Unstorable()
    return None if number in OUR_BUGS else StorageFailed()


def _number(error: exc.DBAPIError) -> int:
    found = error.orig.args[0] if error.orig is not None and error.orig.args else 0
    return found if isinstance(found, int) else 0
