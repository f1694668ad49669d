"""Events, the only thing a room's log holds, and drafts, which become events when they are appended.

An event's body is kept as the JSON text it is stored and sent as, so that it is encoded once in its life.
"""

from typing import Final

import msgspec

SENT: Final = "message.sent"
EDITED: Final = "message.edited"
DELETED: Final = "message.deleted"
REACTED: Final = "reaction.added"
UNREACTED: Final = "reaction.removed"
PINNED: Final = "message.pinned"
UNPINNED: Final = "message.unpinned"
JOINED: Final = "member.joined"
LEFT: Final = "member.left"
KICKED: Final = "member.kicked"
ROLE: Final = "member.role"
CREATED: Final = "room.created"
CHANGED: Final = "room.changed"

TYPES: Final = frozenset(
    {
        SENT,
        EDITED,
        DELETED,
        REACTED,
        UNREACTED,
        PINNED,
        UNPINNED,
        JOINED,
        LEFT,
        KICKED,
        ROLE,
        CREATED,
        CHANGED,
    }
)
NO_DATA: Final = msgspec.Raw()
"""The `data` of what carries none. One object for all: encoders leave a default out only when it is this very object."""

OF_ANYONE: Final = frozenset({CREATED, JOINED, LEFT})
"""What may be asked for without being a member; leaving says so by itself."""

ENDS_ACCESS: Final = frozenset({LEFT, KICKED})
"""After one of these, its subject may not see a later event: delivery closes a batch behind it."""


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an event says beyond its head; which fields are there depends on the type.

    message.sent: text, data?, reply_to?, mentions?; once deleted only `deleted`.
    message.edited: target, text, data?, mentions?.  message.deleted, message.pinned, message.unpinned: target.
    reaction.added, reaction.removed: target, emoji.  member.joined: role.  member.kicked: member.
    member.role: member, role.  room.created, room.changed: title, access, slow_ms (in changed: those that changed).
    """

    text: str | None = None
    data: msgspec.Raw = NO_DATA  # any JSON the application wants to carry, as it came
    reply_to: int | None = None  # seq of a message of the same room
    mentions: tuple[str, ...] = ()  # user ids
    target: int | None = None  # seq of the message this event is about
    emoji: str | None = None
    member: str | None = None  # user id of the subject, where it is not the actor
    role: str | None = None
    title: str | None = None
    access: str | None = None
    slow_ms: int | None = None
    deleted: bool = False


_encode_body = msgspec.json.Encoder().encode
_decode_body = msgspec.json.Decoder(Body).decode


def encode_body(body: Body) -> bytes:
    """Give a body as one JSON object; fields at their default are left out."""
    if not body.data and body.data is not NO_DATA:
        body = msgspec.structs.replace(body, data=NO_DATA)
    return _encode_body(body)


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event on its way into a log: everything but what the log assigns (seq, id, time).

    Attributes:
        cid: the client's own id for this command; at most one event per (room, user, cid) is ever stored.
        body: JSON object, as `encode_body` gives it.
        content: decoded body, for what the append itself must look at.
        server: the actor holds a server key: an owner's rights in every room, member or not.
    """

    room: str
    type: str
    user: str
    name: str
    cid: str | None = None
    body: bytes = b"{}"
    content: Body = Body()
    server: bool = False


def draft(
    type: str,
    room: str,
    user: str,
    name: str,
    content: Body,
    *,
    cid: str | None = None,
    server: bool = False,
) -> Draft:
    """Make a draft and encode its body."""
    return Draft(
        room=room,
        type=type,
        user=user,
        name=name,
        cid=cid,
        body=encode_body(content),
        content=content,
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
        """Decode the body."""
        return _decode_body(self.body)


class Appended(msgspec.Struct, frozen=True, gc=False):
    """An append that stands in the log at its ack level. `duplicate`: an earlier one with the same cid did."""

    event: Event
    duplicate: bool = False


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as it stands now: its message.sent event with every later edit, deletion, reaction and pin applied."""

    seq: int
    id: str
    user: str
    name: str
    at: str
    text: str  # empty once deleted
    data: msgspec.Raw = NO_DATA
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    edited_at: str | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: dict[str, int] = {}
    mine: tuple[str, ...] = ()  # emojis the asking user reacted with
