"""What REST accepts, as typed structs; what it returns is in `answers.py`. One declaration serves decoding and /openapi.json.

How they are read and described is `schemas.py`'s. A body has no other fields than these.
"""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

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
from madang.core.rooms import Access, Role, Write
from madang.core.rooms import History as ShownHistory
from madang.core.sanctions import Reason, SanctionMs


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


class NewPaper(Body):
    """A paper to make. Without an id, the server makes one that nobody can guess; without a title, its id is its title."""

    id: RoomId | None = None
    title: Title = ""


class PaperChange(Body):
    """How a paper is called from now on."""

    title: Title


class NewVersion(Body):
    """What a paper says now, kept under this title."""

    title: Title


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
