"""Which names begin with what was typed, by the examples of the page and by typing names letter by letter."""

import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.name_search import beginning
from madang.errors import Refused

NAMES: Final = [
    "민아",
    "미나",
    "Mina Kim",
    "김민아",
    "닭살",
    "달걀",
    "ㅋㅋ",
    "Émile",
    "이 민 아",
    "😂 haha",
    "꼬마",
    "고마",
    "과자",
]
_LEADS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"


def found(typed: str) -> list[str]:
    return [name for name in NAMES if beginning(typed).matches(name)]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("ㅁ", ["민아", "미나", "이 민 아"]),
        ("ㅁㅇ", ["민아"]),
        ("ㅁㄴ", ["미나"]),
        ("미", ["민아", "미나", "이 민 아"]),
        ("민", ["민아", "미나", "이 민 아"]),
        ("민ㅇ", ["민아"]),
        ("민아", ["민아"]),
        ("민이", []),
        ("김ㅁ", ["김민아"]),
        ("ㄱㅁㅇ", ["김민아"]),
        ("닭", ["닭살", "달걀"]),
        ("닭ㅅ", ["닭살"]),
        ("달", ["닭살", "달걀"]),
        ("ㅋ", ["ㅋㅋ"]),
        ("ㅋㅋ", ["ㅋㅋ"]),
        ("mi", ["Mina Kim"]),
        ("KIM", ["Mina Kim"]),
        ("mina k", ["Mina Kim"]),
        ("ina", []),
        ("é", ["Émile"]),
        ("e", ["Émile"]),
        ("민 아", ["이 민 아"]),
        ("😂", ["😂 haha"]),
        ("ㄱㅁ", ["김민아", "고마"]),
        ("ㄲ", ["꼬마"]),
        ("고", ["고마", "과자"]),
        ("고ㅈ", []),
        ("과ㅈ", ["과자"]),
    ],
)
def test_names_that_begin_so(typed: str, names: list[str]) -> None:
    assert found(typed) == names
    assert found(unicodedata.normalize("NFD", typed)) == names
    assert found(f"  {typed} ") == names


@given(
    st.text(st.sampled_from([chr(code) for code in range(0xAC00, 0xD7A4, 7)] + list("abC Éß1")), min_size=1, max_size=8)
)
def test_a_name_is_found_by_all_that_is_typed_on_the_way(name: str) -> None:
    """By every beginning of it, and by its initials; whatever form of Unicode it is typed in."""
    if not name.split():
        return
    name = " ".join(name.split())
    for size in range(1, len(name) + 1):
        if name[:size].strip():
            assert beginning(name[:size]).matches(name)
            assert beginning(unicodedata.normalize("NFD", name[:size])).matches(name)
    if all("가" <= letter <= "힣" for letter in name):
        initials = "".join(_LEADS[(ord(letter) - 0xAC00) // 588] for letter in name)
        for size in range(1, len(name) + 1):
            assert beginning(initials[:size]).matches(name)
        for size, letter in enumerate(initials[1:], 1):
            assert beginning(name[:size] + letter).matches(name)


@pytest.mark.parametrize("typed", ["", "  ", "\u200b", "\ufe0f \u200d"])
def test_nothing_begins_no_name(typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        beginning(typed)
    assert refusal.value.code == "bad_field"
