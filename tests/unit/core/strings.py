"""Strings full of traps, and how one is refused."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from madang.errors import Refused

Clean = Callable[[str], str]

# Marks, expanding characters, fillers, joiners, signs that change direction, look-alikes, parts of emoji.
TRAPS = (
    "\u0300\u0301\u0344\u0958\ufb2c\ufdfa\u1160\u3164\u2800\u200b\u200c\u200d\u202e\u2066\ufeff\xa0\x1f\u0085аеοı１Ａ ﷺ\0\ufffe"
    "\ufe0e\ufe0f\u20e3\U000e0067\U000e007f\U0001f3f4\U0001f3fd❤👩1یමක\u094d\u0dca\u180e葛\U000e0100ㅋ"
)
TEXT = st.text(st.one_of(st.characters(), st.sampled_from(TRAPS)), max_size=60)


def refusal(clean: Clean, text: str) -> str:
    """Return the code by which a text is refused."""
    with pytest.raises(Refused) as refused:
        clean(text)
    return refused.value.code
