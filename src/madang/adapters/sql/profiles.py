"""Profiles: `ports.profiles` over one connection. They are columns of the table of users."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, BindParameter, Connection, bindparam, or_, select, update

from madang.adapters.sql.dialects import AnyRow, clock_ms, insert_all, insert_new
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.tables import accounts, members, users
from madang.core.profiles import NO_PROFILE, Profile
from madang.core.user_ids import is_account
from madang.ports.profiles import Named, Said

# Made once: a list in a statement is a reference ring, which waits for the cycle collector.
_among: Final = users.c.id.in_(bindparam("ids", expanding=True))
_PROFILES: Final = select(users.c.id, users.c.name, users.c.picture, users.c.locale).where(
    users.c.deleted_ms.is_(None), _among
)
_SAID: Final = select(users.c.id, users.c.name, users.c.picture, users.c.vouched_ms, users.c.deleted_ms).where(_among)


def some(c: Connection, ids: Sequence[str]) -> dict[str, Profile]:
    """Return the profiles of these users, as far as anything is known of them. See `ProfileStore.profile`."""
    return {
        row.id: Profile(name=row.name or "", picture=row.picture or "", locale=row.locale or "")
        for row in c.execute(_PROFILES, {"ids": padded(ids)})
    }


def change(c: Connection, user: str, name: str | None, picture: str | None, locale: str | None) -> Profile:
    """See `ProfileStore.set_profile`."""
    now = clock_ms(c)
    insert_new(c, users, {"id": user, "seen_ms": now})
    given = {"name": name, "picture": picture, "locale": locale}
    values: dict[str, Any] = {column: value for column, value in given.items() if value is not None}
    this = update(users).where(users.c.id == user, users.c.deleted_ms.is_(None))
    if name is not None:
        renamed = this.where(or_(users.c.name.is_(None), users.c.name != name))
        c.execute(renamed.values(named_ms=now))
        if is_account(user):
            c.execute(update(accounts).where(accounts.c.user == user).values(name=name))
    if values:
        c.execute(this.values(values))
    return some(c, [user]).get(user, NO_PROFILE)


def named_after(c: Connection, after: tuple[int, str], limit: int) -> list[Named]:
    """See `ProfileStore.named_after`."""
    at_ms, user = after
    return [Named(*row) for row in c.execute(_NAMED, {"at_ms": at_ms, "above_id": user, "most": limit})]


# Made once: it is read every second.
_at_ms: Final[BindParameter[int]] = bindparam("at_ms", type_=BigInteger)
_NAMED: Final = (
    select(users.c.named_ms, users.c.id, users.c.name)
    .where(users.c.named_ms >= _at_ms, or_(users.c.named_ms > _at_ms, users.c.id > bindparam("above_id")))
    .order_by(users.c.named_ms, users.c.id)
    .limit(bindparam("most", type_=BigInteger))
)


def keep_said(c: Connection, said: Sequence[Said]) -> set[str]:
    """See `ProfileStore.keep_said`. In the order of the key, so that two nodes cannot deadlock. Only what differs is written."""
    now = clock_ms(c)
    by_user = {each.user: each for each in sorted(said, key=lambda each: each.user)}
    known = {row.id: row for row in c.execute(_SAID, {"ids": padded(list(by_user))})}
    new = [
        {"id": id, "seen_ms": now, "name": each.name, "picture": each.picture or None, "vouched_ms": each.until_ms}
        for id, each in by_user.items()
        if id not in known
    ]
    insert_all(c, users, new)
    return {id for id, each in by_user.items() if (row := known.get(id)) is not None and _replaced(c, row, each, now)}


def _replaced(c: Connection, row: AnyRow, said: Said, now_ms: int) -> bool:
    """Put what a token says in place of what is kept; return whether that is anything else."""
    values: dict[str, Any] = {}
    if said.name is not None and said.name != row.name:
        values["name"] = said.name
        if row.name is not None:
            values["named_ms"] = now_ms
    if said.picture is not None and said.picture != (row.picture or ""):
        values["picture"] = said.picture
    if not values or row.deleted_ms is not None:
        return False
    newer = or_(users.c.vouched_ms.is_(None), users.c.vouched_ms < said.until_ms)
    change = update(users).where(users.c.id == said.user, newer).values(vouched_ms=said.until_ms, **values)
    return c.execute(change).rowcount == 1


def joined(c: Connection, user: str, after: str, limit: int) -> list[str]:
    """See `ProfileStore.joined`."""
    theirs = select(members.c.room).where(members.c.user == user, members.c.room > after)
    return list(c.execute(theirs.order_by(members.c.room).limit(limit)).scalars())
