"""Print what others wrote: a terminal obeys some characters, and shows others in the wrong order."""

from typing import Final

_OBEYED: Final = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
]
_HARMLESS: Final = dict.fromkeys(_OBEYED, "\ufffd") | {ord("\n"): "\n", ord("\t"): " "}


def printable(text: str) -> str:
    """Return somebody else's text without control characters and signs that turn directions: U+FFFD stands for each.

    Line feeds stay, a tab becomes a space. The server refuses control characters in texts, names and reactions; `data`,
    older messages and other servers may have them.
    """
    return text.translate(_HARMLESS)
