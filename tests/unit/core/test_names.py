"""Names and titles: kept as they are written, refused where they would mislead, and reserved ones found in disguise."""

import pytest
import unicodedata2
from hypothesis import example, given

from madang.core.names import MAX_NAME, clean_name, clean_title, skeleton
from madang.errors import Refused
from tests.unit.core.strings import TEXT, Clean, refusal

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize("clean", [clean_name, clean_title])
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
def test_names_show_one_line_in_one_direction(name: str) -> None:
    try:
        clean = clean_name(name)
    except Refused as refused:
        assert refused.code == "bad_name"
    else:
        assert 0 < len(clean) <= MAX_NAME
        assert clean == " ".join(clean.split()) == unicodedata2.normalize("NFC", clean)
        invisible = [c for c in clean if unicodedata2.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}]
        assert {c for c in invisible if not "\U000e0020" <= c <= "\U000e007f"} <= {"\u200c", "\u200d", "\u180e"}


@pytest.mark.parametrize(
    "name",
    [
        *("", "   ", "a" * (MAX_NAME + 1), "\ufdfa" * 1000),
        *(
            "Mina\u202e",
            "\u2066Mina\u2069",
            "Mi\u200bna",
            "ad\u3164min",
            "Mina\0",
            "Mina\x07",
            "Mina\u00ad",
            "a\u034fb",
        ),
        *("\ud800", "\ue000", "\U0001d159", "\ufffc"),
        *("a" + "\u0301" * 9, "\u0344" * 8, "\u0301", "\u0301Mina", "Mina \u0301"),
        *("pаul", "ｐаul", "𝐩аul", "Ꭺdam"),  # Cyrillic а or Cherokee Ꭺ among Latin letters, however wide or bold
        *("a\U0010ffffb", "a\u0378b"),  # never assigned
    ],
)
def test_names_that_are_refused(name: str) -> None:
    assert refusal(clean_name, name) == "bad_name"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "admin",
            "Admin",
            "a.d.m.i.n",
            "A D M I N",
            "adm1n",
            "4dmin",
            "@dm!n",
            "admln",
            "adm\u0131n",
            "ａｄｍｉｎ",
            "ádmin",
        ),
        *("admin1", "007admin", "①admin", "4dm1n007", "adrnin", "rnoderator", "Administrators", "Administrator"),
        *("SYSTEM", "5y5tem", "Ѕуѕтем", "r00t", "St4ff", "staff 2", "Madang", "Madang support", "MadangSupport"),
        *("the admin", "Support team", "admin bot", "관리자", "관리자1", "운영자 팀", "마당"),
    ],
)
def test_names_that_look_reserved_are_refused(name: str) -> None:
    assert refusal(clean_name, name) == "bad_name"


@pytest.mark.parametrize(
    "name",
    [
        *("Mina", "김민아", "Мина", "Zoë", "O'Neil; DROP", "민아 Mina", "Ｍｉｎａ", "Mina 2", "4 Non Blondes"),
        *("Administrative Anna", "Support Anna", "Mod", "Rooty", "관리", "team bot", "마당발"),
        *("ㅋㅋㅋ", "ㅠㅠ", "ㄳ", "ㄱㅏ", "ㅋㅋ 수다방 ①", "Mina™", "E=mc²", "ﷺ", "½", "Ⅳ", "ﬁn"),
        *("می‌خواهم", "ශ්‍රී", "क्‍ष", "র‍্যাব", "ക്‍", "ᠰᠠᠷ᠎ᠠ", "နေ", "ខ្មែរ", "葛\U000e0100城"),
        *("❤️", "❤", "👍\ufe0f", "👨‍👩‍👧", "👩🏽‍❤️‍💋‍👨🏿", "🏳️‍🌈", "🏴‍☠️", "👁️‍🗨️", "1️⃣", "🇰🇷", ENGLAND),
        *("Mina🫨", "Mina\U0001fac8", "\U00016d6a\U00016d63"),  # of Unicode 15, 17 and 16
    ],
)
def test_names_are_kept_as_they_are_written(name: str) -> None:
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("name", "kept"),
    [("  Mina \t Kim ", "Mina Kim"), ("Mina\u3000Kim", "Mina Kim"), ("e\u0301", "é"), ("\u1112\u1161\u11ab", "한")],
)
def test_a_name_is_one_line_in_nfc(name: str, kept: str) -> None:
    assert clean_name(name) == kept


@pytest.mark.parametrize(
    "joiner", ["\u200c", "\u200d", "\ufe0e", "\ufe0f", "\u180e", "\u180b", "\U000e0100", "\U000e007f"]
)
@pytest.mark.parametrize("before", ["", "a", "가", "и", "ا", "1", " ", "ก", "👍👍", "क"])
@pytest.mark.parametrize("after", ["", "b", "나", "д", "2", " ", "क"])
def test_an_invisible_character_stays_out_where_nothing_needs_it(joiner: str, before: str, after: str) -> None:
    if (before, joiner) in {("👍👍", "\ufe0e"), ("👍👍", "\ufe0f")}:
        return  # asks for the emoji in black, or in colour
    assert refusal(clean_name, f"A{before}{joiner}{after}A") == "bad_name"
    assert refusal(clean_name, f"{before}{joiner}{after}") == "bad_name"


@pytest.mark.parametrize(
    "flag", ["\U000e0067", "\U000e0067\U000e0062", "\U000e0075\U000e0073\U000e0078\U000e0078\U000e007f"]
)
def test_tags_that_are_no_flag_are_refused(flag: str) -> None:
    assert refusal(clean_name, f"\U0001f3f4{flag}") == "bad_name"


def test_a_title_may_be_a_reserved_name_but_nothing_else_is_let_through() -> None:
    assert clean_title("Admin") == "Admin"
    for title in ("\0admin", "admin\u202e", "." * 400 + "admin", "adm\nin\0"):
        assert refusal(clean_title, title) == "bad_name"


def test_skeletons_of_names_that_look_alike_are_one() -> None:
    alike = ["Аdmіn", "a-d-m-1-n", "ＡＤＭＩＮ", "adrnin", "4dm|n", "âdmin", "admln"]
    assert {skeleton(name) for name in alike} == {"admin"}
