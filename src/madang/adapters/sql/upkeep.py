"""Deleted rooms and known users: `ports.upkeep` over one connection. Each function is one short transaction."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import BindParameter, Connection, TextClause, bindparam, delete, exists, or_, select, text, update

from madang.adapters.sql import accounts, consumers, erasing, keyset, ordinals, papers
from madang.adapters.sql import audit as audit_rows
from madang.adapters.sql.dialects import insert_all, insert_new
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.reading import newest_seqs
from madang.adapters.sql.rows import Head
from madang.adapters.sql.tables import (
    audit,
    bans,
    events,
    invites,
    kicks,
    members,
    mutes,
    pins,
    reaction_counts,
    reactions,
    reports,
    rooms,
    users,
)
from madang.core.audit import Deed
from madang.core.erasure import KEEP, Said
from madang.core.events import MessageEdited, MessageSent
from madang.core.ids import id_ms
from madang.core.rooms import DELETED
from madang.ports.upkeep import StoredRoom, StoredUser

PAPERS: Final = 10
"""Papers that are removed together: of one there may be thousands of rows."""
_USER: Final = (users.c.id, users.c.seen_ms, users.c.deleted_ms)
_DELETED: Final = select(*_USER).where(users.c.deleted_ms >= bindparam("since_ms"))
_decode_sent: Final = msgspec.json.Decoder(MessageSent).decode
_decode_edited: Final = msgspec.json.Decoder(MessageEdited).decode


# Made once: an alias and a list in a statement are reference rings, which wait for the cycle collector.
_log: Final = events.alias()
_old: Final = events.alias()
_ROOMS: Final = (
    select(
        rooms.c.id,
        rooms.c.access,
        select(_log.c.id).where(_log.c.room == rooms.c.id).order_by(_log.c.seq.desc()).limit(1).scalar_subquery(),
        exists().where(members.c.room == rooms.c.id),
        rooms.c.keep_ms,
        rooms.c.keep_messages,
        rooms.c.purged_seq,
        exists().where(_old.c.room == rooms.c.id, _old.c.seq <= rooms.c.purged_seq, rooms.c.purged_seq > 0),
        rooms.c.epoch,
    )
    .where(rooms.c.id > bindparam("behind"))
    .order_by(rooms.c.id)
    .limit(bindparam("most"))
)
_KEPT: Final = select(rooms.c.access, rooms.c.keep_ms, rooms.c.keep_messages, rooms.c.purged_seq).where(
    rooms.c.id == bindparam("of")
)
_ID_UPTO: Final = (
    select(_log.c.id)
    .where(_log.c.room == bindparam("of"), _log.c.seq <= bindparam("upto"))
    .order_by(_log.c.seq.desc())
    .limit(1)
)
_some: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_KNOWN: Final = select(users.c.id).where(users.c.id.in_(_some))
_SEEN: Final = update(users).where(users.c.id.in_(_some)).values(seen_ms=bindparam("at_ms"))
_WITHOUT: Final = {
    table: delete(table).where(table.c.room == bindparam("in_room"), key.in_(_some))
    for table, key in (*((each, each.c.user) for each in (members, kicks, bans, mutes)), (audit, audit.c.n))
}
_JOINED: Final = select(members.c.user).where(members.c.user.in_(_some)).distinct()


def rooms_after(c: Connection, after: str, limit: int, newest: Mapping[str, Head]) -> list[StoredRoom]:
    """See `Upkeep.rooms_after`; `newest` holds heads that may be above the table's (`journal.py`)."""
    found = []
    for room, access, id, there, keep_ms, keep_messages, purged_seq, left, epoch in c.execute(
        _ROOMS, {"behind": after, "most": limit}
    ):
        id = max(id or 0, newest.get(room, Head()).id)
        stored = StoredRoom(
            id=room, deleted=access == DELETED, at_ms=id_ms(id), members=bool(there),
            keep_ms=keep_ms, keeps=bool(keep_ms or keep_messages), purged_seq=purged_seq, left=bool(left), epoch=epoch,
        )  # fmt: skip
        found.append(stored)
    return found


def erase(c: Connection, room: str, limit: int) -> int:
    """See `Upkeep.erase`."""
    found = c.execute(_KEPT, {"of": room}).one_or_none()
    if found is None:
        return 0
    if found.access != DELETED:
        return _erase_events(c, room, found.purged_seq, limit) if found.purged_seq else 0
    last = dict(newest_seqs(c, [room])).get(room, 0)
    for table in (members, kicks, bans, mutes):
        some = select(table.c.user).where(table.c.room == room).limit(limit)
        if people := c.execute(some).scalars().all():
            c.execute(_WITHOUT[table], {"in_room": room, "ids": padded(people)})
            return len(people)
    if removed := papers.remove_of(c, room, min(limit, PAPERS)):
        return removed
    deeds = select(audit.c.n).where(audit.c.room == room).limit(limit)
    if numbers := c.execute(deeds).scalars().all():
        c.execute(_WITHOUT[audit], {"in_room": room, "ids": padded(numbers)})
        return len(numbers)
    told = c.execute(select(reports.c.seq, reports.c.user).where(reports.c.room == room).limit(limit)).all()
    for seq, user in told:
        c.execute(delete(reports).where(reports.c.room == room, reports.c.seq == seq, reports.c.user == user))
    if told:
        return len(told)
    erased = _erase_events(c, room, last - 1, limit)
    if not erased:
        c.execute(delete(invites).where(invites.c.room == room))  # at most 100
    return erased


