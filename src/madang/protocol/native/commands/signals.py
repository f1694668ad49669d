"""Signals: typing, how far the user has read, pings."""

from madang.core.bounds import RoomId, Seq
from madang.protocol.native.commands.command import Command


class Typing(Command):
    """Signal that the user is typing, or has stopped. Not answered; lasts 6 s unless repeated."""

    room: RoomId
    on: bool = True


class Read(Command):
    """Move the user's read pointer, which never falls. Not answered unless `n` is given."""

    room: RoomId
    seq: Seq


class Ping(Command):
    """Ask for an answer, to measure the round trip or to see that the server is alive."""
