"""Rooms, members, read pointers, server keys and the epoch: `ports.directory` over one connection, but for `unread.py`.

Rooms and members are written only by effects; what is written here is not in any log.
"""

import secrets as chance
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from madang.adapters.sql import audit, reading
from madang.adapters.sql.dialects import OPEN, AnyRow, greatest, insert_new
from madang.adapters.sql.lookups import lock_rooms, padded
from madang.adapters.sql.rows import Head
from madang.adapters.sql.tables import invites, members, rooms, secrets, server_keys
from madang.core.audit import invited, revoked
from madang.core.invites import MAX_INVITES, Invite
from madang.core.permissions import SERVER, Action, need
from madang.core.rooms import DELETED, DIRECT, OF_ANYONE, Member, Room, hidden_by
from madang.core.user_ids import key_user
from madang.errors import Refused
from madang.ports.directory import ServerKey

MAX_KEYS: Final = 1_000

_ROOM: Final = tuple(rooms.c[name] for name in Room.__struct_fields__)
_MEMBER: Final = (
    members.c.room,
    members.c.user,
    members.c.name,
    members.c.role,
    members.c.read_seq,
    members.c.picture,
    members.c.joined_seq,
)
_SOME: Final = (
    select(*_MEMBER, rooms.c.history, rooms.c.purged_seq)
    .join(rooms, rooms.c.id == members.c.room)
    .where(
        members.c.room == bindparam("in_room"),
        members.c.user.in_(bindparam("users", expanding=True)),
        rooms.c.access != DELETED,
    )
)  # made once: every join asks, and a statement is a reference ring of 30 objects
_READABLE: Final = (
    select(members.c.room, members.c.joined_seq, rooms.c.history, rooms.c.purged_seq)
    .join(rooms, rooms.c.id == members.c.room)
    .where(members.c.user == bindparam("of_user"), rooms.c.access != DELETED)
    .order_by(members.c.room)
    .limit(bindparam("most"))
)
_COUNTED: Final = (
    select(members.c.user, func.count())
    .join(rooms, rooms.c.id == members.c.room)
    .where(members.c.user.in_(bindparam("users", expanding=True)), rooms.c.access.not_in((DELETED, DIRECT)))
    .group_by(members.c.user)
)  # likewise: every newcomer is counted

_SOME_ROOMS: Final = select(*_ROOM).where(
    rooms.c.id.in_(bindparam("in_rooms", expanding=True)), rooms.c.access != DELETED
)
_JOINABLE: Final = _SOME_ROOMS.where(rooms.c.access.in_(sorted(OF_ANYONE)))
_MEMBERS: Final = (
    select(*_MEMBER)
    .where(members.c.room == bindparam("in_room"), members.c.user > bindparam("behind"))
    .order_by(members.c.user)
    .limit(bindparam("most"))
)
LOOKED: Final = 500  # members read at a time where a name is looked for
_NAMES: Final = (
    select(members.c.user, members.c.name, members.c.role, members.c.picture)
    .where(members.c.room == bindparam("in_room"), members.c.user > bindparam("behind"))
    .order_by(members.c.user)
    .limit(bindparam("most"))
)


def some_rooms(c: Connection, ids: Sequence[str]) -> dict[str, Room]:
    """Return these rooms, as far as they exist. See `Directory.room`."""
    return {row.id: Room(**row._mapping) for row in c.execute(_SOME_ROOMS, {"in_rooms": padded(ids)})}


def joinable(c: Connection, ids: Sequence[str]) -> dict[str, Room]:
    """Return those of these rooms that anybody may join. See `Directory.joinable`."""
    return {row.id: Room(**row._mapping) for row in c.execute(_JOINABLE, {"in_rooms": padded(ids)})}


def listed_rooms(c: Connection, after: str, limit: int, hidden: bool) -> list[Room]:
    """See `Directory.rooms`."""
    wanted = select(*_ROOM).where(rooms.c.id > after)
    wanted = wanted.where(rooms.c.access != DELETED if hidden else rooms.c.access == OPEN)
    return [Room(**row._mapping) for row in c.execute(wanted.order_by(rooms.c.id).limit(limit))]


def some_members(c: Connection, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Member]:
    """Return the memberships of these (room, user) pairs, as far as they exist. See `Directory.member`."""
    users: dict[str, list[str]] = {}
    for room, user in wanted:
        users.setdefault(room, []).append(user)
    found = {}
    for room, some in users.items():
        for row in c.execute(_SOME, {"in_room": room, "users": padded(some)}):
            found[room, row.user] = _member(row, hidden_by(row.history, row.purged_seq, row.joined_seq))
    return found


def readable(c: Connection, user: str, limit: int) -> dict[str, int]:
    """See `Directory.readable`."""
    found = c.execute(_READABLE, {"of_user": user, "most": limit})
    return {room: hidden_by(history, purged_seq, joined_seq) for room, joined_seq, history, purged_seq in found}


def memberships_of(c: Connection, users: Sequence[str]) -> dict[str, int]:
    """Return how many rooms each user is a member of, direct ones and 0 left out. See `Directory.joined_by`."""
    return dict(c.execute(_COUNTED, {"users": padded(users)}).all())


def owned_by(c: Connection, user: str) -> int:
    """See `Directory.owned_by`. Walks the user's memberships, which have a limit of their own."""
    standing = select(func.count()).select_from(members).join(rooms, rooms.c.id == members.c.room)
    owned = standing.where(members.c.user == user, members.c.role == "owner", rooms.c.access != DELETED)
    return c.execute(owned).scalar_one()


def members_of(c: Connection, room: str, after: str, limit: int) -> list[Member]:
    """See `Directory.members`."""
    return [_member(row) for row in c.execute(_MEMBERS, {"in_room": room, "behind": after, "most": limit})]


