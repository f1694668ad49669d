"""The answers to commands, as the application gets them. All frozen."""

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from madang.protocol.native.answers import PaperInfo


class Sent(Struct, frozen=True, kw_only=True):
    """It is in the room's log.

    Attributes:
        ack: how safely: "stored", "replicated" or "buffered" (protocol/PROTOCOL.md).
        duplicate: the same cid had been stored before, mostly by ourselves over a connection that broke.
        room: of `create` without an id, the id that the server made.
    """

    id: str
    seq: int
    ack: str
    duplicate: bool = False
    room: str | None = None


class Appended(Struct, frozen=True, kw_only=True):
    """Answer to a command that appends, or `unchanged` if nothing had to change."""

    id: str = ""
    seq: int = 0
    ack: str = ""
    duplicate: bool = False
    room: str | None = None
    unchanged: bool = False

    def sent(self) -> Sent | None:
        """Return what was stored; None if nothing changed."""
        if self.unchanged:
            return None
        return Sent(id=self.id, seq=self.seq, ack=self.ack, duplicate=self.duplicate, room=self.room)


class Done(Struct, frozen=True):
    """Answer that says nothing more."""


class Refreshed(Struct, frozen=True):
    """Answer to refresh: the token to go on with, if one was shown."""

    token: str | UnsetType = UNSET


class Invite(Struct, frozen=True):
    """An invite that was made: its text is the secret, shown only here."""

    id: str
    invite: str
    expires_ms: int = 0
    uses: int | None = None


class InviteInForce(Struct, frozen=True, kw_only=True):
    """One invite to a room: who made it, for how long, and how many more it admits (None: any number)."""

    id: str
    user: str
    expires_ms: int
    uses: int | None = None


class InvitesInForce(Struct, frozen=True, kw_only=True):
    """Answer to invites."""

    invites: list[InviteInForce]


class Ban(Struct, frozen=True, kw_only=True):
    """A ban in force: of whom (`name` is empty if they were never a member), who made it, and for how much longer (None: for good)."""

    user: str
    name: str = ""
    by: str
    reason: str = ""
    expires_ms: int | None = None


class BanPage(Struct, frozen=True, kw_only=True):
    """A page of bans, by user id."""

    bans: list[Ban]
    more: bool = False


class Mute(Struct, frozen=True, kw_only=True):
    """A mute in force: of whom (`name` is empty if they were not a member), who made it, and for how much longer (None: for good)."""

    user: str
    name: str = ""
    by: str
    reason: str = ""
    expires_ms: int | None = None


class MutePage(Struct, frozen=True, kw_only=True):
    """A page of mutes, by user id."""

    mutes: list[Mute]
    more: bool = False


class Words(Struct, frozen=True, kw_only=True):
    """A room's word list, by what is done about a word."""

    refuse: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """What one user said of a message."""

    user: str
    name: str
    reason: str = ""
    at: datetime


class Reported(Struct, frozen=True, kw_only=True):
    """A message with open reports.

    Attributes:
        user: who wrote it, and `name` their name then.
        deleted: they have deleted it since.
        count: its open reports, of which `reports` are the oldest.
    """

    seq: int
    user: str
    name: str
    deleted: bool = False
    count: int
    reports: list[Report]


class ReportedPage(Struct, frozen=True, kw_only=True):
    """A page of the messages with open reports, ascending by `seq`."""

    reported: list[Reported]
    more: bool = False


class ReportTaken(Struct, frozen=True, kw_only=True):
    """The answer to a report; `unchanged` for a second one."""

    unchanged: bool = False


class Resolved(Struct, frozen=True, kw_only=True):
    """How many messages still have open reports."""

    open: int


class AuditEntry(Struct, frozen=True, kw_only=True):
    """A deed of a moderator or owner: what (by the name of the operation), who did it, upon whom, and why.

    Attributes:
        n: its number in the room's trail; it grows with time.
        by: the user or server key who did it.
        user: upon whom; None where it was upon nobody.
        details: what else there is to know, by the names of the operation's fields.
    """

    n: int
    at: datetime
    what: str
    by: str
    by_name: str = ""
    user: str | None = None
    name: str = ""
    reason: str = ""
    details: dict[str, Any] = {}


