"""One search index in a database server. Which one it is, and its connections, are in `server_places.py`.

Statements are in `server_documents.py` (writing) and `server_hits.py` (reading).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from madang.adapters.sql.search import server_documents as documents
from madang.adapters.sql.search import server_hits, server_tables
from madang.core.search import Query
from madang.ports.followers import Position
from madang.ports.search import NEWEST, Asked, Changes, Hits, Status

T = TypeVar("T")


class Runs(Protocol):
    """What runs work in transactions. Raises StorageFailed."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that reads."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work."""

    def tidy_soon(self) -> None:
        """Erase before long what is found no more."""


class ServerIndex:
    """A search index in a database server. `ports.search.SearchIndex` is its contract."""

    def __init__(self, runs: Runs, place: str) -> None:
        self._runs = runs
        self._tables = partial(server_tables.tables, place=place)

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        return await self._runs.read(lambda c: documents.positions(c, self._tables(c), rooms))

    async def change(self, changes: Sequence[Changes]) -> set[str]:
        elsewhere = await self._runs.write(lambda c: documents.change(c, self._tables(c), changes))
        if any(each.purged or not each.position.upto for each in changes):
            self._runs.tidy_soon()
        return elsewhere

    async def forget(self, rooms: Sequence[str]) -> None:
        await self._runs.write(lambda c: documents.forget(c, self._tables(c), rooms))
        self._runs.tidy_soon()

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        return await self._runs.read(lambda c: documents.rooms_after(c, self._tables(c), after, limit))

    async def hits(
        self, query: Query, rooms: Mapping[str, int], *, before: int = NEWEST, since: int = 0, user: str | None = None,
        limit: int = 50,
    ) -> Hits:  # fmt: skip
        asked = Asked(query, rooms, before, since, user, limit)
        return await self._runs.read(lambda c: server_hits.hits(c, self._tables(c), asked))

    async def status(self) -> Status:
        return await self._runs.read(lambda c: documents.status(c, self._tables(c)))
