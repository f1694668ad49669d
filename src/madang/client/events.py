"""Typed events, as the application gets them: one class per type of the log, and Reset. How frames are read: `frames.py`.

All are frozen. `seq` counts 1, 2, 3 … per room; `target` is the seq of the message an event is about.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

from msgspec import Struct


class Event(Struct, frozen=True, kw_only=True):
    """One entry of a room's log.

    Attributes:
        id: unique over all rooms, grows with `seq`.
        user: id of whoever did it; `name` is the name shown at that time.
        at: when, in UTC.
    """

    type: ClassVar[str] = ""
    room: str
    seq: int
    id: str
    user: str
    name: str
    at: datetime


class MessageSent(Event, frozen=True, kw_only=True):
    """A message as it was sent. If it has been deleted since, `deleted` is set and the rest is empty.

    Attributes:
        via: the server key that sent it in the user's name.
    """

    type: ClassVar[str] = "message.sent"
    text: str = ""
    data: Any = None
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    via: str | None = None
    deleted: bool = False


class MessageEdited(Event, frozen=True, kw_only=True):
    """The new text of a message (None where the message has been deleted since)."""

    type: ClassVar[str] = "message.edited"
    target: int
    text: str | None = None
    data: Any = None
    mentions: tuple[str, ...] = ()


class MessageDeleted(Event, frozen=True, kw_only=True):
    """A message is gone; its text cannot be read any more."""

    type: ClassVar[str] = "message.deleted"
    target: int


class ReactionAdded(Event, frozen=True, kw_only=True):
    """Somebody reacted to a message."""

    type: ClassVar[str] = "reaction.added"
    target: int
    emoji: str


class ReactionRemoved(Event, frozen=True, kw_only=True):
    """Somebody took a reaction back."""

    type: ClassVar[str] = "reaction.removed"
    target: int
    emoji: str


class MessagePinned(Event, frozen=True, kw_only=True):
    """A message was pinned."""

    type: ClassVar[str] = "message.pinned"
    target: int


class MessageUnpinned(Event, frozen=True, kw_only=True):
    """A message is no longer pinned."""

    type: ClassVar[str] = "message.unpinned"
    target: int


class MemberJoined(Event, frozen=True, kw_only=True):
    """`user` became a member, who is shown with `picture`, if there is one."""

    type: ClassVar[str] = "member.joined"
    role: str = "member"
    picture: str = ""


class MemberChanged(Event, frozen=True, kw_only=True):
    """`user` is called `name` from now on, and shown with `picture`, the URL of one, or with none."""

    type: ClassVar[str] = "member.changed"
    picture: str = ""


class MemberLeft(Event, frozen=True, kw_only=True):
    """`user` left."""

    type: ClassVar[str] = "member.left"


class MemberKicked(Event, frozen=True, kw_only=True):
    """`user` put `member` out, who cannot come back to an open room for `for_ms` milliseconds.

    Attributes:
        banned: they cannot come back at all, for `for_ms` or, where that is 0, for good; and may not have been a member.
        reason: of a ban, if there is one.
    """

    type: ClassVar[str] = "member.kicked"
    member: str
    for_ms: int = 0
    banned: bool = False
    reason: str = ""


class MemberUnbanned(Event, frozen=True, kw_only=True):
    """`user` lifted the ban of `member`."""

    type: ClassVar[str] = "member.unbanned"
    member: str


class MemberMuted(Event, frozen=True, kw_only=True):
    """`user` muted `member`, who may not write for `for_ms` milliseconds or, where that is 0, for good."""

    type: ClassVar[str] = "member.muted"
    member: str
    for_ms: int = 0
    reason: str = ""


class MemberUnmuted(Event, frozen=True, kw_only=True):
    """`user` lifted the mute of `member`."""

    type: ClassVar[str] = "member.unmuted"
    member: str


class RoleGiven(Event, frozen=True, kw_only=True):
    """`user` gave `member` a role."""

    type: ClassVar[str] = "member.role"
    member: str
    role: str


class MemberErased(Event, frozen=True, kw_only=True):
    """The user `member` was deleted: drop their name and picture from your copy, and with `messages` what they said."""

    type: ClassVar[str] = "member.erased"
    member: str
    messages: bool = False


class RoomCreated(Event, frozen=True, kw_only=True):
    """The room began."""

    type: ClassVar[str] = "room.created"
    title: str = ""
    access: str = "open"
    slow_ms: int = 0
    picture: str = ""
    peer: str | None = None


class RoomChanged(Event, frozen=True, kw_only=True):
    """Settings of the room changed; those that did not are None."""

    type: ClassVar[str] = "room.changed"
    title: str | None = None
    access: str | None = None
    slow_ms: int | None = None
    archived: bool | None = None
    write: str | None = None
    history: str | None = None
    keep_ms: int | None = None
    keep_messages: int | None = None


class RoomPurged(Event, frozen=True, kw_only=True):
    """What is in the room up to the seq `upto` is kept no longer: drop it."""

    type: ClassVar[str] = "room.purged"
    upto: int


class RoomDeleted(Event, frozen=True, kw_only=True):
    """The room was deleted; this is its last event. `expired`: nobody had been a member for long."""

    type: ClassVar[str] = "room.deleted"
    expired: bool = False


class PaperCreated(Event, frozen=True, kw_only=True):
    """Somebody made a paper."""

    type: ClassVar[str] = "paper.created"
    paper: str
    title: str


class PaperChanged(Event, frozen=True, kw_only=True):
    """A paper is called otherwise, finished or open again; what stays is None."""

    type: ClassVar[str] = "paper.changed"
    paper: str
    title: str | None = None
    finished: bool | None = None


class PaperDeleted(Event, frozen=True, kw_only=True):
    """A paper was deleted, with all that was written in it."""

    type: ClassVar[str] = "paper.deleted"
    paper: str


class OtherEvent(Event, frozen=True, kw_only=True):
    """An event of a type that this version of the SDK does not know."""

    kind: str
    fields: dict[str, Any]


class Reset(Struct, frozen=True, kw_only=True):
    """Discard your copy of this room: you were too far behind, or the log began again.

    What follows starts at `seq` + 1; what lies before it is read with `room.messages()`.
    """

    room: str
    seq: int
    epoch: str


KNOWN: Final[dict[str, type[Event]]] = {
    kind.type: kind
    for kind in (
        MessageSent,
        MessageEdited,
        MessageDeleted,
        ReactionAdded,
        ReactionRemoved,
        MessagePinned,
        MessageUnpinned,
        MemberJoined,
        MemberChanged,
        MemberLeft,
        MemberKicked,
        MemberUnbanned,
        MemberMuted,
        MemberUnmuted,
        RoleGiven,
        MemberErased,
        RoomCreated,
        RoomChanged,
        RoomPurged,
        RoomDeleted,
        PaperCreated,
        PaperChanged,
        PaperDeleted,
    )
}
"""Classes by their type on the wire."""
