"""The engine of a database server: one connection per transaction from a small pool; rooms queue at their locked rows.

The work itself is the same synchronous code as on SQLite, run on an async connection in a greenlet (`run_sync`).
What a server's errors mean is in `postgresql.py` and `mysql.py`, which create the engines.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import URL, Connection, exc

from madang.adapters.sql import appending
from madang.adapters.sql.engine import Unstorable
from madang.adapters.sql.rows import EventRow, Head
from madang.core.addresses import host_port
from madang.core.events import Draft
from madang.core.ids import IdSource
from madang.errors import SetupError, StorageFailed, Unreachable, plain_reason
from madang.ports.log import Outcome

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine  # brings the ORM, which a start on SQLite does not need

T = TypeVar("T")

POOL: Final = 5
LANES: Final = 4  # below POOL, so that appends never occupy every connection
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 15.0
"""How long one statement may take, waiting for a room's lock included. After that the server counts as gone."""
ATTEMPTS: Final = 10
"""Attempts at a transaction that the server keeps rolling back. MariaDB does so more often than PostgreSQL."""
BACKOFF_SECONDS: Final = 0.005
"""The first pause is a random time up to this, each later one up to twice as long, so that colliding transactions part."""


class Retryable(StorageFailed):
    """The server rolled the transaction back, or the connection was lost before the commit: it may be run again."""


class ServerEngine:
    """Runs work on a database server. `store.Engine` is its contract.

    Args:
        engine: begins transactions that write; each statement sees what was committed before it (READ COMMITTED).
        readers: begins transactions that read as of one moment, over the same pool.
        judge: returns what an error of the driver means, or None for a bug of ours.
    """

    lanes = LANES

    def __init__(
        self,
        engine: "AsyncEngine",
        readers: "AsyncEngine",
        judge: Callable[[exc.DBAPIError], Exception | None],
        clock_ms: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._readers = readers
        self._judge = judge
        self._clock_ms = clock_ms
        self._ledger = appending.Tables()

    async def append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        return await self.write(lambda c: appending.append(c, drafts, ids, self._clock_ms(), self._ledger))

    async def write(self, work: Callable[[Connection], T], room: str | None = None) -> T:
        return await self._run(self._engine, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._run(self._readers, work)

    def reading_s(self) -> float:
        return 0.0  # there are no threads: the driver works in the loop

    async def fold_all(self) -> None:
        pass  # there is no journal

    def recent(self, room: str) -> Sequence[EventRow]:
        return ()

    def waiting(self) -> Mapping[str, Sequence[EventRow]]:
        return {}

    def heads(self) -> Mapping[str, Head]:
        return {}

    async def forget(self, rooms: Sequence[str]) -> None:
        pass  # nothing is kept in memory

    async def close(self) -> None:
        await self._engine.dispose()

    async def _run(self, engine: "AsyncEngine", work: Callable[[Connection], T]) -> T:
        for attempt in range(ATTEMPTS - 1):
            try:
                return await self._once(engine, work)
            except Retryable:
                await asyncio.sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))  # noqa: S311  # no secret
        return await self._once(engine, work)

    async def _once(self, engine: "AsyncEngine", work: Callable[[Connection], T]) -> T:
        finished = False

        def watched(c: Connection) -> T:
            nonlocal finished
            result = work(c)
            finished = True
            return result

        try:
            async with engine.begin() as c:
                return await c.run_sync(watched)
        except (OSError, TimeoutError, exc.TimeoutError) as error:
            raise StorageFailed from error
        except UnicodeEncodeError as error:
            raise Unstorable from error
        except exc.DBAPIError as error:
            if error.connection_invalidated and not finished:
                # Not asked to commit yet. After a restart of the server this is how a dead connection in the pool is noticed;
                # testing each one before its use would be three of the nine round trips of a batch on PostgreSQL.
                raise Retryable from error
            if meaning := self._judge(error):
                raise meaning from error
            raise


def reason(error: BaseException) -> str:
    """Return the driver's own sentence, without the class names of SQLAlchemy and the driver."""
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig else error
    said = cause.__cause__ or cause
    if isinstance(said, OSError):
        return plain_reason(said)
    text = said.args[1] if len(said.args) > 1 and isinstance(said.args[1], str) else str(said)
    return text or "no answer"


def unusable(
    url: URL, port: int, server: str, error: BaseException, hint: str | None, *, passing: bool = False
) -> SetupError:
    """Return the error for a database that cannot be opened. It never shows the password.

    Args:
        passing: it may be over in a moment.
    """
    return (Unreachable if passing else SetupError)(
        f"The database at {host_port(url.host or 'localhost', url.port or port)} cannot be used ({reason(error)}).",
        hint or f"Check that {server} runs there and that MADANG_DATABASE names its host and port.",
    )
