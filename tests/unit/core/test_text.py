"""Texts and names: what is kept, what is refused, and that what was kept once is never refused later."""

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from madang.core.text import MAX_NAME, MAX_TEXT, clean_name, clean_text, clean_title, skeleton
from madang.errors import Refused

# Where the traps are: marks, expanding characters, fillers, signs that change direction, look-alikes.
TRAPS = "\u0300\u0301\u0344\u0958\ufb2c\ufdfa\u1160\u3164\u2800\u200b\u200d\u202e\u2066\ufeff\xa0\x1f\u0085аеοı１Ａ ﷺ\0\ufffe"
Clean = Callable[[str], str]
TEXT = st.text(st.one_of(st.characters(), st.sampled_from(TRAPS)), max_size=60)


def refusal(clean: Clean, text: str) -> str:
    with pytest.raises(Refused) as refused:
        clean(text)
    return refused.value.code


@pytest.mark.parametrize("clean", [clean_text, clean_name, clean_title])
@given(TEXT)
@example("\u0344" * 8 + "a")
@example("a\u0958" * 20)
def test_what_is_clean_stays_clean(clean: Clean, text: str) -> None:
    try:
        once = clean(text)
    except Refused:
        return
    assert clean(once) == once


@given(TEXT)
def test_clean_text_can_be_encoded_and_stored(text: str) -> None:
    try:
        clean = clean_text(text)
    except Refused as refused:
        assert refused.code in {"bad_text", "empty", "too_big"}
    else:
        assert "\0" not in clean
        clean.encode()
        assert unicodedata.is_normalized("NFC", clean)


@given(TEXT)
def test_names_show_one_line_in_one_direction(name: str) -> None:
    try:
        clean = clean_name(name)
    except Refused as refused:
        assert refused.code == "bad_name"
    else:
        assert 0 < len(clean) <= MAX_NAME
        assert clean == " ".join(clean.split())
        assert not {unicodedata.category(c) for c in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\x01\x02", "empty"),
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


def test_a_wall_of_marks_is_refused_before_it_is_normalised() -> None:
    wall = "a" + "\u0300\u0316" * 8000
    started = time.thread_time()
    assert refusal(lambda text: clean_text(text, limit=65_536), wall) == "bad_text"
    assert time.thread_time() - started < 0.05  # to normalise it takes 69 ms and more, and grows as the square


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a" * (MAX_NAME + 1),
        "\ufdfa" * 3,  # 18 characters each under NFKC
        "\ufdfa" * 1000,
        "Mina\u202e",
        "\u2066Mina\u2069",
        "Mi\u200bna",
        "ad\u3164min",
        "Mina\0",
        "Mina\x07",
        "\ud800",
        "\ue000",
        "a" + "\u0301" * 9,
        "\u0344" * 8,
        "\u0301",
        "pаul",  # Cyrillic а among Latin letters
        "admin",
        "Admin",
        "a.d.m.i.n",
        "4dm1n".replace("4", "a"),
        "adm\u0131n",
        "ａｄｍｉｎ",
        "SYSTEM",
        "r00t",
    ],
)
def test_names_that_are_refused(name: str) -> None:
    assert refusal(clean_name, name) == "bad_name"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Mina", "Mina"),
        ("  Mina \t Kim ", "Mina Kim"),
        ("김민아", "김민아"),
        ("Минa".replace("a", "а"), "Мина"),
        ("Zoë", "Zoë"),
        ("Ｍｉｎａ", "Mina"),
        ("Administrative Anna", "Administrative Anna"),
        ("O'Neil; DROP", "O'Neil; DROP"),
        ("민아 Mina", "민아 Mina"),
        ("❤️", "❤️"),
    ],
)
def test_names_that_are_kept(name: str, kept: str) -> None:
    assert clean_name(name) == kept


def test_a_title_may_be_a_reserved_name_but_nothing_else_is_let_through() -> None:
    assert clean_title("Admin") == "Admin"
    for title in ("\0admin", "admin\u202e", "." * 400 + "admin", "adm\nin\0"):
        assert refusal(clean_title, title) == "bad_name"


def test_skeletons_of_names_that_look_alike_are_one() -> None:
    assert skeleton("Аdmіn") == skeleton("a-d-m-1-n") == skeleton("ＡＤＭＩＮ") == "admin"
