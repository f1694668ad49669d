"""Names in the log why the database fails: each reason once in an outage, when it is first met, and when all is over.

Callers learn only that the storage did not confirm, because what a driver says is not for visitors.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, exc

from madang.adapters.sql.engine import Engine
from madang.adapters.sql.rows import EventRow, Head
from madang.adapters.sql.server_engine import reason
from madang.core.events import Draft
from madang.core.ids import IdSource
from madang.errors import LeaseExceeded, StorageError
from madang.ports.log import Outcome

T = TypeVar("T")
logger = logging.getLogger("madang.sql")

QUIET_S: Final = 5.0
"""An outage is over when what failed has worked, and nothing like it has failed for this long."""
LONGEST: Final = 300
MOST: Final = 8
"""Reasons named in one outage."""


class NamingEngine:
    """An engine whose failures are named in the log. `store.Engine` is its contract.

    Args:
        engine: does the work.
        url: of its database; where it is goes into the log, the password never.
        clock: seconds.
    """

    def __init__(self, engine: Engine, url: URL, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self.lanes = engine.lanes
        self._clock = clock
        self._password = str(url.password or "")
        host = f"{url.host}:{url.port}" if url.port else url.host
        self._place = f"{host}/{url.database}" if host else str(url.database)
        self._failing: dict[str, float] = {}  # reading or writing -> when it failed last
        self._named: set[str] = set()
        self._began = 0.0
        self._count = 0

    async def append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        try:
            outcomes = await self._engine.append(drafts, ids)
        except (StorageError, exc.DBAPIError) as error:
            self._failed("writing", error)
            raise
        if self._failing:
            self._worked("writing")
        return outcomes

    async def write(self, work: Callable[[Connection], T], room: str | None = None) -> T:
        try:
            result = await self._engine.write(work, room)
        except (StorageError, exc.DBAPIError) as error:
            self._failed("writing", error)
            raise
        if self._failing:
            self._worked("writing")
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        try:
            result = await self._engine.read(work)
        except (StorageError, exc.DBAPIError) as error:
            self._failed("reading", error)
            raise
        if self._failing:
            self._worked("reading")
        return result

    async def forget(self, rooms: Sequence[str]) -> None:
        await self._engine.forget(rooms)

    def reading_s(self) -> float:
        return self._engine.reading_s()

    async def fold_all(self) -> None:
        await self._engine.fold_all()

    def recent(self, room: str) -> Sequence[EventRow]:
        return self._engine.recent(room)

    def waiting(self) -> Mapping[str, Sequence[EventRow]]:
        return self._engine.waiting()

    def heads(self) -> Mapping[str, Head]:
        return self._engine.heads()

    async def close(self) -> None:
        await self._engine.close()

    def _failed(self, what: str, error: BaseException) -> None:
        if isinstance(error, LeaseExceeded):  # the database has done nothing wrong
            return
        now = self._clock()
        if not self._failing:
            self._began, self._count = now, 0
            self._named.clear()
        self._failing[what] = now
        self._count += 1
        said = reason(error.__cause__ or error).splitlines()[0][:LONGEST]  # further lines may quote what was written
        if self._password:
            said = said.replace(self._password, "…")
        if said not in self._named and len(self._named) < MOST:
            self._named.add(said)
            logger.error("the database at %s fails: %s", self._place, said)

    def _worked(self, what: str) -> None:
        now = self._clock()
        if now - self._failing.get(what, now) < QUIET_S:
            return
        del self._failing[what]
        if not self._failing:
            logger.warning(
                "the database at %s works again; %d calls failed in %.1f s", self._place, self._count, now - self._began
            )
