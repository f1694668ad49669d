"""A room's word list: show it, replace it."""

from madang.core.bounds import RoomId, WordsOfList
from madang.protocol.native.commands.command import Command


class Words(Command):
    """Ask for the room's word list (moderators)."""

    room: RoomId


class SetWords(Command):
    """Replace the room's word list (moderators)."""

    room: RoomId
    refuse: WordsOfList = ()
    mask: WordsOfList = ()
    flag: WordsOfList = ()
