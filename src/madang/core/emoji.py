"""What a reaction may be: an emoji or another short text, in one spelling.

Many emoji have two, with and without U+FE0F, which asks for the picture in colour. Both are one reaction, kept as UTS 51
calls it fully qualified, so that it is counted once and either spelling takes it off.
"""

from typing import Final

import regex
import unicodedata2

from madang.core.text import clean_text
from madang.core.unseen import has_stray
from madang.errors import Refused

MAX_EMOJI: Final = 32  # characters; the longest emoji, two people with skin tones kissing, has 10

_STYLES: Final = regex.compile("[\ufe0e\ufe0f]")
_DRAWN_AS_TEXT: Final = regex.compile(
    r"(?:(?![0-9#*])\p{Emoji}(?<!\p{EPres})(?!\p{EMod})|[0-9#*](?=\u20e3))"  # needs U+FE0F to be a picture
)

_IN_SQUARES: Final = regex.compile("[\U0001f150-\U0001f189]")  # letters that are not letters to NFKC
_OF_FLAGS: Final = regex.compile("[\U0001f1e6-\U0001f1ff]")


def clean_emoji(emoji: str) -> str:
    """Check a reaction and return it in its one spelling.

    Raises:
        Refused: bad_field (white space, or too long), bad_text (a control character, or an invisible one that is not part
            of an emoji), empty.
    """
    emoji = clean_text(emoji, MAX_EMOJI, "emoji")
    if emoji.split() != [emoji]:
        raise Refused("bad_field", "emoji: no spaces.")
    if emoji.isascii() and emoji.isprintable():
        return emoji
    if has_stray(emoji):
        raise Refused("bad_text", "emoji: no control characters, and no invisible ones but those of an emoji.")
    emoji = _DRAWN_AS_TEXT.sub("\\g<0>\ufe0f", _STYLES.sub("", emoji))
    if len(emoji) > MAX_EMOJI:
        raise Refused("bad_field", f"emoji: at most {MAX_EMOJI} characters.")
    return emoji


def says_something(emoji: str) -> bool:
    """Return whether a reaction can say what a message would: by letters or digits of any look, or by several signs."""
    plain = unicodedata2.normalize("NFKC", emoji)
    if any(character.isalnum() for character in plain) or _IN_SQUARES.search(emoji):
        return True
    return len(_OF_FLAGS.findall(emoji)) not in (0, 2) or len(regex.findall(r"\X", emoji)) > 1
