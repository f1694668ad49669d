"""A log with its directory in memory, as simple as possible: the model that databases are compared with.

It keeps the contracts of `ports.log` and `ports.directory` (`check_log` verifies that) and nothing more: no index, no
batch, no file. Simulations use it because a database's threads would make every run different.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from madang.core import events as kinds
from madang.core.events import ERASED, Appended, Draft, Event, decode_body, erased_body, erased_edit
from madang.core.ids import IdSource, id_ms
from madang.core.invites import MAX_INVITES, Invite, Kick
from madang.core.messages import Message
from madang.core.permissions import Action, acting_role, may, need, need_to_grant, need_to_kick
from madang.core.rooms import COUNTED, OF_ANYONE, Member, Membership, Room, changed
from madang.core.timestamps import moment
from madang.core.user_ids import key_user
from madang.errors import Limited, Refused
from madang.ports.directory import NOTHING, ServerKey
from madang.ports.log import Outcome, Page, Tail
from madang.ports.upkeep import StoredRoom, StoredUser

MAX_EMOJIS: Final = 20
MAX_PINS: Final = 50
MAX_KEYS: Final = 1_000


class ModelRoom:
    """Everything about one room. `log[n]` is the event of seq n + 1."""

    def __init__(self, info: Room, epoch: str) -> None:
        self.info = info
        self.epoch = epoch
        self.log: list[Event] = []
        self.cids: dict[tuple[str, str], int] = {}  # (user, cid) -> seq
        self.targets: dict[int, int | None] = {}  # seq -> what its event is about
        self.members: dict[str, Member] = {}
        self.mentions: set[tuple[str, int]] = set()  # (user, seq)
        self.edits: dict[int, list[int]] = {}  # seq of a message -> seqs of its edits
        self.reactions: dict[int, dict[str, dict[str, int]]] = {}  # message -> emoji -> user -> seq
        self.pins: set[int] = set()
        self.deleted = False
        self.kicks: dict[str, Kick] = {}
        self.invites: dict[str, Invite] = {}  # by id
        self.erased = 0  # events that are no longer there, the oldest

    def message(self, target: int | None) -> Event:
        """Return the event of a message that is not deleted (not_found, gone)."""
        event = self.log[target - 1] if target is not None and 0 < target <= len(self.log) else None
        if event is None or event.type != kinds.MessageSent.type:
            raise Refused("not_found")
        if event.body == ERASED:
            raise Refused("gone")
        return event

    def need_message(self, seq: int) -> None:
        """Raise Refused (not_found) unless an event is a message, deleted or not."""
        if not 0 < seq <= len(self.log) or self.log[seq - 1].type != kinds.MessageSent.type:
            raise Refused("not_found")

    def reword(self, seq: int, body: bytes) -> None:
        """Replace the body of an event."""
        e = self.log[seq - 1]
        self.log[seq - 1] = Event(e.room, e.seq, e.id, e.type, e.user, e.name, e.at, body)

    def owners_but(self, user: str | None) -> list[str]:
        """Return the owners other than one user."""
        return [m.user for m in self.members.values() if m.role == "owner" and m.user != user]

    def admit(self, d: Draft, now_ms: int) -> None:
        """Let in a user who is not a member, or raise Refused; count the use of an invite that they need for that."""
        kick, anyone = self.kicks.get(d.user), self.info.access in OF_ANYONE
        held = kick is not None and (kick.until_ms > now_ms or not anyone)
        if held or not anyone:
            invite = self.invites.get(d.invite.id) if d.invite is not None else None
            if d.invite is None or invite is None or not invite.admits(d.invite, now_ms, kick.seq if kick else None):
                if anyone and kick is not None:
                    raise Limited("kicked", kick.until_ms - now_ms)
                raise Refused("not_found")
            if invite.uses is not None:
                self.invites[invite.id] = msgspec.structs.replace(invite, uses=invite.uses - 1)
        self.kicks.pop(d.user, None)

    def end_invites(self, by: str) -> None:
        """Forget the invites that somebody made."""
        self.invites = {id: invite for id, invite in self.invites.items() if invite.by != by}

    def shown(self, seq: int, user: str) -> Message:
        """Return a message as it is now, as a user sees it."""
        event = self.log[seq - 1]
        sent = decode_body(kinds.MessageSent, event.body)
        edits = self.edits.get(seq, []) if event.body != ERASED else []
        edit = self.log[edits[-1] - 1] if edits else None
        now = decode_body(kinds.MessageEdited, edit.body) if edit else sent
        standing = self.reactions.get(seq, {})
        ordered = list(standing)
        return Message(
            seq=seq, id=str(event.id), user=event.user, name=event.name, at=moment(event.at),
            text=now.text or "", data=now.data, reply_to=sent.reply_to, mentions=now.mentions, via=sent.via,
            edited_at=moment(edit.at) if edit else None, deleted=sent.deleted, pinned=seq in self.pins,
            reactions={emoji: len(standing[emoji]) for emoji in ordered},
            mine=tuple(emoji for emoji in ordered if user in standing[emoji]),
        )  # fmt: skip


class ModelStore:
    """A Log and Directory. Every call is one step that nothing interrupts.

    Attributes:
        rooms_by_id: the whole state, for tests to inspect.
    """

    ack = "stored"
    lanes = 1

    def __init__(self, ids: IdSource, clock_ms: Callable[[], int]) -> None:
        self._ids = ids
        self._clock_ms = clock_ms
        self._keys: dict[str, ServerKey] = {}
        self._users: dict[str, StoredUser] = {}
        self._forgotten = 0  # rooms; a room made again has another epoch
        self.rooms_by_id: dict[str, ModelRoom] = {}

    # Log

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        return [self._append(d) for d in drafts]

    def _append(self, d: Draft) -> Outcome:
        room = self.rooms_by_id.get(d.room)
        if room is not None and room.deleted:
            return Refused("room_exists" if isinstance(d.content, kinds.RoomCreated) else "not_found")
        if room is not None and d.cid is not None and (first := room.cids.get((d.user, d.cid))) is not None:
            return _repeat(room.log[first - 1], room.targets[first], d)
        if d.early is not None:
            return Limited(*d.early)
        if room is None:
            if not isinstance(d.content, kinds.RoomCreated):
                return Refused("not_found")
            body = d.content
            info = Room(id=d.room, title=body.title, access=body.access, slow_ms=body.slow_ms)
            room = self.rooms_by_id[d.room] = ModelRoom(info, f"epoch-{d.room}-{self._forgotten}")
        if d.user not in room.members and not d.server and d.content.needs_member:
            return Refused("not_member")
        try:
            if not _apply(room, d, self._clock_ms()):
                return None
        except Refused as refused:
            return refused
        id = self._ids.next(self._clock_ms(), room.log[-1].id if room.log else 0)
        event = Event(d.room, len(room.log) + 1, id, d.type, d.user, d.name, id_ms(id), d.body)
        room.log.append(event)
        room.targets[event.seq] = d.target
        if d.cid is not None:
            room.cids[d.user, d.cid] = event.seq
        return Appended(event)

    async def tail(self, room: str, limit: int) -> Tail | None:
        if (known := self._standing(room)) is None:
            return None
        return Tail(known.epoch, len(known.log), known.log[-limit:] if limit else [])

    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        known = self.rooms_by_id.get(room)
        return known.log[max(after, known.erased) :][:limit] if known else []

    async def heads(self, rooms: Sequence[str]) -> dict[str, int]:
        return {room: len(self.rooms_by_id[room].log) for room in rooms if room in self.rooms_by_id}

    async def messages(
        self, room: str, user: str, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> Page:
        if (known := self.rooms_by_id.get(room)) is None:
            return Page([], False)
        seqs = [e.seq for e in known.log[known.erased :] if e.type == kinds.MessageSent.type]
        if after is not None:
            there = [seq for seq in seqs if seq > after]
            page = there[:limit]
        else:
            there = [seq for seq in seqs if before is None or seq < before]
            page = there[-limit:]
        return Page([known.shown(seq, user) for seq in page], len(there) > limit)

    async def own_reactions(self, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
        known = self.rooms_by_id.get(room)
        shown = (known.shown(seq, user) for seq in known.reactions if first <= seq <= last) if known else ()
        return {message.seq: set(message.mine) for message in shown if message.mine}

    async def pins(self, room: str, user: str) -> list[Message]:
        known = self.rooms_by_id.get(room)
        return [known.shown(seq, user) for seq in sorted(known.pins)] if known else []

    # Directory

    async def room(self, room: str) -> Room | None:
        known = self._standing(room)
        return known.info if known else None

    def _standing(self, room: str) -> ModelRoom | None:
        known = self.rooms_by_id.get(room)
        return None if known is None or known.deleted else known

    async def rooms(self, *, after: str = "", limit: int = 50, hidden: bool = False) -> list[Room]:
        return [
            room.info
            for id, room in sorted(self.rooms_by_id.items())
            if id > after and (hidden or room.info.access == "open") and not room.deleted
        ][:limit]

    async def member(self, room: str, user: str) -> Member | None:
        known = self._standing(room)
        return known.members.get(user) if known else None

    async def members(self, room: str, *, after: str = "", limit: int = 50) -> list[Member]:
        known = self.rooms_by_id.get(room)
        return [m for id, m in sorted(known.members.items()) if id > after][:limit] if known else []

    async def memberships(
        self, user: str, *, after: str = "", limit: int = 50, read: Mapping[str, int] = NOTHING
    ) -> list[Membership]:
        found = []
        for id, room in sorted(self.rooms_by_id.items()):
            if id > after and not room.deleted and (m := room.members.get(user)) is not None:
                seq, pointer = len(room.log), max(m.read_seq, read.get(id, 0))
                mentioned = sum(who == user and at > pointer for who, at in room.mentions)
                others = sum(e.type == kinds.MessageSent.type and e.user != user for e in room.log[pointer:])
                found.append(
                    Membership(
                        room=id,
                        title=room.info.title,
                        access=room.info.access,
                        role=m.role,
                        seq=seq,
                        read_seq=pointer,
                        unread=min(COUNTED, others),
                        mentions=min(COUNTED, mentioned),
                    )
                )
        return found[:limit]

    async def joined_by(self, user: str) -> int:
        return sum(user in room.members and not room.deleted for room in self.rooms_by_id.values())

    async def owned_by(self, user: str) -> int:
        mine = [room.members.get(user) for room in self.rooms_by_id.values() if not room.deleted]
        return sum(member is not None and member.role == "owner" for member in mine)

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        for id, user, seq in pointers:
            if (room := self.rooms_by_id.get(id)) is not None and (m := room.members.get(user)) is not None:
                read = max(m.read_seq, min(seq, len(room.log)))
                room.members[user] = Member(room=id, user=user, name=m.name, role=m.role, read_seq=read)

    async def add_invite(self, invite: Invite, now_ms: int, *, server: bool = False) -> None:
        room = self._standing(invite.room)
        if room is None or (invite.by not in room.members and not server):
            raise Refused("not_found")
        if not server:
            need(room.members[invite.by].role, Action.INVITE)
        if len(await self.invites(invite.room, now_ms)) >= MAX_INVITES:
            raise Refused("too_many")
        room.invites[invite.id] = msgspec.structs.replace(invite, seq=len(room.log))

    async def invite(self, room: str, id: str) -> Invite | None:
        known = self.rooms_by_id.get(room)
        return known.invites.get(id) if known else None

    async def invites(self, room: str, now_ms: int) -> list[Invite]:
        known = self.rooms_by_id.get(room)
        there = sorted(known.invites.items()) if known else []
        return [invite for _, invite in there if invite.until_ms > now_ms and invite.uses != 0]

    async def drop_invite(self, room: str, id: str) -> bool:
        known = self.rooms_by_id.get(room)
        return known is not None and known.invites.pop(id, None) is not None

    async def secret(self) -> bytes:
        return bytes(range(32))

    async def add_key(self, key: ServerKey) -> None:
        if len(self._keys) >= MAX_KEYS:
            raise Refused("too_many")
        self._keys[key.id] = key

    async def key(self, id: str) -> ServerKey | None:
        return self._keys.get(id)

    async def keys(self) -> list[ServerKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    async def drop_key(self, id: str) -> bool:
        for room in self.rooms_by_id.values():
            room.end_invites(key_user(id))
        return self._keys.pop(id, None) is not None

    # Upkeep

    async def rooms_after(self, after: str, limit: int) -> list[StoredRoom]:
        return [
            StoredRoom(id=id, deleted=room.deleted, at_ms=room.log[-1].at, members=bool(room.members))
            for id, room in sorted(self.rooms_by_id.items())
            if id > after
        ][:limit]

    async def erase(self, room: str, limit: int) -> int:
        known = self.rooms_by_id.get(room)
        if known is None or not known.deleted:
            return 0
        if people := list(known.members)[:limit]:
            for user in people:
                del known.members[user]
            return len(people)
        if kicked := list(known.kicks)[:limit]:
            for user in kicked:
                del known.kicks[user]
            return len(kicked)
        erased = min(limit, len(known.log) - 1 - known.erased)
        known.erased += erased
        known.mentions.clear()
        known.reactions.clear()
        known.pins.clear()
        known.invites.clear()
        return erased

    async def forget_rooms(self, rooms: Sequence[str]) -> int:
        found = [self.rooms_by_id.get(room) for room in rooms]
        gone = [r for r in found if r and r.deleted and not r.members and r.erased == len(r.log) - 1]
        for room in gone:
            del self.rooms_by_id[room.info.id]
        self._forgotten += len(gone)
        return len(gone)

    async def note_seen(self, users: Sequence[str], now_ms: int) -> None:
        for user in users:
            known = self._users.get(user)
            self._users[user] = StoredUser(id=user, seen_ms=now_ms, deleted_ms=known.deleted_ms if known else None)

    async def members_after(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        every = sorted((id, user) for id, room in self.rooms_by_id.items() for user in room.members)
        return [each for each in every if each > after][:limit]

    async def note_known(self, users: Sequence[str], now_ms: int) -> None:
        await self.note_seen([user for user in users if user not in self._users], now_ms)

    async def users_after(self, after: str, limit: int) -> list[StoredUser]:
        return [user for id, user in sorted(self._users.items()) if id > after][:limit]

    async def delete_user(self, user: str, now_ms: int) -> bool:
        known = self._users.get(user)
        if known is None and not any(user in room.members for room in self.rooms_by_id.values()):
            return False
        seen = known.seen_ms if known else now_ms
        self._users[user] = StoredUser(id=user, seen_ms=seen, deleted_ms=now_ms)
        return True

    async def users_deleted(self, since_ms: int) -> list[StoredUser]:
        return [user for user in self._users.values() if user.deleted_ms is not None and user.deleted_ms >= since_ms]

    async def forget_users(self, users: Sequence[str]) -> None:
        for user in users:
            if not any(user in room.members for room in self.rooms_by_id.values()):
                self._users.pop(user, None)
                for room in self.rooms_by_id.values():
                    room.kicks.pop(user, None)


def _repeat(first: Event, target: int | None, d: Draft) -> Outcome:
    if first.type != d.type or first.body not in (d.body, erased_body(first.type, target)):
        return Refused("conflict")
    return Appended(first, duplicate=True)


def _apply(room: ModelRoom, d: Draft, now_ms: int) -> bool:
    """Check and apply a draft's effect, as in the table of `ports.log`; return False if it changes nothing."""
    user, seq, actor = d.user, len(room.log) + 1, _actor(room, d)
    match d.content:
        case kinds.RoomCreated():
            if room.log:
                raise Refused("room_exists")
            room.members[user] = Member(room=d.room, user=user, name=d.name, role="owner", read_seq=seq)
        case kinds.RoomChanged() as change:
            need(actor, Action.CHANGE_ROOM)
            room.info = changed(room.info, change)
        case kinds.RoomDeleted(expired=expired):
            need(actor, Action.DELETE_ROOM)
            if expired and room.members:
                return False
            room.deleted = True
        case kinds.MemberJoined(role=role):
            if user in room.members:
                return False
            if not d.server:
                room.admit(d, now_ms)
            room.members[user] = Member(room=d.room, user=user, name=d.name, role=role, read_seq=seq)
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
            room.end_invites(user)
        case kinds.MemberKicked(member=subject, for_ms=for_ms):
            if (m := room.members.get(subject)) is None:
                raise Refused("not_found")
            need_to_kick(actor, m.role)
            del room.members[m.user]
            room.end_invites(m.user)
            room.kicks[m.user] = Kick(seq, now_ms + for_ms)
        case kinds.RoleGiven(member=subject, role=role):
            m = room.members.get(subject)
            if m is None:
                raise Refused("not_found")
            need_to_grant(actor, role)
            if m.role == "owner" and role != "owner" and not d.server and not room.owners_but(m.user):
                raise Refused("last_owner")
            if not may(role, Action.INVITE):
                room.end_invites(m.user)
            room.members[m.user] = Member(room=d.room, user=m.user, name=m.name, role=role, read_seq=m.read_seq)
        case kinds.MessageSent(mentions=mentions, reply_to=reply_to):
            if reply_to is not None:
                room.need_message(reply_to)
            _mention(room, d, mentions, seq)
        case _:
            return _apply_to_message(room, d, d.target or 0)
    return True


