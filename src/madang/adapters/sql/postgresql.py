"""PostgreSQL: one connection per transaction from a small pool; rooms queue at their locked rows.

The work itself is the same synchronous code as on SQLite, run on an async connection in a greenlet (`run_sync`).
"""

import asyncio
import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from madang.adapters.sql import appending, migrations
from madang.adapters.sql.rows import EventRow, Head
from madang.adapters.sql.store import Unstorable
from madang.core.events import Draft
from madang.core.ids import IdSource
from madang.errors import SetupError, StorageFailed, StorageFull
from madang.ports.log import Outcome

T = TypeVar("T")
log = logging.getLogger("madang.sql")

POOL: Final = 5
LANES: Final = 4  # below POOL, so that appends alone never keep a read waiting
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 15.0
"""How long one statement may take, waiting for a room's lock included. A server that hangs then counts as gone."""
ATTEMPTS: Final = 3

# SQLSTATEs, or their first two letters. What is not named here (lost connections, shutdowns, I/O errors) leaves the
# outcome unknown.
DISK_FULL: Final = "53100"
UNDONE: Final = ("40001", "40P01")  # serialisation failure, deadlock: the server asks to repeat the transaction
DATA: Final = "22"  # a value that text cannot hold: NUL, half a surrogate pair
OUR_MISTAKES: Final = ("23", "42")  # constraint, syntax


async def open_postgresql(url: URL, clock_ms: Callable[[], int]) -> "PostgresqlEngine":
    """Connect, and bring the tables to the newest schema. Raises SetupError."""
    if importlib.util.find_spec("asyncpg") is None:
        raise SetupError(
            "PostgreSQL needs a driver that is not installed.", "Install madang[postgres], or use sqlite:///…"
        )
    try:
        # In a thread with a loop of its own, because Alembic reads files.
        await asyncio.to_thread(lambda: asyncio.run(_prepare(url)))
    except (OSError, TimeoutError, exc.SQLAlchemyError) as error:
        raise SetupError(
            f"The database at {url.host or 'localhost'}:{url.port or 5432} cannot be used ({_reason(error)}).",
            "Check that PostgreSQL runs there and that MADANG_DATABASE names an existing database, user and password.",
        ) from error
    return PostgresqlEngine(_engine(url, POOL), clock_ms)


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
        pool_timeout=ANSWER_SECONDS,
        pool_pre_ping=True,  # after a restart of the server the pool's old connections are found out and replaced
        connect_args={"timeout": CONNECT_SECONDS, "command_timeout": ANSWER_SECONDS},
    )


class PostgresqlEngine:
    """Runs work on a PostgreSQL database. `store.Engine` is its contract."""

    lanes = LANES

    def __init__(self, engine: AsyncEngine, clock_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._clock_ms = clock_ms
        self._ledger = appending.Tables()
        self._readers = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        return await self.write(lambda c: appending.append(c, drafts, ids, self._clock_ms(), self._ledger))

    async def write(self, work: Callable[[Connection], T]) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._run(self._engine, work)
            except _Again:
                continue
        return await self._run(self._engine, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._run(self._readers, work)

    def recent(self, room: str) -> Sequence[EventRow]:
        return ()

    def heads(self) -> Mapping[str, Head]:
        return {}

    async def close(self) -> None:
        await self._engine.dispose()

    async def _run(self, engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        try:
            async with engine.begin() as c:
                return await c.run_sync(work)
        except (OSError, TimeoutError, exc.TimeoutError) as error:
            raise StorageFailed from error
        except exc.DBAPIError as error:
            state = _sqlstate(error)
            if state in UNDONE:
                raise _Again from error
            if state == DISK_FULL:
                raise StorageFull from error
            if state.startswith(DATA):
                raise Unstorable from error
            if state.startswith(OUR_MISTAKES):
                raise
            raise StorageFailed from error


class _Again(StorageFailed):
    """The server has undone the transaction."""


async def _check_durability(c: AsyncConnection) -> None:
    """An ack says "stored": refuse a server that is told to answer before it has written."""
    if (await c.execute(text("SHOW synchronous_commit"))).scalar() == "off":
        raise SetupError(
            "PostgreSQL is set to confirm before it has stored (synchronous_commit = off).",
            "Set it to on, for this database at least: ALTER DATABASE … SET synchronous_commit = on;",
        )
    if (await c.execute(text("SHOW fsync"))).scalar() == "off":
        log.warning("PostgreSQL runs with fsync = off: a power failure can lose messages that were acked as stored")


def _sqlstate(error: exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _reason(error: BaseException) -> str:
    """The driver's own sentence, without SQLAlchemy's or asyncpg's class names."""
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig else error
    return str(cause.__cause__ or cause) or "no answer"
