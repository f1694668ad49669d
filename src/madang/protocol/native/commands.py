"""What clients send, as typed structs: one command per text frame, a JSON object whose "op" names the operation.

`n` is the client's number for the command; the answer repeats it. Unknown fields are ignored, so that an older server
understands a newer client. Identity, seq, id and time are never taken from the client.
Bounds that msgspec can check are the types of `core.bounds`; the rules of text and rooms are in `core`, too.
"""

from typing import Annotated, ClassVar, Final

from msgspec import Meta, Raw, Struct, field

from madang.core.bounds import (
    MAX_COMMAND,
    MAX_FRAME,
    MAX_PAGE,
    MAX_TOKEN,
    AfterId,
    Cid,
    Emoji,
    InviteText,
    KeepMessages,
    KeepMs,
    Mentions,
    MessageId,
    PageLimit,
    PaperId,
    QueryText,
    RoomId,
    Seq,
    SlowMs,
    Text,
    Title,
    Typed,
    UserId,
    When,
    WordsOfList,
)
from madang.core.events import NO_DATA
from madang.core.invites import ForMs, InviteId, Uses
from madang.core.profiles import Locale, PictureUrl
from madang.core.sanctions import Reason, SanctionMs
from madang.core.timestamps import Moment

VERSION: Final = 1

N = Annotated[int, Meta(ge=0, le=2**53)]
ClientNumber = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Token = Annotated[str, Meta(max_length=MAX_TOKEN)]


class Command(Struct, kw_only=True, tag_field="op", tag=str.lower, gc=False):
    """A client's command; the answer repeats its `n`.

    Attributes:
        max_bytes: what its frame may have. One that carries no message needs few.
    """

    max_bytes: ClassVar[int] = MAX_COMMAND

    n: N = 0


class Hello(Command):
    """Identify the user: the first command. Exactly one of `guest` (a name), `token` and `ticket`."""

    max_bytes: ClassVar[int] = MAX_COMMAND + MAX_TOKEN

    guest: Title | None = None
    token: Token | None = None
    ticket: Token | None = None
    v: int = VERSION


class Refresh(Command):
    """Show another token of the user, or a ticket made with one, so that the connection lives as long as that."""

    max_bytes: ClassVar[int] = MAX_COMMAND + MAX_TOKEN

    token: Token | None = None
    ticket: Token | None = None


class Profile(Command):
    """Change what is given of the user's own profile, "" for nothing; and ask for it."""

    name: Title | None = None
    picture: PictureUrl | None = None
    locale: Locale | None = None


class Join(Command):
    """Follow a room, becoming a member if it is open; with `since` and `epoch`, resume."""

    room: RoomId
    since: Seq | None = None
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=0, le=MAX_PAGE)] = 50
    invite: InviteText | None = None


class Leave(Command):
    """End the user's own membership. The connection gets nothing after the member.left event."""

    room: RoomId


class Send(Command):
    """Send a message. Repeating the `cid` repeats the first answer."""

    max_bytes: ClassVar[int] = MAX_FRAME

    room: RoomId
    cid: Cid
    text: Text = ""
    data: Raw = NO_DATA  # any JSON
    reply_to: Seq | None = None
    mentions: Mentions = ()


class Edit(Command):
    """Replace the content of the user's own message."""

    max_bytes: ClassVar[int] = MAX_FRAME

    room: RoomId
    seq: Seq
    text: Text = ""
    data: Raw = NO_DATA  # any JSON
    mentions: Mentions = ()
    cid: Cid | None = None


class Delete(Command):
    """Delete the user's own message; as a moderator, any message."""

    room: RoomId
    seq: Seq


class React(Command):
    """Add a reaction to a message, or remove it."""

    room: RoomId
    seq: Seq
    emoji: Emoji
    on: bool = True


class Pin(Command):
    """Pin a message, or unpin it (moderators)."""

    room: RoomId
    seq: Seq
    on: bool = True


class History(Command):
    """Ask for messages as they stand now: the newest, those before or after a seq, or around a seq or a time."""

    room: RoomId
    before: Seq | None = None
    after: Seq | None = None
    around: Seq | None = None
    at: Moment | None = None
    limit: PageLimit = 50


class Pins(Command):
    """Ask for the pinned messages above a seq."""

    room: RoomId
    after: Seq = 0


class Reactors(Command):
    """Ask for a page of those who have put an emoji on a message, in order of the user id."""

    room: RoomId
    seq: Seq
    emoji: Emoji
    after: AfterId = ""
    limit: PageLimit = 50


class Members(Command):
    """Ask for a page of members, in order of the user id; perhaps of those whose name begins with what was typed."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50
    name: Typed | None = None


class Rooms(Command):
    """Ask for a page of the user's own rooms, with unread and mention counts; and perhaps watch them from then on."""

    after: AfterId = ""
    limit: PageLimit = 50
    watch: bool = False


class Presence(Command):
    """Ask for a page of the users online in a room. Changes come as presence frames."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Search(Command):
    """Search for messages, in one room or in all of the user's own, followed or not."""

    q: QueryText
    room: RoomId | None = None
    user: UserId | None = None
    since: When | None = field(default=None, name="from")
    until: When | None = field(default=None, name="to")
    before: MessageId | None = None
    limit: PageLimit = 50


class Create(Command):
    """Create a room; the user becomes its owner. Without an id, the server makes one that nobody can guess."""

    room: RoomId | None = None
    title: Title = ""
    access: str = "open"


class Direct(Command):
    """Ask for the direct room with another user, which is made if there is none. To follow it, join it."""

    user: UserId


