"""What is found: the engine gives candidates by their terms, the newest first, and each text decides, where the engine has it.

A page is right as of the cursors that were read for it: then the engine makes searchable all that has been written so far, and
only then it searches.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from madang.adapters.opensearch import cursors
from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.changing import ASIDE
from madang.adapters.opensearch.searches import Answer, search
from madang.core.search import Query
from madang.ports.search import Asked, Hit, Hits

EXAMINED: Final = 1_000
"""Candidates that one call looks at."""
AT_ONCE: Final = 200
"""Candidates in one answer: 10 MB of texts at the very most."""
SPARE: Final = 8
"""Candidates asked for above what is missing: in a hundred about one is none."""
NARROWED: Final = 100
"""Rooms of which the engine is told where they begin; of any others it may give what is below that."""
TIME_MS: Final = 2_500
"""After which the engine gives up."""


class _Room(NamedTuple):
    """A room to look into: above one seq, and up to another."""

    room: str
    above: int
    upto: int


class _Source(msgspec.Struct):
    gen: str
    seq: int
    id: int
    kind: str
    folded: str = ""


_answer: Final = msgspec.json.Decoder(Answer[_Source])


async def hits(alias: Alias, asked: Asked) -> Hits:
    """See `SearchIndex.hits`."""
    held = await cursors.read(alias, list(asked.rooms))
    there = [at for at in held.values() if not at.cursor.gone]
    rooms = {
        at.cursor.gen: _Room(at.cursor.room, max(at.cursor.purged, asked.rooms[at.cursor.room]), at.cursor.upto)
        for at in there
    }
    if not rooms:
        return Hits([], None)
    await alias.refresh_unless_visible({at.cursor.gen: (at.seq_no, at.term) for at in there})
    filters = [*_where(rooms), _proposed(asked.query)]
    if asked.user is not None:
        filters.append({"term": {"user": asked.user}})
    page: list[Hit] = []
    before = asked.before
    examined = 0
    while examined < EXAMINED:
        size = min(asked.limit - len(page) + SPARE, AT_ONCE)
        found = await _search(alias, [*filters, {"range": {"id": {"gte": asked.since, "lt": before}}}], size)
        for n, source in enumerate(found, 1):
            before = source.id
            room = rooms[source.gen]
            may_match = source.kind == ASIDE or asked.query.matches(source.folded)
            if room.above < source.seq <= room.upto and may_match:
                page.append(Hit(room.room, source.seq, source.id))
                if len(page) == asked.limit:
                    return Hits(page, before if n < len(found) or n == size else None)
        if len(found) < size:
            return Hits(page, None)
        examined += size
    return Hits(page, before)


async def _search(alias: Alias, filters: list[Any], size: int) -> list[_Source]:
    return await search(
        alias, _answer, filters, size, within=None, sort=[{"id": "desc"}], timeout=f"{TIME_MS}ms",
        _source=["gen", "seq", "id", "kind", "folded"],
    )  # fmt: skip


def _where(rooms: Mapping[str, _Room]) -> list[Any]:
    narrowed = [(gen, room.above) for gen, room in rooms.items() if room.above][:NARROWED]
    whole = sorted(rooms.keys() - {gen for gen, _ in narrowed})
    if not narrowed:
        return [{"terms": {"gen": whole}}]
    parts: list[Any] = [
        {"bool": {"filter": [{"term": {"gen": gen}}, {"range": {"seq": {"gt": above}}}]}} for gen, above in narrowed
    ]
    if whole:
        parts.append({"terms": {"gen": whole}})
    return [_one_of(parts)]


def _proposed(query: Query) -> Any:
    """Return what selects messages that may match, and those whose texts the engine does not have: any may."""
    return _one_of([{"bool": {"filter": list(_matching(query))}}, {"term": {"kind": ASIDE}}])


def _matching(query: Query) -> Iterator[Any]:
    for alternatives in query.required:
        each = [[{"term": {"terms": term}} for term in sorted(wanted)] for wanted in alternatives]
        if len(each) == 1:
            yield from each[0]
        else:
            yield _one_of([{"bool": {"filter": terms}} for terms in each])


def _one_of(queries: list[Any]) -> Any:
    return {"bool": {"should": queries, "minimum_should_match": 1}}
