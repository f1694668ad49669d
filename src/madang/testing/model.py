"""A log with its directory in memory, as simple as possible: the model that databases are compared with.

It keeps the contracts of the ports of the database (`check_log` verifies that) and nothing more: no index, no
batch, no file. Simulations use it because a database's threads would make every run different. What drafts do to a room is
in `model_room.py`.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec

from madang.core import events as kinds
from madang.core.audit import Entry, invited, listed, resolved, revoked
from madang.core.events import Appended, Draft, Event, erased_body, too_early
from madang.core.ids import IdSource, id_ms
from madang.core.invites import MAX_INVITES, Invite
from madang.core.messages import Message, in_room
from madang.core.people import Person
from madang.core.permissions import SERVER, Action, need
from madang.core.profiles import NO_PROFILE, Profile
from madang.core.reports import Report, Reported
from madang.core.rooms import COUNTED, DIRECT, Member, Membership, Room, hidden
from madang.core.sanctions import FOREVER_MS, Ban, Mute
from madang.core.signing import SigningKey, SigningKeys
from madang.core.user_ids import key_user
from madang.core.words import Words
from madang.errors import Refused
from madang.ports import signing
from madang.ports.directory import NOTHING, ServerKey
from madang.ports.log import Outcome, Page, Tail, UserMessages
from madang.ports.profiles import Named, Said
from madang.ports.signing import LEAD_MS
from madang.ports.tickets import FORGOTTEN_MS
from madang.ports.upkeep import StoredRoom, StoredUser
from madang.testing.model_accounts import ModelAccounts
from madang.testing.model_room import ModelRoom, apply

MAX_KEYS: Final = 1_000


class ModelStore(ModelAccounts):
    """A Log and Directory. Every call is one step that nothing interrupts.

    Attributes:
        rooms_by_id: the whole state, for tests to inspect.
    """

    ack = "stored"
    lanes = 1

    def __init__(self, ids: IdSource, clock_ms: Callable[[], int]) -> None:
        super().__init__(clock_ms)
        self._ids = ids
        self._clock_ms = clock_ms
        self._keys: dict[str, ServerKey] = {}
        self._signing = [SigningKey("0", bytes(range(32)))]
        self._users: dict[str, StoredUser] = {}
        self._tickets: dict[str, int] = {}
        self._profiles: dict[str, tuple[Profile, int]] = {}  # and when they were named
        self._vouched: dict[str, int] = {}  # until when what was said of a user held
        self._words = (0, Words())  # the version and the word list of the server
        self._versions = 0
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
            return too_early(d)
        if room is None:
            if not isinstance(d.content, kinds.RoomCreated):
                return Refused("not_found")
            body = d.content
            info = Room(id=d.room, title=body.title, access=body.access, slow_ms=body.slow_ms)
            room = self.rooms_by_id[d.room] = ModelRoom(info, f"epoch-{d.room}-{self._forgotten}")
        if d.user not in room.members and not d.server and d.content.needs_member:
            return Refused("not_member")
        deed = room.deed(d)
        try:
            if not apply(room, d, self._clock_ms(), self._known_name):
                return None
        except Refused as refused:
            return refused
        if deed is not None:
            room.note(deed, self._clock_ms())
        id = self._ids.next(self._clock_ms(), room.log[-1].id if room.log else 0)
        event = Event(d.room, len(room.log) + 1, id, d.type, d.user, d.name, id_ms(id), d.body)
        room.log.append(event)
        room.targets[event.seq] = d.target
        if d.cid is not None:
            room.cids[d.user, d.cid] = event.seq
        return Appended(event)

    def _known_name(self, user: str, other: str) -> str:
        shared = (room.members for _, room in sorted(self.rooms_by_id.items()) if user in room.members)
        return next((members[other].name for members in shared if other in members and members[other].name), "")

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
        self, room: str, user: str, *, before: int | None = None, after: int | None = None, limit: int = 50, above: int = 0,
    ) -> Page:  # fmt: skip
        if (known := self.rooms_by_id.get(room)) is None:
            return Page([], False)
        seqs = [e.seq for e in known.log[known.erased :] if e.type == kinds.MessageSent.type and e.seq > above]
        if after is not None:
            there = [seq for seq in seqs if seq > after]
            page = there[:limit]
        else:
            there = [seq for seq in seqs if before is None or seq < before]
            page = there[-limit:]
        return Page([known.shown(seq, user) for seq in page], len(there) > limit)

    async def seq_at(self, room: str, at_ms: int) -> int:
        log = self.rooms_by_id[room].log if room in self.rooms_by_id else []
        return next((event.seq for event in log if event.at >= at_ms), len(log) + 1)

    async def own_reactions(self, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
        known = self.rooms_by_id.get(room)
        shown = (known.shown(seq, user) for seq in known.reactions if first <= seq <= last) if known else ()
        return {message.seq: set(message.mine) for message in shown if message.mine}

    async def pins(self, room: str, user: str) -> list[Message]:
        known = self.rooms_by_id.get(room)
        return [known.shown(seq, user) for seq in sorted(known.pins)] if known else []

    async def messages_of(self, user: str, *, after: tuple[str, int] = ("", 0), limit: int = 50) -> UserMessages:
        found = [
            in_room(known.shown(event.seq, ""), room)
            for room, known in sorted(self.rooms_by_id.items())
            if self._standing(room) is not None
            for event in known.log
            if event.type == kinds.MessageSent.type and event.user == user and (room, event.seq) > after
        ]
        last = found[limit - 1] if len(found) > limit else None
        return UserMessages(found[:limit], (last.room, last.seq) if last is not None else None)

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
        if known is None or (member := known.members.get(user)) is None:
            return None
        return msgspec.structs.replace(member, hidden=hidden(known.info, member.joined_seq))

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
                others = sum(
                    e.type == kinds.MessageSent.type and e.user != user for e in room.log[max(pointer, room.erased) :]
                )
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
                        archived=room.info.archived,
                        peer=next((who for who in room.members if who != user), "")
                        if room.info.access == DIRECT
                        else "",
                    )
                )
        return found[:limit]

    async def joined_by(self, user: str) -> int:
        joined = (room for room in self.rooms_by_id.values() if user in room.members and not room.deleted)
        return sum(room.info.access != DIRECT for room in joined)

    async def owned_by(self, user: str) -> int:
        mine = [room.members.get(user) for room in self.rooms_by_id.values() if not room.deleted]
        return sum(member is not None and member.role == "owner" for member in mine)

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        for id, user, seq in pointers:
            if (room := self.rooms_by_id.get(id)) is not None and (m := room.members.get(user)) is not None:
                read = max(m.read_seq, min(seq, len(room.log)))
                room.members[user] = msgspec.structs.replace(m, read_seq=read)

    async def add_invite(self, invite: Invite, now_ms: int, name: str, *, server: bool = False) -> None:
        room = self._standing(invite.room)
        if room is None or (invite.by not in room.members and not server):
            raise Refused("not_found")
        if not server:
            need(room.members[invite.by].role, Action.INVITE)
        else:
            need(SERVER, Action.INVITE, room.info.access)
        if len(await self.invites(invite.room, now_ms)) >= MAX_INVITES:
            raise Refused("too_many")
        room.invites[invite.id] = msgspec.structs.replace(invite, seq=len(room.log))
        room.note(invited(invite, now_ms, name), now_ms)

    async def invite(self, room: str, id: str) -> Invite | None:
        known = self.rooms_by_id.get(room)
        return known.invites.get(id) if known else None

    async def invites(self, room: str, now_ms: int) -> list[Invite]:
        known = self.rooms_by_id.get(room)
        there = sorted(known.invites.items()) if known else []
        return [invite for _, invite in there if invite.until_ms > now_ms and invite.uses != 0]

    async def drop_invite(self, room: str, id: str, now_ms: int, by: str, name: str) -> bool:
        known = self.rooms_by_id.get(room)
        if known is None or known.invites.pop(id, None) is None:
            return False
        known.note(revoked(id, by, name), now_ms)
        return True

    async def bans(self, room: str, *, after: str = "", limit: int = 50) -> list[Ban]:
        known, now = self.rooms_by_id.get(room), self._clock_ms()
        there = sorted(known.bans.items()) if known else []
        return [
            msgspec.structs.replace(ban, left_ms=None if end >= FOREVER_MS else end - now)
            for user, (ban, end) in there
            if user > after and end > now
        ][:limit]

    async def mutes(self, room: str, *, after: str = "", limit: int = 50) -> list[Mute]:
        known, now = self.rooms_by_id.get(room), self._clock_ms()
        there = sorted(known.mutes.items()) if known else []
        return [
            msgspec.structs.replace(mute, left_ms=None if end >= FOREVER_MS else end - now)
            for user, (mute, end) in there
            if user > after and end > now
        ][:limit]

    async def audit(self, room: str, *, before: int | None = None, limit: int = 50) -> list[Entry]:
        known = self.rooms_by_id.get(room)
        newest = reversed(known.audit) if known else ()
        return [entry for entry in newest if before is None or entry.n < before][:limit]

    async def add_report(self, room: str, seq: int, report: Report, *, server: bool = False) -> int | None:
        if (known := self._standing(room)) is None:
            raise Refused("not_found")
        return len(known.reported()) if known.report(seq, report, server=server) else None

    async def reports(self, room: str, *, after: int = 0, limit: int = 50) -> list[Reported]:
        known = self.rooms_by_id.get(room)
        return [each for each in known.reported() if each.seq > after][:limit] if known else []

    async def resolve_reports(self, room: str, seq: int, now_ms: int, by: str, name: str) -> int | None:
        known = self.rooms_by_id.get(room)
        found = next((each for each in known.reported() if each.seq == seq), None) if known else None
        if known is None or found is None:
            return None
        for (at, _), each in known.reports.items():
            each.open = each.open and at != seq
        known.note(resolved(seq, found.count, found.user, found.name, by=by, by_name=name), now_ms)
        return len(known.reported())

    async def reported(self, room: str) -> int:
        return len(await self.reports(room, limit=1_000_000))

    async def set_words(self, room: str, new: Words, now_ms: int, by: str, name: str, *, server: bool = False) -> int:
        self._versions += 1
        kept = (self._versions, new) if new.count else (0, Words())
        if not room:
            self._words = kept
            return kept[0]
        known = self._standing(room)
        if known is None or (by not in known.members and not server):
            raise Refused("not_found")
        if not server:
            need(known.members[by].role, Action.WORDS)
        known.words = kept
        known.note(listed(new, by, name), now_ms)
        return kept[0]

    async def words(self, room: str) -> tuple[int, Words]:
        known = self.rooms_by_id.get(room)
        return known.words if known else (0, Words()) if room else self._words

    async def word_lists(self) -> dict[str, int]:
        every = {"": self._words[0]} | {id: room.words[0] for id, room in self.rooms_by_id.items()}
        return {room: version for room, version in every.items() if version}

    async def signing_keys(self) -> SigningKeys:
        return SigningKeys("model", bytes(32), tuple(self._signing))

    async def add_signing_key(self, lead_ms: int = LEAD_MS) -> SigningKey:
        if len(self._signing) >= signing.MAX_KEYS:
            raise Refused("too_many")
        from_ms = max(self._clock_ms() + lead_ms, self._signing[-1].from_ms + 1)
        self._signing.append(SigningKey(f"{from_ms}", hashlib.sha256(f"{from_ms}".encode()).digest(), from_ms))
        return self._signing[-1]

    async def retire_signing_keys(self) -> int:
        *old, newest = self._signing
        if not old or newest.from_ms > self._clock_ms():
            raise Refused("conflict" if old else "not_found")
        self._signing = [newest]
        return len(old)

    async def profile(self, user: str) -> Profile:
        return self._profiles.get(user, (NO_PROFILE, 0))[0]

    async def set_profile(
        self, user: str, *, name: str | None = None, picture: str | None = None, locale: str | None = None
    ) -> Profile:
        await self.note_known([user], self._clock_ms())
        if self._users[user].deleted_ms is not None:
            return NO_PROFILE
        kept, named_ms = self._profiles.get(user, (NO_PROFILE, 0))
        given = {"name": name, "picture": picture, "locale": locale}
        profile = msgspec.structs.replace(kept, **{what: new for what, new in given.items() if new is not None})
        self._profiles[user] = profile, named_ms if profile.name == kept.name else self._clock_ms()
        account = await self.account_of(user)
        if account is not None and name is not None:
            self._accounts[account.login] = msgspec.structs.replace(account, name=name)
        return profile

    async def named_after(self, after: tuple[int, str], limit: int) -> list[Named]:
        named = [Named(at_ms, user, kept.name) for user, (kept, at_ms) in self._profiles.items() if at_ms]
        return sorted((each for each in named if (each.at_ms, each.user) > after), key=lambda n: (n.at_ms, n.user))[
            :limit
        ]

    async def keep_said(self, said: Sequence[Said]) -> set[str]:
        changed = set()
        for each in said:
            known = each.user in self._users
            await self.note_known([each.user], self._clock_ms())
            kept, named_ms = self._profiles.get(each.user, (NO_PROFILE, 0))
            given = {"name": each.name, "picture": each.picture}
            new = msgspec.structs.replace(kept, **{what: word for what, word in given.items() if word is not None})
            if new == kept or self._users[each.user].deleted_ms or self._vouched.get(each.user, 0) >= each.until_ms:
                continue
            if known:
                changed.add(each.user)
            self._vouched[each.user] = each.until_ms
            self._profiles[each.user] = new, self._clock_ms() if kept.name and kept.name != new.name else named_ms
        return changed

    async def joined(self, user: str, *, after: str = "", limit: int = 100) -> list[str]:
        return sorted(id for id, room in self.rooms_by_id.items() if user in room.members and id > after)[:limit]

    async def use_tickets(self, tickets: Sequence[tuple[str, int]]) -> set[str]:
        new = {id: until_ms for id, until_ms in tickets if id not in self._tickets}
        over = self._clock_ms() - FORGOTTEN_MS
        self._tickets = {id: until_ms for id, until_ms in (self._tickets | new).items() if until_ms >= over}
        return set(new)

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
            StoredRoom(
                id=id,
                deleted=room.deleted,
                at_ms=room.log[-1].at,
                members=bool(room.members),
                keep_ms=room.info.keep_ms,
                keeps=bool(room.info.keep_ms or room.info.keep_messages),
                purged_seq=room.info.purged_seq,
                left=room.erased < room.info.purged_seq,
            )
            for id, room in sorted(self.rooms_by_id.items())
            if id > after
        ][:limit]

    async def erase(self, room: str, limit: int) -> int:
        known = self.rooms_by_id.get(room)
        if known is None:
            return 0
        if not known.deleted:
            erased = min(limit, max(0, known.info.purged_seq - known.erased))
            known.forget(known.erased + erased)
            return erased
        if people := list(known.members)[:limit]:
            for user in people:
                del known.members[user]
            return len(people)
        if kicked := list(known.kicks)[:limit]:
            for user in kicked:
                del known.kicks[user]
            return len(kicked)
        if banned := list(known.bans)[:limit]:
            for user in banned:
                known.lift_ban(user)
            return len(banned)
        if muted := list(known.mutes)[:limit]:
            for user in muted:
                del known.mutes[user]
            return len(muted)
        if deeds := known.audit[:limit]:
            del known.audit[:limit]
            return len(deeds)
        if told := list(known.reports)[:limit]:
            for key in told:
                del known.reports[key]
            return len(told)
        erased = min(limit, len(known.log) - 1 - known.erased)
        known.erased += erased
        known.mentions.clear()
        known.reactions.clear()
        known.pins.clear()
        known.invites.clear()
        return erased

    async def forget_audit(self, before_ms: int, limit: int) -> int:
        old = [(room, entry) for room in self.rooms_by_id.values() for entry in room.audit if entry.at_ms < before_ms]
        for room, entry in old[:limit]:
            room.audit.remove(entry)
        return len(old[:limit])

    async def forget_reports(self, before_ms: int, limit: int) -> int:
        rooms = self.rooms_by_id.values()
        old = [(r, key) for r in rooms for key, each in r.reports.items() if each.report.at_ms < before_ms][:limit]
        for room, key in old:
            del room.reports[key]
        return len(old)

    async def due(self, room: str, before_ms: int) -> int:
        known = self.rooms_by_id[room]
        info, upto = known.info, known.info.purged_seq
        messages = [e.seq for e in known.log if e.type == kinds.MessageSent.type and e.seq > upto]
        if info.keep_ms:
            upto = max([upto, *(e.seq for e in known.log if e.at < before_ms)])
        if info.keep_messages and len(messages) > info.keep_messages:
            upto = max(upto, messages[-info.keep_messages] - 1)
        return upto if any(seq <= upto for seq in messages) else info.purged_seq

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

    async def joined_among(self, users: Sequence[str]) -> set[str]:
        return {user for room in self.rooms_by_id.values() for user in room.members} & set(users)

    async def delete_user(self, user: str, now_ms: int) -> bool:
        known, had_account = self._users.get(user), self._delete_account(user)
        if known is None and not had_account and not any(user in room.members for room in self.rooms_by_id.values()):
            return False
        seen = known.seen_ms if known else now_ms
        self._users[user] = StoredUser(id=user, seen_ms=seen, deleted_ms=now_ms)
        self._profiles.pop(user, None)
        self._vouched.pop(user, None)
        return True

    async def users_deleted(self, since_ms: int) -> list[StoredUser]:
        return [user for user in self._users.values() if user.deleted_ms is not None and user.deleted_ms >= since_ms]

    async def forget_users(self, users: Sequence[str]) -> None:
        for user in users:
            if not any(user in room.members for room in self.rooms_by_id.values()):
                self._users.pop(user, None)
                self._profiles.pop(user, None)
                self._vouched.pop(user, None)
                for room in self.rooms_by_id.values():
                    room.kicks.pop(user, None)
                    room.lift_ban(user)
                    room.mutes.pop(user, None)
                    room.reports = {key: each for key, each in room.reports.items() if key[1] != user}

    # People

    async def put_people(self, people: Sequence[Person], now_ms: int) -> tuple[set[str], set[str]]:
        deleted = {p.id for p in people if p.id in self._users and self._users[p.id].deleted_ms is not None}
        known = await self.people([p.id for p in people])
        await self.note_known([p.id for p in people], now_ms)
        for p in people:
            if known.get(p.id) != p.name:
                await self.set_profile(p.id, name=p.name)
        return deleted, {p.id for p in people if known.get(p.id, p.name) != p.name}

    async def people(self, ids: Collection[str]) -> dict[str, str]:
        profiles = {id: await self.profile(id) for id in ids}
        return {id: profile.name for id, profile in profiles.items() if profile.name}


def _repeat(first: Event, target: int | None, d: Draft) -> Outcome:
    if first.type != d.type or first.body not in (d.body, d.unmasked, erased_body(first.type, target)):
        return Refused("conflict")
    return Appended(first, duplicate=True)
