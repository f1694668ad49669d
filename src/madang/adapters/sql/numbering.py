"""Numbers messages that versions before 0004 stored, and counts what is derived from them again.

A stretch of the log per transaction, under its room's lock, in the order of the key, while nodes append and read: what
has no ordinal yet is counted by those who ask (`ordinals.py`). How far it came is a fact of the installation, so a node
that starts goes on where another stopped, and several at a time do the same work twice and no harm.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    Connection,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from madang.adapters.sql import installation, lookups, ordinals
from madang.adapters.sql.dialects import SENT, AnyRow, from_index, insert_new
from madang.adapters.sql.tables import events, members, mentions, reaction_counts, reactions, rooms
from madang.core.events import MessageEdited, MessageSent, decode_body

NUMBERED: Final = "numbered"
"""How far: the seq and room up to which all is done, ALL when nothing is left; unset: not begun."""
ALL: Final = "all"
STRETCH: Final = 500
"""Messages in a transaction: about 10 ms on SQLite, during which appends wait."""
ROOMS: Final = 100
"""Rooms in a transaction at most."""


def number_stretch(c: Connection) -> bool:
    """Number up to STRETCH messages, within the transaction that `c` is in; return whether any may be left."""
    done = installation.get(c, NUMBERED)
    if done == ALL:
        return False
    seq, _, room = done.partition(" ")
    left = STRETCH
    reached: int | None = int(seq or 0)
    for _ in range(ROOMS):
        if not room or reached is None:
            following = select(rooms.c.id).where(rooms.c.id > room).order_by(rooms.c.id).limit(1)
            room, reached = c.execute(following).scalar() or "", 0
            if not room:
                installation.put(c, NUMBERED, ALL)
                return False
        count, reached = _number(c, room, reached, left)
        left -= count
        if left <= 0:
            break
    installation.put(c, NUMBERED, f"{_END if reached is None else reached} {room}")
    return True


_END: Final = 2**62  # above any seq: the room is done


def _number(c: Connection, room: str, after: int, limit: int) -> tuple[int, int | None]:
    """Number up to `limit` messages of a room above a seq. Return how many there were, and the last; None at the end."""
    if c.dialect.name != "sqlite":
        lookups.lock_rooms(c, [room])
    wanted: list[ColumnClause[Any]] = [column(name) for name in ("seq", "user", "body", "edit", "ordinal")]
    page = select(*wanted).select_from(from_index(c, events, "events_messages"))
    above = page.where(column("room") == room, column("type") == SENT, column("seq", BigInteger) > after)
    rows = c.execute(above.order_by(column("seq", BigInteger)).limit(limit)).all()
    if not rows:
        return 0, None
    if any(row.ordinal is None for row in rows):
        _set_ordinals(c, room, after, rows)
    _count_reactions(c, room, rows[0].seq, rows[-1].seq)
    for row in rows:
        if '"mentions":' in row.body:
            _mentions(c, room, row)
    return len(rows), rows[-1].seq if len(rows) == limit else None


def _set_ordinals(c: Connection, room: str, after: int, rows: Iterable[AnyRow]) -> None:
    name, place = c.dialect.name, f"'{room}'"  # a room's id has no quotes
    ordinal = c.execute(select(literal_column(ordinals.messages(name, place, str(after)), BigInteger))).scalar_one()
    own: dict[str, int] = {}
    numbered: list[dict[str, int]] = []
    for row in rows:
        ordinal += 1
        if row.user not in own:
            own[row.user] = _own(c, room, row.user, after)
        own[row.user] += 1
        if row.ordinal is None:
            numbered.append({"at": row.seq, "nth": ordinal, "own": own[row.user]})
    message = update(events).where(events.c.room == room, events.c.seq == bindparam("at"))
    c.execute(message.values(ordinal=bindparam("nth"), own_ordinal=bindparam("own")), numbered)


def _own(c: Connection, room: str, user: str, upto: int) -> int:
    theirs = select(column("own_ordinal", BigInteger)).select_from(from_index(c, events, "events_own"))
    seq = column("seq", BigInteger)
    there = theirs.where(column("room") == room, column("user") == user, column("type") == SENT, seq <= upto)
    return c.execute(there.order_by(seq.desc()).limit(1)).scalar() or 0


def _count_reactions(c: Connection, room: str, first: int, last: int) -> None:
    """Count the reactions to a stretch of messages again, and correct what differs."""
    kept = reaction_counts
    here = kept.c.room == room, kept.c.target.between(first, last)
    stored = {
        tuple(row[:2]): tuple(row[2:])
        for row in c.execute(select(kept.c.target, kept.c.emoji, kept.c.users, kept.c.seq).where(*here))
    }
    of = reactions.c
    counted = select(of.target, of.emoji, func.count(), func.min(of.seq)).where(
        of.room == room, of.target.between(first, last)
    )
    found = {tuple(row[:2]): tuple(row[2:]) for row in c.execute(counted.group_by(of.target, of.emoji))}
    for target, emoji in stored.keys() | found.keys():
        users, seq = found.get((target, emoji), (0, 0))
        if stored.get((target, emoji), (0, 0))[0] != users:
            c.execute(delete(kept).where(kept.c.room == room, kept.c.target == target, kept.c.emoji == emoji))
            if users:
                c.execute(insert(kept).values(room=room, target=target, emoji=emoji, users=users, seq=seq))


def _mentions(c: Connection, room: str, row: AnyRow) -> None:
    """Let the rows of a message's mentions be those whom it mentions now, as far as they are members, and not its author."""
    first = set(decode_body(MessageSent, row.body.encode()).mentions)
    now = first
    if row.edit is not None:
        body = c.execute(select(events.c.body).where(events.c.room == room, events.c.seq == row.edit)).scalar_one()
        now = set(decode_body(MessageEdited, body.encode()).mentions)
    now = now - {row.user}
    if gone := first - now:
        c.execute(
            delete(mentions).where(
                mentions.c.room == room, mentions.c.seq == row.seq, mentions.c.user.in_(sorted(gone))
            )
        )
    if new := now - first:
        there = select(members.c.user).where(members.c.room == room, members.c.user.in_(sorted(new)))
        for user in c.execute(there).scalars().all():
            insert_new(c, mentions, {"user": user, "room": room, "seq": row.seq})
