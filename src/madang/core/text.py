"""What a message's text and a user's name may be. Length and combining runs are checked before any normalising:
`unicodedata.normalize` is quadratic in a run of combining marks (64 KB of them block for 0.9 s).
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from madang.errors import Refused

MAX_TEXT: Final = 4000  # characters
MAX_NAME: Final = 40
MAX_MARKS: Final = 8  # combining marks in a row; Vietnamese, Thai and Hebrew with points need at most 4


def _char_class(*categories: str) -> str:
    """Write a regular expression's class of the characters of some Unicode categories; planes 2 to 13 have no marks."""
    points = [c for c in (*range(0x20000), *range(0xE0000, 0xE1000)) if unicodedata.category(chr(c)) in categories]
    spans: list[list[int]] = []
    for point in points:
        if spans and spans[-1][1] == point - 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in spans)


@lru_cache(maxsize=1)
def _too_many_marks() -> re.Pattern[str]:
    return re.compile(f"[{_char_class('Mn', 'Me', 'Mc')}]{{{MAX_MARKS + 1},}}")


_NOT_TEXT: Final = re.compile("[\0\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_VISIBLE_SCRIPTS: Final = re.compile(r"(LATIN|CYRILLIC|GREEK|ARMENIAN|CHEROKEE|COPTIC)\b")
_RESERVED: Final = frozenset({"admin", "administrator", "moderator", "owner", "system", "madang", "server", "root"})
# Characters drawn like a Latin letter (from UTS 39 confusables, those of one stroke's difference) for reserved names.
_LOOKALIKES: Final = str.maketrans("0135$@|!аеорсухіјѕԁɡɑοεικνυαρτ", "oiessaliaeopcyxijsdgaoeikvuapt")


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """Check a message's text and give it in NFC.

    Args:
        text: as it came; `limit` is in characters, before and after normalising.

    Raises:
        Refused: too_big, bad_text, or empty (nothing visible).
    """
    if len(text) > limit:
        raise Refused("too_big", f"text: at most {limit} characters.")
    if text.isascii():
        if "\0" in text:
            raise Refused("bad_text")
        if not text.strip():
            raise Refused("empty")
        return text
    if _NOT_TEXT.search(text) or _too_many_marks().search(text):
        raise Refused("bad_text")
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if not _has_visible(text):
        raise Refused("empty")
    return text


def _has_visible(text: str) -> bool:
    for c in text:
        if (
            unicodedata.category(c)[0] not in "ZCM" and c not in "\u115f\u1160\u3164\uffa0"
        ):  # Hangul fillers draw nothing
            return True
    return False


def clean_name(name: str) -> str:
    """Check a user's name or a room's title and give it in NFKC, spaces folded.

    Refused (bad_name): longer than MAX_NAME before or after NFKC (U+FDFA grows 18-fold), nothing visible,
    control, invisible or direction-changing characters, letters of two scripts that are drawn alike
    (Latin with Cyrillic or Greek), and look-alikes of reserved names.
    """
    if not 0 < len(name) <= MAX_NAME or _too_many_marks().search(name):
        raise Refused("bad_name")
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    if not 0 < len(name) <= MAX_NAME or not _has_visible(name):
        raise Refused("bad_name")
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in name):
        raise Refused("bad_name")
    if not name.isascii() and len(_alike_scripts(name)) > 1:
        raise Refused("bad_name")
    if skeleton(name) in _RESERVED:
        raise Refused("bad_name")
    return name


def clean_title(title: str) -> str:
    """Check a room's title by the rules of names, without the reserved ones."""
    return title if skeleton(title) in _RESERVED and title.isascii() else clean_name(title)


def skeleton(name: str) -> str:
    """Fold a name to what the eye sees: caseless, without signs, look-alikes replaced by their Latin letter."""
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOKALIKES)
    return "".join(c for c in folded if c.isalnum())


def _alike_scripts(name: str) -> set[str]:
    return {m[1] for c in name if c.isalpha() and (m := _VISIBLE_SCRIPTS.match(unicodedata.name(c, "")))}
