"""What each kind of draft does to a room of the model: the table of `ports.log`, as simple as possible."""

from collections.abc import Callable, Sequence

import msgspec

from madang.core import events as kinds
from madang.core.bounds import MAX_EMOJIS, MAX_PINS
from madang.core.events import Draft, decode_body
from madang.core.invites import Kick
from madang.core.permissions import (
    NOBODY,
    Action,
    may,
    need,
    need_to_change,
    need_to_grant,
    need_upon,
    state_of,
)
from madang.core.rooms import DIRECT, Member, changed, direct_room
from madang.core.words import Words
from madang.errors import Refused
from madang.testing.model_room import ModelRoom


def apply(room: ModelRoom, d: Draft, now_ms: int, known_name: Callable[[str, str], str]) -> bool:
    """Check and apply a draft's effect, as in the table of `ports.log`; return False if it changes nothing.

    Args:
        known_name: returns the name that one user knows another by, from a room that they share; empty for none.
    """
    user, seq, actor = d.user, len(room.log) + 1, room.actor(d)
    match d.content:
        case kinds.RoomCreated(picture=picture):
            if room.log:
                raise Refused("room_exists")
            role = "member" if d.content.access == DIRECT else "owner"
            room.members[user] = Member(
                room=d.room, user=user, name=d.name, role=role, read_seq=seq, joined_seq=seq, picture=picture or ""
            )
            if d.content.access == DIRECT:
                peer, name = d.content.peer or "", known_name(user, d.content.peer or "")
                room.members[peer] = Member(
                    room=d.room, user=peer, name=name, role="member", read_seq=seq, joined_seq=seq
                )
        case kinds.RoomChanged() as change:
            need_to_change(actor, change)
            if room.info.access == DIRECT and change.access is not None:
                raise Refused("forbidden")
            if changed(room.info, change) == room.info:
                return False
            room.info = changed(room.info, change)
        case kinds.RoomPurged(upto=upto):
            need(actor, Action.PURGE, room.info.access)
            if not room.info.purged_seq < upto < seq:
                return False
            room.info = msgspec.structs.replace(room.info, purged_seq=upto)
        case kinds.MemberErased():
            need(actor, Action.ERASE, room.info.access)
        case kinds.RoomDeleted(expired=expired):
            need(actor, Action.DELETE_ROOM)
            if expired and room.members:
                return False
            room.deleted = True
            room.words = (0, Words())
        case kinds.MemberJoined() if room.info.access == DIRECT:
            return _joined_direct(room, d, d.content, seq)
        case kinds.MemberJoined(role=role, picture=picture):
            if user in room.members:
                return False
            if not d.server:
                room.admit(d, now_ms)
            elif d.added:
                room.need_no_ban(user, now_ms)
                room.kicks.pop(user, None)
            room.members[user] = Member(
                room=d.room, user=user, name=d.name, role=role, read_seq=seq, joined_seq=seq, picture=picture or ""
            )
            room.origins[user] = d.origin
        case kinds.MemberLeft():
            if user not in room.members:
                raise Refused("not_member")
            if (
                room.members[user].role == "owner"
                and not d.server
                and not room.owners_but(user)
                and len(room.members) > 1
            ):
                raise Refused("last_owner")
            del room.members[user]
            room.origins.pop(user, None)
            room.end_invites(user)
        case kinds.MemberKicked(member=subject, for_ms=for_ms, banned=banned):
            m = room.members.get(subject)
            if m is None and not banned:
                raise Refused("not_found")
            need_upon(actor, Action.BAN if banned else Action.KICK, m.role if m else NOBODY, room.info.access)
            if banned:
                room.ban(d, d.content, now_ms)
            else:
                room.kick(subject, Kick(seq, now_ms + for_ms), now_ms)
            room.members.pop(subject, None)
            room.end_invites(subject)
        case kinds.MemberUnbanned(member=subject):
            need(actor, Action.BAN)
            return room.lift_ban(subject)
        case kinds.MemberMuted(member=subject):
            m = room.members.get(subject)
            need_upon(actor, Action.MUTE, m.role if m else NOBODY)
            room.mute(d, d.content, now_ms)
        case kinds.MemberUnmuted(member=subject):
            need(actor, Action.MUTE)
            return room.mutes.pop(subject, None) is not None
        case kinds.RoleGiven(member=subject, role=role):
            m = room.members.get(subject)
            if m is None:
                raise Refused("not_found")
            need(actor, Action.GRANT, room.info.access)
            need_to_grant(actor, m.role, role)
            if m.role == "owner" and role != "owner" and not d.server and not room.owners_but(m.user):
                raise Refused("last_owner")
            if not may(role, Action.INVITE):
                room.end_invites(m.user)
            room.members[m.user] = msgspec.structs.replace(m, role=role)
        case kinds.MemberChanged(picture=picture):
            m = room.members.get(user)
            if m is None or (m.name, m.picture) == (d.name, picture or ""):
                return False
            room.members[user] = msgspec.structs.replace(m, name=d.name, picture=picture or "")
        case kinds.MessageSent(mentions=mentions, reply_to=reply_to):
            room.need_to_write(d, now_ms)
            if reply_to is not None:
                room.need_seen(d, reply_to)
                room.need_message(reply_to)
            _mention(room, d, mentions, seq)
            room.flag(d, seq, (d.user, d.name), now_ms)
        case _:
            if isinstance(d.content, kinds.MessageEdited | kinds.ReactionAdded | kinds.ReactionRemoved):
                room.need_to_write(d, now_ms)
            return _apply_to_message(room, d, d.target or 0, now_ms)
    return True


