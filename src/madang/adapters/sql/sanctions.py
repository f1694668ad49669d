"""Bans and mutes, within an append's transaction: what their two tables have in common, and when a mute is over.

They end by the database's clock, which all nodes share; it is asked only where there is one. What a ban does besides is in
`access.py`.
"""

from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, delete, func, insert, or_, select

from madang.adapters.sql.dialects import clock_ms
from madang.adapters.sql.tables import bans, members, mutes
from madang.core.events import Draft, MemberKicked, MemberMuted
from madang.core.sanctions import FOREVER_MS, MAX_BANS, MAX_MUTES, Sanction
from madang.errors import Limited, Refused

S = TypeVar("S", bound=Sanction)

MOST: Final = {bans: MAX_BANS, mutes: MAX_MUTES}
"""How many may be in force in a room."""


def impose(
    c: Connection, table: Table, d: Draft, body: MemberKicked | MemberMuted, seq: int, clock: int, **columns: Any
) -> int:
    """Put a sanction in the place of an earlier one, and of those that are over (too_many). Return until when it holds.

    Args:
        clock: by the database.
        columns: what is known of the user.
    """
    room, user = d.room, body.member
    others = select(func.count()).where(table.c.room == room, table.c.user != user, table.c.until_ms > clock)
    if c.execute(others).scalar_one() >= MOST[table]:
        raise Refused("too_many", f"At most {MOST[table]} {table.name} in a room; lift one first.")
    c.execute(delete(table).where(table.c.room == room, or_(table.c.user == user, table.c.until_ms <= clock)))
    until_ms = end_of(body, clock)
    row = {"room": room, "user": user, "seq": seq, "by": d.user, "reason": body.reason or "", "until_ms": until_ms}
    c.execute(insert(table).values({**row, **columns}))
    return until_ms


def end_of(body: MemberKicked | MemberMuted, clock: int) -> int:
    """Return until when a sanction of now holds."""
    return clock + body.for_ms if body.for_ms else FOREVER_MS


def lift(c: Connection, table: Table, room: str, user: str) -> bool:
    """End a sanction; return False where there was none."""
    return c.execute(delete(table).where(table.c.room == room, table.c.user == user)).rowcount == 1


def in_force(c: Connection, table: Table, kind: type[S], room: str, after: str, limit: int) -> list[S]:
    """See `Directory.bans` and `Directory.mutes`."""
    clock = clock_ms(c)
    wanted = select(table).where(table.c.room == room, table.c.user > after, table.c.until_ms > clock)
    return [
        kind(
            user=row.user, name=row.name, by=row.by, reason=row.reason,
            left_ms=None if row.until_ms >= FOREVER_MS else row.until_ms - clock,
        )
        for row in c.execute(wanted.order_by(table.c.user).limit(limit))
    ]  # fmt: skip


def mute(c: Connection, d: Draft, body: MemberMuted, seq: int) -> int:
    """Mute a user, a member or not (too_many). Return until when."""
    named = select(members.c.name).where(members.c.room == d.room, members.c.user == body.member)
    return impose(c, mutes, d, body, seq, clock_ms(c), name=c.execute(named).scalar() or "")


def need_mute_over(c: Connection, room: str, user: str, until_ms: int) -> None:
    """Raise Refused (muted, with the wait) unless a user's mute is over, and forget it."""
    if until_ms >= FOREVER_MS:
        raise Refused("muted")
    if until_ms > (clock := clock_ms(c)):
        raise Limited("muted", until_ms - clock)
    lift(c, mutes, room, user)
