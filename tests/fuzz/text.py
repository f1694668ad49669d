"""Texts, names, reactions and room ids of strangers: refused by a code, or clean, and then clean forever."""

from collections.abc import Callable

import unicodedata2

from tests.fuzz.harness import instrumented, run

with instrumented():
    from madang.core.emoji import clean_emoji
    from madang.core.names import MAX_NAME, clean_name, clean_title, skeleton
    from madang.core.rooms import room_id
    from madang.core.text import clean_text
    from madang.errors import Refused

WORDS = [
    "hello",
    "가나다",
    "аdmin",
    "\u202eevil",
    "e" + "\u0301" * 20,
    "\ufdfa" * 30,
    "\u3164",
    "a\0b",
    "\ud800",
    "👩‍👩‍👧",
]
SEEDS = [word.encode("utf-8", "surrogatepass") for word in WORDS]
LIMIT = 200


def one(data: bytes) -> None:
    """Clean one text in every way there is."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("utf-16-le", "replace")
    cleaned = _clean(lambda t: clean_text(t, LIMIT), text, {"too_big", "bad_text", "empty"})
    if cleaned is not None:
        assert len(cleaned) <= LIMIT and "\0" not in cleaned
        assert unicodedata2.normalize("NFC", cleaned) == cleaned
        cleaned.encode()
    for clean in (clean_title, clean_name):
        name = _clean(clean, text, {"bad_name"})
        if name is not None:
            assert 0 < len(name) <= MAX_NAME
            assert skeleton(name) == skeleton(skeleton(name)) or not name.isascii()
            name.encode()
    _clean(clean_emoji, text, {"too_big", "bad_field", "bad_text", "empty"})
    _clean(room_id, text, {"bad_field"})


def _clean(clean: Callable[[str], str], text: str, codes: set[str]) -> str | None:
    try:
        cleaned = clean(text)
    except Refused as refused:
        assert refused.code in codes, refused.code
        return None
    assert clean(cleaned) == cleaned, "cleaning twice is another text"
    return cleaned


if __name__ == "__main__":
    run("text", one, SEEDS)
