"""The store: every port that a database is behind, over one that an `Engine` of this package runs.

One object for all of them, because they share one engine, and memberships and rooms are changed by appends. The ports
themselves are in `stores/`, which only maps names to names: all SQL is in plain functions over one connection, and
threads, pools, locks and errors are in the engine.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from madang.adapters.sql import accounts
from madang.adapters.sql.engine import Engine
from madang.adapters.sql.numbering import number_stretch
from madang.adapters.sql.stores.directory import SqlDirectory
from madang.adapters.sql.stores.log import SqlLog
from madang.adapters.sql.stores.nodes import SqlNodes
from madang.adapters.sql.stores.papers import SqlPapers
from madang.adapters.sql.stores.upkeep import SqlUpkeep
from madang.adapters.sql.stores.users import SqlUsers
from madang.adapters.sql.stores.versions import SqlVersions
from madang.errors import StorageError

STRETCH: Final = 200  # accounts in one step
PAUSE_S: Final = 0.02  # between two stretches of old messages, so that appends get most of the time
RETRY_S: Final = 10.0
log = logging.getLogger("madang.sql")


class Store(SqlLog, SqlDirectory, SqlUpkeep, SqlUsers, SqlPapers, SqlVersions, SqlNodes):
    """All that one database keeps. Made by `open_store`."""

    @property
    def engine(self) -> Engine:
        """What runs work on the database, for whoever looks at the tables themselves."""
        return self._engine

    async def close(self) -> None:
        """Finish pending calls, and close the database."""
        await self._engine.close()

    async def number(self) -> None:
        """Complete what earlier versions stored: how logins look, and numbers (`numbering.py`); a stretch at a time, with pauses."""
        while True:
            try:
                if some := await self._engine.read(lambda c: accounts.unnoted_logins(c, STRETCH)):
                    await self._engine.write(partial(accounts.note_logins, some=some))
                elif not await self._engine.write(number_stretch):
                    return
            except StorageError as error:
                log.warning("what an earlier version stored is not complete yet: %s", error)
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(PAUSE_S)

    def reading_s(self) -> float:
        """Return the seconds of the processor that reads have taken in threads so far."""
        return self._engine.reading_s()
