"""What is found in the search index of a database server (`server_tables.py`).

The newest messages of a search are tested one by one, a few and then WINDOW: a common word fills its page there. What is rarer is looked up
by its terms where there is an index of them, or else by joined texts before WINDOW; if these propose too much, too, the next call tests the
messages below.
The order of ids and the index of terms are never asked for in one statement: the planner would walk the one for what only
the other finds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, TextClause, and_, case, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from madang.adapters.sql.dialects import MYSQL
from madang.adapters.sql.search import server_joined
from madang.adapters.sql.search.server_documents import CHUNK
from madang.adapters.sql.search.server_tables import EVERY, Tables, among, hashes, room_term
from madang.core.search import Needle
from madang.ports.search import Asked, Hit, Hits

WINDOW: Final = 20_000
"""Messages that one call tests, and of each room up to EVERY more."""
FIRST: Final = 8
"""The few are WINDOW by this."""
FEW: Final = 1_000
"""Messages proposed by their terms that are looked at."""
BLOCKS: Final = 1_000
"""Blocks of joined texts whose messages one call looks at,"""
FEW_BLOCKS: Final = 60
"""and those that it looks at first: each has a message of its own, unless several words are searched for."""


class _Scope(NamedTuple):
    """The rooms to look into by their numbers: their names, and the seqs up to which nothing is found."""

    names: Mapping[int, str]
    above: Mapping[int, int]


def hits(c: Connection, t: Tables, asked: Asked) -> Hits:
    """See `SearchIndex.hits`."""
    if any("\0" in needle.text or not _encodable(needle.text) for needle in asked.query.needles):
        return Hits([], None)  # no message has it, and no statement may
    indexed = c.dialect.name not in MYSQL
    if indexed:
        c.exec_driver_sql("SELECT set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true)")
    scope = _scope(c, t, asked)
    if not scope.names:
        return Hits([], None)
    few = _newest(c, t, scope, asked, WINDOW // FIRST)
    if few.next is None or len(few.hits) == asked.limit:
        return few
    if not indexed and (found := _joined(c, t, scope, asked)) is not None:
        return found
    many = _newest(c, t, scope, asked, WINDOW)
    if many.next is None or len(many.hits) == asked.limit or not indexed:
        return many
    if (proposed := _proposed(c, t, scope, asked)) is None:
        return many
    page = proposed[: asked.limit]
    return Hits(page, page[-1].id if len(proposed) > len(page) else None)


def _encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _scope(c: Connection, t: Tables, asked: Asked) -> _Scope:
    names, above = dict[int, str](), dict[int, int]()
    rooms, columns = list(asked.rooms), t.rooms.c
    for at in range(0, len(rooms), CHUNK):
        found = select(columns.no, columns.room, columns.purged).where(
            among(c, columns.room, rooms[at : at + CHUNK]), columns.newest >= asked.since, columns.newest > 0
        )
        for no, room, purged in c.execute(found):
            names[no] = room
            if last := max(purged, asked.rooms[room]):
                above[no] = last
    return _Scope(names, above)


def _hit(scope: _Scope, row: Sequence[Any]) -> Hit:
    no, seq, id = row
    return Hit(scope.names[no], seq, id)


def _first(c: Connection, t: Tables, scope: _Scope, asked: Asked, window: int) -> int:
    """Return the lowest id of about that many of the newest messages."""
    marks = t.marks.c
    walked = select(marks.id).where(
        among(c, marks.no, sorted(scope.names)), marks.id < asked.before, marks.id >= asked.since
    )
    return c.scalar(walked.order_by(marks.id.desc()).offset(window // EVERY).limit(1)) or asked.since


def _newest(c: Connection, t: Tables, scope: _Scope, asked: Asked, window: int) -> Hits:
    """Return what is found among about that many of the newest messages."""
    first, docs = _first(c, t, scope, asked, window), t.docs.c
    found = _tested(c, t, scope, asked, and_(among(c, docs.no, sorted(scope.names)), docs.id >= first))
    if len(found) == asked.limit:
        return Hits(found, found[-1].id)
    return Hits(found, first if first > asked.since else None)


def _joined(c: Connection, t: Tables, scope: _Scope, asked: Asked) -> Hits | None:
    """Return what is found by joined texts; None if the newest that have it lead no further than the page before."""
    blocks = server_joined.proposed(c, t, sorted(scope.names), asked, BLOCKS + 1)
    found, first, looked = list[Hit](), asked.before, FEW_BLOCKS
    while first > asked.since and len(found) < asked.limit:
        below, first = first, blocks[looked].last + 1 if looked < len(blocks) else asked.since
        ranges = [
            f"no = {no} AND id BETWEEN {max(low, first)} AND {min(high, below - 1)}"
            for no, low, high in blocks[:looked]
            if low < below and high >= first
        ]
        if ranges:
            rest = asked._replace(limit=asked.limit - len(found))
            found += _tested(c, t, scope, rest, text(f"({' OR '.join(ranges)})"))
        if looked >= BLOCKS:
            break
        looked = min(4 * looked, BLOCKS)
    if len(found) == asked.limit:
        return Hits(found, found[-1].id)
    if first >= asked.before:
        return None
    return Hits(found, first if first > asked.since else None)


def _tested(
    c: Connection, t: Tables, scope: _Scope, asked: Asked, where: ColumnElement[bool] | TextClause
) -> list[Hit]:
    docs = t.docs.c
    tested = select(docs.no, docs.seq, docs.id).where(where, docs.id < asked.before, _matches(docs, asked))
    if scope.above:
        tested = tested.where(docs.seq > case(scope.above, value=docs.no, else_=0))
    for dialect in MYSQL:
        tested = tested.with_hint(t.docs, "FORCE INDEX (PRIMARY)", dialect)
    # A text of ranges does not come again, and SQLAlchemy would keep the last 500, of up to 70 KB each.
    once: Mapping[str, Any] = {"compiled_cache": None} if isinstance(where, TextClause) else {}
    found = c.execute(tested.order_by(docs.id.desc()).limit(asked.limit), execution_options=once)
    return [_hit(scope, row) for row in found]


def _numbers(values: Iterable[int]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Integer))


def _matches(docs: Any, asked: Asked) -> ColumnElement[bool]:
    """Return whether a message is found, by its texts alone."""
    needles = [_has(docs, needle) for needle in asked.query.needles]
    return and_(*needles, docs.author == asked.user) if asked.user is not None else and_(*needles)


def _has(docs: Any, needle: Needle) -> ColumnElement[bool]:
    pattern = needle.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    literally: ColumnElement[bool] = docs.folded.like(f"%{pattern}%")
    return or_(literally, docs.initials.like(f"% {pattern}%")) if needle.initials else literally


def _proposed(c: Connection, t: Tables, scope: _Scope, asked: Asked) -> list[Hit] | None:
    """Return all that is found, by the index of terms, the newest first; None if it proposes too much."""
    c.exec_driver_sql("SELECT set_config('enable_indexscan', 'off', true)")
    docs = t.docs.c
    some = select(docs.no, docs.seq, docs.id, docs.author, docs.folded, docs.initials).limit(FEW + 1)
    if len(scope.names) == 1:
        some = some.where(docs.terms.contains(_numbers([room_term(no) for no in scope.names])))
    for alternatives in asked.query.required:
        some = some.where(or_(*(docs.terms.contains(_numbers(hashes(each))) for each in alternatives)))
    p = some.subquery().c
    within = and_(p.id >= asked.since, p.id < asked.before, _matches(p, asked))
    rows = c.execute(select(p.no, p.seq, p.id, within)).all()
    if len(rows) > FEW:
        return None
    found = [
        _hit(scope, (no, seq, id))
        for no, seq, id, matches in rows
        if matches and no in scope.names and seq > scope.above.get(no, 0)
    ]
    return sorted(found, key=lambda hit: hit.id, reverse=True)
