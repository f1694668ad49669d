"""The search index in an OpenSearch or Elasticsearch, which any number of nodes use together.

`ports.search.SearchIndex` is its contract, but that a change of several rooms is not one transaction (`changing.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from madang.adapters.opensearch import counting, cursors, finding, tidying
from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.bulk import Counted, write
from madang.adapters.opensearch.changing import Changing, judge
from madang.adapters.opensearch.engine import WRITE_S, Engine
from madang.core.metrics import Metric
from madang.core.search import Query
from madang.errors import StorageFailed
from madang.ports.followers import Position
from madang.ports.search import NEWEST, Asked, Changes, Hits, Status

TRIES: Final = 5


class EngineIndex:
    """An index.

    Args:
        untidy: called when something is found no more, and can be erased.
    """

    def __init__(self, alias: Alias, counted: Counted, untidy: Callable[[], object]) -> None:
        self._alias = alias
        self._counted = counted
        self._untidy = untidy
        self._changing = Changing(alias, counted)
        self._unnamed = tidying.Unnamed(alias, counted)

    def metrics(self) -> list[Metric]:
        """Return what is counted of it."""
        return metrics_of(self._alias.engine, self._counted)

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        held = await cursors.read(self._alias, rooms)
        return {room: at.cursor.position for room, at in held.items() if not at.cursor.gone}

    async def change(self, changes: Sequence[Changes]) -> set[str]:
        elsewhere = await self._changing.change(changes)
        if self._changing.orphans or any(each.purged or not each.position.upto for each in changes):
            self._untidy()
        return elsewhere

    async def forget(self, rooms: Sequence[str]) -> None:
        left = set(rooms)
        for _ in range(TRIES):
            held = await cursors.read(self._alias, sorted(left))
            there = [at for at in held.values() if not at.cursor.gone]
            gone = [msgspec.structs.replace(at.cursor, gone=True, untidy=True) for at in there]
            writes = [cursors.written(cursor, at) for cursor, at in zip(gone, there, strict=True)]
            results = await write(self._alias, writes, self._counted)
            left = set()
            for at, result in zip(there, results, strict=True):
                if not result.done:
                    judge(result, self._alias)
                    left.add(at.cursor.room)
            if not left:
                self._untidy()
                return
        raise StorageFailed(f"Others go on writing {len(left)} rooms.")

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        await self._alias.refresh(WRITE_S)
        return await tidying.rooms_after(self._alias, after, limit)

    async def hits(
        self, query: Query, rooms: Mapping[str, int], *, before: int = NEWEST, since: int = 0, user: str | None = None,
        limit: int = 50,
    ) -> Hits:  # fmt: skip
        return await finding.hits(self._alias, Asked(query, rooms, before, since, user, limit))

    async def status(self) -> Status:
        return await counting.status(self._alias)

    async def tidy(self) -> bool:
        """Erase some of what is found no more; return whether there was any."""
        return await tidying.tidy(self._alias, self._changing.orphans, self._counted)

    async def erase_unnamed(self) -> None:
        """Look for what is found no more and was forgotten in a crash, a part of the index at a time, and erase it."""
        await self._unnamed.erase()


def metrics_of(engine: Engine, counted: Counted) -> list[Metric]:
    """Return what is counted of an engine."""
    return [
        Metric(
            "gauge", "madang_search_engine_up", "Whether the search engine answered when it was last asked.", engine.answers
        ),
        Metric(
            "counter", "madang_search_engine_unanswered", "Calls that the search engine did not answer in time.",
            engine.unanswered,
        ),
        Metric(
            "counter", "madang_search_engine_rejected", "Writes that the search engine had no room for, and that were sent again.",
            counted.again,
        ),
        Metric(
            "counter", "madang_search_engine_set_aside", "Messages that the search engine refuses to index; the log names them.",
            counted.set_aside,
        ),
    ]  # fmt: skip
