"""What REST returns, as typed structs; what it accepts is in `bodies.py`. One declaration serves encoding and /openapi.json."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from madang.core import messages
from madang.core.rooms import Membership, Room
from madang.core.scopes import Scope
from madang.core.timestamps import Moment
from madang.core.versions import Cause


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


class Title(Struct, frozen=True):
    """What a room is called that anybody may join; null of one that is hidden, or not there."""

    title: str | None


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

    They stand as after the room's event `seq`. Of messages around one, `more` is about older ones, and `newer` about newer ones.
    """

    messages: list[Message]
    more: bool
    seq: int
    newer: bool | UnsetType = UNSET


class FoundMessage(OwnMessage, frozen=True, kw_only=True, omit_defaults=True):
    """A message that was found. `ranges` are the starts and ends of what was searched for in `text`, in UTF-16 code units.

    Where `paper` is given, that finished paper was found: the message is the event that finished it, `text` a piece of what it says.
    """

    ranges: list[Annotated[list[int], Meta(min_length=2, max_length=2)]]
    paper: str | UnsetType = UNSET
    title: str | UnsetType = UNSET


class Found(Struct, frozen=True):
    """Messages that were found, newest first. Unless `complete`, time, a lag or an outage has cut the search short."""

    messages: list[FoundMessage]
    more: bool
    complete: bool


class OneMember(Struct, frozen=True, omit_defaults=True):
    """A user's membership, with their picture if they have one."""

    user: str
    name: str
    role: str
    picture: str = ""


class Members(Struct, frozen=True, omit_defaults=True):
    """A page of members, in order of their user ids; of those with a name, `next` is what to go on after."""

    members: list[OneMember]
    more: bool
    next: str | None = None


class Reactors(Struct, frozen=True):
    """A page of those who have put an emoji on a message, in order of their user ids."""

    reactors: list[messages.Reactor]
    more: bool


class OnePaper(Struct, frozen=True):
    """A paper: of which room, how it is called, whether it is finished, and who made it when."""

    id: str
    room: str
    title: str
    finished: bool
    user: str
    at: Moment


class Papers(Struct, frozen=True):
    """A page of a room's papers, in order of their ids."""

    papers: list[OnePaper]
    more: bool


class OneVersion(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A version of a paper: why there is it, who made it when, and its bytes. One that was kept by itself has no title."""

    version: int
    cause: Cause
    title: str = ""
    user: str = ""
    at: Moment
    size: int


class Versions(Struct, frozen=True):
    """The versions of a paper, the newest first."""

    versions: list[OneVersion]


class Restored(Struct, frozen=True, omit_defaults=True):
    """The paper says again what it said: by its update `seq`, or it said so already."""

    seq: int | UnsetType = UNSET
    ack: str | UnsetType = UNSET
    unchanged: bool = False


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
