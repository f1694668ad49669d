"""Rooms and memberships: join, leave, create, open a direct room, change, kick, grant roles."""

from typing import Annotated

from msgspec import Meta

from madang.core.bounds import MAX_PAGE, InviteText, KeepMessages, KeepMs, RoomId, Seq, SlowMs, Title, UserId
from madang.protocol.native.commands.command import Command


class Join(Command):
    """Follow a room, becoming a member if it is open; with `since` and `epoch`, resume."""

    room: RoomId
    since: Seq | None = None
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=0, le=MAX_PAGE)] = 50
    invite: InviteText | None = None


class Leave(Command):
    """End the user's own membership. The connection gets nothing after the member.left event."""

    room: RoomId


class Create(Command):
    """Create a room; the user becomes its owner. Without an id, the server makes one that nobody can guess."""

    room: RoomId | None = None
    title: Title = ""
    access: str = "open"


class Direct(Command):
    """Ask for the direct room with another user, which is made if there is none. To follow it, join it."""

    user: UserId


class Change(Command):
    """Change a room's settings (moderators; whether it is archived, owners)."""

    room: RoomId
    title: Title | None = None
    access: str | None = None
    slow_ms: SlowMs | None = None
    archived: bool | None = None
    write: str | None = None
    history: str | None = None
    keep_ms: KeepMs | None = None
    keep_messages: KeepMessages | None = None


class Kick(Command):
    """End another member's membership (moderators, for members with a lower role)."""

    room: RoomId
    user: UserId


class Role(Command):
    """Grant a member a role (owners; moderators those below theirs)."""

    room: RoomId
    user: UserId
    role: str
