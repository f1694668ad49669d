"""What is found in the search index of SQLite (`sqlite_documents.py`).

FTS5 gives the candidates, each text decides. Where the terms are rare, all candidates are read and sorted. Where they are
common, rooms are walked from their newest candidate down, all at the same time, so that a page of them reads little more
than a page: looking at a few rooms is enough, and what is older is never touched. Of many rooms the newest messages are
read first, whatever their terms: to ask FTS5 once for each room takes longer, the more terms there are.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heapreplace
from typing import Final, NamedTuple

from madang.adapters.sql.search.sqlite_documents import LAST, SEQS, encoded, in_chunks
from madang.core.search import Query
from madang.ports.search import Asked, Hit, Hits

FEW: Final = 2_000
"""Candidates in all rooms that are read at once."""
NEWEST: Final = 2_000
"""Messages that are read before FTS5 is asked in more rooms than one."""
MANY: Final = 12_000
"""Candidates in all rooms that are looked at by their keys, if no more than FEW of them are in the rooms that are asked for."""
EXAMINED: Final = 5_000
"""Candidates that one call looks at, while it walks."""


class _Room(NamedTuple):
    """A room to look into: nothing up to the seq `above` is found."""

    no: int
    name: str
    above: int
    upto: int
    newest: int  # id


class _Candidate(NamedTuple):
    id: int
    seq: int
    matches: bool


def hits(c: sqlite3.Connection, asked: Asked) -> Hits:
    """See `SearchIndex.hits`."""
    found = in_chunks(c, "SELECT no, room, purged, upto, newest FROM rooms WHERE room IN (...)", asked.rooms)
    rooms = {
        no: _Room(no, name, max(purged, asked.rooms[name]), upto, newest)
        for no, name, purged, upto, newest in found
        if newest >= asked.since
    }
    match = _match(asked.query)
    if len(rooms) > 1:
        keys = _keys(c, match, FEW)
        if keys is not None:
            return _all_of(c, asked, rooms, _within(rooms, keys))
        newest = _walked(c, asked, rooms, None, NEWEST)
        if newest.next is None or len(newest.hits) == asked.limit:
            return newest
        asked = asked._replace(before=newest.next, limit=asked.limit - len(newest.hits))
        keys = _keys(c, match, MANY)
        wanted = [] if keys is None else _within(rooms, keys)
        if keys is None or len(wanted) > FEW:
            older = _walked(c, asked, rooms, match, EXAMINED)
        else:
            older = _all_of(c, asked, rooms, wanted)
        return Hits([*newest.hits, *older.hits], older.next)
    return _walked(c, asked, rooms, match, EXAMINED)


def _keys(c: sqlite3.Connection, match: str, most: int) -> list[int] | None:
    """Return the keys of all candidates; None if there are more than that."""
    keys = [key for (key,) in c.execute("SELECT rowid FROM f WHERE f MATCH ? LIMIT ?", (match, most + 1))]
    return keys if len(keys) <= most else None


def _within(rooms: Mapping[int, _Room], keys: list[int]) -> list[int]:
    """Return the keys that are in some rooms."""
    return [key for key in keys if (room := rooms.get(key >> SEQS)) and key & LAST > room.above]


def _match(query: Query) -> str:
    """Return what FTS5 is asked: flat, because its parser overflows at 256 parentheses."""
    parts = []
    for alternatives in query.required:
        each = [" AND ".join(f'"{encoded(term)}"' for term in sorted(wanted)) for wanted in alternatives]
        parts.append(each[0] if len(each) == 1 else "(" + " OR ".join(f"({one})" for one in each) + ")")
    return " AND ".join(parts)


def _all_of(c: sqlite3.Connection, asked: Asked, rooms: Mapping[int, _Room], wanted: list[int]) -> Hits:
    found = [
        Hit(rooms[key >> SEQS].name, key & LAST, id)
        for key, id, user, folded in in_chunks(c, 'SELECT key, id, "user", folded FROM docs WHERE key IN (...)', wanted)
        if asked.since <= id < asked.before and _is_found(asked, user, folded)
    ]
    found.sort(key=lambda hit: hit.id, reverse=True)
    page = found[: asked.limit]
    return Hits(page, page[-1].id if len(found) > len(page) else None)


def _is_found(asked: Asked, user: str, folded: str) -> bool:
    return (asked.user is None or user == asked.user) and asked.query.matches(folded)


def _walked(c: sqlite3.Connection, asked: Asked, rooms: Mapping[int, _Room], match: str | None, most: int) -> Hits:
    """Walk all rooms together from the newest candidate down, up to `most`; without a match all messages are candidates."""
    # In the heap a room is by the id that its next one has at most.
    walks: dict[int, Iterator[_Candidate]] = {}
    heap = [(-min(room.newest, asked.before - 1), no, _Candidate(0, 0, False)) for no, room in rooms.items()]
    heapify(heap)
    page: list[Hit] = []
    examined = 0
    while heap:
        _, no, candidate = heap[0]
        if no not in walks:
            walks[no] = _candidates(c, asked, rooms[no], match)
        else:
            examined += 1
            if candidate.matches:
                page.append(Hit(rooms[no].name, candidate.seq, candidate.id))
            if len(page) == asked.limit or examined == most:
                return Hits(page, candidate.id)
        following = next(walks[no], None)
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, (-following.id, no, following))
    return Hits(page, None)


def _candidates(c: sqlite3.Connection, asked: Asked, room: _Room, match: str | None) -> Iterator[_Candidate]:
    """Yield the candidates of a room, the newest first."""
    base = room.no << SEQS
    last = room.upto if room.newest < asked.before else _below(c, room, asked.before)
    within = base | (room.above + 1), base | last
    if match is None:
        rows = c.execute('SELECT key, id, "user", folded FROM docs WHERE key BETWEEN ? AND ? ORDER BY key DESC', within)
    else:
        rows = c.execute(
            'SELECT d.key, d.id, d."user", d.folded FROM f CROSS JOIN docs d ON d.key = f.rowid'
            " WHERE f MATCH ? AND f.rowid BETWEEN ? AND ? ORDER BY f.rowid DESC",
            (match, *within),
        )
    for key, id, user, folded in rows:
        if id < asked.since:
            return
        yield _Candidate(id, key & LAST, _is_found(asked, user, folded))


def _below(c: sqlite3.Connection, room: _Room, before: int) -> int:
    """Return the seq up to which a room's ids are below `before`: they grow with the seqs, so it is found by halves."""
    base, low, high = room.no << SEQS, room.above, room.upto
    while low < high:
        middle = (low + high + 1) // 2
        row = c.execute(
            "SELECT id FROM docs WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1", (base, base | middle)
        ).fetchone()
        if row is None or row[0] < before:
            low = middle
        else:
            high = middle - 1
    return low
