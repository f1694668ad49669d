"""The table of effects in `ports.log`, one function per type of event.

An effect runs inside the append's transaction, in the order of the drafts. It raises Refused before it has written
anything, returns False when it would change nothing, or writes and returns True. Numbering events, checking cids and
writing the event itself is up to `appending.py`, which also ensures that the room exists.
A type that is not in the table at the end changes nothing but the log.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    and_,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from madang.adapters.sql import access, audit, reports, sanctions, tables
from madang.adapters.sql.dialects import EDITED, OWNER, AnyRow, forced, from_index, insert_new
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.tables import (
    events,
    invites,
    members,
    mentions,
    pins,
    reaction_counts,
    reactions,
    rooms,
    word_lists,
)
from madang.core import events as kinds
from madang.core.audit import Subject, deed
from madang.core.events import ERASED, Body, Draft, erased_edit
from madang.core.permissions import (
    NOBODY,
    Action,
    acting_role,
    may,
    need,
    need_to_change,
    need_to_grant,
    need_to_write,
    need_upon,
    state_of,
)
from madang.core.rooms import ALL, DELETED, DIRECT, Room, changed, direct_room, hidden
from madang.errors import Refused

MAX_EMOJIS: Final = 20
MAX_PINS: Final = 50

AnyReaction = kinds.ReactionAdded | kinds.ReactionRemoved
Roles = dict[tuple[str, str], str | None]
"""(room, user) -> role at this place in the batch, None for non-members. Holds at least everyone who acts in the batch."""


Mutes = dict[tuple[str, str], int]
"""(room, user) -> the end of a mute, which may be over, in Unix milliseconds; of those who act in the batch."""


Rooms = dict[str, Room]
"""The batch's rooms that there are, with their settings at this place in it."""


class Batch(NamedTuple):
    """What an effect may use: the transaction, rooms, roles, mutes and bans; and calls.

    Attributes:
        fold_room: moves all of a room's events into the table.
        type_of: returns the type of the event of a room and seq, as of this place in the batch.
        now_ms: Unix milliseconds, by which invites end.
        bans: ends of bans, which may be over, of those for whom server keys speak and who are no members.
    """

    c: Connection
    fold_room: Callable[[str], None]
    type_of: Callable[[str, int], str | None]
    rooms: Rooms
    roles: Roles
    mutes: Mutes
    now_ms: int
    bans: Mutes

    def actor(self, d: Draft) -> str:
        """Return the role that a draft is made in."""
        return acting_role(None if d.server else self.roles[d.room, d.user], server=d.server)

    def need(self, d: Draft, action: Action) -> None:
        """Raise Refused unless the actor may do something in the room as it is."""
        room = self.rooms[d.room]
        need(self.actor(d), action, room.access, state_of(room))

    def need_upon(self, d: Draft, action: Action, subject: str) -> None:
        """Raise Refused unless the actor may do something to who has this role."""
        need_upon(self.actor(d), action, subject, self.rooms[d.room].access)

    def need_seen(self, d: Draft, target: int) -> None:
        """Raise Refused (not_found) if the actor may not see an event: it was before they joined, or is kept no longer."""
        room, joined = self.rooms[d.room], 0
        if room.history != ALL and not d.server:
            mine = members.c.room == d.room, members.c.user == d.user
            joined = self.c.execute(select(members.c.joined_seq).where(*mine)).scalar() or 0
        if target <= hidden(room, joined):
            raise Refused("not_found")

    def need_to_write(self, d: Draft) -> None:
        """Raise Refused (forbidden, archived, muted, banned) unless the actor may write. A mute that is over is forgotten.

        A mute and a ban hold a user whoever speaks for them; a server key itself is held by neither.
        """
        need_to_write(self.actor(d), state_of(self.rooms[d.room]))
        author = d.room, d.user
        if d.server and not d.spoken:
            return
        if d.server and (until_ms := self.bans.get(author)) is not None and self.roles.get(author) is None:
            access.need_end(self.c, until_ms)
        if (until_ms := self.mutes.get(author)) is not None:
            sanctions.need_mute_over(self.c, *author, until_ms)
            del self.mutes[author]


