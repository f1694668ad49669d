"""What is found no more is erased, a thousand documents at a time.

That is generations of rooms that began again or are forgotten, and what was purged: cursors name it until it is erased. What is written
too late, to a generation that nothing names any more, is known to whoever wrote it; if they crash, a regular look at what is there
finds it (`Unnamed`).
"""

from typing import Any, Final

import msgspec

from madang.adapters.opensearch import cursors
from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.bulk import Counted, write
from madang.adapters.opensearch.cursors import Held
from madang.adapters.opensearch.engine import WRITE_S
from madang.adapters.opensearch.searches import Answer, search
from madang.adapters.opensearch.selecting import select

ROOMS: Final = 100
"""Looked at in one go."""
LOOKED: Final = 500
"""Rooms, or documents, whose generations are compared in one go."""


class _Source(msgspec.Struct):
    room: str = ""
    gen: str = ""


_answer: Final = msgspec.json.Decoder(Answer[_Source])
_CURSOR: Final = {"term": {"kind": cursors.KIND}}


async def tidy(alias: Alias, orphans: dict[str, str], counted: Counted) -> bool:
    """Erase some of what is found no more; return whether there was any.

    Args:
        orphans: generations that may be no room's, with what room they were made for; those that are seen to are taken out.
    """
    lost = dict(orphans)
    await alias.refresh(WRITE_S)
    rooms = await _untidy(alias)
    held = await cursors.read(alias, rooms)
    for at in held.values():
        await _tidied(alias, at, counted)
    held = await cursors.read(alias, sorted(set(lost.values())))
    for gen, room in lost.items():
        if room not in held or gen not in (held[room].cursor.gen, *held[room].cursor.stale):
            await _erase(alias, gen, [], counted)
        elif purged := held[room].cursor.purged:
            await _erase(alias, gen, [{"range": {"seq": {"lte": purged}}}], counted)
        orphans.pop(gen, None)
    return bool(rooms)


class Unnamed:
    """Finds and erases generations that no cursor names: a stretch of names at a time, shorter where there are many rooms."""

    def __init__(self, alias: Alias, counted: Counted) -> None:
        self._alias = alias
        self._counted = counted
        self._at = 0
        self._width = cursors.NAMES

    async def erase(self) -> None:
        """Look through the next names; what was written since the last refresh is not seen."""
        named = await self._named()
        while len(named) == LOOKED:
            self._width //= 2
            named = await self._named()
        others = {"bool": {"must_not": [_CURSOR, {"terms": {"gen": named}}]}}
        found = await _gens(self._alias, [*self._among(), others], LOOKED)
        if found:
            await self._alias.refresh(WRITE_S)  # a room that has just begun has its cursor before its documents
            named = await _gens(self._alias, [_CURSOR, {"terms": {"gen": sorted(set(found))}}], LOOKED)
            for gen in set(found).difference(named):
                await _erase(self._alias, gen, [], self._counted)
        if len(found) < LOOKED:
            self._at = (self._at + self._width) % cursors.NAMES
            self._width = min(self._width * 2, cursors.NAMES - self._at)

    async def _named(self) -> list[str]:
        return await _gens(self._alias, [_CURSOR, *self._among()], LOOKED)

    def _among(self) -> list[Any]:
        last = cursors.name(self._at + self._width - 1)
        return [{"range": {"gen": {"gte": cursors.name(self._at), "lte": last}}}]


async def rooms_after(alias: Alias, after: str, limit: int) -> list[str]:
    """See `SearchIndex.rooms_after`. What was written since the last refresh is not seen."""
    filters = [{"range": {"room": {"gt": after}}}, {"bool": {"must_not": {"term": {"gone": True}}}}]
    return await _rooms(alias, filters, limit)


async def _untidy(alias: Alias) -> list[str]:
    return await _rooms(alias, [{"term": {"untidy": True}}], ROOMS)


async def _rooms(alias: Alias, filters: list[Any], limit: int) -> list[str]:
    found = await search(alias, _answer, filters, limit, sort=[{"room": "asc"}], _source=["room"])
    return [each.room for each in found]


async def _gens(alias: Alias, filters: list[Any], limit: int) -> list[str]:
    """Return the generations of some documents; one may be there more than once."""
    return [each.gen for each in await search(alias, _answer, filters, limit, _source=["gen"])]


async def _tidied(alias: Alias, at: Held, counted: Counted) -> None:
    cursor = at.cursor
    for gen in (*cursor.stale, *([cursor.gen] if cursor.gone else [])):
        await _erase(alias, gen, [], counted)
    if cursor.purged:
        await _erase(alias, cursor.gen, [{"range": {"seq": {"lte": cursor.purged}}}], counted)
    tidied = cursors.deleted(at)
    if not cursor.gone:
        tidied = cursors.written(msgspec.structs.replace(cursor, stale=(), untidy=False), at)
    await write(alias, [tidied], counted)  # if it is another now, next time


async def _erase(alias: Alias, gen: str, more: list[Any], counted: Counted) -> None:
    filters: list[Any] = [{"term": {"gen": gen}}, {"bool": {"must_not": _CURSOR}}, *more]
    async for seqs in select(alias, filters):
        lines = [msgspec.json.encode({"delete": {"_id": f"{gen}.{seq}"}}) + b"\n" for seq in seqs]
        await write(alias, lines, counted)