def _mention(room: ModelRoom, d: Draft, users: Sequence[str], seq: int) -> None:
    room.mentions |= {(who, seq) for who in users if who in room.members and who != d.user}


def _actor(room: ModelRoom, d: Draft) -> str:
    """Return the role that a draft is made in."""
    member = room.members.get(d.user)
    return acting_role(member.role if member else None, server=d.server)


def _apply_to_message(room: ModelRoom, d: Draft, target: int) -> bool:
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
        case kinds.MessageDeleted():
            if room.message(target).user != d.user and not may(_actor(room, d), Action.DELETE_OTHERS):
                raise Refused("forbidden")
            room.reword(target, ERASED)
            for edit in room.edits.get(target, []):
                room.reword(edit, erased_edit(target))
            room.mentions = {(who, seq) for who, seq in room.mentions if seq != target}
            room.reactions.pop(target, None)
            room.pins.discard(target)
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
            need(_actor(room, d), Action.PIN)
            room.message(target)
            if target in room.pins:
                return False
            if len(room.pins) >= MAX_PINS:
                raise Refused("too_many")
            room.pins.add(target)
        case kinds.MessageUnpinned():
            need(_actor(room, d), Action.PIN)
            room.need_message(target)
            if target not in room.pins:
                return False
            room.pins.discard(target)
    return True
