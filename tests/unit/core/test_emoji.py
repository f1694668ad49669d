"""Reactions: an emoji that has two spellings is one, and nothing invisible or obeyed by a terminal comes with it."""

import pytest
from hypothesis import given

from madang.core.emoji import MAX_EMOJI, clean_emoji, says_something
from madang.errors import Refused
from tests.unit.core.strings import TEXT, refusal


@pytest.mark.parametrize(
    ("kept", "others"),
    [
        ("👍", ["👍\ufe0f"]),
        ("❤\ufe0f", ["❤", "❤\ufe0e"]),
        ("☝🏽", ["☝\ufe0f🏽"]),
        ("1\ufe0f\u20e3", ["1\u20e3"]),
        ("👁\ufe0f\u200d🗨\ufe0f", ["👁\u200d🗨", "👁\ufe0f\u200d🗨", "👁\u200d🗨\ufe0f"]),
        ("👩\u200d❤\ufe0f\u200d💋\u200d👨", ["👩\u200d❤\u200d💋\u200d👨"]),
        ("🏳\ufe0f\u200d🌈", ["🏳\u200d🌈"]),
        ("©\ufe0f", ["©"]),
        ("é", ["e\u0301"]),
        *((same, []) for same in ("🫨", "\U0001fac8", "🇰🇷", "+1", ":shipit:", "ㅋㅋ", "좋아요", "می‌خواهم")),
    ],
)
def test_a_reaction_has_one_spelling(kept: str, others: list[str]) -> None:
    for spelling in (kept, *others):
        assert clean_emoji(spelling) == kept


@pytest.mark.parametrize(
    ("emoji", "code"),
    [
        *(("a b", "bad_field"), (" a", "bad_field"), ("a\n", "bad_field"), ("❤" * 20, "bad_field")),
        *(("a" * 33, "too_big"), ("", "empty"), ("\u200d", "empty"), ("\ufe0f", "empty")),
        *(
            (f"👍{control}", "bad_text")
            for control in ("\x1b", "\x9b", "\0", "\x07", "\r", "\u202e", "\u2066", "\u200b")
        ),
        *((f"👍{stray}", "bad_text") for stray in ("\u200d", "\U000e0067", "\u3164", "\ue000", "\u0378")),
    ],
)
def test_reactions_that_are_refused(emoji: str, code: str) -> None:
    assert refusal(clean_emoji, emoji) == code


@pytest.mark.parametrize("emoji", ["\x1b", "👍\u202e", "e" + "\u0301" * 9, "a" * 33, "a b"])
def test_a_refusal_names_the_reaction(emoji: str) -> None:
    with pytest.raises(Refused, match=r"^emoji: "):
        clean_emoji(emoji)


@given(TEXT)
def test_what_is_clean_stays_clean(text: str) -> None:
    try:
        once = clean_emoji(text)
    except Refused as refused:
        assert refused.code in {"bad_field", "bad_text", "empty", "too_big"}
    else:
        assert clean_emoji(once) == once
        assert len(once) <= MAX_EMOJI


@pytest.mark.parametrize(
    "emoji",
    [
        "hello",
        "ㅋㅋ",
        "7",
        "1️⃣",
        "ⓗ",
        "Ⓜ️",
        "🄷",
        "🅗",
        "🅷🅴",
        "🅰️",
        "ℹ️",
        "™️",
        "🈁",
        "𝐇",
        "🇭🇪🇱🇱🇴",
        "🇭",
        "🇺🇳🇮🇹",
        "👍👎",
        "(╯°□°)╯",
        "<3",
        "!!",
    ],
)
def test_what_can_say_something(emoji: str) -> None:
    assert says_something(clean_emoji(emoji))


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "❤️", "👨‍👩‍👧", "🇰🇷", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🆘", "🔤", "🫨", "✓", "#️⃣", "*️⃣", "+", "?"])
def test_what_is_one_sign_and_no_letter(emoji: str) -> None:
    assert not says_something(clean_emoji(emoji))
