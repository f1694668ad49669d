"""What a user's name and a room's title may be, and which names look like one of Madang's own.

They are kept as they are written (NFC); compatibility forms, case and accents are folded only to compare. A name is no
proof of a right: who has which role is said by the server, in `role`.
"""

from typing import Final

import regex
import unicodedata2

from madang.core.unseen import has_stray, has_too_many_marks, is_visible
from madang.errors import Refused

MAX_NAME: Final = 40
NAMELESS: Final = "User"
"""The name of users whose issuer gives them none, or one that nobody can be shown."""

_RESERVED: Final = [
    "admin",
    "administrator",
    "moderator",
    "owner",
    "operator",
    "staff",
    "support",
    "official",
    "system",
    "madang",
    "server",
    "root",
    "관리자",
    "운영자",
    "운영진",
    "시스템",
    "마당",
]
_FILLERS: Final = ["the", "team", "bot", "service", "팀", "봇"]  # beside a reserved word they make it no other name

_LEADING_MARK: Final = regex.compile(r"(?:^|\s)\p{M}")
_SIGNS: Final = regex.compile(r"[^\p{L}\p{N}]")
_NUMBERS: Final = (regex.compile(r"\b\p{N}+"), regex.compile(r"\p{N}+\b"))  # before words, and behind them
# Scripts whose letters look alike: a name has letters of one of them at most.
_ALIKE: Final = [
    regex.compile(rf"(?=\p{{L}})\p{{sc={name}}}")
    for name in ("Latin", "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic")
]
# What is drawn like a Latin letter, with one stroke's difference at most (from UTS 39). `l` and `i` are one, in the end.
_DRAWN_LIKE: Final = {
    "a": "4@аɑα", "b": "8", "c": "с", "d": "ԁ", "e": "3еε", "g": "9ɡ", "i": "ι", "j": "ј", "k": "кκ", "l": "1|!ıіӏ",
    "m": "м", "o": "0оοσ", "p": "рρ", "s": "5$ѕ", "t": "7тτ", "u": "υ", "v": "ν", "x": "х", "y": "у",
}  # fmt: skip
_LOOKALIKES: Final = str.maketrans({other: letter for letter, others in _DRAWN_LIKE.items() for other in others})
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("l", "i"))


def clean_name(name: str) -> str:
    """Check a user's name and return it as `clean_title` does. What looks like a reserved name is refused (bad_name)."""
    name = clean_title(name)
    if is_reserved(name):
        raise Refused("bad_name", "This name looks like one that is reserved. Choose another.")
    return name


def clean_title(title: str) -> str:
    """Check a room's title and return it in NFC, with white space folded.

    Raises:
        Refused: bad_name, if it is longer than MAX_NAME before or after NFC, has nothing visible, has unassigned or control
            characters, invisible ones that its script does not need, a combining mark without a letter, or letters of
            two scripts that look alike (Latin with Cyrillic or Greek).
    """
    if not 0 < len(title) <= MAX_NAME:
        raise Refused("bad_name", f"A name or title has 1 to {MAX_NAME} characters.")
    _check_marks(title)
    title = " ".join(unicodedata2.normalize("NFC", title).split())
    if len(title) > MAX_NAME:  # some characters become two or three
        raise Refused("bad_name", f"A name or title has 1 to {MAX_NAME} characters.")
    if not is_visible(title):
        raise Refused("bad_name", "A name or title has something that can be seen.")
    if title.isascii() and title.isprintable():
        return title
    _check_marks(title)
    if has_stray(title):
        raise Refused(
            "bad_name", "A name or title has no control character, and no invisible one that its script does not need."
        )
    folded = unicodedata2.normalize("NFKC", title)
    if sum(script.search(folded) is not None for script in _ALIKE) > 1:
        raise Refused("bad_name", "A name or title does not mix scripts whose letters look alike.")
    return title


def skeleton(name: str) -> str:
    """Return a name as the eye sees it: without case, signs and accents, look-alikes replaced by their Latin letter."""
    folded = unicodedata2.normalize("NFKD", unicodedata2.normalize("NFKD", name).casefold())
    seen: str = _SIGNS.sub("", folded.translate(_LOOKALIKES))
    for pair, letter in _PAIRS:
        seen = seen.replace(pair, letter)
    return seen


def _check_marks(title: str) -> None:
    if has_too_many_marks(title) or _LEADING_MARK.search(title):
        raise Refused("bad_name", "A name or title has combining marks on letters only, and few.")


def is_reserved(name: str) -> bool:
    """Return whether nothing but reserved words, and what goes with them, is seen: "4dmin", "Admins", "the Madang team 2"."""
    plain = unicodedata2.normalize("NFKC", name)
    return any(_OWN.fullmatch(skeleton(seen)) for seen in (plain, *(numbers.sub("", plain) for numbers in _NUMBERS)))


_ours, _others = ("|".join(skeleton(word) for word in words) for words in (_RESERVED, _FILLERS))
_OWN: Final = regex.compile(f"(?:{_others})*(?:{_ours})s?(?:(?:{_ours}|{_others})s?)*")
