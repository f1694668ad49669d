"""Erasing: what a message leaves behind, and the pieces of `ports.erasures`, over one connection.

A piece holds the row of its erasure, so that two nodes cannot be at one place, and then the row of its room, as an append does. All
of the room's events must be in the table (`Engine.write`).
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    bindparam,
    column,
    delete,
    select,
    text,
    update,
)

from madang.adapters.sql import reports as report_rows
from madang.adapters.sql.dialects import EDITED, MYSQL, SENT, AnyRow, forced, insert_new
from madang.adapters.sql.lookups import lock_rooms, padded
from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import (
    audit,
    bans,
    erasures,
    events,
    mentions,
    mutes,
    pins,
    reaction_counts,
    reactions,
    reports,
    rooms,
)
from madang.core import events as kinds
from madang.core.erasure import ERASE, SAID, Erasure, Said
from madang.core.events import ERASED, Event, erased_edit, unnamed

WALKED: Final = 200
"""Rooms looked into at a time, with two descents of an index each."""

# Made once: a list in a statement is a reference ring, which waits for the cycle collector.
_room: Final = bindparam("in_room", type_=String)
_seqs: Final[BindParameter[Any]] = bindparam("seqs", expanding=True)
_these: Final = (events.c.room == _room, events.c.seq.in_(_seqs))
_NO_MORE: Final = delete(mentions).where(
    mentions.c.room == _room,
    mentions.c.seq == bindparam("of_seq"),
    mentions.c.user.in_(bindparam("users", expanding=True)),
)
_ABOUT: Final = [
    delete(table).where(table.c.room == _room, table.c.target.in_(_seqs))
    for table in (reactions, reaction_counts, pins)
]
_REWORD: Final = (
    update(events).where(events.c.room == _room, events.c.seq == bindparam("of_seq")).values(body=bindparam("to_body"))
)
_EMPTY: Final = update(events).where(*_these).values(body=ERASED.decode(), edit=None)
_UNNAME: Final = update(events).where(*_these).values(name="")
_NO_AUTHOR: Final = update(reports).where(reports.c.room == _room, reports.c.seq.in_(_seqs)).values(author_name="")
_NEWEST: Final = select(events.c.body).where(*_these)
_NAMED: Final = [
    (bans, bans.c.user, bans.c.name),
    (mutes, mutes.c.user, mutes.c.name),
    (reports, reports.c.user, reports.c.name),
    (audit, audit.c.by, audit.c.by_name),
    (audit, audit.c.user, audit.c.name),
]
"""Tables beside the log that have names: whose they are, and the column."""


def mentioned(c: Connection, room: str, body: str, edit: int | None) -> set[str]:
    """Return whom a message mentions as it is now.

    Args:
        body: of the message.
        edit: the seq of its newest edit.
    """
    if edit is None:
        return set(kinds.decode_body(kinds.MessageSent, body.encode()).mentions)
    newest = c.execute(_NEWEST, {"in_room": room, "seqs": [edit]}).scalar_one()
    return set(kinds.decode_body(kinds.MessageEdited, newest.encode()).mentions)


def mention_no_more(c: Connection, room: str, seq: int, users: Collection[str]) -> None:
    """Count a message no more as one that mentions these. They are found by it, because their key begins with the user."""
    if users:
        c.execute(_NO_MORE, {"in_room": room, "of_seq": seq, "users": padded(sorted(users))})


def erase_messages(c: Connection, room: str, messages: Sequence[AnyRow], *, own: bool) -> None:
    """Erase messages (rows with seq, body and edit), their edits, and what is about them. `own`: their author does it."""
    for message in messages:
        mention_no_more(c, room, message.seq, mentioned(c, room, message.body, message.edit))
    these = {"in_room": room, "seqs": padded([message.seq for message in messages])}
    report_rows.messages_deleted(c, room, these["seqs"], own)
    c.execute(_EMPTY, these)
    edits = c.execute(_edits_of(c.dialect.name), these).all()
    if edits:
        c.execute(
            _REWORD,
            [{"in_room": room, "of_seq": seq, "to_body": erased_edit(target).decode()} for seq, target in edits],
        )
    for about in _ABOUT:
        c.execute(about, these)


@lru_cache
def _edits_of(dialect: str) -> Select[*tuple[Any, ...]]:
    """Return the statement for the edits of messages. Made once, as those above."""
    target = column("target", BigInteger)
    return (
        select(column("seq", BigInteger), target)
        .select_from(text(forced(dialect, events.name, "events_edits", events.name)))
        .where(column("room", String) == _room, column("type") == EDITED, target.in_(_seqs))
    )


# -- erasures ----------------------------------------------------------------------------------------------------------


def ask(c: Connection, user: str, said: Said, now_ms: int) -> None:
    """Note that somebody wants a user erased, or their name. What was asked for before and does as much goes on."""
    row = {
        "user": user,
        "said": said,
        "asked_ms": now_ms,
        "done_ms": None,
        "room": "",
        "seq": 0,
        "rooms": 0,
        "events": 0,
    }
    if insert_new(c, erasures, row):
        return
    there = c.execute(select(erasures.c.said).where(erasures.c.user == user).with_for_update()).scalar_one()
    if SAID.index(there) < SAID.index(said):
        c.execute(update(erasures).where(erasures.c.user == user).values(row))


def one(c: Connection, user: str) -> Erasure | None:
    """See `Erasures.erasure`."""
    row = c.execute(select(erasures).where(erasures.c.user == user)).one_or_none()
    return None if row is None else Erasure(**row._mapping)


def listed(c: Connection, after: str, limit: int, standing: bool) -> list[Erasure]:
    """See `Erasures.erasures`."""
    wanted = select(erasures).where(erasures.c.user > after).order_by(erasures.c.user).limit(limit)
    if standing:
        wanted = wanted.where(erasures.c.done_ms.is_(None))
    return [Erasure(**row._mapping) for row in c.execute(wanted)]


def rooms_with(
    c: Connection, user: str, after: str, waiting: Mapping[str, Sequence[EventRow]]
) -> tuple[list[str], str]:
    """See `Erasures.rooms_with`. `waiting` holds events, by room, that may not be in the table yet; it was taken before this reads."""
    walked = select(rooms.c.id).where(rooms.c.id > after).order_by(rooms.c.id).limit(WALKED)
    ids = list(c.execute(walked).scalars())

    def has(room: str) -> bool:
        given = {"in_room": room, "of_user": user, "above": 0, "most": 1}
        there = any(c.execute(wanted, given).first() is not None for wanted in _theirs(c))
        return there or any(row[4] == user for row in waiting.get(room, ()))

    return [room for room in ids if has(room)], ids[-1] if len(ids) == WALKED else ""


def erase_names(c: Connection, user: str, limit: int) -> int:
    """See `Erasures.erase_names`."""
    erasure = _held(c, user)
    if erasure is None:
        return 0
    for table, whose, name in _NAMED:
        emptied = {name.name: ""}
        shown: ColumnElement[bool] = name != ""
        if table is reports and erasure.said == ERASE:
            emptied["reason"] = ""
            shown = shown | (reports.c.reason != "")
        if found := _emptied(c, table, limit, emptied, whose == user, shown):
            return found
    return 0


def _emptied(c: Connection, table: Table, limit: int, values: dict[str, str], *which: ColumnElement[bool]) -> int:
    key = list(table.primary_key)
    rows = c.execute(select(*key).where(*which).order_by(*key).limit(limit)).all()
    for row in rows:
        this = [each == value for each, value in zip(key, row, strict=True)]
        c.execute(update(table).where(*this).values(values))
    return len(rows)


def erase_events(c: Connection, user: str, room: str, limit: int) -> int:
    """See `Erasures.erase_events`."""
    erasure = _held(c, user)
    if erasure is None or room < erasure.room:
        return 0
    if c.dialect.name != "sqlite":
        lock_rooms(c, [room])
    above = erasure.seq if erasure.room == room else 0
    given = {"in_room": room, "of_user": user, "above": above, "most": limit}
    rows = sorted((row for wanted in _theirs(c) for row in c.execute(wanted, given)), key=lambda row: row.seq)[:limit]
    if rows:
        _erase(c, room, rows, erasure.said)
        place = {"room": room, "seq": rows[-1].seq, "events": erasure.events + len(rows)}
        c.execute(update(erasures).where(erasures.c.user == user).values(place))
    return len(rows)


def _erase(c: Connection, room: str, rows: Sequence[AnyRow], said: str) -> None:
    """Erase events, or the names in them."""
    messages = [row for row in rows if row.type == kinds.MessageSent.type]
    if said == ERASE and (standing := [row for row in messages if row.body.encode() != ERASED]):
        erase_messages(c, room, standing, own=True)
    c.execute(_UNNAME, {"in_room": room, "seqs": padded([row.seq for row in rows])})
    if messages:
        c.execute(_NO_AUTHOR, {"in_room": room, "seqs": padded([row.seq for row in messages])})
    for row in rows:
        before = row.body.encode()
        if (body := unnamed(Event(room, row.seq, 0, row.type, "", "", 0, before)).body) is not before:
            c.execute(_REWORD, {"in_room": room, "of_seq": row.seq, "to_body": body.decode()})


def _theirs(c: Connection) -> Sequence[Select[*tuple[Any, ...]]]:
    """Return the statements for the messages of a user in a room above a seq, and for all else."""
    return _statements(c.dialect.name)


@lru_cache
def _statements(dialect: str) -> Sequence[Select[*tuple[Any, ...]]]:
    seq = column("seq", BigInteger)
    wanted = (
        select(seq, column("type", String), column("body", String), column("edit", BigInteger))
        .where(column("room", String) == _room, column("user", String) == bindparam("of_user", type_=String))
        .where(seq > bindparam("above", type_=BigInteger))
        .order_by(seq)
        .limit(bindparam("most"))
    )
    others = "events_own" if dialect in MYSQL else "events_deeds"
    indexes = (("events_own", column("type") == SENT), (others, column("type") != SENT))
    return [
        wanted.where(which).select_from(text(forced(dialect, events.name, index, events.name)))
        for index, which in indexes
    ]


def room_erased(c: Connection, user: str, room: str) -> None:
    """See `Erasures.room_erased`."""
    erasure = _held(c, user)
    if erasure is not None and (erasure.room, erasure.seq) < (room, _END):
        done = {"room": room, "seq": _END, "rooms": erasure.rooms + 1}
        c.execute(update(erasures).where(erasures.c.user == user).values(done))


def erased(c: Connection, user: str, asked_ms: int, now_ms: int) -> None:
    """See `Erasures.erased`."""
    this = erasures.c.user == user, erasures.c.asked_ms == asked_ms
    c.execute(update(erasures).where(*this).values(done_ms=now_ms, room="", seq=0))


def forget(c: Connection, before_ms: int) -> int:
    """See `Erasures.forget_erasures`."""
    long_done = select(erasures.c.user).where(erasures.c.done_ms < before_ms)
    old = list(c.execute(long_done.order_by(erasures.c.done_ms).limit(1_000)).scalars())
    if old:
        c.execute(delete(erasures).where(erasures.c.user.in_(padded(sorted(old)))))
    return len(old)


def _held(c: Connection, user: str) -> Erasure | None:
    """Return an erasure that is not done, and keep others from it until the transaction ends."""
    standing = select(erasures).where(erasures.c.user == user, erasures.c.done_ms.is_(None)).with_for_update()
    row = c.execute(standing).one_or_none()
    return None if row is None else Erasure(**row._mapping)


_END: Final = 1 << 62  # above every seq
