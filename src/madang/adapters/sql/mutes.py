"""Mutes: who may not write in a room, within an append's transaction.

They end by the database's clock, which all nodes share; it is asked only where there is one.
"""

from sqlalchemy import Connection, and_, delete, func, insert, or_, select

from madang.adapters.sql.dialects import clock_ms
from madang.adapters.sql.tables import members, mutes
from madang.core.events import Draft, MemberMuted
from madang.core.sanctions import FOREVER_MS, MAX_MUTES, Mute
from madang.errors import Limited, Refused


def need_end(c: Connection, room: str, user: str, until_ms: int) -> None:
    """Raise Refused (muted, with the wait) unless a user's mute is over, and forget it."""
    if until_ms >= FOREVER_MS:
        raise Refused("muted")
    if until_ms > (clock := clock_ms(c)):
        raise Limited("muted", until_ms - clock)
    lift(c, room, user)


def mute(c: Connection, d: Draft, body: MemberMuted, seq: int) -> int:
    """Mute a user, a member or not (too_many). Return until when."""
    clock = clock_ms(c)
    room, user = d.room, body.member
    others = select(func.count()).where(mutes.c.room == room, mutes.c.user != user, mutes.c.until_ms > clock)
    if c.execute(others).scalar_one() >= MAX_MUTES:
        raise Refused("too_many", f"At most {MAX_MUTES} mutes in a room; lift one first.")
    named = select(members.c.name).where(and_(members.c.room == room, members.c.user == user))
    name = c.execute(named).scalar() or ""
    c.execute(delete(mutes).where(mutes.c.room == room, or_(mutes.c.user == user, mutes.c.until_ms <= clock)))
    until_ms = clock + body.for_ms if body.for_ms else FOREVER_MS
    row = {"room": room, "user": user, "name": name, "seq": seq, "by": d.user, "reason": body.reason or ""}
    c.execute(insert(mutes).values({**row, "until_ms": until_ms}))
    return until_ms


def lift(c: Connection, room: str, user: str) -> bool:
    """End a mute; return False where there was none."""
    return c.execute(delete(mutes).where(mutes.c.room == room, mutes.c.user == user)).rowcount == 1


def mutes_of(c: Connection, room: str, after: str, limit: int) -> list[Mute]:
    """See `Directory.mutes`."""
    clock = clock_ms(c)
    wanted = select(mutes).where(mutes.c.room == room, mutes.c.user > after, mutes.c.until_ms > clock)
    return [
        Mute(
            user=row.user, name=row.name, by=row.by, reason=row.reason,
            left_ms=None if row.until_ms >= FOREVER_MS else row.until_ms - clock,
        )
        for row in c.execute(wanted.order_by(mutes.c.user).limit(limit))
    ]  # fmt: skip
