"""The audit trail: what `core.audit` says of a deed is noted in the transaction that does it.

Whoever notes one holds the lock of the room, as an append does, so that no number is given twice.
"""

from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select

from madang.adapters.sql.dialects import NOTING, run, serialise
from madang.adapters.sql.tables import audit, bans, members, mutes
from madang.core.audit import MAX_ENTRIES, SERVERS, TRIMMED, Deed, Entry, Subject

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict).decode

# Made once: to make a statement takes as long as to run it.
_MEMBER: Final = select(members.c.name, members.c.role).where(
    members.c.room == bindparam("in_room"), members.c.user == bindparam("of_user")
)
_NEWEST: Final = select(func.max(audit.c.n)).where(audit.c.room == bindparam("in_room"))
_NOTE: Final = insert(audit)


def subject(c: Connection, room: str, user: str) -> Subject:
    """Return a user as a deed finds them: by the name that they have, or had when they were banned or muted."""
    if (row := run(c, _MEMBER, {"in_room": room, "of_user": user}).one_or_none()) is not None:
        return Subject(user, row.name, row.role)
    for table in (bans, mutes):
        if name := c.execute(select(table.c.name).where(table.c.room == room, table.c.user == user)).scalar():
            return Subject(user, name)
    return Subject(user)


def note(c: Connection, room: str, deed: Deed, now_ms: int, most: int = MAX_ENTRIES) -> None:
    """Add a deed to a room's trail, which has the newest `most` of them, and up to TRIMMED more."""
    n = (run(c, _NEWEST, {"in_room": room}).scalar() or 0) + 1
    row = msgspec.structs.asdict(deed) | {"room": room, "n": n, "at_ms": now_ms}
    c.execute(_NOTE, row | {"details": _encode(deed.details).decode()})
    if n > most and n % TRIMMED == 0:
        c.execute(delete(audit).where(audit.c.room == room, audit.c.n <= n - most))


def note_of_server(c: Connection, deed: Deed, now_ms: int) -> None:
    """Add a deed to the trail of the server itself, which is that of no room."""
    serialise(c, NOTING)
    note(c, SERVERS, deed, now_ms)


def entries(c: Connection, room: str, before: int | None, limit: int) -> list[Entry]:
    """See `Directory.audit`."""
    wanted = select(audit).where(audit.c.room == room)
    if before is not None:
        wanted = wanted.where(audit.c.n < before)
    return [
        Entry(
            n=row.n, at_ms=row.at_ms, what=row.what, by=row.by, by_name=row.by_name, user=row.user, name=row.name,
            reason=row.reason, details=_decode(row.details),
        )
        for row in c.execute(wanted.order_by(audit.c.n.desc()).limit(limit))
    ]  # fmt: skip


def forget(c: Connection, before_ms: int, limit: int) -> int:
    """See `Upkeep.forget_audit`."""
    old = select(audit.c.room, audit.c.n).where(audit.c.at_ms < before_ms).order_by(audit.c.at_ms).limit(limit)
    numbers: dict[str, list[int]] = {}
    for room, n in c.execute(old).all():
        numbers.setdefault(room, []).append(n)
    for room in sorted(numbers):
        c.execute(delete(audit).where(audit.c.room == room, audit.c.n.in_(numbers[room])))
    return sum(map(len, numbers.values()))
