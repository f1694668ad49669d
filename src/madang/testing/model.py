"""A log with its directory in memory, as simple as possible: the model that databases are compared with.

It keeps the contracts of the ports of the database (`check_log` verifies that) and nothing more: no index, no
batch, no file. Simulations use it because a database's threads would make every run different. What drafts do to a room is
in `model_effects.py`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from madang.core import events as kinds
from madang.core.audit import SERVERS, Entry, invited, listed, resolved, revoked
from madang.core.events import Appended, Draft, Event, erased_body, too_early
from madang.core.ids import IdSource, id_ms
from madang.core.invites import MAX_INVITES, Invite
from madang.core.messages import Reactor, in_room
from madang.core.permissions import SERVER, Action, need
from madang.core.reports import Report, Reported
from madang.core.rooms import COUNTED, DIRECT, OF_ANYONE, Counted, Member, Membership, Room, hidden
from madang.core.sanctions import FOREVER_MS, Ban, Mute
from madang.core.signing import SigningKey, SigningKeys
from madang.core.user_ids import key_user
from madang.core.words import Words
from madang.errors import Refused
from madang.ports import signing
from madang.ports.changes import PAGE, Changes, Known
from madang.ports.directory import NOTHING, ServerKey
from madang.ports.log import Outcome, Page, Tail, UserMessages
from madang.ports.signing import LEAD_MS
from madang.ports.tickets import FORGOTTEN_MS
from madang.testing.model_consumers import ModelConsumers
from madang.testing.model_effects import apply
from madang.testing.model_papers import ModelPapers
from madang.testing.model_room import ModelRoom
from madang.testing.model_search import ModelSearch
from madang.testing.model_upkeep import ModelUpkeep
from madang.testing.model_users import ModelUsers

MAX_KEYS: Final = 1_000


class ModelStore(ModelUsers, ModelPapers, ModelSearch, ModelConsumers, ModelUpkeep):
    """A Log and Directory. Every call is one step that nothing interrupts.

    Attributes:
        rooms_by_id: the whole state, for tests to inspect.
    """

    ack = "stored"
    lanes = 1

    def __init__(self, ids: IdSource, clock_ms: Callable[[], int]) -> None:
        ModelUsers.__init__(self, clock_ms)
        ModelPapers.__init__(self, clock_ms)
        ModelConsumers.__init__(self)
        self._ids = ids
        self._keys: dict[str, ServerKey] = {}
        self._signing = [SigningKey("0", bytes(range(32)))]
        self._tickets: dict[str, int] = {}
        self._words = (0, Words())  # the version and the word list of the server
        self._versions = 0

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
            if isinstance(d.content, kinds.PaperCreated | kinds.PaperChanged | kinds.PaperDeleted):
                news = self.apply_to_papers(room, d, self._clock_ms())
            else:
                news = apply(room, d, self._clock_ms(), self._known_name)
            if not news:
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
            return Page([], False, 0)
        seqs = [e.seq for e in known.log[known.erased :] if e.type == kinds.MessageSent.type and e.seq > above]
        if after is not None:
            there = [seq for seq in seqs if seq > after]
            page = there[:limit]
        else:
            there = [seq for seq in seqs if before is None or seq < before]
            page = there[-limit:]
        return Page([known.shown(seq, user) for seq in page], len(there) > limit, len(known.log))

    async def around(
        self, room: str, user: str, seq: int, *, below: int, above: int, hidden: int = 0
    ) -> tuple[Page, Page]:
        older = await self.messages(room, user, before=seq, limit=below, above=hidden)
        return older, await self.messages(room, user, after=max(0, seq - 1), limit=above, above=hidden)

    async def seq_at(self, room: str, at_ms: int) -> int:
        log = self.rooms_by_id[room].log if room in self.rooms_by_id else []
        return next((event.seq for event in log if event.at >= at_ms), len(log) + 1)

    async def own_reactions(self, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
        known = self.rooms_by_id.get(room)
        shown = (known.shown(seq, user) for seq in known.reactions if first <= seq <= last) if known else ()
        return {message.seq: set(message.mine) for message in shown if message.mine}

    async def reactors(self, room: str, seq: int, emoji: str, *, after: str = "", limit: int = 50) -> list[Reactor]:
        known = self.rooms_by_id.get(room)
        users = known.reactions.get(seq, {}).get(emoji, {}) if known else {}
        return [Reactor(who, known.log[at - 1].name) for who, at in sorted(users.items()) if known and who > after][
            :limit
        ]

    async def pins(self, room: str, user: str) -> Page:
        if (known := self.rooms_by_id.get(room)) is None:
            return Page([], False, 0)
        return Page([known.shown(seq, user) for seq in sorted(known.pins)], False, len(known.log))

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

    async def joinable(self, room: str) -> Room | None:
        info = await self.room(room)
        return info if info and info.access in OF_ANYONE else None

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

    async def find_members(
        self, room: str, matches: Callable[[str], bool], *, after: str = "", limit: int = 50, most: int = 10_000
    ) -> tuple[list[Member], str]:
        there = await self.members(room, after=after, limit=most)
        found = [member for member in there if matches(member.name)]
        if len(found) >= limit:
            return found[:limit], found[limit - 1].user
        return found, there[-1].user if len(there) == most else ""

    async def memberships(
        self, user: str, *, after: str = "", limit: int = 50, read: Mapping[str, int] = NOTHING
    ) -> list[Membership]:
        return [each.membership for each in await self.counted(user, after=after, limit=limit, read=read)]

    async def counted(
        self, user: str, *, among: Sequence[str] | None = None, after: str = "", limit: int = 50,
        read: Mapping[str, int] = NOTHING,
    ) -> list[Counted]:  # fmt: skip
        found = self._counted(user, read)
        if among is not None:
            return [each for each in found if each.membership.room in among]
        return [each for each in found if each.membership.room > after][:limit]

    def _counted(self, user: str, read: Mapping[str, int]) -> list[Counted]:
        found = []
        for id, room in sorted(self.rooms_by_id.items()):
            if not room.deleted and (m := room.members.get(user)) is not None:
                seq, pointer = len(room.log), max(m.read_seq, read.get(id, 0))
                mentioned = sum(who == user and at > pointer for who, at in room.mentions)
                others = sum(
                    e.type == kinds.MessageSent.type and e.user != user for e in room.log[max(pointer, room.erased) :]
                )
                membership = Membership(
                    room=id,
                    title=room.info.title,
                    access=room.info.access,
                    role=m.role,
                    seq=seq,
                    read_seq=pointer,
                    unread=min(COUNTED, others),
                    mentions=min(COUNTED, mentioned),
                    archived=room.info.archived,
                    peer=next((who for who in room.members if who != user), "") if room.info.access == DIRECT else "",
                )
                messages = sum(e.type == kinds.MessageSent.type for e in room.log)
                found.append(Counted(membership, messages, messages - others))
        return found

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
        newest = reversed(self._servers_audit if room == SERVERS else known.audit if known else ())
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

    async def changes(self, known: Known) -> Changes:
        return Changes(
            deleted=await self.users_deleted(known.deleted_ms),
            ended=await self.sessions_ended(known.ended, PAGE),
            named=await self.named_after(known.named, PAGE),
            keys=(await self.signing_keys()).keys,
            erasing=bool(await self.erasures(limit=1, standing=True)),
        )

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


def _repeat(first: Event, target: int | None, d: Draft) -> Outcome:
    if first.type != d.type or first.body not in (d.body, d.unmasked, erased_body(first.type, target)):
        return Refused("conflict")
    return Appended(first, duplicate=True)
