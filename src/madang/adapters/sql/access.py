"""Who is let into a room, and who is held out: kicks, bans and the use of invites, within an append's transaction.

What happens to the membership itself is in `member_effects.py`. Kicks and bans end by the database's clock, which all nodes share;
it is asked only where there is one.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, exists, func, insert, or_, select, update

from madang.adapters.sql.dialects import clock_ms, run
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.sanctions import end_of, impose
from madang.adapters.sql.tables import bans, invites, kicks, members, rooms
from madang.core.events import Draft, MemberKicked
from madang.core.invites import Invite, Kick
from madang.core.permissions import BANNED, NOBODY, Action, may, refusal
from madang.core.rooms import OF_ANYONE
from madang.core.sanctions import ADDRESS_MS, FOREVER_MS
from madang.errors import Limited, Refused

# Made once: to make these takes longer than to run them, and every newcomer asks.
_user: Final[BindParameter[Any]] = bindparam("of_user")
_STANDING: Final = (
    select(rooms.c.access, members.c.user, kicks.c.seq, kicks.c.until_ms, bans.c.until_ms.label("banned_until_ms"))
    .select_from(
        rooms.outerjoin(members, and_(members.c.room == rooms.c.id, members.c.user == _user))
        .outerjoin(kicks, and_(kicks.c.room == rooms.c.id, kicks.c.user == _user))
        .outerjoin(bans, and_(bans.c.room == rooms.c.id, bans.c.user == _user))
    )
    .where(rooms.c.id == bindparam("in_room"))
)
_OF_ORIGIN: Final = select(func.max(bans.c.origin_until_ms)).where(
    bans.c.room == bindparam("in_room"), bans.c.origin == bindparam("from_origin")
)
_FORGET_KICK: Final = delete(kicks).where(kicks.c.room == bindparam("in_room"), kicks.c.user == _user)


def admit(c: Connection, d: Draft, now_ms: int) -> bool:
    """Let in the user of a member.joined, or raise Refused; return False for a user who is a member already.

    An invite that they need for that has one use less.

    Args:
        now_ms: by which invites end.
    """
    asked = {"in_room": d.room, "of_user": d.user}
    access, member, kicked, kicked_until_ms, banned_until_ms = run(c, _STANDING, asked).one()
    if member is not None:
        return False
    if d.origin:
        of_origin = c.execute(_OF_ORIGIN, {"in_room": d.room, "from_origin": d.origin}).scalar()
        banned_until_ms = max(banned_until_ms or 0, of_origin or 0)
    clock = clock_ms(c) if banned_until_ms or kicked is not None else 0
    if banned_until_ms and banned_until_ms > clock:
        code = refusal(NOBODY, Action.JOIN_INVITED, access, BANNED)
        wait = code == "banned" and banned_until_ms < FOREVER_MS
        raise Limited(code, banned_until_ms - clock) if wait else Refused(code)
    anyone = may(NOBODY, Action.JOIN, access) or (d.vouched and may(NOBODY, Action.JOIN_INVITED, access))
    _admit(c, d, anyone, None if kicked is None else Kick(kicked, kicked_until_ms), clock, now_ms)
    if kicked is not None:
        run(c, _FORGET_KICK, asked)
    return True


def add(c: Connection, d: Draft) -> bool:
    """Let in a user whom a server key adds, or raise Refused (banned); return False for one who is a member already."""
    asked = {"in_room": d.room, "of_user": d.user}
    _, member, kicked, _, banned_until_ms = run(c, _STANDING, asked).one()
    if member is not None:
        return False
    if banned_until_ms is not None:
        need_end(c, banned_until_ms)
    if kicked is not None:
        run(c, _FORGET_KICK, asked)
    return True


def _admit(c: Connection, d: Draft, anyone: bool, kick: Kick | None, clock: int, now_ms: int) -> None:
    held = kick is not None and (kick.until_ms > clock or not anyone)
    if anyone and not held:
        return
    if d.invite is not None:
        this = and_(invites.c.room == d.room, invites.c.id == d.invite.id)
        row = c.execute(select(invites).where(this)).one_or_none()
        if row is not None and Invite(**row._mapping).admits(d.invite, now_ms, kick.seq if kick else None):
            if row.uses == 1:
                c.execute(delete(invites).where(this))
            elif row.uses is not None:
                c.execute(update(invites).where(this).values(uses=row.uses - 1))
            return
    if anyone and kick is not None:
        raise Limited("kicked", kick.until_ms - clock)
    raise Refused("not_found")


# Those that are over would stay for good, where users did not come again.
_OVER: Final = delete(kicks).where(
    kicks.c.room == bindparam("in_room"),
    or_(
        kicks.c.user == bindparam("of_user"),
        and_(
            kicks.c.until_ms <= bindparam("clock"),
            exists().where(rooms.c.id == bindparam("in_room"), rooms.c.access.in_(OF_ANYONE)),
        ),
    ),
)  # made once: a list in a statement is a reference ring


def kick(c: Connection, d: Draft, body: MemberKicked, seq: int) -> None:
    """Hold out a member who is kicked. Called before their membership ends."""
    clock = clock_ms(c)
    origin = c.execute(select(members.c.origin).where(members.c.room == d.room, members.c.user == body.member)).scalar()
    c.execute(_OVER, {"in_room": d.room, "of_user": body.member, "clock": clock})
    row = {"room": d.room, "user": body.member, "seq": seq, "until_ms": clock + body.for_ms, "origin": origin}
    c.execute(insert(kicks).values(row))


_BANS_AMONG: Final = select(bans.c.room, bans.c.user, bans.c.until_ms).where(
    bans.c.room.in_(bindparam("rooms", expanding=True)), bans.c.user.in_(bindparam("users", expanding=True))
)


def bans_among(c: Connection, some: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return until when users are banned, who are given as (room, user); those who never were are left out."""
    rooms, users = (sorted(set(each)) for each in zip(*some, strict=True))
    found = c.execute(_BANS_AMONG, {"rooms": padded(rooms), "users": padded(users)})
    return {(room, user): until_ms for room, user, until_ms in found}


