"""One batch of drafts to outcomes, in one transaction: lock, deduplicate, apply effects, number, write.

The same for every database. What lives elsewhere: what each type of event does (`effects.py`), who runs the
transaction and in which thread (`sqlite.py`, `postgresql.py`).
"""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from madang.adapters.sql import effects, reading
from madang.adapters.sql.dialects import find_cids, insert_new, insert_text
from madang.adapters.sql.tables import events, rooms
from madang.core.events import CREATED, Appended, Draft, Event
from madang.core.ids import IdSource, id_ms
from madang.errors import Refused
from madang.ports.log import Outcome

EventRow = tuple[str, int, int, str, str, str, str | None, int | None, str, None]
"""A new row of `events`, in the order of its columns."""

CidKey = tuple[str, str, str]
"""(room, user, cid)"""


class Head(NamedTuple):
    """A room's newest event: its seq and its id. A room that does not exist has neither."""

    seq: int = 0
    id: int = 0


class First(NamedTuple):
    """The event that a cid stands for already, and what it is about."""

    event: Event
    target: int | None


def append(c: Connection, drafts: Sequence[Draft], ids: IdSource, now_ms: int) -> list[Outcome]:
    """Append a batch within the transaction that `c` is in."""
    heads = lock(c, drafts)
    known = find(c, drafts)
    waiting: list[EventRow] = []

    def settle() -> None:
        if waiting:
            write(c, waiting)
            waiting.clear()

    batch = effects.Batch(c, settle)
    outcomes: list[Outcome] = []
    for d in drafts:
        key = (d.room, d.user, d.cid) if d.cid is not None else None
        if key is not None and (first := known.get(key)) is not None:
            outcomes.append(repeat(first, d))
            continue
        head = heads.get(d.room) or Head()
        if not head.seq and d.type != CREATED:
            outcomes.append(Refused("not_found"))
            continue
        try:
            stands = effects.apply(batch, d, head.seq + 1)
        except Refused as refused:
            outcomes.append(refused)
            continue
        if not stands:
            outcomes.append(None)
            continue
        event, row = number(d, head, ids, now_ms)
        heads[d.room] = Head(event.seq, event.id)
        waiting.append(row)
        outcomes.append(Appended(event))
        if key is not None:
            known[key] = First(event, d.content.target)
    settle()
    return outcomes


def lock(c: Connection, drafts: Sequence[Draft]) -> dict[str, Head]:
    """Hold the batch's rooms until the transaction ends, and give their heads.

    Rows are locked in the order of their ids, and new rooms are made after that in the same order: batches that share
    rooms queue, and never wait for each other in a ring. A new room's row is written here, before the cids are looked
    up, so that two nodes that get the same room.created queue too. Its event follows, whatever else the batch holds:
    nothing else can make the first room.created of a room fail.
    """
    wanted = sorted({d.room for d in drafts})
    held = set(
        c.execute(select(rooms.c.id).where(rooms.c.id.in_(wanted)).order_by(rooms.c.id).with_for_update()).scalars()
    )
    made = {d.room: d for d in reversed(drafts) if d.type == CREATED and d.room not in held}
    for room in sorted(made):
        body = made[room].content
        row = {"id": room, "title": body.title or room, "access": body.access or "open", "slow_ms": body.slow_ms or 0}
        if not insert_new(c, rooms, {**row, "epoch": secrets.token_hex(8)}):
            # Another node made it after our first look.
            c.execute(select(rooms.c.id).where(rooms.c.id == room).with_for_update())
    return {room: Head(seq, id) for room, seq, id in reading.heads_and_ids(c, wanted)}


def find(c: Connection, drafts: Sequence[Draft]) -> dict[CidKey, First]:
    """Find which cids of the batch stand in the log already. The rooms must be locked, or a twin slips in between."""
    keys = [(d.room, d.user, d.cid) for d in drafts if d.cid is not None]
    if not keys:
        return {}
    return {
        (row.room, row.user, row.cid): First(reading.event(row.room, row), row.target) for row in find_cids(c, keys)
    }


def repeat(first: First, d: Draft) -> Outcome:
    """Judge a draft whose cid stands for an event already. What a deletion has erased can no longer be compared."""
    event = first.event
    if event.type != d.type:
        return Refused("conflict")
    if event.body != d.body and not effects.erased(event.type, event.body, first.target):
        return Refused("conflict")
    return Appended(event, duplicate=True)


def number(d: Draft, head: Head, ids: IdSource, now_ms: int) -> tuple[Event, EventRow]:
    """Make a draft the event that follows `head`."""
    id = ids.next(now_ms, head.id)
    seq = head.seq + 1
    event = Event(d.room, seq, id, d.type, d.user, d.name, id_ms(id), d.body)
    return event, (d.room, seq, id, d.type, d.user, d.name, d.cid, d.content.target, d.body.decode(), None)


def write(c: Connection, rows: list[EventRow]) -> None:
    """Put rows into `events`."""
    c.exec_driver_sql(insert_text(events, c.dialect), rows)