def apply(b: Batch, d: Draft, seq: int) -> bool:
    """Check and apply the effect of a draft that would get this seq; return False when it changes nothing."""
    effect = _EFFECTS.get(type(d.content))
    return True if effect is None else effect(b, d, d.content, seq)


def _created(b: Batch, d: Draft, body: kinds.RoomCreated, seq: int) -> bool:
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


def _changed(b: Batch, d: Draft, body: kinds.RoomChanged, seq: int) -> bool:
    need_to_change(b.actor(d), body)
    room = b.rooms[d.room]
    if room.access == DIRECT and body.access is not None:
        raise Refused("forbidden")
    if (now := changed(room, body)) == room:
        return False
    fields = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not None}
    b.c.execute(update(rooms).where(rooms.c.id == d.room).values(fields))
    b.rooms[d.room] = now
    return True


def _purged(b: Batch, d: Draft, body: kinds.RoomPurged, seq: int) -> bool:
    b.need(d, Action.PURGE)
    room = b.rooms[d.room]
    if not room.purged_seq < body.upto < seq:
        return False
    b.fold_room(d.room)  # what is removed later is removed from the table
    b.c.execute(update(rooms).where(rooms.c.id == d.room).values(purged_seq=body.upto))
    b.rooms[d.room] = msgspec.structs.replace(room, purged_seq=body.upto)
    return True


def _room_deleted(b: Batch, d: Draft, body: kinds.RoomDeleted, seq: int) -> bool:
    need(b.actor(d), Action.DELETE_ROOM)
    if body.expired and b.c.execute(select(exists().where(members.c.room == d.room))).scalar():
        return False
    b.fold_room(d.room)  # what is removed later is removed from the table
    b.c.execute(update(rooms).where(rooms.c.id == d.room).values(access=DELETED))
    b.c.execute(delete(word_lists).where(word_lists.c.room == d.room))
    return True


def _joined(b: Batch, d: Draft, body: kinds.MemberJoined, seq: int) -> bool:
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


def _member_changed(b: Batch, d: Draft, body: kinds.MemberChanged, seq: int) -> bool:
    this = members.c.room == d.room, members.c.user == d.user
    shown = b.c.execute(select(members.c.name, members.c.picture).where(*this)).one_or_none()
    if shown is None or (shown.name, shown.picture) == (d.name, body.picture):
        return False
    b.c.execute(update(members).where(*this).values(name=d.name, picture=body.picture))
    return True


def _left(b: Batch, d: Draft, body: kinds.MemberLeft, seq: int) -> bool:
    role = _role(b, d.room, d.user)
    if role is None:
        raise Refused("not_member")
    if role == "owner" and not d.server and not _another_owner(b, d.room, d.user) and _another(b, d.room, d.user):
        raise Refused("last_owner")
    return _exit(b, d.room, d.user)


def _kicked(b: Batch, d: Draft, body: kinds.MemberKicked, seq: int) -> bool:
    role = _role(b, d.room, body.member)
    if role is None and not body.banned:
        raise Refused("not_found")
    b.need_upon(d, Action.BAN if body.banned else Action.KICK, role or NOBODY)
    if body.banned:
        b.bans[d.room, body.member] = access.ban(b.c, d, body, seq)
    else:
        access.kick(b.c, d, body, seq)
    return _exit(b, d.room, body.member)


def _unbanned(b: Batch, d: Draft, body: kinds.MemberUnbanned, seq: int) -> bool:
    need(b.actor(d), Action.BAN)
    b.bans.pop((d.room, body.member), None)
    return sanctions.lift(b.c, tables.bans, d.room, body.member)


def _exit(b: Batch, room: str, user: str) -> bool:
    b.c.execute(delete(members).where(members.c.room == room, members.c.user == user))
    b.roles[room, user] = None
    _end_invites(b, room, user)
    return True


