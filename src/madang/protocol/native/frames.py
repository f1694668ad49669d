"""What the server sends, as typed structs. What clients send is in `commands.py`; what is sent when, in `delivery`.

There are three kinds: frames that answer no command (`Frame`), answers (`Answer`), and errors in place of an answer.
Answers carry neither "op" nor "n": how an answer is matched to its command depends on the wire (`codec.answer`).

A receiver ignores unknown fields. Defaults serve to read what another version of the server has left out; the server
writes all fields, except for structs with `omit_defaults`. Field order is the order on the wire.
"""

from types import UnionType
from typing import Annotated, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from madang.core.bounds import MAX_FRAME
from madang.core.events import Appended
from madang.core.messages import Message
from madang.core.rooms import Membership

EventArray = Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": {"$ref": "#/$defs/EventFrame"}})]
"""An array of event frames that are encoded already (`codec.array`): each event is encoded once for all receivers."""


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


# -- frames that answer no command -------------------------------------------------------------------------------------


class Frame(Struct, frozen=True, kw_only=True, tag_field="op", gc=False):
    """A frame that the server sends of its own accord."""


class EventFrame(Frame, frozen=True, tag="event", gc=False):
    """The head of an event; the fields of its type follow (`core.events`)."""

    room: str
    seq: int
    type: str
    id: str
    user: str
    name: str
    at: str


class SkipFrame(Frame, frozen=True, kw_only=True, tag="skip", rename={"from_": "from"}, gc=False):
    """Events `from_` to `to`, all of them joins, are left out because the room is crowded."""

    room: str
    from_: int
    to: int


class BehindFrame(Frame, frozen=True, kw_only=True, tag="behind", rename={"from_": "from"}, gc=False):
    """The client reads too slowly; events after `from_`, up to `seq`, follow at its own speed."""

    room: str
    seq: int
    from_: int


class ResetFrame(Frame, frozen=True, kw_only=True, tag="reset", gc=False):
    """The client is too far behind to catch up event by event. It starts again from these events."""

    room: str
    epoch: str
    seq: int
    events: EventArray


class TypingFrame(Frame, frozen=True, kw_only=True, tag="typing", gc=False):
    """Who has started typing (id → name), and who has stopped."""

    room: str
    on: dict[str, str] = {}
    off: list[str] = []


class ReadFrame(Frame, frozen=True, kw_only=True, tag="read", gc=False):
    """Read pointers that have moved (user → seq)."""

    room: str
    readers: dict[str, int]


class ReportsFrame(Frame, frozen=True, tag="reports", gc=False):
    """How many messages have open reports. For moderators."""

    room: str
    open: int


class PresenceFrame(Frame, frozen=True, kw_only=True, omit_defaults=True, tag="presence", gc=False):
    """Who has come online (id → name) and who has gone offline. In crowded rooms only the count is sent."""

    room: str
    count: int
    online: dict[str, str] | None = None
    offline: list[str] | None = None


class ExpiringFrame(Frame, frozen=True, kw_only=True, tag="expiring", gc=False):
    """The token that the connection lives by ends soon: in `expires_ms` it is closed, unless it is refreshed."""

    expires_ms: int


class ByeFrame(Frame, frozen=True, kw_only=True, tag="bye", gc=False):
    """The server is about to close the connection; the client should reconnect after `retry_ms`."""

    reason: str = ""
    retry_ms: int = 0


# -- answers -----------------------------------------------------------------------------------------------------------


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a successful command."""


class EmptyAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The command succeeded, and has no result."""


class HelloAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Who the connection speaks for, and a token with which the same user comes back; none for who came with a ticket."""

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
    """Messages as they stand now, ascending by seq; `more`: there are others beyond, in the direction asked for."""

    messages: list[Message]
    more: bool


class HistoryAnswer(MessagesAnswer, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The same; around a message or a time `more` is of older ones, and `newer` says whether there are newer ones."""

    newer: bool | None = None


class MembersAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of members, in order of the user id."""

    members: list[MemberInfo]
    more: bool


class RoomsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of the user's own rooms, in order of the room id."""

    rooms: list[Membership]
    more: bool


class PresenceAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """A page of who is online (id → name), and how many are online in all."""

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


class PingAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The server's time."""

    at: str


class ErrorAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A command was refused, or failed; after `retry_ms` the same command may succeed."""

    code: str
    message: str = ""
    retry_ms: int | None = None


AnyFrame = (
    EventFrame
    | SkipFrame
    | BehindFrame
    | ResetFrame
    | TypingFrame
    | ReadFrame
    | ReportsFrame
    | PresenceFrame
    | ExpiringFrame
    | ByeFrame
)
FRAMES: Final[dict[str, type[Frame]]] = {kind.__struct_config__.tag: kind for kind in AnyFrame.__args__}
"""Frames that answer no command, by their "op"."""

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
    "members": MembersAnswer,
    "rooms": RoomsAnswer,
    "presence": PresenceAnswer,
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