def _erase_events(c: Connection, room: str, upto: int, limit: int) -> int:
    """Remove the oldest events up to a seq, with what is about them."""
    first = select(events.c.seq, events.c.type, events.c.body).where(events.c.room == room, events.c.seq <= upto)
    rows = c.execute(first.order_by(events.c.seq).limit(limit)).all()
    if not rows:
        return 0
    for seq, type, body in rows:
        if type == MessageSent.type:
            erasing.mention_no_more(c, room, seq, _decode_sent(body).mentions)
        elif type == MessageEdited.type:
            edit = _decode_edited(body)
            erasing.mention_no_more(c, room, edit.target, edit.mentions)
    low, high = rows[0].seq, rows[-1].seq
    of_messages = [(table, table.c.target) for table in (reactions, reaction_counts, pins)]
    for table, seq in (*of_messages, (reports, reports.c.seq), (events, events.c.seq)):
        c.execute(delete(table).where(table.c.room == room, seq.between(low, high)))
    return len(rows)


def due(c: Connection, room: str, before_ms: int) -> int:
    """See `Upkeep.due`. Of what may not be in the table yet, nothing is due yet."""
    kept = c.execute(_KEPT, {"of": room}).one()
    last = dict(newest_seqs(c, [room])).get(room, 0)
    before: int = kept.purged_seq
    upto = before
    if kept.keep_ms:
        upto = _last_seq(upto, last, lambda seq: _at_ms(c, room, seq) < before_ms)
    if kept.keep_messages:
        most = _messages(c, room, last) - kept.keep_messages
        upto = _last_seq(upto, last, lambda seq: _messages(c, room, seq) <= most)
    return upto if _messages(c, room, upto) > _messages(c, room, before) else before


def _last_seq(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the last seq up to `high` for which something holds, which holds up to it; `low` if for none."""
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _at_ms(c: Connection, room: str, seq: int) -> int:
    return id_ms(c.execute(_ID_UPTO, {"of": room, "upto": seq}).scalar() or 0)


def _messages(c: Connection, room: str, seq: int) -> int:
    return int(c.execute(_counted(c.dialect.name), {"of": room, "upto": seq}).scalar_one())


@lru_cache
def _counted(dialect: str) -> TextClause:
    return text(f"SELECT {ordinals.messages(dialect, ':of', ':upto')}")


def forget_rooms(c: Connection, some: Sequence[str]) -> list[str]:
    """See `Upkeep.forget_rooms`; return which."""
    gone = []
    for room in sorted(some):
        is_deleted = exists().where(rooms.c.id == room, rooms.c.access == DELETED)
        anybody = exists().where(members.c.room == room)
        left = select(events.c.seq).where(events.c.room == room, is_deleted, ~anybody).order_by(events.c.seq).limit(2)
        seqs = c.execute(left).scalars().all()
        if len(seqs) == 1:
            c.execute(delete(events).where(events.c.room == room, events.c.seq == seqs[0]))
            c.execute(delete(rooms).where(rooms.c.id == room))
            consumers.forget_room(c, room)
            gone.append(room)
    return gone


def note_seen(c: Connection, some: Sequence[str], now_ms: int) -> None:
    """See `Upkeep.note_seen`. In the order of the key, so that two nodes cannot deadlock."""
    ordered = sorted(set(some))
    note_known(c, ordered, now_ms)
    if ordered:
        c.execute(_SEEN, {"ids": padded(ordered), "at_ms": now_ms})


def members_after(c: Connection, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
    """See `Upkeep.members_after`."""
    return [(row[0], row[1]) for row in keyset.batch(c, members, after, limit)]


def note_known(c: Connection, some: Sequence[str], now_ms: int) -> None:
    """See `Upkeep.note_known`."""
    if ordered := sorted(set(some)):
        known = set(c.execute(_KNOWN, {"ids": padded(ordered)}).scalars())
        rows = [{"id": user, "seen_ms": now_ms} for user in ordered if user not in known]
        insert_all(c, users, rows)


def users_after(c: Connection, after: str, limit: int) -> list[StoredUser]:
    """See `Upkeep.users_after`."""
    wanted = select(*_USER).where(users.c.id > after).order_by(users.c.id).limit(limit)
    return [StoredUser(**row._mapping) for row in c.execute(wanted)]


def joined_among(c: Connection, some: Sequence[str]) -> set[str]:
    """See `Upkeep.joined_among`."""
    return set(c.execute(_JOINED, {"ids": padded(some)}).scalars())


def delete_user(c: Connection, user: str, now_ms: int, said: Said, deed: Deed | None, known: bool) -> bool:
    """See `Upkeep.delete_user`."""
    had_account = accounts.delete_account(c, user)
    there = select(or_(exists().where(users.c.id == user), exists().where(members.c.user == user)))
    if not had_account and not known and not c.execute(there).scalar():
        return False
    if said != KEEP:
        erasing.ask(c, user, said, now_ms)
    if deed is not None:
        audit_rows.note_of_server(c, deed, now_ms)
    if not insert_new(c, users, {"id": user, "seen_ms": now_ms, "deleted_ms": now_ms}):
        profile = dict.fromkeys(("name", "picture", "locale", "named_ms", "vouched_ms"))
        c.execute(update(users).where(users.c.id == user).values(deleted_ms=now_ms, **profile))
    return True


def users_deleted(c: Connection, since_ms: int) -> list[StoredUser]:
    """See `Upkeep.users_deleted`."""
    return [StoredUser(**row._mapping) for row in c.execute(_DELETED, {"since_ms": since_ms})]


def forget_users(c: Connection, some: Sequence[str]) -> None:
    """See `Upkeep.forget_users`."""
    there = joined_among(c, some)
    gone = sorted(set(some) - there)
    for table in (kicks, bans, mutes, reports):
        c.execute(delete(table).where(table.c.user.in_(gone)))
    c.execute(delete(users).where(users.c.id.in_(gone)))