def _end_invites(b: Batch, room: str, by: str) -> None:
    b.c.execute(delete(invites).where(invites.c.by == by, invites.c.room == room))


def _muted(b: Batch, d: Draft, body: kinds.MemberMuted, seq: int) -> bool:
    muted = d.room, body.member
    role = _role(b, *muted)
    b.need_upon(d, Action.MUTE, role or NOBODY)
    b.mutes[muted] = sanctions.mute(b.c, d, body, seq)
    b.roles[muted] = role
    return True


def _unmuted(b: Batch, d: Draft, body: kinds.MemberUnmuted, seq: int) -> bool:
    need(b.actor(d), Action.MUTE)
    b.mutes.pop((d.room, body.member), None)
    return sanctions.lift(b.c, tables.mutes, d.room, body.member)


def _role_given(b: Batch, d: Draft, body: kinds.RoleGiven, seq: int) -> bool:
    subject, role = body.member, body.role
    had = _role(b, d.room, subject)
    if had is None:
        raise Refused("not_found")
    b.need(d, Action.GRANT)
    need_to_grant(b.actor(d), had, role)
    if had == "owner" and role != "owner" and not d.server and not _another_owner(b, d.room, subject):
        raise Refused("last_owner")
    b.c.execute(update(members).where(members.c.room == d.room, members.c.user == subject).values(role=role))
    b.roles[d.room, subject] = role
    if not may(role, Action.INVITE):
        _end_invites(b, d.room, subject)
    return True


def _role(b: Batch, room: str, user: str) -> str | None:
    return b.c.execute(select(members.c.role).where(members.c.room == room, members.c.user == user)).scalar()


def _another_owner(b: Batch, room: str, user: str) -> bool:
    here = from_index(b.c, members, "members_owner")
    owners = select(column("user", String)).select_from(here).where(column("room") == room, column("role") == OWNER)
    return b.c.execute(owners.where(column("user") != user).limit(1)).first() is not None


def _another(b: Batch, room: str, user: str) -> bool:
    return bool(b.c.execute(select(exists().where(members.c.room == room, members.c.user != user))).scalar())


def _sent(b: Batch, d: Draft, body: kinds.MessageSent, seq: int) -> bool:
    b.need_to_write(d)
    if body.reply_to is not None:
        _need_message(b, d, body.reply_to)
    _mention(b, d, set(body.mentions), seq)
    if d.flagged:
        reports.flag(b.c, d, seq, d.user, d.name, b.now_ms)
    return True


def _mention(b: Batch, d: Draft, users: set[str], seq: int) -> None:
    """Count the message `seq` of the actor as one that mentions these, as far as they are members, and others."""
    if users := users - {d.user}:
        for user in b.c.execute(_THERE, {"in_room": d.room, "users": padded(sorted(users))}).scalars().all():
            insert_new(b.c, mentions, {"user": user, "room": d.room, "seq": seq})


def _mention_no_more(b: Batch, d: Draft, users: set[str], seq: int) -> None:
    if users:
        b.c.execute(_NO_MORE, {"in_room": d.room, "of_seq": seq, "users": padded(sorted(users))})


def _edited(b: Batch, d: Draft, body: kinds.MessageEdited, seq: int) -> bool:
    b.need_to_write(d)
    message = _message(b, d, body.target)
    if message.user != d.user and not (d.server and _sent_through(message) == d.user):
        raise Refused("forbidden")
    before, now = _mentioned(b, d.room, message), set(body.mentions)
    _mention_no_more(b, d, before - now, body.target)
    _mention(b, d, now - before, body.target)
    if d.flagged:
        reports.flag(b.c, d, body.target, message.user, message.name, b.now_ms)
    b.c.execute(update(events).where(events.c.room == d.room, events.c.seq == body.target).values(edit=seq))
    return True


