"""Invites: make one, list those in force, revoke one."""

from madang.core.bounds import RoomId
from madang.core.invites import ForMs, InviteId, Uses
from madang.protocol.native.commands.command import Command


class Invite(Command):
    """Make an invite: a secret that lets its holder join the room (moderators)."""

    room: RoomId
    uses: Uses | None = None
    for_ms: ForMs | None = None


class Invites(Command):
    """Ask for the invites to the room that are in force (moderators)."""

    room: RoomId


class Revoke(Command):
    """End an invite (moderators)."""

    room: RoomId
    invite: InviteId