class Change(Command):
    """Change a room's settings (moderators; whether it is archived, owners)."""

    room: RoomId
    title: Title | None = None
    access: str | None = None
    slow_ms: SlowMs | None = None
    archived: bool | None = None
    write: str | None = None
    history: str | None = None
    keep_ms: KeepMs | None = None
    keep_messages: KeepMessages | None = None


class Invite(Command):
    """Make an invite: a secret that lets its holder join the room (moderators)."""

    room: RoomId
    uses: Uses | None = None
    for_ms: ForMs | None = None


class Invites(Command):
    """Ask for the invites to the room that are in force (moderators)."""

    room: RoomId


class Revoke(Command):
    """End an invite (moderators)."""

    room: RoomId
    invite: InviteId


class Kick(Command):
    """End another member's membership (moderators, for members with a lower role)."""

    room: RoomId
    user: UserId


class Role(Command):
    """Grant a member a role (owners; moderators those below theirs)."""

    room: RoomId
    user: UserId
    role: str


class Ban(Command):
    """Keep a user out of the room, a member or not (moderators, for users with a lower role)."""

    room: RoomId
    user: UserId
    reason: Reason = ""
    for_ms: SanctionMs | None = None


class Unban(Command):
    """Lift a ban (moderators)."""

    room: RoomId
    user: UserId


class Bans(Command):
    """Ask for a page of the bans in force, in order of the user id (moderators)."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Mute(Command):
    """Keep a user from writing in the room, a member or not (moderators, for users with a lower role)."""

    room: RoomId
    user: UserId
    reason: Reason = ""
    for_ms: SanctionMs | None = None


class Unmute(Command):
    """Lift a mute (moderators)."""

    room: RoomId
    user: UserId


class Mutes(Command):
    """Ask for a page of the mutes in force, in order of the user id (moderators)."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Words(Command):
    """Ask for the room's word list (moderators)."""

    room: RoomId


class SetWords(Command):
    """Replace the room's word list (moderators)."""

    room: RoomId
    refuse: WordsOfList = ()
    mask: WordsOfList = ()
    flag: WordsOfList = ()


class Report(Command):
    """Tell the moderators of a message."""

    room: RoomId
    seq: Seq
    reason: Reason = ""


class Reports(Command):
    """Ask for a page of the messages with open reports, ascending by `seq` (moderators)."""

    room: RoomId
    after: Seq = 0
    limit: PageLimit = 50


class Resolve(Command):
    """Resolve the reports of a message (moderators)."""

    room: RoomId
    seq: Seq


class Audit(Command):
    """Ask for a page of the audit trail, the newest entries first (owners)."""

    room: RoomId
    before: Seq | None = None
    limit: PageLimit = 50


class Papers(Command):
    """Ask for a page of a room's papers."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Paper(Command):
    """Ask what a paper is."""

    paper: PaperId


class CreatePaper(Command):
    """Make a paper in a room. Without an id, the server makes one that nobody can guess."""

    room: RoomId
    paper: PaperId | None = None
    title: Title = ""


class ChangePaper(Command):
    """Rename a paper (moderators)."""

    paper: PaperId
    title: Title


class Finish(Command):
    """Let nobody write in a paper any more (moderators)."""

    paper: PaperId


class Reopen(Command):
    """Let a finished paper be written in again (moderators)."""

    paper: PaperId


class DeletePaper(Command):
    """Delete a paper with all that was written in it (moderators)."""

    paper: PaperId


class OpenPaper(Command):
    """Follow a paper on this connection, and get what a document lacks that has this state vector."""

    paper: PaperId
    state: bytes = b"\x00"


class WritePaper(Command):
    """Write in a paper that is open on this connection."""

    max_bytes: ClassVar[int] = MAX_FRAME

    paper: PaperId
    update: bytes


class ShowPaper(Command):
    """Show something of a client of a paper to all who have it open. Not answered unless `n` is given."""

    paper: PaperId
    client: ClientNumber
    clock: ClientNumber
    state: dict[str, Raw] | None = None


class ClosePaper(Command):
    """Follow a paper no longer."""

    paper: PaperId


class Typing(Command):
    """Signal that the user is typing, or has stopped. Not answered; lasts 6 s unless repeated."""

    room: RoomId
    on: bool = True


class Read(Command):
    """Move the user's read pointer, which never falls. Not answered unless `n` is given."""

    room: RoomId
    seq: Seq


class Ping(Command):
    """Ask for an answer, to measure the round trip or to see that the server is alive."""


AnyCommand = (
    Hello
    | Refresh
    | Profile
    | Join
    | Leave
    | Send
    | Edit
    | Delete
    | React
    | Pin
    | History
    | Pins
    | Reactors
    | Members
    | Rooms
    | Presence
    | Search
    | Create
    | Direct
    | Change
    | Invite
    | Invites
    | Revoke
    | Kick
    | Role
    | Ban
    | Unban
    | Bans
    | Mute
    | Unmute
    | Mutes
    | Words
    | SetWords
    | Report
    | Reports
    | Resolve
    | Audit
    | Papers
    | Paper
    | CreatePaper
    | ChangePaper
    | Finish
    | Reopen
    | DeletePaper
    | OpenPaper
    | WritePaper
    | ShowPaper
    | ClosePaper
    | Typing
    | Read
    | Ping
)
COMMANDS: Final = {c.__name__.lower(): c for c in AnyCommand.__args__}

__all__ = [*(c.__name__ for c in AnyCommand.__args__), "COMMANDS", "VERSION", "AnyCommand", "Command"]
