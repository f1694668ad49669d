"""One room of the model. What each kind of draft does to it is in `model_effects.py`."""

from dataclasses import dataclass

import msgspec

from madang.core import events as kinds
from madang.core.audit import Deed, Entry, Subject, deed, is_deed
from madang.core.events import ERASED, Draft, Event, decode_body, erased_edit
from madang.core.invites import Invite, Kick
from madang.core.messages import Message
from madang.core.permissions import (
    NOBODY,
    Action,
    acting_role,
    may,
    need_to_write,
    state_of,
)
from madang.core.reports import MAX_FLAGS, MAX_OWN, MAX_REPORTS, SHOWN, SYSTEM_NAME, Report, Reported
from madang.core.rooms import Member, Room, hidden
from madang.core.sanctions import ADDRESS_MS, FOREVER_MS, MAX_BANS, MAX_MUTES, Ban, Mute
from madang.core.timestamps import moment
from madang.core.user_ids import SYSTEM
from madang.core.words import Words
from madang.errors import Limited, Refused


@dataclass
class ModelReport:
    """A report, and who wrote the message."""

    report: Report
    author: tuple[str, str]
    open: bool = True
    gone: bool = False


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
        self.bans: dict[str, tuple[Ban, int]] = {}  # by user; with the time at which they end
        self.mutes: dict[str, tuple[Mute, int]] = {}  # by user; with the time at which they end
        self.origins: dict[str, str] = {}  # of guests who are members, or were kicked or banned
        self.held_origins: dict[str, tuple[str, int]] = {}  # of those who are banned; with the time at which that ends
        self.invites: dict[str, Invite] = {}  # by id
        self.audit: list[Entry] = []  # the oldest first
        self.noted = 0  # entries that there ever were
        self.reports: dict[tuple[int, str], ModelReport] = {}  # by message and user
        self.words = (0, Words())  # the version of the word list, and the list
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

    def need_seen(self, d: Draft, target: int) -> None:
        """Raise Refused (not_found) if an actor may not see what was before they joined."""
        member = None if d.server else self.members.get(d.user)
        if target <= (hidden(self.info, member.joined_seq) if member else self.info.purged_seq):
            raise Refused("not_found")

    def forget(self, upto: int) -> None:
        """Remove events from the beginning, with what is about them."""
        gone = range(self.erased + 1, upto + 1)
        for seq in gone:
            event = self.log[seq - 1]
            self.cids = {key: at for key, at in self.cids.items() if at != seq}
            content = event.content()
            named = getattr(content, "mentions", ())
            message = getattr(content, "target", seq)
            self.mentions -= {(user, message) for user in named}
            self.reactions.pop(seq, None)
            self.pins.discard(seq)
        self.erased = upto

    def reword(self, seq: int, body: bytes) -> None:
        """Replace the body of an event."""
        e = self.log[seq - 1]
        self.log[seq - 1] = Event(e.room, e.seq, e.id, e.type, e.user, e.name, e.at, body)

    def erase_message(self, target: int, *, own: bool) -> None:
        """Erase a message, its edits, and what is about it. `own`: its author does it."""
        self.reword(target, ERASED)
        for edit in self.edits.get(target, []):
            self.reword(edit, erased_edit(target))
        self.mentions = {(who, seq) for who, seq in self.mentions if seq != target}
        self.reactions.pop(target, None)
        self.pins.discard(target)
        for (seq, _), report in self.reports.items():
            if seq == target:
                report.gone, report.open = True, report.open and own

    def owners_but(self, user: str | None) -> list[str]:
        """Return the owners other than one user."""
        return [m.user for m in self.members.values() if m.role == "owner" and m.user != user]

    def admit(self, d: Draft, now_ms: int) -> None:
        """Let in a user who is not a member, or raise Refused; count the use of an invite that they need for that."""
        if banned_until := self.banned_until(d.user, d.origin, now_ms):
            if not may(NOBODY, Action.JOIN, self.info.access):
                raise Refused("not_found")
            raise Refused("banned") if banned_until >= FOREVER_MS else Limited("banned", banned_until - now_ms)
        kick, access = self.kicks.get(d.user), self.info.access
        anyone = may(NOBODY, Action.JOIN, access) or (d.vouched and may(NOBODY, Action.JOIN_INVITED, access))
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

    def kick(self, user: str, kick: Kick, now_ms: int) -> None:
        """Hold out a member; forget those of others that are over, and no longer of use."""
        over = [who for who, each in self.kicks.items() if each.until_ms <= now_ms]
        for who in over if may(NOBODY, Action.JOIN, self.info.access) else ():
            del self.kicks[who]
            self.origins.pop(who, None)
        self.kicks[user] = kick

    def banned_until(self, user: str, origin: str, now_ms: int) -> int:
        """Return the time up to which a user is banned, or where they come from; 0 if neither is."""
        ends = [self.bans[user][1]] if user in self.bans else []
        ends += [end for held, end in self.held_origins.values() if origin and held == origin]
        return max([end for end in ends if end > now_ms], default=0)

    def ban(self, d: Draft, body: kinds.MemberKicked, now_ms: int) -> None:
        """Hold out a user, a member or not."""
        if sum(end > now_ms for user, (_, end) in self.bans.items() if user != body.member) >= MAX_BANS:
            raise Refused("too_many")
        member, banned = self.members.get(body.member), self.bans.get(body.member)
        name = member.name if member else banned[0].name if banned else ""
        until = now_ms + body.for_ms if body.for_ms else FOREVER_MS
        self.bans[body.member] = Ban(user=body.member, name=name, by=d.user, reason=body.reason or ""), until
        self.kicks.pop(body.member, None)
        self.held_origins.pop(body.member, None)
        if origin := self.origins.get(body.member):
            self.held_origins[body.member] = origin, min(until, now_ms + ADDRESS_MS)

    def lift_ban(self, user: str) -> bool:
        """End a ban; return whether there was one."""
        self.held_origins.pop(user, None)
        if user not in self.members:
            self.origins.pop(user, None)
        return self.bans.pop(user, None) is not None

    def mute(self, d: Draft, body: kinds.MemberMuted, now_ms: int) -> None:
        """Mute a user, a member or not."""
        if sum(end > now_ms for user, (_, end) in self.mutes.items() if user != body.member) >= MAX_MUTES:
            raise Refused("too_many")
        member = self.members.get(body.member)
        mute = Mute(user=body.member, name=member.name if member else "", by=d.user, reason=body.reason or "")
        self.mutes[body.member] = mute, now_ms + body.for_ms if body.for_ms else FOREVER_MS

    def need_to_write(self, d: Draft, now_ms: int) -> None:
        """Raise Refused unless an actor may write."""
        need_to_write(self.actor(d), state_of(self.info))
        if d.server and not d.spoken:
            return
        if d.server and d.user not in self.members:
            self.need_no_ban(d.user, now_ms)
        _, end = self.mutes.get(d.user, (None, 0))
        if end > now_ms:
            raise Refused("muted") if end >= FOREVER_MS else Limited("muted", end - now_ms)

    def need_no_ban(self, user: str, now_ms: int) -> None:
        """Raise Refused (banned) while a ban of a user is in force."""
        _, end = self.bans.get(user, (None, 0))
        if end > now_ms:
            raise Refused("banned") if end >= FOREVER_MS else Limited("banned", end - now_ms)

    def end_invites(self, by: str) -> None:
        """Forget the invites that somebody made."""
        self.invites = {id: invite for id, invite in self.invites.items() if invite.by != by}

    def deed(self, d: Draft) -> Deed | None:
        """Return the deed that a draft would do now."""
        if isinstance(d.content, kinds.MessageDeleted):
            author = self.log[d.target - 1] if d.target and d.target <= len(self.log) else None
            if author is None or author.type != kinds.MessageSent.type:
                return None
            through = decode_body(kinds.MessageSent, author.body).via
            return None if d.user in (author.user, through) else deed(d, Subject(author.user, author.name))
        return deed(d, self._subject(d)) if is_deed(type(d.content)) else None

    def _subject(self, d: Draft) -> Subject | None:
        user = getattr(d.content, "member", None)
        if user is None:
            return None
        if (member := self.members.get(user)) is not None:
            return Subject(user, member.name, member.role)
        held = [each[user][0].name for each in (self.bans, self.mutes) if user in each]
        return Subject(user, next(filter(None, held), ""))

    def note(self, deed: Deed, now_ms: int) -> None:
        """Add a deed to the audit trail."""
        self.noted += 1
        self.audit.append(Entry(n=self.noted, at_ms=now_ms, **msgspec.structs.asdict(deed)))

    def report(self, seq: int, report: Report, *, server: bool) -> bool:
        """Keep a report of a message; return False for a second one of its user."""
        member = self.members.get(report.user)
        if not server and (member is None or seq <= hidden(self.info, member.joined_seq)):
            raise Refused("not_found")
        message = self.message(seq)
        if (seq, report.user) in self.reports:
            return False
        standing = [user for (_, user), each in self.reports.items() if each.open]
        if len(standing) >= MAX_REPORTS or (not server and standing.count(report.user) >= MAX_OWN):
            raise Refused("too_many")
        self.reports[seq, report.user] = ModelReport(report, (message.user, message.name))
        return True

    def flag(self, d: Draft, seq: int, author: tuple[str, str], now_ms: int) -> None:
        """Report a message as the server, if a word list flags it."""
        if d.flagged:
            self.reports.pop((seq, SYSTEM), None)
            if sum(each.open for (_, user), each in self.reports.items() if user == SYSTEM) < MAX_FLAGS:
                report = Report(user=SYSTEM, name=SYSTEM_NAME, reason=d.flagged, at_ms=now_ms)
                self.reports[seq, SYSTEM] = ModelReport(report, author)

    def reported(self) -> list[Reported]:
        """Return the messages with open reports."""
        found = []
        for seq in sorted({seq for (seq, _), each in self.reports.items() if each.open}):
            standing = [each for (at, _), each in self.reports.items() if at == seq and each.open]
            told = sorted((each.report for each in standing), key=lambda report: (report.at_ms, report.user))
            user, name = standing[0].author
            found.append(
                Reported(
                    seq=seq, user=user, name=name, deleted=standing[0].gone, count=len(told), reports=told[:SHOWN]
                )
            )  # fmt: skip
        return found

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

    def actor(self, d: Draft) -> str:
        """Return the role that a draft is made in."""
        member = self.members.get(d.user)
        return acting_role(member.role if member else None, server=d.server)
