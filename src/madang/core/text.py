"""What a message's text may be. Names and titles are in `names.py`, reactions in `emoji.py`.

Length and combining runs are checked before any normalising: `normalize` is quadratic in a run of combining marks (64 KB
of them block for 0.9 s).
"""

import re
from typing import Final

import unicodedata2

from madang.core.unseen import has_too_many_marks, is_visible
from madang.errors import Refused

MAX_TEXT: Final = 4000  # characters

_CONTROLS: Final = "\0-\x08\x0b-\x1f\x7f-\x9f"  # all but tab and line feed: terminals obey them
_NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)
)
_NOT_TEXT: Final = re.compile(f"[{_CONTROLS}\ud800-\udfff{_NONCHARACTERS}]")


def clean_text(text: str, limit: int = MAX_TEXT, field: str = "text") -> str:
    """Check a message's text and return it in NFC.

    Args:
        text: as it came.
        limit: in characters, before and after normalising.
        field: what a refusal calls it.

    Raises:
        Refused: too_big, bad_text, or empty (nothing visible).
    """
    if len(text) > limit:
        raise Refused("too_big", f"{field}: at most {limit} characters.")
    if text.isascii() and text.isprintable() and text.strip():
        return text
    if _NOT_TEXT.search(text):
        raise Refused("bad_text", f"{field}: no control characters but tab and line feed, and no half of a character.")
    if not text.isascii():
        text = _normal(text, limit, field)
    if not is_visible(text):
        raise Refused("empty")
    return text


def _normal(text: str, limit: int, field: str) -> str:
    if has_too_many_marks(text):
        raise Refused("bad_text", f"{field}: too many combining marks in a row.")
    text = unicodedata2.normalize("NFC", text)
    if len(text) > limit:  # some characters become two or three
        raise Refused("too_big", f"{field}: at most {limit} characters.")
    if has_too_many_marks(text):
        raise Refused("bad_text", f"{field}: too many combining marks in a row.")
    return text
