"""What `madang chat` shows: messages with their numbers, what happens in the room, and what it says itself."""

import sys
import zlib
from datetime import datetime
from typing import Any, Final

from madang.cli.terminal import Terminal
from madang.cli.translations import WORDS
from madang.client import (
    Event,
    MemberJoined,
    MemberKicked,
    MemberLeft,
    Message,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    printable,
)

MAX_NAMES: Final = 10_000  # remembered for "was put out"; then all are forgotten
_COLOURS: Final = (31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96)
_GREY: Final = 90


class View:
    """The terminal, as what happens in a room is shown on it.

    Attributes:
        oldest: the number of the oldest message shown, None for none.
        newest_by: the number of each user's newest message.
        whole: whether all that happened since the connection broke has been shown.
    """

    def __init__(self, terminal: Terminal, language: str) -> None:
        self.oldest: int | None = None
        self.newest_by: dict[str, int] = {}
        self.whole = True
        self._terminal = terminal
        self._words = WORDS[language]
        self._names: dict[str, str] = {}
        self._shown = 0  # newest number shown on entry

    def old(self, message: Message) -> None:
        """Show a message of the history."""
        self._shown = max(self._shown, message.seq)
        if not message.deleted:
            self._message(message.at, message.seq, message.user, message.name, message.text, message.reply_to)

    def event(self, event: Event) -> None:
        """Show what happened in the room, once."""
        if event.seq <= self._shown:
            return
        if len(self._names) >= MAX_NAMES:
            self._names.clear()
            self.newest_by.clear()
        self._names[event.user] = event.name
        match event:
            case MessageSent(deleted=False):
                self._message(event.at, event.seq, event.user, event.name, event.text, event.reply_to)
            case MessageEdited(text=str(text)):
                self._line(event.at, event.target, event.user, event.name, f"✎ {text}")
            case MessageDeleted():
                self.say("deleted", name=event.name)
            case MemberJoined():
                self.say("joined", name=event.name)
            case MemberLeft():
                self.say("left", name=event.name)
            case MemberKicked(member=member):
                self.say("kicked", name=self._names.get(member, member))

    def say(self, what: str, **fields: Any) -> None:
        """Say something of our own: in the terminal, and where that is none, on stderr."""
        safe = {key: printable(str(value)) for key, value in fields.items()}
        line = self._words[what].format(**safe)
        if self._terminal.interactive:
            self._terminal.show(self._tint(_GREY, line))
        else:
            print(line, file=sys.stderr, flush=True)

    def _message(self, at: datetime, seq: int, user: str, name: str, text: str, reply_to: int | None) -> None:
        self.newest_by[user] = max(seq, self.newest_by.get(user, 0))
        self._line(at, seq, user, name, f"↪ #{reply_to} {text}" if reply_to else text)

    def _line(self, at: datetime, seq: int, user: str, name: str, text: str) -> None:
        self._names[user] = name
        lines = printable(text).split("\n")
        colour = _COLOURS[zlib.crc32(user.encode()) % len(_COLOURS)]
        about = self._tint(_GREY, f"{at.astimezone():%H:%M} #{seq}")
        self._terminal.show(f"{about} {self._tint(colour, printable(name))}  " + "\n        ".join(lines))

    def _tint(self, colour: int, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._terminal.colour else text
