"""Characters that nobody sees: where a script or an emoji needs one, and what is left over.

The tables are those of `regex` and `unicodedata2`, which bring a Unicode version of their own, so that a name is judged
alike on every Python. What is made of the answer (refused, kept, compared) is decided in `text.py`, `names.py` and
`emoji.py`.
"""

from typing import Final

import regex

MAX_MARKS: Final = 8  # combining marks in a row; Vietnamese, Thai and Hebrew with points need at most 4

_BLANK: Final = r"\u2800\ufffc\U0001d159"  # signs by category, yet nothing is drawn
_TAGS: Final = "|".join("".join(f"\\U{0xE0000 + ord(c):08x}" for c in region) for region in ("gbeng", "gbsct", "gbwls"))
_TOO_MANY_MARKS: Final = regex.compile(rf"\p{{M}}{{{MAX_MARKS + 1}}}")
_VISIBLE: Final = regex.compile(rf"[^\p{{Z}}\p{{Cc}}\p{{Cf}}\p{{Cs}}\p{{M}}\p{{DI}}{_BLANK}]")
_UNSEEN: Final = regex.compile(rf"[\p{{Zl}}\p{{Zp}}\p{{C}}\p{{DI}}{_BLANK}]")
# Where an invisible character changes what is seen: joiners by UAX 31 (R1a) and RFC 5892 (A.1, A.2), with the joiner
# before a virama that Bengali writes (র‍্যাব); the others by UTS 51 (emoji), UTS 37 (ideographs) and the Mongolian block.
_NEEDED: Final = regex.compile(
    rf"""
      (?<=\p{{L}}\p{{M}}*\p{{ccc=9}})(?:\u200c(?=\p{{L}})|\u200d)             # Indic: a virama's form is chosen
    | (?<=\p{{L}})\u200d(?=\p{{ccc=9}}\p{{L}})
    | (?<=[\p{{jt=D}}\p{{jt=L}}]\p{{jt=T}}*)\u200c(?=\p{{jt=T}}*[\p{{jt=D}}\p{{jt=R}}])  # Arabic: letters part
    | (?<=\p{{sc=Mongolian}})(?:[\u180b-\u180d\u180f]|\u180e(?=\p{{sc=Mongolian}}))
    | (?<=\p{{sc=Han}})[\ufe00-\ufe02\U000e0100-\U000e01ef]                   # a name's own form of an ideograph
    | (?<=\p{{ExtPict}}(?:\p{{EMod}}|\ufe0f)?)\u200d(?=\p{{ExtPict}})         # emoji that are one picture
    | (?<=(?![0-9#*])\p{{Emoji}})[\ufe0e\ufe0f]
    | (?<=[0-9#*])\ufe0f(?=\u20e3)
    | (?<=\U0001f3f4)(?:{_TAGS})\U000e007f                                    # England, Scotland, Wales
    """,
    regex.VERBOSE,
)


def is_visible(text: str) -> bool:
    """Return whether anything of a text can be seen. A character newer than the tables counts as one that can."""
    return _VISIBLE.search(text) is not None


def has_too_many_marks(text: str) -> bool:
    """Return whether more than MAX_MARKS combining marks stand in a row anywhere."""
    return _TOO_MANY_MARKS.search(text) is not None


def has_stray(text: str) -> bool:
    """Return whether a text has an unassigned, private or control character, or an invisible one that nothing needs."""
    return _UNSEEN.search(text) is not None and _UNSEEN.search(_NEEDED.sub("", text)) is not None
