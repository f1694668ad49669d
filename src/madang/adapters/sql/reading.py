"""Reads of the log as it was written: tail, read, heads. Messages as they stand now are `messages.py`."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, select

from madang.adapters.sql.dialects import AnyRow
from madang.adapters.sql.tables import events, rooms
from madang.core.events import Event
from madang.core.ids import id_ms
from madang.ports.log import Tail

CHUNK: Final = 1_000
"""Values in one IN list; SQLite and PostgreSQL take 32,766 parameters, and a short list is as quick per value."""

EVENT_COLUMNS: Final = (
    events.c.seq,
    events.c.id,
    events.c.type,
    events.c.user,
    events.c.name,
    events.c.body,
)


def event(room: str, row: AnyRow) -> Event:
    """Make an event of a row that has (at least) EVENT_COLUMNS."""
    return Event(room, row.seq, row.id, row.type, row.user, row.name, id_ms(row.id), row.body.encode())


def tail(c: Connection, room: str, limit: int) -> Tail | None:
    """See `Log.tail`."""
    epoch = c.execute(select(rooms.c.epoch).where(rooms.c.id == room)).scalar()
    if epoch is None:
        return None
    newest = select(*EVENT_COLUMNS).where(events.c.room == room).order_by(events.c.seq.desc()).limit(max(limit, 1))
    found = [event(room, row) for row in c.execute(newest)]
    found.reverse()
    return Tail(epoch, found[-1].seq, found[len(found) - limit :] if limit else [])


def read(c: Connection, room: str, after: int, limit: int) -> list[Event]:
    """See `Log.read`."""
    this = and_(events.c.room == room, events.c.seq > after)
    rows = c.execute(select(*EVENT_COLUMNS).where(this).order_by(events.c.seq).limit(limit))
    return [event(room, row) for row in rows]


def heads(c: Connection, wanted: Sequence[str]) -> dict[str, int]:
    """See `Log.heads`."""
    return {room: seq for room, seq, _ in heads_and_ids(c, wanted)}


def heads_and_ids(c: Connection, wanted: Sequence[str]) -> Iterator[Row[str, int, int]]:
    """Give (room, newest seq, its id) of those rooms that have an event."""
    is_newest = events.c.seq == newest_seq(rooms.c.id).scalar_subquery()
    newest = select(rooms.c.id, events.c.seq, events.c.id).where(events.c.room == rooms.c.id, is_newest)
    for chunk in _chunks(wanted):
        yield from c.execute(newest.where(rooms.c.id.in_(chunk)))


def newest_seq(room: Any) -> Select[tuple[int]]:
    """The newest seq of the room in a column of the query around it; one step down the primary key."""
    log = events.alias()
    return select(func.coalesce(func.max(log.c.seq), 0)).where(log.c.room == room)


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
