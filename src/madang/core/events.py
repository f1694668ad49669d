"""Events, the only thing a room's log holds, and drafts, which become events when they are appended.

The classes below `Body` are the table of event types: each declares a name, the fields of the body, and what other code
needs to know about the type. A type that is not in it comes from a later version: its events are carried and delivered
like any others, but have no effect. What events do to rooms, members and messages is defined in `ports.log`; a message
as it is now is in `messages.py`.

An event keeps its body as the JSON text that is stored and sent, so that it is encoded only once.
"""

from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

import msgspec

from madang.core.invites import InviteKey
from madang.errors import Limited, Refused

NO_DATA: Final = msgspec.Raw()
"""The `data` of a message without any. Always this very object: encoders leave a default out only if it is identical,
and would write another empty Raw as invalid JSON."""


def carried(text: bytes) -> msgspec.Raw:
    """Return JSON text as the `data` of a body; NO_DATA for an empty one."""
    return msgspec.Raw(text) if text else NO_DATA


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The content of an event, beyond its head. Fields at their default are not stored.

    Fields are stored in the order of their declaration. That order never changes: a cid that is sent again is compared by
    the stored bytes. A new field goes last and has a default, because stored bodies lack it.

    Attributes:
        type: the type's name, stored and on the wire.
        needs_member: only members and server keys may append it. Other types have a condition of their own (`ports.log`).
        ends_access: its subject may not see any later event; after `room.deleted` nobody.
    """

    type: ClassVar[str] = ""
    needs_member: ClassVar[bool] = True
    ends_access: ClassVar[bool] = False


class MessageSent(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A message. Once it is deleted, only `deleted` is left."""

    type: ClassVar[str] = "message.sent"
    text: str | None = None
    data: msgspec.Raw = NO_DATA  # any JSON of the application, unchanged
    reply_to: int | None = None  # seq of a message of the same room
    mentions: tuple[str, ...] = ()  # user ids
    deleted: bool = False
    via: str | None = None  # the server key through which it came in another user's name


