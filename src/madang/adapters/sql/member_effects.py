"""Effects of events about a room and its members. How effects are called is in `effects.py`."""

from typing import Final

import msgspec
from sqlalchemy import String, and_, bindparam, column, delete, exists, select, update

from madang.adapters.sql import access, sanctions, tables
from madang.adapters.sql.batch import Batch
from madang.adapters.sql.dialects import OWNER, from_index, insert_new, run
from madang.adapters.sql.tables import invites, members, rooms, word_lists
from madang.core import events as kinds
from madang.core.events import Draft
from madang.core.permissions import NOBODY, Action, may, need, need_to_change, need_to_grant
from madang.core.rooms import DELETED, DIRECT, direct_room
from madang.core.rooms import changed as with_changes
from madang.errors import Refused

# Made once: to make a statement takes as long as to run it.
_this: Final = and_(members.c.room == bindparam("in_room"), members.c.user == bindparam("of_user"))
_ROLE: Final = select(members.c.role).where(_this)
_SHOWN: Final = select(members.c.name, members.c.picture).where(_this)
_SHOW: Final = update(members).where(_this).values(name=bindparam("new_name"), picture=bindparam("new_picture"))
_GRANT: Final = update(members).where(_this).values(role=bindparam("new_role"))
_LEAVE: Final = delete(members).where(_this)
_END_INVITES: Final = delete(invites).where(
    invites.c.by == bindparam("of_user"), invites.c.room == bindparam("in_room")
)


def created(b: Batch, d: Draft, body: kinds.RoomCreated, seq: int) -> bool:
    """Make the user who opens the room its owner, or one of the two of a direct room."""
    if seq != 1:
        raise Refused("room_exists")
    if body.access == DIRECT:
        return _enter(b, d, "member", seq, body.picture) and _add_peer(b, d, body.peer or "", seq)
    return _enter(b, d, "owner", seq, body.picture)


def _add_peer(b: Batch, d: Draft, peer: str, seq: int) -> bool:
    """Let the other of the two in, under the name that the actor knows them by."""
    here, there = members.alias(), members.alias()
    shared = select(there.c.name).join(here, here.c.room == there.c.room)
    named = shared.where(here.c.user == d.user, there.c.user == peer, there.c.name != "")
    name = b.c.execute(named.order_by(there.c.room).limit(1)).scalar() or ""
    b.roles[d.room, peer] = "member"
    row = {"room": d.room, "user": peer, "name": name, "role": "member", "read_seq": seq, "joined_seq": seq}
    return insert_new(b.c, members, row)


def changed(b: Batch, d: Draft, body: kinds.RoomChanged, seq: int) -> bool:
    """Change the settings that the body names."""
    need_to_change(b.actor(d), body)
    room = b.rooms[d.room]
    if room.access == DIRECT and body.access is not None:
        raise Refused("forbidden")
    if (now := with_changes(room, body)) == room:
        return False
    fields = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not None}
    b.c.execute(update(rooms).where(rooms.c.id == d.room).values(fields))
    b.rooms[d.room] = now
    return True


def purged(b: Batch, d: Draft, body: kinds.RoomPurged, seq: int) -> bool:
    """Note up to where messages are kept no longer; they are removed later."""
    b.need(d, Action.PURGE)
    room = b.rooms[d.room]
    if not room.purged_seq < body.upto < seq:
        return False
    b.fold_room(d.room)  # what is removed later is removed from the table
    b.c.execute(update(rooms).where(rooms.c.id == d.room).values(purged_seq=body.upto))
    b.rooms[d.room] = msgspec.structs.replace(room, purged_seq=body.upto)
    return True


def member_erased(b: Batch, d: Draft, body: kinds.MemberErased, seq: int) -> bool:
    """Judge who says it. What the member said is erased step by step (`erasing.py`)."""
    b.need(d, Action.ERASE)
    return True


def room_deleted(b: Batch, d: Draft, body: kinds.RoomDeleted, seq: int) -> bool:
    """Let nobody find the room any more; its rows are removed later."""
    need(b.actor(d), Action.DELETE_ROOM)
    if body.expired and b.c.execute(select(exists().where(members.c.room == d.room))).scalar():
        return False
    b.fold_room(d.room)  # what is removed later is removed from the table
    b.c.execute(update(rooms).where(rooms.c.id == d.room).values(access=DELETED))
    b.c.execute(delete(word_lists).where(word_lists.c.room == d.room))
    return True


def joined(b: Batch, d: Draft, body: kinds.MemberJoined, seq: int) -> bool:
    """Let a user in, by what they show or by whoever adds them."""
    if b.rooms[d.room].access == DIRECT:
        return _joined_direct(b, d, body, seq)
    if not d.server and not access.admit(b.c, d, b.now_ms):
        return False
    if d.added and not access.add(b.c, d):
        return False
    return _enter(b, d, body.role, seq, body.picture)