def find_members(
    c: Connection, room: str, matches: Callable[[str], bool], after: str, limit: int, most: int
) -> tuple[list[Member], str]:
    """See `Directory.find_members`."""
    found: list[Member] = []
    for _ in range(0, most, LOOKED):
        looked = 0
        for row in c.execute(_NAMES, {"in_room": room, "behind": after, "most": LOOKED}):
            looked, after = looked + 1, row.user
            if matches(row.name):
                found.append(Member(room=room, user=row.user, name=row.name, role=row.role, picture=row.picture or ""))
                if len(found) == limit:
                    return found, after
        if looked < LOOKED:
            return found, ""
    return found, after


def _member(row: AnyRow, hidden: int = 0) -> Member:
    return Member(
        room=row.room, user=row.user, name=row.name, role=row.role, read_seq=row.read_seq, picture=row.picture or "",
        joined_seq=row.joined_seq, hidden=hidden,
    )  # fmt: skip


def set_read(c: Connection, pointers: Sequence[tuple[str, str, int]], newest: Mapping[str, Head]) -> None:
    """See `Directory.set_read`. In the order of the key, so that two nodes cannot deadlock."""
    seqs = reading.heads(c, sorted({room for room, _, _ in pointers}), newest)
    rows = [
        {"of_room": room, "of_user": user, "to": min(seq, seqs[room])}
        for room, user, seq in sorted(pointers)
        if room in seqs
    ]
    if rows:
        move = update(members).where(members.c.room == bindparam("of_room"), members.c.user == bindparam("of_user"))
        c.execute(move.values(read_seq=greatest(c, members.c.read_seq, bindparam("to"))), rows)


def add_invite(c: Connection, invite: Invite, now_ms: int, name: str, server: bool, newest: Mapping[str, Head]) -> None:
    """See `Directory.add_invite`. The room is locked as by an append, so that a role cannot end meanwhile."""
    room = invite.room
    if c.dialect.name != "sqlite":
        lock_rooms(c, [room])
    kind = c.execute(select(rooms.c.access).where(rooms.c.id == room)).scalar()
    if not server:
        role = c.execute(select(members.c.role).where(members.c.room == room, members.c.user == invite.by)).scalar()
        if role is None:
            raise Refused("not_found")
        need(role, Action.INVITE)
    elif kind is not None and kind != DELETED:
        need(SERVER, Action.INVITE, kind)
    c.execute(delete(invites).where(invites.c.room == room, invites.c.until_ms <= now_ms))
    if c.execute(select(func.count()).select_from(invites).where(invites.c.room == room)).scalar_one() >= MAX_INVITES:
        raise Refused("too_many", f"There are {MAX_INVITES} invites to this room; revoke some first.")
    seqs = reading.heads(c, [room], newest)
    if room not in seqs or kind in (None, DELETED):
        raise Refused("not_found")
    c.execute(insert(invites).values({**msgspec.structs.asdict(invite), "seq": seqs[room]}))
    audit.note(c, room, invited(invite, now_ms, name), now_ms)


def one_invite(c: Connection, room: str, id: str) -> Invite | None:
    """See `Directory.invite`."""
    row = c.execute(select(invites).where(invites.c.room == room, invites.c.id == id)).one_or_none()
    return Invite(**row._mapping) if row else None


def invites_of(c: Connection, room: str, now_ms: int) -> list[Invite]:
    """See `Directory.invites`."""
    wanted = select(invites).where(invites.c.room == room, invites.c.until_ms > now_ms).order_by(invites.c.id)
    return [Invite(**row._mapping) for row in c.execute(wanted)]


def drop_invite(c: Connection, room: str, id: str, now_ms: int, by: str, name: str) -> bool:
    """See `Directory.drop_invite`. The room is locked, since the audit trail gets an entry."""
    if c.dialect.name != "sqlite":
        lock_rooms(c, [room])
    if c.execute(delete(invites).where(invites.c.room == room, invites.c.id == id)).rowcount != 1:
        return False
    audit.note(c, room, revoked(id, by, name), now_ms)
    return True


EPOCH: Final = "epoch"
"""Name of the row that tells an installation from the one whose backup it was restored from."""


def epoch(c: Connection) -> bytes:
    """See `Store.epoch`. The first caller creates it; everyone reads what is stored."""
    insert_new(c, secrets, {"name": EPOCH, "value": chance.token_bytes(32)})
    return bytes(c.execute(select(secrets.c.value).where(secrets.c.name == EPOCH)).scalar_one())


def add_key(c: Connection, key: ServerKey) -> None:
    """See `Directory.add_key`."""
    if c.execute(select(func.count()).select_from(server_keys)).scalar_one() >= MAX_KEYS:
        raise Refused("too_many", f"There are {MAX_KEYS} server keys; drop some first.")
    c.execute(insert(server_keys).values(msgspec.structs.asdict(key)))


def one_key(c: Connection, id: str) -> ServerKey | None:
    """See `Directory.key`."""
    row = c.execute(select(server_keys).where(server_keys.c.id == id)).one_or_none()
    return ServerKey(**row._mapping) if row else None


def keys(c: Connection) -> list[ServerKey]:
    """See `Directory.keys`."""
    wanted = select(server_keys).order_by(server_keys.c.created_at, server_keys.c.id)
    return [ServerKey(**row._mapping) for row in c.execute(wanted)]


def drop_key(c: Connection, id: str) -> bool:
    """See `Directory.drop_key`."""
    c.execute(delete(invites).where(invites.c.by == key_user(id)))
    return c.execute(delete(server_keys).where(server_keys.c.id == id)).rowcount == 1