def _mentioned(b: Batch, room: str, message: AnyRow) -> set[str]:
    """Return whom a message mentions as it is now."""
    if message.edit is None:
        return set(kinds.decode_body(kinds.MessageSent, message.body.encode()).mentions)
    edit = select(events.c.body).where(events.c.room == room, events.c.seq == message.edit)
    return set(kinds.decode_body(kinds.MessageEdited, b.c.execute(edit).scalar_one().encode()).mentions)


def _deleted(b: Batch, d: Draft, body: kinds.MessageDeleted, seq: int) -> bool:
    message = _message(b, d, body.target)
    if message.user != d.user and not may(b.actor(d), Action.DELETE_OTHERS):
        raise Refused("forbidden")
    room, target = d.room, body.target
    own = d.user in (message.user, _sent_through(message))
    reports.message_deleted(b.c, room, target, own)
    if not own:
        audit.note(b.c, room, deed(d, Subject(message.user, message.name)), b.now_ms)
    _mention_no_more(b, d, _mentioned(b, room, message), target)
    erase = update(events).where(events.c.room == room)
    b.c.execute(erase.where(events.c.seq == target).values(body=ERASED.decode(), edit=None))
    for edit in _edits(b, room, target):
        b.c.execute(erase.where(events.c.seq == edit).values(body=erased_edit(target).decode()))
    for table in (reactions, reaction_counts, pins):
        b.c.execute(delete(table).where(table.c.room == room, table.c.target == target))
    return True


def _sent_through(message: AnyRow) -> str | None:
    """Return the server key that sent a message in another user's name."""
    return msgspec.json.decode(message.body, type=kinds.MessageSent).via


def _edits(b: Batch, room: str, target: int) -> Sequence[int]:
    return b.c.execute(_edits_of(b.c.dialect.name), {"in_room": room, "of_seq": target}).scalars().all()


@lru_cache
def _edits_of(dialect: str) -> Select[int]:
    """Return the statement for the edits of a message. Made once, as those below."""
    here = text(forced(dialect, events.name, "events_edits", events.name))
    return (
        select(column("seq", BigInteger))
        .select_from(here)
        .where(column("room", String) == bindparam("in_room"), column("type") == EDITED)
        .where(column("target", BigInteger) == bindparam("of_seq"))
    )


def _message(b: Batch, d: Draft, target: int) -> AnyRow:
    """Return the row of the message that a draft is about. Raises Refused where there is none, or a deleted one."""
    b.need_seen(d, target)
    b.fold_room(d.room)
    this = and_(events.c.room == d.room, events.c.seq == target)
    row = b.c.execute(
        select(events.c.type, events.c.user, events.c.name, events.c.body, events.c.edit).where(this)
    ).one_or_none()
    if row is None or row.type != kinds.MessageSent.type:
        raise Refused("not_found")
    if row.body.encode() == ERASED:
        raise Refused("gone")
    return row


def _need_message(b: Batch, d: Draft, seq: int) -> None:
    """Raise Refused (not_found) unless an event is a message that the actor may see, deleted or not."""
    b.need_seen(d, seq)
    if b.type_of(d.room, seq) != kinds.MessageSent.type:
        raise Refused("not_found")


def _reacted(b: Batch, d: Draft, body: kinds.ReactionAdded, seq: int) -> bool:
    b.need_to_write(d)
    _message(b, d, body.target)
    key = {"room": d.room, "target": body.target, "emoji": body.emoji}
    of_message = select(reaction_counts.c.emoji).where(*_of(reaction_counts, d, body))
    shown = b.c.execute(of_message).scalars().all()
    if body.emoji not in shown and len(shown) >= MAX_EMOJIS:
        raise Refused("too_many")
    if not insert_new(b.c, reactions, {**key, "user": d.user, "seq": seq}):
        return False
    if body.emoji in shown:
        _count(b, d, body, 1)
    else:
        b.c.execute(insert(reaction_counts).values(**key, users=1, seq=seq))
    return True


