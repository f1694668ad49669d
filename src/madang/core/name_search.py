"""Which names begin with what somebody has typed so far: people who are mentioned, rooms that are looked for.

Hangul is compared letter by letter, as it is typed: 미 begins 민아, and so does 민ㅇ. The last final consonant may still become
the first of the next syllable: 민 begins 미나. Initials alone stand for syllables: ㅁㅇ begins 민아.
"""

import re
from functools import lru_cache
from typing import Final

import msgspec
import unicodedata2

from madang.core.folding import fold
from madang.core.hangul import INITIAL_OF, INITIALS
from madang.errors import Refused

_only_initials: Final = re.compile(f"[{INITIALS}]+").fullmatch
_begins_syllable: Final = re.compile(f"(.*[가-힣])([{INITIALS}])").fullmatch
_LEADS: Final = {letter: chr(0x1100 + n) for n, letter in enumerate(INITIALS)}
# A final consonant, as what stays in its syllable and the consonant that begins the next.
_FINALS: Final = (
    "", "ㄱ", "ㄲ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ", "ㄹㅎ", "ㅁ", "ㅂ", "ㅂㅅ",
    "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
)  # fmt: skip
# Vowels and finals that two keys make: 과 is typed by way of 고, 닭 by way of 달.
_TWO_KEYS: Final = {
    0x116A: "\u1169\u1161", 0x116B: "\u1169\u1162", 0x116C: "\u1169\u1175", 0x116F: "\u116e\u1165", 0x1170: "\u116e\u1166",
    0x1171: "\u116e\u1175", 0x1174: "\u1173\u1175", 0x11AA: "\u11a8\u11ba", 0x11AC: "\u11ab\u11bd", 0x11AD: "\u11ab\u11c2",
    0x11B0: "\u11af\u11a8", 0x11B1: "\u11af\u11b7", 0x11B2: "\u11af\u11b8", 0x11B3: "\u11af\u11ba", 0x11B4: "\u11af\u11c0",
    0x11B5: "\u11af\u11c1", 0x11B6: "\u11af\u11c2", 0x11B9: "\u11b8\u11ba",
}  # fmt: skip
_KEPT: Final = 16_384
"""Names that are kept folded: those of a few rooms that are looked through again and again."""


class Beginning(msgspec.Struct, frozen=True):
    """What somebody has typed of a name.

    Attributes:
        ways: by letters, in all ways in which it may go on; each behind a blank, as words are in a name.
        initials: the same, if it is nothing but initials.
    """

    ways: tuple[str, ...]
    initials: str | None

    def matches(self, name: str) -> bool:
        """Return whether a name, or a word in it, begins so."""
        letters, initials = _shape(name)
        return any(way in letters for way in self.ways) or (self.initials is not None and self.initials in initials)


def beginning(typed: str) -> Beginning:
    """Return what somebody has typed of a name (bad_field, where nothing is left of it)."""
    folded = " ".join(fold(typed).split())
    if not folded:
        raise Refused("bad_field", "name: something that a name may begin with.")
    ways = [folded]
    if found := _begins_syllable(folded):
        ways.append(found[1] + _LEADS[found[2]])
    elif final := _final(folded[-1]):
        ways.append(_without_final(folded, final))
    return Beginning(tuple(_letters(f" {way}") for way in ways), f" {folded}" if _only_initials(folded) else None)


def _final(letter: str) -> str:
    return _FINALS[(ord(letter) - 0xAC00) % 28] if "가" <= letter <= "힣" else ""


def _without_final(folded: str, final: str) -> str:
    """Return it with the last consonant of its last syllable as the beginning of another."""
    bare = ord(folded[-1]) - (ord(folded[-1]) - 0xAC00) % 28
    return folded[:-1] + chr(bare + _FINALS.index(final[:-1])) + _LEADS[final[-1]]


def _letters(folded: str) -> str:
    letters: str = unicodedata2.normalize("NFD", folded)
    return letters.translate(_TWO_KEYS)


@lru_cache(_KEPT)
def _shape(name: str) -> tuple[str, str]:
    """Return a name by letters, and by the initials of its syllables; each word behind one blank."""
    folded = " ".join(["", *fold(name).split()])
    return (folded, folded) if folded.isascii() else (_letters(folded), folded.translate(INITIAL_OF))