def _joined_direct(room: ModelRoom, d: Draft, body: kinds.MemberJoined, seq: int) -> bool:
    member = room.members.get(d.user)
    if member is None and direct_room(d.user, d.peer) != d.room:
        raise Refused("not_found")
    if member is not None and (member.name or not d.name):
        return False
    picture = body.picture or ""
    new = Member(room=d.room, user=d.user, name=d.name, role="member", read_seq=seq, joined_seq=seq, picture=picture)
    room.members[d.user] = msgspec.structs.replace(member, name=d.name, picture=picture) if member else new
    return True


def _mention(room: ModelRoom, d: Draft, users: Sequence[str], seq: int) -> None:
    room.mentions |= {(who, seq) for who in users if who in room.members and who != d.user}


def _apply_to_message(room: ModelRoom, d: Draft, target: int, now_ms: int) -> bool:
    if isinstance(d.content, kinds.MessagePinned | kinds.MessageUnpinned):
        need(room.actor(d), Action.PIN, room.info.access, state_of(room.info))
    if d.target is not None:
        room.need_seen(d, target)
    match d.content:
        case kinds.MessageEdited(mentions=mentions):
            message = room.message(target)
            through = decode_body(kinds.MessageSent, message.body).via
            if message.user != d.user and not (d.server and through == d.user):
                raise Refused("forbidden")
            before = room.shown(target, d.user).mentions
            room.edits.setdefault(target, []).append(len(room.log) + 1)
            room.mentions -= {(who, target) for who in before if who not in mentions}
            _mention(room, d, [who for who in mentions if who not in before], target)
            room.flag(d, target, (message.user, message.name), now_ms)
        case kinds.MessageDeleted():
            message = room.message(target)
            if message.user != d.user and not may(room.actor(d), Action.DELETE_OTHERS):
                raise Refused("forbidden")
            through = decode_body(kinds.MessageSent, message.body).via
            room.erase_message(target, own=d.user in (message.user, through))
        case kinds.ReactionAdded(emoji=emoji):
            room.message(target)
            standing = room.reactions.setdefault(target, {})
            if emoji not in standing and len(standing) >= MAX_EMOJIS:
                raise Refused("too_many")
            if d.user in standing.get(emoji, {}):
                return False
            standing.setdefault(emoji, {})[d.user] = len(room.log) + 1
        case kinds.ReactionRemoved(emoji=emoji):
            room.need_message(target)
            users = room.reactions.get(target, {}).get(emoji, {})
            if d.user not in users:
                return False
            del users[d.user]
            if not users:
                del room.reactions[target][emoji]
        case kinds.MessagePinned():
            room.message(target)
            if target in room.pins:
                return False
            if len(room.pins) >= MAX_PINS:
                raise Refused("too_many")
            room.pins.add(target)
        case kinds.MessageUnpinned():
            room.need_message(target)
            if target not in room.pins:
                return False
            room.pins.discard(target)
    return True