def _joined_direct(b: Batch, d: Draft, body: kinds.MemberJoined, seq: int) -> bool:
    """Let one of the two back in, and note their name where it was not known yet."""
    me = members.c.room == d.room, members.c.user == d.user
    name = b.c.execute(select(members.c.name).where(*me)).scalar()
    if name is None:
        if direct_room(d.user, d.peer) != d.room:
            raise Refused("not_found")
        return _enter(b, d, "member", seq, body.picture)
    if name or not d.name:
        return False
    b.c.execute(update(members).where(*me).values(name=d.name, picture=body.picture))
    return True


def _enter(b: Batch, d: Draft, role: str, seq: int, picture: str | None = None) -> bool:
    row = {"room": d.room, "user": d.user, "name": d.name, "role": role, "read_seq": seq, "joined_seq": seq}
    if picture is not None:
        row["picture"] = picture
    if not insert_new(b.c, members, {**row, "origin": d.origin or None}):
        return False
    b.roles[d.room, d.user] = role
    return True


def member_changed(b: Batch, d: Draft, body: kinds.MemberChanged, seq: int) -> bool:
    """Show a member by another name or picture."""
    shown = run(b.c, _SHOWN, {"in_room": d.room, "of_user": d.user}).one_or_none()
    if shown is None or (shown.name, shown.picture) == (d.name, body.picture):
        return False
    run(b.c, _SHOW, {"in_room": d.room, "of_user": d.user, "new_name": d.name, "new_picture": body.picture})
    return True


def left(b: Batch, d: Draft, body: kinds.MemberLeft, seq: int) -> bool:
    """End a membership; the last owner stays as long as there is anybody else."""
    role = _role(b, d.room, d.user)
    if role is None:
        raise Refused("not_member")
    if role == "owner" and not d.server and not _another_owner(b, d.room, d.user) and _another(b, d.room, d.user):
        raise Refused("last_owner")
    return _exit(b, d.room, d.user)


def kicked(b: Batch, d: Draft, body: kinds.MemberKicked, seq: int) -> bool:
    """End the membership of another, and keep them out for a while, or by a ban."""
    role = _role(b, d.room, body.member)
    if role is None and not body.banned:
        raise Refused("not_found")
    b.need_upon(d, Action.BAN if body.banned else Action.KICK, role or NOBODY)
    if body.banned:
        b.bans[d.room, body.member] = access.ban(b.c, d, body, seq)
    else:
        access.kick(b.c, d, body, seq)
    return _exit(b, d.room, body.member)


def unbanned(b: Batch, d: Draft, body: kinds.MemberUnbanned, seq: int) -> bool:
    """Lift a ban."""
    need(b.actor(d), Action.BAN)
    b.bans.pop((d.room, body.member), None)
    return sanctions.lift(b.c, tables.bans, d.room, body.member)


def _exit(b: Batch, room: str, user: str) -> bool:
    run(b.c, _LEAVE, {"in_room": room, "of_user": user})
    b.roles[room, user] = None
    _end_invites(b, room, user)
    return True


def _end_invites(b: Batch, room: str, by: str) -> None:
    run(b.c, _END_INVITES, {"in_room": room, "of_user": by})


def muted(b: Batch, d: Draft, body: kinds.MemberMuted, seq: int) -> bool:
    """Mute a user, a member or not."""
    muted = d.room, body.member
    role = _role(b, *muted)
    b.need_upon(d, Action.MUTE, role or NOBODY)
    b.mutes[muted] = sanctions.mute(b.c, d, body, seq)
    b.roles[muted] = role
    return True


def unmuted(b: Batch, d: Draft, body: kinds.MemberUnmuted, seq: int) -> bool:
    """Lift a mute."""
    need(b.actor(d), Action.MUTE)
    b.mutes.pop((d.room, body.member), None)
    return sanctions.lift(b.c, tables.mutes, d.room, body.member)


def role_given(b: Batch, d: Draft, body: kinds.RoleGiven, seq: int) -> bool:
    """Grant a member another role; with the right to make invites, those that they made end."""
    subject, role = body.member, body.role
    had = _role(b, d.room, subject)
    if had is None:
        raise Refused("not_found")
    b.need(d, Action.GRANT)
    need_to_grant(b.actor(d), had, role)
    if had == "owner" and role != "owner" and not d.server and not _another_owner(b, d.room, subject):
        raise Refused("last_owner")
    run(b.c, _GRANT, {"in_room": d.room, "of_user": subject, "new_role": role})
    b.roles[d.room, subject] = role
    if not may(role, Action.INVITE):
        _end_invites(b, d.room, subject)
    return True


def _role(b: Batch, room: str, user: str) -> str | None:
    role: str | None = run(b.c, _ROLE, {"in_room": room, "of_user": user}).scalar()
    return role


def _another_owner(b: Batch, room: str, user: str) -> bool:
    here = from_index(b.c, members, "members_owner")
    owners = select(column("user", String)).select_from(here).where(column("room") == room, column("role") == OWNER)
    return b.c.execute(owners.where(column("user") != user).limit(1)).first() is not None


def _another(b: Batch, room: str, user: str) -> bool:
    return bool(b.c.execute(select(exists().where(members.c.room == room, members.c.user != user))).scalar())
