"""Moderation: bans, mutes, the audit trail."""

from madang.core.bounds import AfterId, PageLimit, RoomId, Seq, UserId
from madang.core.sanctions import Reason, SanctionMs
from madang.protocol.native.commands.command import Command


class Ban(Command):
    """Keep a user out of the room, a member or not (moderators, for users with a lower role)."""

    room: RoomId
    user: UserId
    reason: Reason = ""
    for_ms: SanctionMs | None = None


class Unban(Command):
    """Lift a ban (moderators)."""

    room: RoomId
    user: UserId


class Bans(Command):
    """Ask for a page of the bans in force, in order of the user id (moderators)."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Mute(Command):
    """Keep a user from writing in the room, a member or not (moderators, for users with a lower role)."""

    room: RoomId
    user: UserId
    reason: Reason = ""
    for_ms: SanctionMs | None = None


class Unmute(Command):
    """Lift a mute (moderators)."""

    room: RoomId
    user: UserId


class Mutes(Command):
    """Ask for a page of the mutes in force, in order of the user id (moderators)."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Audit(Command):
    """Ask for a page of the audit trail, the newest entries first (owners)."""

    room: RoomId
    before: Seq | None = None
    limit: PageLimit = 50