class AuditPage(Struct, frozen=True, kw_only=True):
    """A page of the audit trail, the newest entries first."""

    entries: list[AuditEntry]
    more: bool = False


class Message(Struct, frozen=True, kw_only=True):
    """A message as it is now, with every edit, reaction and pin; a deleted one has no text.

    Attributes:
        via: the server key that sent it in the user's name.
        reactions: how many users reacted, by emoji; `mine` are the user's own.
    """

    seq: int
    id: str
    user: str
    name: str
    at: datetime
    text: str = ""
    data: Any = None
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    via: str | None = None
    edited_at: datetime | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: dict[str, int] = {}
    mine: tuple[str, ...] = ()


class FoundMessage(Message, frozen=True, kw_only=True):
    """A message that a search found.

    Attributes:
        ranges: where `text` has what was searched for: starts and ends in UTF-16 code units, in which JavaScript counts.
        paper, title: of a paper that was found. Then this is the event that finished it, and `text` a piece of what it says.
    """

    room: str
    ranges: list[tuple[int, int]]
    paper: str | None = None
    title: str | None = None


class Found(Struct, frozen=True, kw_only=True):
    """A page of what a search found, the newest first.

    Attributes:
        more: a further page may bring something: search on `before` the id of the last message.
        complete: False where too much time, an index that lags behind or an outage has cut the search short.
    """

    messages: list[FoundMessage]
    more: bool = False
    complete: bool = True


class History(Struct, frozen=True, kw_only=True):
    """A page of messages, oldest first; `more` says whether there are others in the requested direction.

    They stand as after the room's event `seq`: to keep them up to date, apply the events above it, and none up to it (0: the server is
    older, and does not say). Of messages around one, `more` is about older ones, and `newer` about newer ones.
    """

    messages: list[Message]
    more: bool = False
    seq: int = 0
    newer: bool = False


class Member(Struct, frozen=True, kw_only=True):
    """One member of a room; `picture` is the URL of theirs, "" where they have none."""

    user: str
    name: str
    role: str
    picture: str = ""


class MemberPage(Struct, frozen=True, kw_only=True):
    """A page of members, by user id."""

    members: list[Member]
    more: bool = False
    next: str = ""


class Reactor(Struct, frozen=True, kw_only=True):
    """Somebody who has put a reaction on a message, by the name that they had then."""

    user: str
    name: str


class ReactorPage(Struct, frozen=True, kw_only=True):
    """A page of them, by user id."""

    reactors: list[Reactor]
    more: bool = False


class Membership(Struct, frozen=True, kw_only=True):
    """One of the user's own rooms, and what is new there.

    Attributes:
        unread: messages of others above `read_seq`; 1,000 means "or more".
        mentions: of these, those that mention the user now.
        peer: of a direct room, the other user, as long as they are a member.
    """

    room: str
    title: str
    access: str
    role: str
    seq: int
    read_seq: int
    unread: int
    mentions: int = 0
    archived: bool = False
    peer: str = ""


class MembershipPage(Struct, frozen=True, kw_only=True):
    """A page of the user's own rooms, by room id."""

    rooms: list[Membership]
    more: bool = False


class Present(Struct, frozen=True, kw_only=True):
    """Who is online: `users` is a page of them, name by user id; `count` is all of them."""

    users: dict[str, str]
    count: int
    more: bool = False


class PaperTold(Struct, frozen=True):
    """Answer to what is done with a paper as a whole."""

    paper: PaperInfo


class PaperPage(Struct, frozen=True):
    """A page of a room's papers."""

    papers: list[PaperInfo]
    more: bool


class Written(Struct, frozen=True):
    """Answer to an edit of a paper: it is stored, or was there already. 0 and no level of safety for the latter."""

    seq: int = 0
    ack: str = ""
