"""The input line of `madang chat`, sans-I/O: bytes of the keyboard in, finished lines and the line's look out.

Drawn by ourselves, because the terminal's own line editing is torn by what comes in meanwhile, and takes only half of
a Hangul syllable back. The terminal still composes Hangul and sends whole syllables. Always one row: what is too long
scrolls.
"""

import codecs
from typing import Final

import unicodedata2

_ESCAPES: Final = {
    "[A": "up",
    "[B": "down",
    "OA": "up",
    "OB": "down",
    "[D": "left",
    "[C": "right",
    "[H": "home",
    "[F": "end",
    "[3~": "delete",
    "OH": "home",
    "OF": "end",
}
_KEYS: Final = {
    "\x10": "up",
    "\x0e": "down",
    "\x01": "home",
    "\x05": "end",
    "\x02": "left",
    "\x06": "right",
    "\x7f": "back",
    "\b": "back",
}
LONGEST_ESCAPE: Final = 16
RECALLED: Final = 200  # lines that can be fetched back


def width(text: str) -> int:
    """Count the columns that a text takes."""
    return sum(_columns(c) for c in text)


def _columns(c: str) -> int:
    if unicodedata2.combining(c) or unicodedata2.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata2.east_asian_width(c) in "WF" else 1


class Editor:
    """The input line. Sans-I/O: bytes of the keyboard in, finished lines out."""

    def __init__(self, prompt: str = "> ") -> None:
        self.text = ""
        self.at = 0  # the cursor, in characters
        self.over = False  # Ctrl-D on an empty line
        self._prompt = prompt
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._escape: str | None = None
        self._typed: list[str] = []  # finished lines, for the arrow keys
        self._shown = 0  # which of them is in the line; behind the last: what is being typed
        self._draft = ""

    def feed(self, data: bytes) -> list[str]:
        """Take what was typed; gives the lines that were finished with it."""
        lines = []
        for c in self._decoder.decode(data):
            if self._escape is not None or c == "\x1b":
                self._take_escape(c)
            elif c in "\r\n":
                lines.append(self.text)
                self._remember(self.text)
                self.text, self.at = "", 0
            else:
                self._key(_KEYS.get(c, c))
        return lines

    def _remember(self, line: str) -> None:
        if line.strip() and self._typed[-1:] != [line]:
            self._typed = [*self._typed, line][-RECALLED:]
        self._shown = len(self._typed)

    def _recall(self, step: int) -> None:
        """Show the finished line before or after, and behind the last what was being typed."""
        if self._shown == len(self._typed):
            self._draft = self.text
        self._shown = max(0, min(len(self._typed), self._shown + step))
        self.text = self._typed[self._shown] if self._shown < len(self._typed) else self._draft
        self.at = len(self.text)

    def _take_escape(self, c: str) -> None:
        self._escape = "" if self._escape is None else self._escape + c
        if len(self._escape) > 1 and (c.isalpha() or c == "~"):
            self._key(_ESCAPES.get(self._escape, ""))
            self._escape = None
        elif (len(self._escape) == 1 and c not in "[O") or len(self._escape) > LONGEST_ESCAPE:
            self._escape = None

    def _key(self, key: str) -> None:
        match key:
            case "up":
                self._recall(-1)
            case "down":
                self._recall(+1)
            case "left":
                self.at = max(0, self.at - 1)
            case "right":
                self.at = min(len(self.text), self.at + 1)
            case "home":
                self.at = 0
            case "end":
                self.at = len(self.text)
            case "back":
                self._cut(self.at - 1, self.at)
            case "delete":
                self._cut(self.at, self.at + 1)
            case "\x04":  # Ctrl-D
                self.over = not self.text
            case "\x15":  # Ctrl-U
                self._cut(0, self.at)
            case "\x17":  # Ctrl-W
                self._cut(self.text.rstrip().rfind(" ", 0, self.at) + 1, self.at)
            case _ if len(key) == 1 and key.isprintable():
                self.text = self.text[: self.at] + key + self.text[self.at :]
                self.at += 1

    def _cut(self, start: int, end: int) -> None:
        start = max(0, start)
        self.text = self.text[:start] + self.text[end:]
        self.at = start

    def view(self, columns: int) -> str:
        """Draw the line in one row, with the cursor where it belongs."""
        room = max(1, columns - width(self._prompt) - 1)
        start = self.at
        while start > 0 and width(self.text[start - 1 : self.at]) <= room:
            start -= 1
        end = self.at
        while end < len(self.text) and width(self.text[start : end + 1]) <= room:
            end += 1
        back = width(self.text[self.at : end])
        return f"\r\x1b[K{self._prompt}{self.text[start:end]}" + (f"\x1b[{back}D" if back else "")