class MessageEdited(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The whole new content of the message `target`. Once that is deleted, only `target` is left."""

    type: ClassVar[str] = "message.edited"
    text: str | None = None
    data: msgspec.Raw = NO_DATA
    mentions: tuple[str, ...] = ()
    target: int


class MessageDeleted(Body, frozen=True, kw_only=True, gc=False):
    """The message `target` is deleted, and its content erased."""

    type: ClassVar[str] = "message.deleted"
    target: int


class ReactionAdded(Body, frozen=True, kw_only=True, gc=False):
    """The actor has reacted to the message `target`."""

    type: ClassVar[str] = "reaction.added"
    target: int
    emoji: str


class ReactionRemoved(Body, frozen=True, kw_only=True, gc=False):
    """The actor has removed a reaction."""

    type: ClassVar[str] = "reaction.removed"
    target: int
    emoji: str


class MessagePinned(Body, frozen=True, kw_only=True, gc=False):
    """The message `target` is pinned."""

    type: ClassVar[str] = "message.pinned"
    target: int


class MessageUnpinned(Body, frozen=True, kw_only=True, gc=False):
    """The message `target` is no longer pinned."""

    type: ClassVar[str] = "message.unpinned"
    target: int


class MemberJoined(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The actor becomes a member, shown with this picture if they have one."""

    type: ClassVar[str] = "member.joined"
    needs_member: ClassVar[bool] = False
    role: str
    picture: str | None = None


class MemberChanged(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The actor is called as this event says from now on, and shown with this picture, or with none."""

    type: ClassVar[str] = "member.changed"
    picture: str | None = None


class MemberLeft(Body, frozen=True, kw_only=True, gc=False):
    """The actor's membership ends."""

    type: ClassVar[str] = "member.left"
    needs_member: ClassVar[bool] = False
    ends_access: ClassVar[bool] = True


class MemberKicked(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The membership of the user `member` ends. They cannot join an open room again by themselves `for_ms` long.

    A ban is of this type, too, so that who knows no bans knows at least that the membership has ended.

    Attributes:
        banned: they cannot join at all, with any invite, `for_ms` long, or for good where that is 0. They need not have been
            a member.
    """

    type: ClassVar[str] = "member.kicked"
    ends_access: ClassVar[bool] = True
    member: str
    for_ms: int = 0
    banned: bool = False
    reason: str | None = None


class MemberUnbanned(Body, frozen=True, kw_only=True, gc=False):
    """The ban of the user `member` is lifted: they may join as anybody may."""

    type: ClassVar[str] = "member.unbanned"
    member: str


class MemberMuted(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The user `member` may not write `for_ms` long, or for good where that is 0. They need not be a member."""

    type: ClassVar[str] = "member.muted"
    member: str
    for_ms: int = 0
    reason: str | None = None


class MemberUnmuted(Body, frozen=True, kw_only=True, gc=False):
    """The user `member` may write again."""

    type: ClassVar[str] = "member.unmuted"
    member: str


class RoleGiven(Body, frozen=True, kw_only=True, gc=False):
    """The user `member` is given a role."""

    type: ClassVar[str] = "member.role"
    member: str
    role: str


class MemberErased(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The user `member` was deleted: events of theirs up to here have neither name nor picture any more. Of the server itself alone.

    Attributes:
        messages: what they said is erased, too, as by a deletion of each message.
    """

    type: ClassVar[str] = "member.erased"
    member: str
    messages: bool = False


class RoomCreated(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The room is created by its owner, the actor, shown with this picture if they have one. Always the first event.

    Attributes:
        peer: of a direct room: the other of the two, who are both plain members.
    """

    type: ClassVar[str] = "room.created"
    needs_member: ClassVar[bool] = False
    title: str
    access: str
    slow_ms: int
    picture: str | None = None
    peer: str | None = None


class RoomChanged(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Some settings of the room change; the others are None."""

    type: ClassVar[str] = "room.changed"
    title: str | None = None
    access: str | None = None
    slow_ms: int | None = None
    archived: bool | None = None
    write: str | None = None
    history: str | None = None
    keep_ms: int | None = None
    keep_messages: int | None = None


class RoomPurged(Body, frozen=True, kw_only=True, gc=False):
    """What is in the log up to the seq `upto` is kept no longer. Of the server itself alone."""

    type: ClassVar[str] = "room.purged"
    upto: int


class RoomDeleted(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The room was deleted. Always the last event; it ends everybody's access.

    Attributes:
        expired: nobody was a member for so long that the server deleted it.
    """

    type: ClassVar[str] = "room.deleted"
    ends_access: ClassVar[bool] = True
    expired: bool = False


class PaperCreated(Body, frozen=True, kw_only=True, gc=False):
    """The actor has made the paper `paper` in the room."""

    type: ClassVar[str] = "paper.created"
    paper: str
    title: str


class PaperChanged(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The paper `paper` is called otherwise, finished or open again; what stays is None."""

    type: ClassVar[str] = "paper.changed"
    paper: str
    title: str | None = None
    finished: bool | None = None


class PaperDeleted(Body, frozen=True, kw_only=True, gc=False):
    """The paper `paper` was deleted, with all that was written in it."""

    type: ClassVar[str] = "paper.deleted"
    paper: str


TYPES: Final[dict[str, type[Body]]] = {body.type: body for body in Body.__subclasses__()}
"""Every type of event, by its name."""

B = TypeVar("B", bound=Body)
_encode_body = msgspec.json.Encoder().encode
_decoders: Final[dict[str, Callable[[bytes], Body]]] = {
    name: msgspec.json.Decoder(body).decode for name, body in TYPES.items()
}


def encode_body(body: Body) -> bytes:
    """Return a body as one JSON object; fields at their default are left out."""
    return _encode_body(body)


def decode_body(kind: type[B], body: bytes) -> B:
    """Return the body of an event whose type is known."""
    return _decoders[kind.type](body)  # type: ignore[return-value]


ERASED: Final = encode_body(MessageSent(deleted=True))
"""The body of a deleted message."""


def erased_edit(target: int) -> bytes:
    """Return the body of an edit of a message that has been deleted since."""
    return encode_body(MessageEdited(target=target))


def erased_body(type: str, target: int | None) -> bytes | None:
    """Return what the deletion of a message leaves of an event's body; None for types that it does not erase.

    Args:
        type: the event's type.
        target: the seq of the message, needed for edits.
    """
    if type == MessageSent.type:
        return ERASED
    if type == MessageEdited.type and target is not None:
        return erased_edit(target)
    return None


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event to be appended: everything but what the log assigns (seq, id, time).

    Attributes:
        cid: the client's own id for this command; at most one event per (room, user, cid) is ever stored.
        content: the decoded body, for effects.
        body: the encoded body.
        target: seq of the message it is about, if any.
        server: the actor holds a server key, whose rights in every room are above an owner's, member or not.
        early: it is refused with this code and wait (ms, 0 for none) unless its cid is in the log already: it came before its time, or
            has words that may not be said.
        slow_ms: milliseconds of slow mode that were charged for it.
        slow_address: the address that slow mode was charged to besides the user.
        address: where the user comes from, if a quota was charged for it besides that of kilobytes.
        invite: of a member.joined: what the actor showed to be let in. It is in no log.
        vouched: of a member.joined: the actor's issuer says that they may join. It is in no log.
        added: of a member.joined: a server key makes its user a member, who may be banned.
        origin: of a guest's member.joined: what stands for the address that they come from in this room. It is in no log.
        peer: of a member.joined: with whom the actor has the room, if it is a direct one. It is in no log.
        flagged: of a message or an edit: what moderators are told of its words, as a report.
        unmasked: the body before a word list masked it: it is a repeat also of a draft that was stored so.
    """

    room: str
    user: str
    name: str
    cid: str | None = None
    content: Body
    body: bytes
    target: int | None = None
    server: bool = False
    early: tuple[str, int] | None = None
    slow_ms: int = 0
    slow_address: str = ""
    address: str = ""
    invite: InviteKey | None = None
    origin: str = ""
    vouched: bool = False
    peer: str = ""
    flagged: str = ""
    unmasked: bytes = b""
    added: bool = False

    @property
    def type(self) -> str:
        """The name of its type."""
        return self.content.type

    @property
    def spoken(self) -> bool:
        """Whether a server key speaks here for its user."""
        return self.server and getattr(self.content, "via", None) is not None


def draft(
    content: Body,
    room: str,
    user: str,
    name: str,
    *,
    cid: str | None = None,
    server: bool = False,
    invite: InviteKey | None = None,
    origin: str = "",
    vouched: bool = False,
    peer: str = "",
    added: bool = False,
) -> Draft:
    """Return a draft, with its body encoded."""
    return Draft(
        room=room,
        user=user,
        name=name,
        cid=cid,
        content=content,
        body=encode_body(content),
        target=getattr(content, "target", None),
        server=server,
        invite=invite,
        origin=origin,
        vouched=vouched,
        peer=peer,
        added=added,
    )


def too_early(d: Draft) -> Refused:
    """Return what a draft is refused with that is `early`: with the wait, if there is one."""
    code, wait_ms = d.early or ("conflict", 0)
    return Limited(code, wait_ms) if wait_ms else Refused(code)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One entry of a room's log. `seq` is 1, 2, 3 … per room with no gap; `id` grows with it.

    Attributes:
        at: Unix milliseconds, as in the id; never falls within a room.
        body: JSON object, UTF-8.
    """

    room: str
    seq: int
    id: int
    type: str
    user: str
    name: str
    at: int
    body: bytes

    def content(self) -> Body:
        """Return the decoded body; a bare Body for a type that is not in the table."""
        decode = _decoders.get(self.type)
        return Body() if decode is None else decode(self.body)

    def subject(self) -> str | None:
        """Return the user whose membership the event is about: `member`, or else the actor. None if it is everybody's."""
        if self.type == RoomDeleted.type:
            return None
        return getattr(self.content(), "member", self.user)


HIDDEN: Final = "event.hidden"
"""The type of what a member is given in place of an event about a message that they may not see. No log holds it."""


class _About(msgspec.Struct, frozen=True):
    target: int | None = None


_decode_about: Final = msgspec.json.Decoder(_About).decode


def about(event: Event) -> int | None:
    """Return the seq of the message that an event is about, also of a type from a later version; None for none, or for its own."""
    return None if event.type == MessageSent.type else _decode_about(event.body).target


def seen(event: Event, hidden: int) -> Event:
    """Return an event as a member sees it who sees nothing up to the seq `hidden`: in place of one about such a message, its seq."""
    target = about(event) if hidden else None
    return event if target is None or target > hidden else without_content(event)


def without_content(event: Event) -> Event:
    """Return an event with neither what it was nor who did it, so that its seq is not missing."""
    return Event(event.room, event.seq, event.id, HIDDEN, "", "", event.at, b"{}")


_SHOWING: Final = {MemberJoined.type, MemberChanged.type, RoomCreated.type}


def unnamed(event: Event) -> Event:
    """Return an event of somebody who was erased: without their name, and without their picture."""
    body = event.body
    if event.type in _SHOWING and b'"picture"' in body:
        body = _encode_body(msgspec.structs.replace(event.content(), picture=None))
    return Event(event.room, event.seq, event.id, event.type, event.user, "", event.at, body)


class Appended(msgspec.Struct, frozen=True, gc=False):
    """An event that is in the log, at the log's ack level. `duplicate`: an earlier draft with the same cid put it there."""

    event: Event
    duplicate: bool = False
