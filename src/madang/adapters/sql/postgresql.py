"""PostgreSQL: how it is opened, what it must be set to, and what its errors mean. Transactions are `pooled.py`."""

import asyncio
import importlib.util
import logging
from collections.abc import Callable
from typing import Final

from sqlalchemy import URL, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from madang.adapters.sql import migrations, pooled
from madang.adapters.sql.pooled import Again, PooledEngine
from madang.adapters.sql.store import Unstorable
from madang.errors import SetupError, StorageFailed, StorageFull

log = logging.getLogger("madang.sql")

PORT: Final = 5432

# SQLSTATEs, or their first two letters. What is not named here (lost connections, shutdowns, I/O errors) leaves the
# outcome unknown.
DISK_FULL: Final = "53100"
UNDONE: Final = ("40001", "40P01")  # serialisation failure, deadlock: the server asks to repeat the transaction
DATA: Final = "22"  # a value that text cannot hold: NUL, half a surrogate pair
OUR_MISTAKES: Final = ("23", "42")  # constraint, syntax


async def open_postgresql(url: URL, clock_ms: Callable[[], int]) -> PooledEngine:
    """Connect, and bring the tables to the newest schema. Raises SetupError."""
    if importlib.util.find_spec("asyncpg") is None:
        raise SetupError(
            "PostgreSQL needs a driver that is not installed.", "Install madang[postgres], or use sqlite:///…"
        )
    try:
        # In a thread with a loop of its own, because Alembic reads files.
        await asyncio.to_thread(lambda: asyncio.run(_prepare(url)))
    except (OSError, TimeoutError, exc.SQLAlchemyError) as error:
        raise pooled.unusable(url, PORT, "PostgreSQL", error) from error
    engine = _engine(url, pooled.POOL)
    readers = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return PooledEngine(engine, readers, judge, clock_ms)


async def _prepare(url: URL) -> None:
    engine = _engine(url, pool=1)
    try:
        async with engine.begin() as c:
            await _check_durability(c)
            await c.run_sync(migrations.upgrade)
    finally:
        await engine.dispose()


def _engine(url: URL, pool: int) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,  # they are what people wrote
        pool_timeout=pooled.ANSWER_SECONDS,
        connect_args={"timeout": pooled.CONNECT_SECONDS, "command_timeout": pooled.ANSWER_SECONDS},
    )


async def _check_durability(c: AsyncConnection) -> None:
    """An ack says "stored": refuse a server that is told to answer before it has written."""
    if (await c.execute(text("SHOW synchronous_commit"))).scalar() == "off":
        raise SetupError(
            "PostgreSQL is set to confirm before it has stored (synchronous_commit = off).",
            "Set it to on, for this database at least: ALTER DATABASE … SET synchronous_commit = on;",
        )
    if (await c.execute(text("SHOW fsync"))).scalar() == "off":
        log.warning("PostgreSQL runs with fsync = off: a power failure can lose messages that were acked as stored")


def judge(error: exc.DBAPIError) -> Exception | None:
    """What an error of asyncpg means; None for a mistake of ours."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in UNDONE:
        return Again()
    if state == DISK_FULL:
        return StorageFull()
    if state.startswith(DATA):
        return Unstorable()
    if state.startswith(OUR_MISTAKES):
        return None
    return StorageFailed()
