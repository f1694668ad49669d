"""What a message's text and a user's name may be.

Length and combining runs are checked before any normalising: `unicodedata.normalize` is quadratic in a run of combining
marks (64 KB of them block for 0.9 s).
"""

import re
import unicodedata
from typing import Final

from madang.errors import Refused

MAX_TEXT: Final = 4000  # characters
MAX_NAME: Final = 40
MAX_MARKS: Final = 8  # combining marks in a row; Vietnamese, Thai and Hebrew with points need at most 4


def _char_class(*categories: str) -> str:
    """Return a regular expression's class of the characters in some Unicode categories. Planes 2 to 13 have no marks."""
    points = [c for c in (*range(0x20000), *range(0xE0000, 0xE1000)) if unicodedata.category(chr(c)) in categories]
    spans: list[list[int]] = []
    for point in points:
        if spans and spans[-1][1] == point - 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in spans)


_TOO_MANY_MARKS: Final = re.compile(f"[{_char_class('Mn', 'Me', 'Mc')}]{{{MAX_MARKS + 1}}}")
_NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)
)
_NOT_TEXT: Final = re.compile(f"[\0\ud800-\udfff{_NONCHARACTERS}]")
_UNSEEN: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Mc", "Me"})
_UNNAMED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and signs by category, yet invisible: Hangul fillers, the Braille blank, unassigned default-ignorables.
_BLANK: Final = re.compile("[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]")
_VISIBLE_SCRIPTS: Final = re.compile(r"(LATIN|CYRILLIC|GREEK|ARMENIAN|CHEROKEE|COPTIC)\b")
_RESERVED: Final = frozenset({"admin", "administrator", "moderator", "owner", "system", "madang", "server", "root"})
# Characters drawn like a Latin letter (from UTS 39 confusables, those of one stroke's difference) for reserved names.
_LOOKALIKES: Final = str.maketrans("0135$@|!ıаеорсухіјѕԁɡɑοεικνυαρτ", "oiessaliiaeopcyxijsdgaoeikvuapt")


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """Check a message's text and return it in NFC.

    Args:
        text: as it came.
        limit: in characters, before and after normalising.

    Raises:
        Refused: too_big, bad_text, or empty (nothing visible).
    """
    if len(text) > limit:
        raise Refused("too_big", f"text: at most {limit} characters.")
    if not text.isascii():
        text = _normal(text, limit)
    elif "\0" in text:
        raise Refused("bad_text")
    if not _has_visible(text):
        raise Refused("empty")
    return text


def _normal(text: str, limit: int) -> str:
    if _NOT_TEXT.search(text) or _TOO_MANY_MARKS.search(text):
        raise Refused("bad_text")
    if unicodedata.is_normalized("NFC", text):
        return text
    text = unicodedata.normalize("NFC", text)
    if len(text) > limit:  # some characters become two or three
        raise Refused("too_big", f"text: at most {limit} characters.")
    if _TOO_MANY_MARKS.search(text):
        raise Refused("bad_text")
    return text


def _has_visible(text: str) -> bool:
    for c in text:
        if unicodedata.category(c) not in _UNSEEN and not _BLANK.match(c):
            return True
    return False


def clean_name(name: str) -> str:
    """Check a user's name and return it as `clean_title` does. Look-alikes of a reserved name are refused (bad_name)."""
    name = clean_title(name)
    if skeleton(name) in _RESERVED:
        raise Refused("bad_name")
    return name


def clean_title(title: str) -> str:
    """Check a room's title and return it in NFKC, with white space folded.

    Raises:
        Refused: bad_name, if it is longer than MAX_NAME before or after NFKC (U+FDFA grows 18-fold), has nothing visible,
            has control, invisible or direction-changing characters, or mixes scripts whose letters look alike (Latin
            with Cyrillic or Greek).
    """
    if not 0 < len(title) <= MAX_NAME or _TOO_MANY_MARKS.search(title):
        raise Refused("bad_name")
    title = " ".join(unicodedata.normalize("NFKC", title).split())
    if not 0 < len(title) <= MAX_NAME or _TOO_MANY_MARKS.search(title) or not _has_visible(title):
        raise Refused("bad_name")
    if _BLANK.search(title) or any(unicodedata.category(c) in _UNNAMED for c in title):
        raise Refused("bad_name")
    if not title.isascii() and len(_alike_scripts(title)) > 1:
        raise Refused("bad_name")
    return title


def skeleton(name: str) -> str:
    """Return a name as the eye sees it: caseless, without signs, look-alikes replaced by their Latin letter."""
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOKALIKES)
    return "".join(c for c in folded if c.isalnum())


def _alike_scripts(name: str) -> set[str]:
    return {m[1] for c in name if c.isalpha() and (m := _VISIBLE_SCRIPTS.match(unicodedata.name(c, "")))}
