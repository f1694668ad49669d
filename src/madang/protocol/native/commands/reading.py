"""What can be asked for: messages, members, who is online, the user's own rooms; and search."""

from msgspec import field

from madang.core.bounds import AfterId, Emoji, MessageId, PageLimit, QueryText, RoomId, Seq, Typed, UserId, When
from madang.core.timestamps import Moment
from madang.protocol.native.commands.command import Command


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


class Presence(Command):
    """Ask for a page of the users online in a room. Changes come as presence frames."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Rooms(Command):
    """Ask for a page of the user's own rooms, with unread and mention counts; and perhaps watch them from then on."""

    after: AfterId = ""
    limit: PageLimit = 50
    watch: bool = False


class Search(Command):
    """Search for messages, in one room or in all of the user's own, followed or not."""

    q: QueryText
    room: RoomId | None = None
    user: UserId | None = None
    since: When | None = field(default=None, name="from")
    until: When | None = field(default=None, name="to")
    before: MessageId | None = None
    limit: PageLimit = 50
