"""What is done with messages: send, edit, delete, react, pin."""

from typing import ClassVar

from msgspec import Raw

from madang.core.bounds import MAX_FRAME, Cid, Emoji, Mentions, RoomId, Seq, Text
from madang.core.events import NO_DATA
from madang.protocol.native.commands.command import Command


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
