"""Search indexes in the database server of the log, by connections of their own, so that no append waits for them.

Several nodes share them: which one serves is read again each time. They are made of the log, and whoever drops the tables has
empty ones.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, delete, exc, insert, select, update

from madang.adapters.sql.dialects import MYSQL
from madang.adapters.sql.engine import Engine
from madang.adapters.sql.open import open_beside
from madang.adapters.sql.search import server_documents, server_tables
from madang.adapters.sql.search.server import ServerIndex
from madang.adapters.sql.search.server_tables import BUILDING, LEAVING, PLACES, SERVES, places
from madang.aio import cancelled
from madang.core.metrics import Metric
from madang.errors import StorageError, StorageFailed
from madang.ports.search import Made

T = TypeVar("T")
log = logging.getLogger("madang.search")

CONNECTIONS: Final = 3
"""For two searches at a time, and for what follows the log."""
TIDY_SECONDS: Final = 60.0
"""Between two looks for what can be erased, if nothing here has left anything."""
KEPT_SECONDS: Final = 20.0
"""For which an index is kept that has been replaced: searches and changes that have begun with it end (`ANSWER_SECONDS`)."""
PAUSE_SECONDS: Final = 0.05
EMPTIED: Final = 5_000
"""Rows of an index that leaves that are deleted at a time, where a table cannot be emptied in a transaction."""


async def open_indexes(database: str, version: str) -> "ServerIndexes":
    """Open the indexes of a database server; where there is none one is made, by that version. Raises SetupError."""
    engine = await open_beside(database, lambda c: server_tables.create(c, version), CONNECTIONS)
    return ServerIndexes(engine, version)


class ServerIndexes:
    """Search indexes in a database server. `ports.search.SearchIndexes` is its contract."""

    def __init__(self, engine: Engine, version: str) -> None:
        self._engine = engine
        self._version = version
        self._untidy = asyncio.Event()
        self._at = {place: ServerIndex(self, place) for place in PLACES}
        self._tidying = asyncio.get_running_loop().create_task(self._tidy())

    async def serving(self) -> Made:
        found = await self._made(SERVES)
        if found is None:
            raise StorageFailed
        return found

    async def building(self) -> Made | None:
        return await self._made(BUILDING)

    async def begin(self, version: str) -> bool:
        def work(c: Connection) -> bool:
            there = places(c)
            taken = list(c.scalars(select(there.c.place).with_for_update()))
            free = [place for place in PLACES if place not in taken]
            if free:
                c.execute(insert(there), {"place": free[0], "state": BUILDING, "version": version})
            return bool(free)

        return await self.write(work)

    async def give_up(self) -> None:
        await self.write(lambda c: _turn(c, BUILDING, LEAVING))
        self._untidy.set()

    async def switch(self) -> None:
        def work(c: Connection) -> None:
            if BUILDING in list(c.scalars(select(places(c).c.state).with_for_update())):
                _turn(c, SERVES, LEAVING)
                _turn(c, BUILDING, SERVES)

        await self.write(work)
        self._untidy.set()

    def metrics(self) -> list[Metric]:
        return []

    async def close(self) -> None:
        await cancelled([self._tidying])
        await self._engine.close()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that reads, in a transaction. Raises StorageFailed."""
        return await self._done(self._engine.read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction. Raises StorageFailed."""
        return await self._done(self._engine.write, work)

    def tidy_soon(self) -> None:
        """Erase before long what is found no more."""
        self._untidy.set()

    async def _made(self, state: int) -> Made | None:
        def work(c: Connection) -> tuple[str, str] | None:
            at = places(c).c
            row = c.execute(select(at.place, at.version).where(at.state == state)).first()
            return None if row is None else (row[0], row[1])

        found = await self.read(work)
        return None if found is None else Made(found[1], self._at[found[0]])

    async def _done(
        self, run: Callable[[Callable[[Connection], T]], Awaitable[T]], work: Callable[[Connection], T]
    ) -> T:
        try:
            try:
                return await run(work)
            except exc.DBAPIError as error:
                if await self._engine.write(lambda c: server_tables.create(c, self._version)):
                    log.warning("the search index is made again, because tables of it were gone")
                raise StorageFailed from error
        except StorageFailed:
            raise
        except (StorageError, exc.DBAPIError) as error:  # of the work, or of making tables again
            raise StorageFailed from error

    async def _tidy(self) -> None:
        """Erase what is found no more, a little at a time, until cancelled. Nothing else ends it."""
        told = False
        while True:
            self._untidy.clear()
            try:
                for place in PLACES:
                    await self._repeated(partial(_tidy, place=place))
                if await self.read(_leaving) is not None:
                    await asyncio.sleep(KEPT_SECONDS)
                    await self._repeated(_empty_what_leaves)
                told = False
            except StorageFailed as error:
                log.debug("nothing is erased from the search index: %s", error)
            except Exception:
                if not told:
                    log.exception("nothing is erased from the search index")
                told = True
            with suppress(TimeoutError):
                async with asyncio.timeout(TIDY_SECONDS):
                    await self._untidy.wait()

    async def _repeated(self, work: Callable[[Connection], bool]) -> None:
        more = True
        while more:
            more = await self.write(work)
            await asyncio.sleep(PAUSE_SECONDS)


def _turn(c: Connection, state: int, into: int) -> None:
    there = places(c)
    c.execute(update(there).where(there.c.state == state).values(state=into))


def _tidy(c: Connection, place: str) -> bool:
    return server_documents.tidy(c, server_tables.tables(c, place))


def _leaving(c: Connection) -> str | None:
    at = places(c).c
    return c.scalar(select(at.place).where(at.state == LEAVING))


def _empty_what_leaves(c: Connection) -> bool:
    """Empty the tables of what leaves, so that its place is free; return whether there is more to do."""
    there = places(c)
    place = c.scalar(select(there.c.place).where(there.c.state == LEAVING).with_for_update())
    if place is None:
        return False
    if c.dialect.name in MYSQL:  # where TRUNCATE would be a transaction of its own, and no other node would wait
        for table in server_tables.tables(c, place)[1:]:
            some = delete(table).with_dialect_options(mysql_limit=EMPTIED, mariadb_limit=EMPTIED)
            if c.execute(some).rowcount == EMPTIED:
                return True
    else:
        c.exec_driver_sql(f"TRUNCATE TABLE {', '.join(server_tables.tables(c, place).metadata.tables)}")
    c.execute(delete(there).where(there.c.place == place))
    return False
