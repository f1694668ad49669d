"""What REST accepts and returns, as typed structs. One declaration serves decoding, encoding and /openapi.json.

How they are read and described is `schemas.py`'s. A body has no other fields than these.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from madang.core import messages
from madang.core.accounts import Code, Login, Password
from madang.core.bounds import (
    Cid,
    InviteText,
    KeepMessages,
    KeepMs,
    Mentions,
    RoomId,
    Seq,
    SlowMs,
    Text,
    Title,
    UserId,
    WordsOfList,
)
from madang.core.events import RoomChanged
from madang.core.invites import ForMs, Uses
from madang.core.profiles import Locale, PictureUrl
from madang.core.rooms import Access, Membership, Role, Room, Write
from madang.core.rooms import History as ShownHistory
from madang.core.sanctions import Reason, SanctionMs
from madang.core.scopes import Scope

# -- in ----------------------------------------------------------------------------------------------------------------


class Body(Struct, forbid_unknown_fields=True):
    """What a request brings. A field that it does not know is refused: misspelt, it would change what is meant."""


class NewGuest(Body):
    """A guest's name: 1 to 40 visible characters."""

    name: Title


class NewAccount(Body):
    """A new account: what one signs in by, and the name that others see."""

    login: Login
    name: Title
    password: Password


class SignIn(Body):
    """What one signs in by."""

    login: Login
    password: Password


class NewPassword(Body):
    """Another password, with the current one; or with a login and the code that the operator gave."""

    password: Password
    current: Password | None = None
    login: Login | None = None
    code: Code | None = None


class ProfileChange(Body):
    """The fields to change, "" for no picture or locale. Fields left out stay as they are."""

    name: Title | None = None
    picture: PictureUrl | None = None
    locale: Locale | None = None


class NewRoom(Body):
    """A room to open. Without an id, the server makes one that nobody can guess; without a title, its id is its title."""

    id: RoomId | None = None
    title: Title = ""
    access: Access = "open"


class RoomChange(Body):
    """The fields to change. Fields left out stay as they are."""

    title: Title | None = None
    access: Access | None = None
    slow_ms: SlowMs | None = None
    archived: bool | None = None
    write: Write | None = None
    history: ShownHistory | None = None
    keep_ms: KeepMs | None = None
    keep_messages: KeepMessages | None = None

    def event(self) -> RoomChanged:
        """Return what is asked for, as services expect it."""
        return RoomChanged(**msgspec.structs.asdict(self))


class As(Body):
    """The user for whom a server key sends a message; the name may be left out of one whom it has made known."""

    id: UserId
    name: Title | None = None


class NewMessage(Body):
    """A message: text, or data, or both. Sent again with the same `cid`, it gets the first answer again."""

    text: Text = ""
    data: Raw | UnsetType = UNSET  # any JSON
    reply_to: Seq | None = None
    mentions: Mentions = ()
    cid: Cid | None = None
    sender: As | None = field(name="as", default=None)  # server keys only


class MessageChange(Body):
    """The whole new content of a message."""

    text: Text = ""
    data: Raw | UnsetType = UNSET
    mentions: Mentions = ()
    cid: Cid | None = None


class NewInvite(Body):
    """How many an invite admits, and for how many milliseconds. Left out: any number, for seven days."""

    uses: Uses | None = None
    for_ms: ForMs | None = None


class Joining(Body):
    """An invite, for a room that is not open."""

    invite: InviteText | None = None


class WordsBody(Body):
    """A word list, by what is done about a word. What is left out is empty."""

    refuse: WordsOfList = ()
    mask: WordsOfList = ()
    flag: WordsOfList = ()


class NewReport(Body):
    """A message to tell the moderators of, and why."""

    seq: Seq
    reason: Reason = ""


class NewRole(Body):
    """A member's new role."""

    role: Role


class NewSanction(Body):
    """Why, which everybody in the room is told, and for how many milliseconds. Left out: for no reason, for good."""

    reason: Reason = ""
    for_ms: SanctionMs | None = None


class ReadUpTo(Body):
    """The newest seq that the user has read."""

    seq: Seq


# -- out ---------------------------------------------------------------------------------------------------------------


class Identified(Struct, frozen=True, omit_defaults=True):
    """A user; picture and locale as far as they have said any."""

    id: str
    name: str
    picture: str = ""
    locale: str = ""


class Welcome(Struct, frozen=True):
    """A new guest, and the token that proves it."""

    user: Identified
    token: str


class SignedIn(Struct, frozen=True):
    """A user with an account, the token for everything else, and the session that it belongs to."""

    user: Identified
    token: str
    session: str


class OneSession(Struct, frozen=True):
    """A session: when it began, about when it was used last, and whether it is the caller's."""

    id: str
    at: str
    seen_at: str
    current: bool


class Sessions(Struct, frozen=True):
    """What the caller is signed in to, oldest first."""

    sessions: list[OneSession]


