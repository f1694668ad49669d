"""PostgreSQL: how it is opened, and what its errors mean.

Transactions are in `server_engine.py`, what the server must be set to in `server_settings.py`.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import URL, Connection, exc, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from madang.adapters import network
from madang.adapters.postgresql_urls import arguments
from madang.adapters.sql import migrations, server_engine, server_settings
from madang.adapters.sql.engine import Unstorable
from madang.adapters.sql.inspection import INSPECT_SECONDS, Inspection, ServerKind, inspect_server
from madang.adapters.sql.server_engine import Retryable, ServerEngine
from madang.errors import SetupError, StorageFailed, StorageFull

log = logging.getLogger("madang.sql")

PORT: Final = 5432

# SQLSTATEs, or their first two characters. Any other (lost connections, shutdowns, I/O errors) leaves the outcome unknown.
DISK_FULL: Final = "53100"
UNDONE: Final = ("40001", "40P01")  # serialisation failure, deadlock: the server asks to repeat the transaction
DATA: Final = "22"  # a value that text cannot hold: NUL, half a surrogate pair
OUR_BUGS: Final = ("23", "42")  # constraint, syntax

PROTOCOL: Final = "08P01"
WRONG: Final = ("no such", "auth", "password", "not allowed", "unsupported")
NOT_NOW: Final = ("08", "53300", "57P")  # connections lost, too many of them, the server starts or stops

UNNAMED: Final[dict[str, Any]] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}
"""For a pooler of transactions: each may run on another connection of the server, which does not know a statement that was
prepared on the last. Behind poolers of sessions they only cost time."""
STATEMENT_POOLING: Final = "statement pooling"  # PgBouncer's words, in its answer to BEGIN

HINTS: Final = {
    "28": "Check the user and the password in MADANG_DATABASE, and the server's pg_hba.conf.",
    "3D000": "Create the database first, with createdb, or name another in MADANG_DATABASE.",
    "42501": "Let the user create tables: GRANT CREATE ON SCHEMA public TO … (ALTER DATABASE … OWNER TO … does that, too).",
    "53300": "Raise the server's max_connections, or let other programs use fewer.",
}


async def open_engine(
    url: URL,
    clock_ms: Callable[[], int],
    tables: Callable[[Connection], object] = migrations.upgrade,
    pool: int | None = None,
) -> ServerEngine:
    """Connect, and make tables: those of the newest schema, or others. Raises SetupError."""
    arguments(url, "database")
    try:
        # In a thread with a loop of its own, because Alembic reads files.
        pooled = await asyncio.to_thread(lambda: asyncio.run(_prepare(url, tables)))
    except (OSError, TimeoutError, exc.SQLAlchemyError) as error:
        if STATEMENT_POOLING in str(error):
            raise SetupError(
                "The database is behind a pooler of single statements (PgBouncer: pool_mode = statement), and Madang "
                "needs transactions.",
                "Set pool_mode = transaction or session for this database.",
            ) from None
        hint, passing = hint_for(error), is_passing(error)
        raise server_engine.unusable(url, PORT, "PostgreSQL", error, hint, passing=passing) from error
    engine = _engine(url, pool or server_engine.POOL, pooled=pooled)
    readers = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return ServerEngine(engine, readers, judge, clock_ms)


async def inspect(url: URL) -> Inspection:
    """Inspect a database without changing it. Raises SetupError."""
    return await inspect_server(
        driver_url(url),
        ServerKind(
            "PostgreSQL",
            PORT,
            {**arguments(url, "database"), "timeout": INSPECT_SECONDS, **UNNAMED},
            "SHOW server_version",
            hint_for,
            is_passing,
        ),
    )


async def _prepare(url: URL, tables: Callable[[Connection], object]) -> bool:
    """Make tables; return whether a pooler is between."""
    engine = _engine(url, pool=1, pooled=True)
    try:
        async with engine.begin() as c:
            for one in server_settings.raise_fatal(await c.run_sync(server_settings.misconfigurations)):
                if tables is migrations.upgrade:  # once
                    log.warning("%s %s", one.problem, one.hint)
            await c.run_sync(tables)
            # A pooler tells clients a process id of its own, for them to cancel by.
            told = (await c.get_raw_connection()).driver_connection.get_server_pid()  # type: ignore[union-attr]
            return bool(told != (await c.execute(text("SELECT pg_backend_pid()"))).scalar())
    finally:
        await engine.dispose()


def _engine(url: URL, pool: int, *, pooled: bool) -> AsyncEngine:
    return create_async_engine(
        driver_url(url),
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,  # they are people's messages
        pool_timeout=server_engine.ANSWER_SECONDS,
        connect_args={
            **arguments(url, "database"),
            "timeout": server_engine.CONNECT_SECONDS,
            "command_timeout": server_engine.ANSWER_SECONDS,
            **(UNNAMED if pooled else {}),
        },
    )


def driver_url(url: URL) -> URL:
    """Return the URL as the driver takes it: what its options say goes beside it."""
    return url.set(drivername="postgresql+asyncpg", query={})


def hint_for(error: BaseException) -> str | None:
    """Return what to do about an error that keeps a database from being opened; None where it does not say."""
    state = _state(error)
    return HINTS.get(state) or HINTS.get(state[:2])


def is_passing(error: BaseException) -> bool:
    """Return whether what keeps a database from being opened may be over in a moment: nobody answers, or not yet."""
    state = _state(error)
    if state == PROTOCOL:  # with which PgBouncer says all that it has to say
        return not any(word in str(error) for word in WRONG)
    return state.startswith(NOT_NOW) if state else network.is_passing(error)


def _state(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None and not hasattr(cause, "sqlstate"):
        cause = cause.orig if isinstance(cause, exc.DBAPIError) else cause.__cause__
    return getattr(cause, "sqlstate", None) or ""


def judge(error: exc.DBAPIError) -> Exception | None:
    """Return what an error of asyncpg means; None for a bug of ours."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in UNDONE:
        return Retryable()
    if state == DISK_FULL:
        return StorageFull()
    if state.startswith(DATA):
        return Unstorable()
    if state.startswith(OUR_BUGS):
        return None
    return StorageFailed()
