"""What a message says, and messages as readers see them. The events that they are made from are in `events.py`."""

import msgspec

from madang.core.events import NO_DATA


class Content(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What somebody says in a message, or in the edit of one, as it came."""

    text: str = ""
    data: msgspec.Raw = NO_DATA  # any JSON
    reply_to: int | None = None  # seq of a message of the same room; an edit leaves it as it was
    mentions: tuple[str, ...] = ()  # user ids


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as it is now: its message.sent event with every later edit, deletion, reaction and pin applied.

    Attributes:
        via: the server key through which it came in its user's name.
    """

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
    via: str | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: dict[str, int] = {}
    mine: tuple[str, ...] = ()  # emojis the asking user reacted with


class RoomMessage(Message, frozen=True, kw_only=True):
    """A message with the room that it is in."""

    room: str


class FoundMessage(RoomMessage, frozen=True, kw_only=True):
    """A message that a search found, and where in its text it has what was searched for: starts and ends, in UTF-16.

    Attributes:
        paper, title: of a paper that was found: the message is the event that finished it, and its text a piece of what it says.
    """

    ranges: list[tuple[int, int]]
    paper: str | None = None
    title: str | None = None


def in_room(message: Message, room: str) -> RoomMessage:
    """Return a message with its room."""
    return RoomMessage(room=room, **msgspec.structs.asdict(message))


class Reactor(msgspec.Struct, frozen=True):
    """Somebody who has put a reaction on a message, by the name that they had then."""

    user: str
    name: str
