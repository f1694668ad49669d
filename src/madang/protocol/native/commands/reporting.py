"""Reports of messages: make one, list the open ones, resolve them."""

from madang.core.bounds import PageLimit, RoomId, Seq
from madang.core.sanctions import Reason
from madang.protocol.native.commands.command import Command


class Report(Command):
    """Tell the moderators of a message."""

    room: RoomId
    seq: Seq
    reason: Reason = ""


class Reports(Command):
    """Ask for a page of the messages with open reports, ascending by `seq` (moderators)."""

    room: RoomId
    after: Seq = 0
    limit: PageLimit = 50


class Resolve(Command):
    """Resolve the reports of a message (moderators)."""

    room: RoomId
    seq: Seq
