"""Answers to commands, as typed structs, and the error in place of one. What clients send is in `commands`.

Answers carry neither "op" nor "n": how an answer is matched to its command depends on the wire (`codec.answer`).
Defaults and the order of fields are as for `frames.py`.
"""

from types import UnionType
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from madang.core.bounds import MAX_FRAME
from madang.core.events import Appended
from madang.core.messages import FoundMessage, Message, Reactor
from madang.core.rooms import Membership
from madang.core.versions import Cause
from madang.protocol.native.frames import ClientInfo, EventArray


class RoomInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A room's settings; `slow_ms` is 0 where there is no slow mode."""

    id: str
    title: str
    access: str
    slow_ms: int
    archived: bool = False
    write: str = "everyone"
    history: str = "all"
    keep_ms: int = 0
    keep_messages: int = 0
    purged_seq: int = 0


class UserInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who a connection speaks for; picture and locale, if they have any, are in the answer to profile."""

    id: str
    name: str
    picture: str = ""
    locale: str = ""


class MemberInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One member of a room, with their picture if they have one."""

    user: str
    name: str
    role: str
    picture: str = ""


class ServerInfo(Struct, frozen=True, kw_only=True, gc=False):
    """What the server says about itself: limits in bytes, characters, items and milliseconds."""

    name: str = ""
    version: str = ""
    v: int = 1
    ack: str = ""
    max_frame: int = MAX_FRAME
    max_text: int = 4000
    max_rooms: int = 0
    max_data: int = 0
    max_mentions: int = 0
    resume_events: int = 0
    ping_ms: int = 0
    window: int = 0
    room_window: int = 0
    command_ms: int = 0
    command_burst: int = 0
    append_ms: int = 0
    append_burst: int = 0
    guests: str = "open"
    accounts: str = "open"
    create_rooms: bool = True
    features: tuple[str, ...] = ()


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a successful command."""


class EmptyAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The command succeeded, and has no result."""


class HelloAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Who the connection speaks for, and a token with which the same user comes back; none for whoever came with a ticket."""

    user: UserInfo
    token: str | UnsetType = UNSET
    server: ServerInfo


class RefreshAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The token to go on with, if one was shown, and the milliseconds that the connection lives."""

    token: str | UnsetType = UNSET
    expires_ms: int


class ProfileAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The user as their profile says now."""

    user: UserInfo


class JoinAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The client's place in the room; event frames continue from `seq`. `first`: the first seq that there is for them, if above 1."""

    room: RoomInfo
    role: str
    seq: int
    epoch: str
    read_seq: int = 0
    reset: bool = False
    first: int | UnsetType = UNSET
    events: EventArray


