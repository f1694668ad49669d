"""Events, the only thing a room's log holds, and drafts, which become events when they are appended.

Below is the table of event types: one class per type, which is its name, the fields of its body, and what others go by.
A type that is not in it comes from a later version: it is stored, carried and delivered like any other, but has no effect.
What an event does to rooms, members and messages is in `ports.log`; a message as it stands now is in `messages.py`.

An event's body is kept as the JSON text it is stored and sent as, so that it is encoded once in its life.
"""

from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

import msgspec

NO_DATA: Final = msgspec.Raw()
"""The `data` of what carries none. One object for all: encoders leave a default out only when it is this very object, and
would write any other empty Raw as no JSON at all."""


def carried(text: bytes) -> msgspec.Raw:
    """Return JSON text as the `data` of a body; NO_DATA where there is none."""
    return msgspec.Raw(text) if text else NO_DATA


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an event says beyond its head. Fields at their default are not stored.

    The order of fields is the order in which they are stored, and a cid sent again is compared by what is stored: it never
    changes. A new field goes last and has a default, because bodies that are stored already lack it.

    Attributes:
        type: the type's name, stored and on the wire.
        needs_member: only members may ask for it (and server keys). The others say themselves when they are refused.
        ends_access: after it, its subject may not see a later event.
    """

    type: ClassVar[str] = ""
    needs_member: ClassVar[bool] = True
    ends_access: ClassVar[bool] = False


class MessageSent(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A message. Once deleted only `deleted` is left."""

    type: ClassVar[str] = "message.sent"
    text: str | None = None
    data: msgspec.Raw = NO_DATA  # any JSON the application wants to carry, as it came
    reply_to: int | None = None  # seq of a message of the same room
    mentions: tuple[str, ...] = ()  # user ids
    deleted: bool = False


class MessageEdited(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The whole new content of the message `target`. Once that is deleted, only `target` is left."""

    type: ClassVar[str] = "message.edited"
    text: str | None = None
    data: msgspec.Raw = NO_DATA
    mentions: tuple[str, ...] = ()
    target: int


class MessageDeleted(Body, frozen=True, kw_only=True, gc=False):
    """The message `target` is gone, and its text erased."""

    type: ClassVar[str] = "message.deleted"
    target: int


class ReactionAdded(Body, frozen=True, kw_only=True, gc=False):
    """The actor reacts to the message `target`."""

    type: ClassVar[str] = "reaction.added"
    target: int
    emoji: str


class ReactionRemoved(Body, frozen=True, kw_only=True, gc=False):
    """The actor takes a reaction back."""

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


class MemberJoined(Body, frozen=True, kw_only=True, gc=False):
    """The actor becomes a member."""

    type: ClassVar[str] = "member.joined"
    needs_member: ClassVar[bool] = False
    role: str


class MemberLeft(Body, frozen=True, kw_only=True, gc=False):
    """The actor's membership ends."""

    type: ClassVar[str] = "member.left"
    needs_member: ClassVar[bool] = False
    ends_access: ClassVar[bool] = True


class MemberKicked(Body, frozen=True, kw_only=True, gc=False):
    """The membership of the user `member` ends."""

    type: ClassVar[str] = "member.kicked"
    ends_access: ClassVar[bool] = True
    member: str


class RoleGiven(Body, frozen=True, kw_only=True, gc=False):
    """The user `member` is given a role."""

    type: ClassVar[str] = "member.role"
    member: str
    role: str


class RoomCreated(Body, frozen=True, kw_only=True, gc=False):
    """The room begins; always its first event. The actor is the owner."""

    type: ClassVar[str] = "room.created"
    needs_member: ClassVar[bool] = False
    title: str
    access: str
    slow_ms: int


class RoomChanged(Body, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Settings of the room change; those that do not are None."""

    type: ClassVar[str] = "room.changed"
    title: str | None = None
    access: str | None = None
    slow_ms: int | None = None


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
    """Return the stored body of an event that is known to be of this type."""
    return _decoders[kind.type](body)  # type: ignore[return-value]


ERASED: Final = encode_body(MessageSent(deleted=True))
"""What the deletion of a message leaves of it."""


def erased_edit(target: int) -> bytes:
    """Return what the deletion of a message leaves of an edit of it."""
    return encode_body(MessageEdited(target=target))


def erased_body(type: str, target: int | None) -> bytes | None:
    """Return what the deletion of a message leaves of an event that gave it content; None for other events.

    Args:
        type: the event's type.
        target: the message the event is about, for edits.
    """
    if type == MessageSent.type:
        return ERASED
    if type == MessageEdited.type and target is not None:
        return erased_edit(target)
    return None


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event on its way into a log: everything but what the log assigns (seq, id, time).

    Attributes:
        cid: the client's own id for this command; at most one event per (room, user, cid) is ever stored.
        content: the body, for what the append itself must look at.
        body: the same as JSON, as `encode_body` returns it.
        target: the message it is about, where it is about one.
        server: the actor holds a server key: an owner's rights in every room, member or not.
    """

    room: str
    user: str
    name: str
    cid: str | None = None
    content: Body
    body: bytes
    target: int | None = None
    server: bool = False

    @property
    def type(self) -> str:
        """Its type's name."""
        return self.content.type


def draft(content: Body, room: str, user: str, name: str, *, cid: str | None = None, server: bool = False) -> Draft:
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
    )


class Event(msgspec.Struct, frozen=True, gc=False):
    """One entry of a room's log. `seq` is 1, 2, 3 … per room with no gap; `id` grows with it.

    Attributes:
        at: Unix milliseconds, those of the id; never falls within a room.
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
        """Return the decoded body; of a type that is not in the table, one without fields."""
        decode = _decoders.get(self.type)
        return Body() if decode is None else decode(self.body)

    def subject(self) -> str:
        """Return whom a change of membership is about: its `member`, else the actor."""
        return getattr(self.content(), "member", self.user)


class Appended(msgspec.Struct, frozen=True, gc=False):
    """An append that stands in the log at its ack level. `duplicate`: an earlier one with the same cid did."""

    event: Event
    duplicate: bool = False
