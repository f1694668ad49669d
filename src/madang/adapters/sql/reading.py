"""Reads of the log as it was written: tail, read, heads. Messages as they stand now are in `messages.py`."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import BigInteger, BindParameter, Connection, Select, bindparam, select

from madang.adapters.sql.dialects import AnyRow
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.rows import GONE, EventRow, Head, event_of
from madang.adapters.sql.tables import events, rooms
from madang.core.events import Event
from madang.core.ids import id_ms
from madang.core.rooms import DELETED
from madang.ports.log import READ_BYTES, Tail

CHUNK: Final = 1_000
"""Values in one IN list; SQLite and PostgreSQL accept 32,766 parameters, and a short list is as fast per value."""

# Made once: to make a statement takes as long as to run it.
_EPOCH: Final = select(rooms.c.epoch).where(rooms.c.id == bindparam("in_room"), rooms.c.access != DELETED)
_here: Final = select(events.c.seq, events.c.id, events.c.type, events.c.user, events.c.name, events.c.body).where(
    events.c.room == bindparam("in_room")
)
_most: Final[BindParameter[int]] = bindparam("most", type_=BigInteger)
_TAIL: Final = _here.order_by(events.c.seq.desc()).limit(_most)
_FOLLOWING: Final = _here.where(events.c.seq > bindparam("above")).order_by(events.c.seq).limit(_most)


def tail(c: Connection, room: str, limit: int, recent: Sequence[EventRow]) -> Tail | None:
    """See `Log.tail`; `recent` holds events that may not be in the table yet (`journal.py`)."""
    epoch = c.execute(_EPOCH, {"in_room": room}).scalar()
    if epoch is None:
        return None
    newest = c.execute(_TAIL, {"in_room": room, "most": max(limit, 1)})
    found = _merged(room, newest, recent[-max(limit, 1) :], newest_first=True)
    if not found:  # created this very moment, after `recent` was taken
        return None
    return Tail(epoch, found[-1].seq, found[-limit:] if limit else [])


def read(c: Connection, room: str, after: int, limit: int, recent: Sequence[EventRow]) -> list[Event]:
    """See `Log.read`."""
    following = c.execute(_FOLLOWING, {"in_room": room, "above": after, "most": limit})
    return _merged(room, following, [row for row in recent if row[1] > after][:limit])[:limit]


def seq_at(c: Connection, room: str, at_ms: int, recent: Sequence[EventRow]) -> int:
    """See `Log.seq_at`. Times grow with seqs, so it is found by halves: 20 look-ups by key in a million events."""
    if recent and id_ms(recent[0][2]) < at_ms:
        n = bisect_left(recent, at_ms, key=lambda row: id_ms(row[2]))
        return recent[n][1] if n < len(recent) else recent[-1][1] + 1
    here = select(events.c.seq, events.c.id).where(events.c.room == room)
    newest = c.execute(here.order_by(events.c.seq.desc()).limit(1)).one_or_none()
    low, high = 1, recent[0][1] if recent else newest.seq + 1 if newest else 1
    upwards = here.where(events.c.seq >= bindparam("from_seq")).order_by(events.c.seq).limit(1)
    while low < high:
        middle = (low + high) // 2
        found = c.execute(upwards, {"from_seq": middle}).one_or_none()
        if found is None or found.seq >= high or id_ms(found.id) >= at_ms:
            high = middle
        else:
            low = found.seq + 1
    return low


def _merged(
    room: str,
    stored: Iterable[AnyRow],
    recent: Sequence[EventRow],
    *,
    newest_first: bool = False,
) -> list[Event]:
    """Return the events of the table and of `recent`, by seq, up to READ_BYTES. Where both have one, the table is right."""
    found = {row[1]: event_of(row) for row in recent}
    size = 0
    for seq, id, type, user, name, body in stored:
        found[seq] = Event(room, seq, id, type, user, name, id_ms(id), body.encode())
        size += len(body)
        if size > READ_BYTES:  # no more than this is returned, so no hole begins behind it
            break
    size, events = 0, list[Event]()
    for seq in sorted(found, reverse=newest_first):
        events.append(found[seq])
        size += len(found[seq].body)
        if size > READ_BYTES:
            break
    return events[::-1] if newest_first else events


def heads(c: Connection, wanted: Sequence[str], newest: Mapping[str, Head]) -> dict[str, int]:
    """See `Log.heads`; `newest` holds heads that may be above the table's."""
    found = dict(newest_seqs(c, wanted))
    return found | {
        room: max(newest[room].seq, found.get(room, 0))
        for room in wanted
        if room in newest and newest[room] is not GONE
    }


def newest_seqs(c: Connection, wanted: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield (room, newest seq) of those rooms that have an event in the table."""
    for chunk in _chunks(wanted):
        for room, seq in c.execute(_NEWEST, {"ids": padded(chunk)}):
            if seq is not None:
                yield room, seq


def deleted(c: Connection, wanted: Sequence[str]) -> Iterator[str]:
    """Yield those rooms that have been deleted and still have a row."""
    for chunk in _chunks(wanted):
        yield from c.execute(_DELETED, {"ids": padded(chunk)}).scalars()


def newest_seq(room: Any) -> Select[tuple[int]]:
    """Return a query for the newest seq of the room in a column of the enclosing query; one descent of the primary key.

    By order and limit, because MariaDB would walk the whole room for a max() inside another query.
    """
    log = events.alias()
    return select(log.c.seq).where(log.c.room == room).order_by(log.c.seq.desc()).limit(1)


# Made once: an alias and a list in a statement are reference rings, which wait for the cycle collector.
_NEWEST: Final = select(rooms.c.id, newest_seq(rooms.c.id).scalar_subquery()).where(
    rooms.c.id.in_(bindparam("ids", expanding=True))
)
_DELETED: Final = select(rooms.c.id).where(rooms.c.id.in_(bindparam("ids", expanding=True)), rooms.c.access == DELETED)


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
