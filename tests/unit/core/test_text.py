"""Texts of messages: what is kept, what is refused, and that what was kept once is never refused later."""

import pytest
import unicodedata2
from hypothesis import given

from madang.core.text import MAX_TEXT, clean_text
from madang.errors import Refused
from tests.unit.core.strings import TEXT, refusal


@given(TEXT)
def test_clean_text_can_be_encoded_and_stored(text: str) -> None:
    try:
        clean = clean_text(text)
    except Refused as refused:
        assert refused.code in {"bad_text", "empty", "too_big"}
    else:
        assert not {c for c in clean if unicodedata2.category(c) == "Cc"} - {"\t", "\n"}
        clean.encode()
        assert unicodedata2.normalize("NFC", clean) == clean


@pytest.mark.parametrize("control", [c for c in map(chr, [*range(32), *range(127, 160)]) if c not in "\t\n"])
def test_a_control_character_is_refused_wherever_it_stands(control: str) -> None:
    for text in (f"a{control}b", f"{control}가", f"👍{control}"):
        assert refusal(clean_text, text) == "bad_text"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\x01\x02", "bad_text"),
        ("\u200b\u200d\ufeff", "empty"),
        ("\u0301\u0301", "empty"),
        ("\u3164\u1160\u2800", "empty"),
        ("a\0b", "bad_text"),
        ("ㅎ\0", "bad_text"),
        ("\ud800", "bad_text"),
        ("\ufffe", "bad_text"),
        ("\ufdd0", "bad_text"),
        ("a\U0001fffe", "bad_text"),
        ("a" + "\u0301" * 9, "bad_text"),
        ("\u0344" * 8 + "a", "bad_text"),  # two marks each, once normalised
        ("a" * (MAX_TEXT + 1), "too_big"),
        ("a" * (MAX_TEXT - 1) + "\u0958", "too_big"),  # two characters, once normalised
    ],
)
def test_texts_that_are_refused(text: str, code: str) -> None:
    assert refusal(clean_text, text) == code


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("hello", "hello"),
        ("  two\nlines ", "  two\nlines "),
        ("각", "각"),
        ("e\u0301", "é"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("'; DROP TABLE events; --", "'; DROP TABLE events; --"),
        ("right \u202e to left", "right \u202e to left"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("\U0001fae8", "\U0001fae8"),  # an emoji newer than the Unicode of the oldest Python we run on
        ("a" + "\u0301" * 8, "á" + "\u0301" * 7),
        ("a" * MAX_TEXT, "a" * MAX_TEXT),
    ],
)
def test_texts_that_are_kept(text: str, kept: str) -> None:
    assert clean_text(text) == kept


def test_a_wall_of_marks_is_refused_before_it_is_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Normalising it takes 69 ms and more, and grows as the square."""
    monkeypatch.setattr(unicodedata2, "normalize", lambda form, text: pytest.fail("normalised"))
    assert refusal(lambda text: clean_text(text, limit=65_536), "a" + "\u0300\u0316" * 8000) == "bad_text"
