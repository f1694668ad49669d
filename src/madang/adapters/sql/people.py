"""A product's own users: `ports.people` over one connection. Each function is one short transaction."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, select, update

from madang.adapters.sql.dialects import clock_ms, insert_all
from madang.adapters.sql.tables import users
from madang.core.people import Person


def put(c: Connection, people: Sequence[Person], now_ms: int) -> tuple[set[str], set[str]]:
    """See `PeopleStore.put_people`. In the order of the key, so that two nodes cannot deadlock."""
    ordered = sorted(people, key=lambda person: person.id)
    kept = select(users.c.id, users.c.deleted_ms, users.c.name).where(users.c.id.in_([p.id for p in ordered]))
    known = {id: (deleted_ms is not None, name) for id, deleted_ms, name in c.execute(kept)}
    insert_all(c, users, [{"id": p.id, "seen_ms": now_ms, "name": p.name} for p in ordered if p.id not in known])
    deleted = {id for id, (gone, _) in known.items() if gone}
    # Those who are new, too: another node may have been faster, and have noted only that they were seen.
    changed = [p for p in ordered if p.id not in deleted and known.get(p.id) != (False, p.name)]
    renamed = {p.id for p in changed if p.id in known and known[p.id][1] is not None}
    if changed:
        this = update(users).where(users.c.id == bindparam("of"), users.c.deleted_ms.is_(None))
        c.execute(this.values(name=bindparam("to")), [{"of": p.id, "to": p.name} for p in changed])
    if renamed:
        c.execute(update(users).where(users.c.id.in_(sorted(renamed))).values(named_ms=clock_ms(c)))
    return deleted, renamed


def names(c: Connection, ids: Collection[str]) -> dict[str, str]:
    """See `PeopleStore.people`."""
    wanted = select(users.c.id, users.c.name).where(users.c.id.in_(sorted(ids)))
    return dict(c.execute(wanted.where(users.c.name.is_not(None), users.c.deleted_ms.is_(None))).all())