class AppendAnswer(Answer, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The event is in the log; `duplicate`: an earlier command with the same cid put it there."""

    id: str
    seq: int
    ack: str
    duplicate: bool = False


class CreateAnswer(AppendAnswer, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The room is there; `room` is its id, if the server made it."""

    room: str | None = None


class DirectAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The direct room of the two users; its title is empty."""

    room: RoomInfo


class UnchangedAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Nothing had to change, so nothing was appended."""

    unchanged: bool = True


class MessagesAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Messages as they stand after the event `seq`, ascending; `more`: there are others beyond, in the direction asked for."""

    messages: list[Message]
    more: bool
    seq: int


class HistoryAnswer(MessagesAnswer, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The same; around a message or a time `more` is of older ones, and `newer` says whether there are newer ones."""

    newer: bool | None = None


class SearchAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Messages that were found, the newest first by id.

    Attributes:
        more: a further page may bring something.
        complete: nothing was left out because of time, a lag or an outage.
    """

    messages: list[FoundMessage]
    more: bool
    complete: bool


class MembersAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of members, in order of the user id; of those with a name, `next` is what to go on after."""

    members: list[MemberInfo]
    more: bool
    next: str | UnsetType = UNSET


class ReactorsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of those who have put an emoji on a message, in order of the user id."""

    reactors: list[Reactor]
    more: bool


class RoomsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of the user's own rooms, in order of the room id."""

    rooms: list[Membership]
    more: bool


class PresenceAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of the users online (id → name), and how many are online in all."""

    users: dict[str, str]
    count: int
    more: bool


class InviteAnswer(Answer, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A secret that lets its holder join the room until it expires; `uses` is how many it admits, if that is limited."""

    id: str
    invite: str
    expires_ms: int
    uses: int | None = None


class InviteInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An invite in force: who made it, and how many more it admits, if that is limited."""

    id: str
    user: str
    expires_ms: int
    uses: int | None = None


class InvitesAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The invites to the room that are in force, in order of their id."""

    invites: list[InviteInfo]


class RevokedAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The invite lets nobody in from now on."""

    revoked: bool = True


class SanctionInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A ban or a mute in force: of whom, who made it, and for how much longer, if there is an end."""

    user: str
    name: str = ""
    by: str
    reason: str = ""
    expires_ms: int | None = None


class BansAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of the bans in force, in order of the user id."""

    bans: list[SanctionInfo]
    more: bool


class MutesAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of the mutes in force, in order of the user id."""

    mutes: list[SanctionInfo]
    more: bool


class AuditInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An entry of the audit trail: what was done (by the name of the operation), by whom, upon whom, and why."""

    n: int
    at: str
    what: str
    by: str
    by_name: str = ""
    user: str | None = None
    name: str = ""
    reason: str = ""
    details: dict[str, str | int | bool | None] = {}


class AuditAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of the audit trail, the newest entries first."""

    entries: list[AuditInfo]
    more: bool


class WordsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The room's word list, by what is done about a word."""

    refuse: tuple[str, ...]
    mask: tuple[str, ...]
    flag: tuple[str, ...]


class ReportAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The moderators are told."""

    reported: bool = True


class ReportInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What one user said of a message."""

    user: str
    name: str
    reason: str = ""
    at: str


class ReportedInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A message with open reports: who wrote it, how many reports there are, and the oldest of them."""

    seq: int
    user: str
    name: str
    deleted: bool = False
    count: int
    reports: list[ReportInfo]


class ReportsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of the messages with open reports, ascending by `seq`."""

    reported: list[ReportedInfo]
    more: bool


class ResolvedAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The reports are resolved; `open` messages still have some."""

    resolved: bool = True
    open: int


class PaperInfo(Struct, frozen=True, kw_only=True, gc=False):
    """A paper: who made it, and when."""

    id: str
    room: str
    title: str
    finished: bool
    user: str
    at: str


class PaperAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A paper as it is now, or was when it was deleted."""

    paper: PaperInfo


class PapersAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of a room's papers, in order of their ids."""

    papers: list[PaperInfo]
    more: bool


class OpenPaperAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A paper, what the client lacks of it, the state vector of all of it, and what is shown of its clients."""

    paper: PaperInfo
    update: bytes
    state: bytes
    clients: list[ClientInfo]


class VersionInfo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A version of a paper: why there is it, who made it, and when. One that was kept by itself has no title."""

    version: int
    cause: Cause
    title: str = ""
    user: str = ""
    at: str
    size: int


class VersionAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A version of a paper, or what it was when it was deleted."""

    version: VersionInfo


class VersionsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The versions of a paper, the newest first."""

    versions: list[VersionInfo]


class WrittenAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """What was written is in the paper's log, as its update `seq`, or as a part of that."""

    seq: int
    ack: str


class PingAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The server's time."""

    at: str


class ErrorAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A command was refused, or failed; after `retry_ms` the same command may succeed."""

    code: str
    message: str = ""
    retry_ms: int | None = None


ANSWERS: Final[dict[str, type[Answer] | UnionType]] = {
    "hello": HelloAnswer,
    "refresh": RefreshAnswer,
    "profile": ProfileAnswer,
    "join": JoinAnswer,
    "leave": AppendAnswer,
    "send": AppendAnswer,
    "edit": AppendAnswer,
    "delete": AppendAnswer,
    "react": AppendAnswer | UnchangedAnswer,
    "pin": AppendAnswer | UnchangedAnswer,
    "history": HistoryAnswer,
    "pins": MessagesAnswer,
    "reactors": ReactorsAnswer,
    "members": MembersAnswer,
    "rooms": RoomsAnswer,
    "presence": PresenceAnswer,
    "search": SearchAnswer,
    "create": CreateAnswer,
    "direct": DirectAnswer,
    "change": AppendAnswer | UnchangedAnswer,
    "invite": InviteAnswer,
    "invites": InvitesAnswer,
    "revoke": RevokedAnswer,
    "kick": AppendAnswer,
    "role": AppendAnswer | UnchangedAnswer,
    "ban": AppendAnswer,
    "unban": AppendAnswer | UnchangedAnswer,
    "bans": BansAnswer,
    "mute": AppendAnswer,
    "unmute": AppendAnswer | UnchangedAnswer,
    "mutes": MutesAnswer,
    "words": WordsAnswer,
    "setwords": WordsAnswer,
    "report": ReportAnswer | UnchangedAnswer,
    "reports": ReportsAnswer,
    "resolve": ResolvedAnswer,
    "audit": AuditAnswer,
    "papers": PapersAnswer,
    "paper": PaperAnswer,
    "createpaper": PaperAnswer,
    "changepaper": PaperAnswer,
    "finish": PaperAnswer,
    "reopen": PaperAnswer,
    "deletepaper": PaperAnswer,
    "openpaper": OpenPaperAnswer,
    "writepaper": WrittenAnswer | UnchangedAnswer,
    "showpaper": EmptyAnswer,
    "closepaper": EmptyAnswer,
    "versions": VersionsAnswer,
    "createversion": VersionAnswer,
    "restore": WrittenAnswer | UnchangedAnswer,
    "deleteversion": VersionAnswer,
    "typing": EmptyAnswer,
    "read": EmptyAnswer,
    "ping": PingAnswer,
}
"""The answers of each operation."""


def append_answer(appended: Appended | None, ack: str) -> AppendAnswer | UnchangedAnswer:
    """Return the answer to a command that appends an event.

    Args:
        appended: None if nothing had to change.
        ack: the log's ack level.
    """
    if appended is None:
        return UnchangedAnswer()
    event = appended.event
    return AppendAnswer(id=str(event.id), seq=event.seq, ack=ack, duplicate=appended.duplicate)