def need_end(c: Connection, until_ms: int) -> None:
    """Raise Refused (banned, with the wait) unless a ban is over."""
    if until_ms >= FOREVER_MS:
        raise Refused("banned", "This user is banned from this room.")
    if until_ms > (clock := clock_ms(c)):
        raise Limited("banned", until_ms - clock, "This user is banned from this room.")


def ban(c: Connection, d: Draft, body: MemberKicked, seq: int) -> int:
    """Hold out a user who is banned, a member or not (too_many). Called before their membership ends. Return until when."""
    clock = clock_ms(c)
    name, origin = _last_seen(c, d.room, body.member)
    origin_until_ms = min(end_of(body, clock), clock + ADDRESS_MS) if origin else 0
    until_ms = impose(c, bans, d, body, seq, clock, name=name, origin=origin, origin_until_ms=origin_until_ms)
    c.execute(delete(kicks).where(kicks.c.room == d.room, kicks.c.user == body.member))
    return until_ms


def _last_seen(c: Connection, room: str, user: str) -> tuple[str, str | None]:
    """Return the name and the origin of a user as a member, or of before they were kicked or banned."""
    member = select(members.c.name, members.c.origin).where(members.c.room == room, members.c.user == user)
    if (row := c.execute(member).one_or_none()) is not None:
        return row.name, row.origin
    banned = c.execute(select(bans.c.name, bans.c.origin).where(bans.c.room == room, bans.c.user == user)).one_or_none()
    if banned is not None:
        return banned.name, banned.origin
    return "", c.execute(select(kicks.c.origin).where(kicks.c.room == room, kicks.c.user == user)).scalar()
