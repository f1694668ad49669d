"""How many rooms and messages an index has. What is found no more is not counted, whether it is erased yet or not."""

from typing import Any, Final

import msgspec

from madang.adapters.opensearch import cursors
from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.changing import MESSAGE
from madang.adapters.opensearch.cursors import Cursor
from madang.adapters.opensearch.engine import WRITE_S
from madang.adapters.opensearch.searches import Answer, search
from madang.ports.search import Status

ROOMS: Final = 100
"""Of which something is not erased yet, left out in one go."""


class _Count(msgspec.Struct):
    count: int


_count: Final = msgspec.json.Decoder(_Count)
_answer: Final = msgspec.json.Decoder(Answer[Cursor])
_CURSOR: Final = {"term": {"kind": cursors.KIND}}
_MESSAGE: Final = {"term": {"kind": MESSAGE}}


async def status(alias: Alias) -> Status:
    """See `SearchIndex.status`."""
    await alias.refresh(WRITE_S)
    rooms = await _counted(alias, [_CURSOR, {"bool": {"must_not": {"term": {"gone": True}}}}])
    untidy = await _untidy(alias, "")
    # In one request, so that what is erased meanwhile is not subtracted without having been counted
    messages = await _counted(alias, [_MESSAGE, {"bool": {"must_not": _found_no_more(untidy)}}])
    while len(untidy) == ROOMS:
        untidy = await _untidy(alias, untidy[-1].room)
        messages -= await _counted(
            alias, [_MESSAGE, {"bool": {"should": _found_no_more(untidy), "minimum_should_match": 1}}]
        )
    return Status(rooms, max(messages, 0))


def _found_no_more(untidy: list[Cursor]) -> list[Any]:
    dead = [gen for cursor in untidy for gen in (*cursor.stale, *([cursor.gen] if cursor.gone else []))]
    parts: list[Any] = [{"terms": {"gen": dead}}]
    for cursor in untidy:
        if cursor.purged and not cursor.gone:
            filters = [{"term": {"gen": cursor.gen}}, {"range": {"seq": {"lte": cursor.purged}}}]
            parts.append({"bool": {"filter": filters}})
    return parts


async def _untidy(alias: Alias, after: str) -> list[Cursor]:
    """Return the next cursors, by the ids of their rooms, of which something is not erased yet."""
    filters = [{"term": {"untidy": True}}, {"range": {"room": {"gt": after}}}]
    return await search(alias, _answer, filters, ROOMS, sort=[{"room": "asc"}])


async def _counted(alias: Alias, filters: list[Any]) -> int:
    body = msgspec.json.encode({"query": {"bool": {"filter": filters}}})
    return (await alias.ask(_count, "_count", body, within=WRITE_S)).count
