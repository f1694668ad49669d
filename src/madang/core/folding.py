"""Folding: what makes two texts the same to a search, whichever keyboard or system wrote them.

docs/reference/search.md is the rule in words, with examples. Whatever changes a result here, or the terms of a text, changes
VERSION: an index holds both, and one of another version is built again. What is done with folded text is in `search.py`.
"""

import re
import unicodedata
from typing import Final

import unicodedata2

from madang.core.hangul import INITIALS

VERSION: Final = f"2-{unicodedata2.unidata_version}-{unicodedata.unidata_version}"
"""Of the rule, of the Unicode that normalises, and of the Unicode by which Python knows cases."""


def is_older(version: str, other: str) -> bool:
    """Return whether a VERSION is older than another."""
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


_DROPPED: Final = "\u00ad\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff"
_PAIRS: Final = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ",
    "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
_TABLE: Final[dict[int, str | None]] = {
    **dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)]),
    **{full: chr(full - 0xFEE0) for full in range(0xFF01, 0xFF5F)},
    0x3000: " ",
    **{0x1100 + n: letter for n, letter in enumerate(INITIALS)},
    **{ord(pair): letters for pair, letters in _PAIRS.items()},
}
_odd: Final = re.compile(f"[{_DROPPED}\uff01-\uff5e\u3000\u1100-\u1112{''.join(_PAIRS)}]").search

# What folds to itself or to its lower case, one character to one, whatever is beside it, unless a mark follows.
_PLAIN: Final = "\0-\x7f\u3131\u3132\u3134\u3137-\u3139\u3141-\u3143\u3145-\u3163\uac00-\ud7a3\u4e00-\u9fff"
_plain: Final = re.compile(f"[{_PLAIN}]+").match
_VOWELS_AND_FINALS: Final = range(0x1160, 0x1200)


def fold(text: str) -> str:
    """Return a text as searches compare it. Folding twice is folding once."""
    if text.isascii():
        return text.lower()
    text = unicodedata2.normalize("NFC", text)
    if _odd(text):
        text = text.translate(_TABLE)
    folded: str = unicodedata2.normalize("NFC", text.casefold())
    return folded


def fold_with_places(text: str) -> tuple[str, list[int]]:
    """Return a folded text, and for each of its characters where in `text` its cluster begins; and where the text ends.

    A cluster is a character with the marks, invisible characters and Hangul vowels and finals behind it.
    """
    pieces: list[str] = []
    places: list[int] = []
    at, size = 0, len(text)
    while at < size:
        if plain := _plain(text, at):
            end = plain.end()
            if end < size and _continues(text[end]):
                end -= 1
            pieces.append(text[at:end].lower())
            places.extend(range(at, end))
            at = end
            if at == size:
                break
        end = at + 1
        while end < size and _continues(text[end]):
            end += 1
        folded = fold(text[at:end])
        pieces.append(folded)
        places.extend([at] * len(folded))
        at = end
    places.append(size)
    return "".join(pieces), places


def _continues(char: str) -> bool:
    code = ord(char)
    if code < 0xAD:
        return False
    if code in _VOWELS_AND_FINALS or _TABLE.get(code, "") is None:
        return True
    return str(unicodedata2.category(char)).startswith("M")


def utf16(text: str) -> list[int] | range:
    """Return for each place in a text where it is in UTF-16, in which JavaScript counts; and where the text ends."""
    if text.isascii() or max(text) <= "\uffff":
        return range(len(text) + 1)
    found, at = [], 0
    for char in text:
        found.append(at)
        at += 1 + (char > "\uffff")
    found.append(at)
    return found
