"""New events on their way into the table `events`, as plain tuples, for appending, the journal and reads."""

from typing import Final, NamedTuple

from madang.core.events import Draft, Event
from madang.core.ids import IdSource, id_ms

EventRow = tuple[str, int, int, str, str, str, str | None, int | None, str, None]
"""A new row of `events`, in the order of its columns: room, seq, id, type, user, name, cid, target, body, edit."""


class Head(NamedTuple):
    """The seq and id of a room's newest event; both 0 for a room that does not exist."""

    seq: int = 0
    id: int = 0


GONE: Final = Head(-1, 0)
"""In place of the head of a room that has been deleted: nothing is appended to it."""


class FirstUse(NamedTuple):
    """The event that a cid was first used for, and the seq of the message it is about."""

    event: Event
    target: int | None


def number(d: Draft, head: Head, ids: IdSource, now_ms: int) -> tuple[Event, EventRow]:
    """Return the event that a draft becomes after `head`, and its row."""
    id = ids.next(now_ms, head.id)
    seq = head.seq + 1
    type = d.content.type
    event = Event(d.room, seq, id, type, d.user, d.name, id_ms(id), d.body)
    return event, (d.room, seq, id, type, d.user, d.name, d.cid, d.target, d.body.decode(), None)


def event_of(row: EventRow) -> Event:
    """Return the event of a row."""
    room, seq, id, type, user, name, _, _, body, _ = row
    return Event(room, seq, id, type, user, name, id_ms(id), body.encode())
