"""A new event on its way into the table `events`, as plain tuples: what appending, the journal and reads share."""

from typing import NamedTuple

from madang.core.events import Draft, Event
from madang.core.ids import IdSource, id_ms

EventRow = tuple[str, int, int, str, str, str, str | None, int | None, str, None]
"""A new row of `events`, in the order of its columns: room, seq, id, type, user, name, cid, target, body, edit."""


class Head(NamedTuple):
    """A room's newest event: its seq and its id. A room that does not exist has neither."""

    seq: int = 0
    id: int = 0


class FirstUse(NamedTuple):
    """The event that a cid stands for already, and what it is about."""

    event: Event
    target: int | None


def number(d: Draft, head: Head, ids: IdSource, now_ms: int) -> tuple[Event, EventRow]:
    """Make a draft the event that follows `head`."""
    id = ids.next(now_ms, head.id)
    seq = head.seq + 1
    type = d.content.type
    event = Event(d.room, seq, id, type, d.user, d.name, id_ms(id), d.body)
    return event, (d.room, seq, id, type, d.user, d.name, d.cid, d.target, d.body.decode(), None)


def event_of(row: EventRow) -> Event:
    """Make the event of a row again."""
    room, seq, id, type, user, name, _, _, body, _ = row
    return Event(room, seq, id, type, user, name, id_ms(id), body.encode())
