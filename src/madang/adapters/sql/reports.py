"""Reports of messages, over one connection. Whoever writes here holds the lock of the room, as an append does.

A row stays when its report is resolved, so that nobody reports a message twice.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from madang.adapters.sql import audit
from madang.adapters.sql.lookups import lock_rooms
from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import events, members, reports, rooms
from madang.core.audit import resolved
from madang.core.events import ERASED, Draft, MessageSent
from madang.core.permissions import NOBODY, Action, need
from madang.core.reports import MAX_FLAGS, MAX_OWN, MAX_REPORTS, SHOWN, SYSTEM_NAME, Report, Reported
from madang.core.rooms import DELETED, hidden_by
from madang.core.user_ids import SYSTEM
from madang.errors import Refused

NO_MESSAGE: Final = "There is no such message."


def add(c: Connection, room: str, seq: int, report: Report, server: bool, recent: Sequence[EventRow]) -> int | None:
    """See `Directory.add_report`.

    Args:
        recent: events of the room that may not be in the table yet.
    """
    if c.dialect.name != "sqlite":
        lock_rooms(c, [room])
    settings = select(rooms.c.access, rooms.c.history, rooms.c.purged_seq)
    there = c.execute(settings.where(rooms.c.id == room)).one_or_none()
    if not server:
        mine = select(members.c.role, members.c.joined_seq)
        row = c.execute(mine.where(members.c.room == room, members.c.user == report.user)).one_or_none()
        need(row.role if row else NOBODY, Action.REPORT)
        if row and there and seq <= hidden_by(there.history, there.purged_seq, row.joined_seq or 0):
            raise Refused("not_found", NO_MESSAGE)
    if there is None or there.access == DELETED:
        raise Refused("not_found")
    author = _author(c, room, seq, recent)
    this = reports.c.room == room, reports.c.seq == seq, reports.c.user == report.user
    if c.execute(select(reports.c.seq).where(*this)).first() is not None:
        return None
    open_here = select(func.count()).where(reports.c.room == room, reports.c.open == 1)
    if c.execute(open_here).scalar_one() >= MAX_REPORTS:
        raise Refused("too_many", f"There are {MAX_REPORTS} open reports in this room.")
    if not server and c.execute(open_here.where(reports.c.user == report.user)).scalar_one() >= MAX_OWN:
        raise Refused("too_many", f"You have {MAX_OWN} open reports in this room.")
    c.execute(
        insert(reports).values(
            room=room, seq=seq, user=report.user, name=report.name, author=author[0], author_name=author[1],
            reason=report.reason, at_ms=report.at_ms, open=1, gone=0,
        )
    )  # fmt: skip
    return waiting(c, room)


def _author(c: Connection, room: str, seq: int, recent: Sequence[EventRow]) -> tuple[str, str]:
    """Return who wrote a message, by id and name (not_found, gone)."""
    wanted = select(events.c.type, events.c.user, events.c.name, events.c.body)
    row = c.execute(wanted.where(events.c.room == room, events.c.seq == seq)).one_or_none()
    found = tuple(row) if row else next(((r[3], r[4], r[5], r[8]) for r in recent if r[1] == seq), None)
    if found is None or found[0] != MessageSent.type:
        raise Refused("not_found", NO_MESSAGE)
    if found[3].encode() == ERASED:
        raise Refused("gone")
    return found[1], found[2]


def waiting(c: Connection, room: str) -> int:
    """See `Directory.reported`."""
    messages = select(func.count(reports.c.seq.distinct())).where(reports.c.room == room, reports.c.open == 1)
    return c.execute(messages).scalar_one()


def queue(c: Connection, room: str, after: int, limit: int) -> list[Reported]:
    """See `Directory.reports`."""
    is_open = reports.c.room == room, reports.c.open == 1
    seqs = select(reports.c.seq).where(*is_open, reports.c.seq > after).distinct().order_by(reports.c.seq).limit(limit)
    numbers = c.execute(seqs).scalars().all()
    if not numbers:
        return []
    rows = select(reports).where(*is_open, reports.c.seq.between(numbers[0], numbers[-1]))
    by_message: dict[int, list[Report]] = {}
    found: dict[int, Reported] = {}
    for row in c.execute(rows.order_by(reports.c.seq, reports.c.at_ms, reports.c.user)):
        told = by_message.setdefault(row.seq, [])
        told.append(Report(user=row.user, name=row.name, reason=row.reason, at_ms=row.at_ms))
        found[row.seq] = Reported(
            seq=row.seq, user=row.author, name=row.author_name, deleted=bool(row.gone), count=len(told),
            reports=told[:SHOWN],
        )  # fmt: skip
    return list(found.values())


def resolve(c: Connection, room: str, seq: int, now_ms: int, by: str, name: str) -> int | None:
    """See `Directory.resolve_reports`."""
    if c.dialect.name != "sqlite":
        lock_rooms(c, [room])
    this = reports.c.room == room, reports.c.seq == seq, reports.c.open == 1
    authors = c.execute(select(reports.c.author, reports.c.author_name).where(*this)).all()
    if not authors:
        return None
    c.execute(update(reports).where(*this).values(open=0))
    audit.note(c, room, resolved(seq, len(authors), *authors[0], by=by, by_name=name), now_ms)
    return waiting(c, room)


def messages_deleted(c: Connection, room: str, seqs: Sequence[int], own: bool) -> None:
    """Resolve the reports of messages that somebody deletes who may delete others', and mark those of ones whose author does."""
    c.execute(_OWN_GONE if own else _GONE, {"in_room": room, "seqs": seqs})


# Made once: a list in a statement is a reference ring, which waits for the cycle collector.
_of_messages: Final = (reports.c.room == bindparam("in_room"), reports.c.seq.in_(bindparam("seqs", expanding=True)))
_OWN_GONE: Final = update(reports).where(*_of_messages).values(gone=1)
_GONE: Final = update(reports).where(*_of_messages).values(gone=1, open=0)


def flag(c: Connection, d: Draft, seq: int, author: str, author_name: str, now_ms: int) -> None:
    """Report a message as the server, for the words that a draft says of it; again if it was reported so before.

    Where MAX_FLAGS of them are open none is added: the message is said all the same.
    """
    theirs = reports.c.room == d.room, reports.c.user == SYSTEM
    c.execute(delete(reports).where(*theirs, reports.c.seq == seq))
    standing = select(func.count()).where(*theirs, reports.c.open == 1)
    if c.execute(standing).scalar_one() < MAX_FLAGS:
        c.execute(
            insert(reports).values(
                room=d.room, seq=seq, user=SYSTEM, name=SYSTEM_NAME, author=author, author_name=author_name,
                reason=d.flagged, at_ms=now_ms, open=1, gone=0,
            )
        )  # fmt: skip


def forget(c: Connection, before_ms: int, limit: int) -> int:
    """See `Upkeep.forget_reports`."""
    old = select(reports.c.room, reports.c.seq, reports.c.user).where(reports.c.at_ms < before_ms)
    rows = c.execute(old.order_by(reports.c.at_ms).limit(limit)).all()
    for room, seq, user in sorted(tuple(row) for row in rows):
        c.execute(delete(reports).where(reports.c.room == room, reports.c.seq == seq, reports.c.user == user))
    return len(rows)