class Ended(Struct, frozen=True):
    """The session has ended."""

    ended: bool = True


class Me(Struct, frozen=True):
    """The caller. `token` is the one to use from now on; a server key has none, but `scopes`."""

    user: Identified
    token: str | UnsetType = UNSET
    scopes: list[Scope] | UnsetType = UNSET


class NewTicket(Struct, frozen=True):
    """A ticket, with which one connection can say hello in place of the token, within `expires_ms` milliseconds."""

    ticket: str
    expires_ms: int


class Rooms(Struct, frozen=True):
    """A page of open rooms, in order of their ids."""

    rooms: list[Room]
    more: bool


class MyRooms(Struct, frozen=True):
    """A page of the caller's rooms, with what is unread there."""

    rooms: list[Membership]
    more: bool


class Message(messages.Message, frozen=True, kw_only=True, omit_defaults=True):
    """A message in its current state. `text` is empty once it is `deleted`; `mine` are the caller's own reactions."""

    data: Any = UNSET  # msgspec describes no default of a Raw


class OwnMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A message of the caller's, and the room that it is in."""

    room: str


class Export(Struct, frozen=True, omit_defaults=True):
    """Some of what the caller said, in all rooms. `next` is what to go on `after`; it is missing at the end."""

    messages: list[OwnMessage]
    next: str = ""


class History(Struct, frozen=True):
    """Messages in their current state, oldest first, and whether there are more in the direction asked for.

    Of messages around one, `more` is about older ones, and `newer` about newer ones.
    """

    messages: list[Message]
    more: bool
    newer: bool | UnsetType = UNSET


class OneMember(Struct, frozen=True, omit_defaults=True):
    """A user's membership, with their picture if they have one."""

    user: str
    name: str
    role: str
    picture: str = ""


class Members(Struct, frozen=True):
    """A page of members, in order of their user ids."""

    members: list[OneMember]
    more: bool


class Invited(Struct, frozen=True, omit_defaults=True):
    """A secret that lets whoever has it join the room, for `expires_ms` milliseconds, `uses` times if that is limited."""

    id: str
    invite: str
    expires_ms: int
    uses: int | None = None


class OneInvite(Struct, frozen=True, omit_defaults=True):
    """An invite in force: who made it, for how long, and how many more it admits, if that is limited."""

    id: str
    user: str
    expires_ms: int
    uses: int | None = None


class Invites(Struct, frozen=True):
    """The invites to the room that are in force, in order of their ids."""

    invites: list[OneInvite]


class Revoked(Struct, frozen=True):
    """The invite admits nobody from now on."""

    revoked: bool = True


class OneSanction(Struct, frozen=True, omit_defaults=True):
    """A ban or a mute in force: of whom, who made it, and for how many milliseconds, if there is an end."""

    user: str
    by: str
    name: str = ""
    reason: str = ""
    expires_ms: int | None = None


class Bans(Struct, frozen=True):
    """A page of the bans in force, in order of the users' ids."""

    bans: list[OneSanction]
    more: bool


class Mutes(Struct, frozen=True):
    """A page of the mutes in force, in order of the users' ids."""

    mutes: list[OneSanction]
    more: bool


class ShownWords(Struct, frozen=True):
    """A word list, by what is done about a word."""

    refuse: tuple[str, ...]
    mask: tuple[str, ...]
    flag: tuple[str, ...]


class Reported(Struct, frozen=True):
    """The moderators are told."""

    reported: bool = True


class OneReport(Struct, frozen=True, omit_defaults=True):
    """What one user said of a message."""

    user: str
    name: str
    at: str
    reason: str = ""


class ReportedMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message with open reports: who wrote it, how many reports there are, and the oldest of them."""

    seq: int
    user: str
    name: str
    deleted: bool = False
    count: int
    reports: list[OneReport]


class ReportQueue(Struct, frozen=True):
    """A page of the messages with open reports, ascending by `seq`."""

    reported: list[ReportedMessage]
    more: bool


class Resolved(Struct, frozen=True):
    """The reports are resolved; `open` messages still have some."""

    open: int
    resolved: bool = True


class OneDeed(Struct, frozen=True, omit_defaults=True):
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


class AuditTrail(Struct, frozen=True):
    """A page of the audit trail, the newest entries first."""

    entries: list[OneDeed]
    more: bool


class Stored(Struct, frozen=True, omit_defaults=True):
    """An event in the room's log, at the level that `ack` names. `duplicate`: it was there before."""

    id: str
    seq: int
    ack: Literal["stored", "replicated", "buffered"]
    duplicate: bool = False


class Unchanged(Struct, frozen=True):
    """Nothing was appended: nothing had to change."""

    unchanged: bool = True


class ReadPointer(Struct, frozen=True):
    """The caller's read pointer. It never falls."""

    read_seq: int


class Health(Struct, frozen=True, omit_defaults=True):
    """The state of the server. `unheard`: how many other nodes use the database and are not heard on the bus."""

    status: str
    unheard: int = 0