def _unreacted(b: Batch, d: Draft, body: kinds.ReactionRemoved, seq: int) -> bool:
    b.need_to_write(d)
    _need_message(b, d, body.target)
    own = delete(reactions).where(*_of(reactions, d, body), reactions.c.emoji == body.emoji, reactions.c.user == d.user)
    if b.c.execute(own).rowcount != 1:
        return False
    _count(b, d, body, -1)
    b.c.execute(_COUNTED_OUT, {"in_room": d.room, "of_seq": body.target, "of_emoji": body.emoji})
    return True


def _of(table: Table, d: Draft, body: AnyReaction) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.room == d.room, table.c.target == body.target


def _count(b: Batch, d: Draft, body: AnyReaction, change: int) -> None:
    b.c.execute(_COUNT, {"in_room": d.room, "of_seq": body.target, "of_emoji": body.emoji, "change": change})


def _pinned(b: Batch, d: Draft, body: kinds.MessagePinned, seq: int) -> bool:
    b.need(d, Action.PIN)
    _message(b, d, body.target)
    here = pins.c.room == d.room
    if b.c.execute(select(exists().where(here, pins.c.target == body.target))).scalar():
        return False
    if b.c.execute(select(func.count()).where(here)).scalar_one() >= MAX_PINS:
        raise Refused("too_many")
    b.c.execute(insert(pins).values(room=d.room, target=body.target))
    return True


def _unpinned(b: Batch, d: Draft, body: kinds.MessageUnpinned, seq: int) -> bool:
    b.need(d, Action.PIN)
    _need_message(b, d, body.target)
    return b.c.execute(delete(pins).where(pins.c.room == d.room, pins.c.target == body.target)).rowcount == 1


# Made once: a list, and a number beside a column, are reference rings, which wait for the cycle collector.
_users: Final[BindParameter[Any]] = bindparam("users", expanding=True)
_THERE: Final = select(members.c.user).where(members.c.room == bindparam("in_room"), members.c.user.in_(_users))
_NO_MORE: Final = delete(mentions).where(
    mentions.c.room == bindparam("in_room"), mentions.c.seq == bindparam("of_seq"), mentions.c.user.in_(_users)
)
_reaction: Final = (
    reaction_counts.c.room == bindparam("in_room"),
    reaction_counts.c.target == bindparam("of_seq"),
    reaction_counts.c.emoji == bindparam("of_emoji"),
)
_COUNT: Final = update(reaction_counts).where(*_reaction).values(users=reaction_counts.c.users + bindparam("change"))
_COUNTED_OUT: Final = delete(reaction_counts).where(*_reaction, reaction_counts.c.users <= 0)

Effect = Callable[[Batch, Draft, Any, int], bool]


def _audited(effect: Effect) -> Effect:
    """Return an effect that is noted in the audit trail, too."""

    def apply(b: Batch, d: Draft, body: Body, seq: int) -> bool:
        member = getattr(body, "member", None)
        subject = None if member is None else audit.subject(b.c, d.room, member)  # before they have gone
        if not effect(b, d, body, seq):
            return False
        audit.note(b.c, d.room, deed(d, subject), b.now_ms)
        return True

    return apply


_EFFECTS: Final[dict[type[Body], Effect]] = {
    kinds.RoomCreated: _created,
    kinds.RoomChanged: _audited(_changed),
    kinds.RoomPurged: _purged,
    kinds.RoomDeleted: _room_deleted,
    kinds.MemberJoined: _joined,
    kinds.MemberLeft: _left,
    kinds.MemberKicked: _audited(_kicked),
    kinds.MemberUnbanned: _audited(_unbanned),
    kinds.MemberMuted: _audited(_muted),
    kinds.MemberUnmuted: _audited(_unmuted),
    kinds.RoleGiven: _audited(_role_given),
    kinds.MemberChanged: _member_changed,
    kinds.MessageSent: _sent,
    kinds.MessageEdited: _edited,
    kinds.MessageDeleted: _deleted,
    kinds.ReactionAdded: _reacted,
    kinds.ReactionRemoved: _unreacted,
    kinds.MessagePinned: _pinned,
    kinds.MessageUnpinned: _unpinned,
}
