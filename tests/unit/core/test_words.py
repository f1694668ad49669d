"""Word lists find what they have, in every spelling that is promised, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.words import MAX_LETTERS, MAX_WORDS, Automaton, WordList, Words, checked
from madang.errors import Refused

LIST = WordList(
    Words(refuse=("bad", "시발", "ㅅㅂ"), mask=("바보", "Ass", "Straße", "닭발"), flag=("spam", "夜露", "пример"))
)


@pytest.mark.parametrize(
    "text",
    [
        "bad", "so BAD!", "b.a.d", "b a d", "it is b  a  d", "ｂａｄ", "ba\u200bd", "안녕 bad 하세요", "(bad)", "a\nbad\tday",
        "시발놈", "ㅅㅣㅂㅏㄹ", "시바ㄹ", "시 발", "시.발", "ㅅㅂ", "ㅅ ㅂ", "ㅅ.ㅂ 왜", "ﾟㅅㅂﾟ",
    ],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    judged = LIST.judge(text)
    assert judged is not None and judged.refused


@pytest.mark.parametrize(
    "text",
    [
        "hello", "badge", "class", "Assam", "b a dog", "a b", "ad", "안녕하세요", "시 발표", "이 시 발표", "시작", "발", "바다", "ㅋㅋㅋ", "ㅂㅅ",
        "spammer", "примеры", "夜", "", " ", "…", "🎉", "b🎉a🎉d",
    ],
)  # fmt: skip
def test_what_is_not_found(text: str) -> None:
    assert LIST.judge(text) is None


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("바보야 안녕", "**야 안녕"),
        ("이 바보!", "이 **!"),
        ("바 보 다", "*** 다"),
        ("ASS, ass", "***, ***"),
        ("x Straße STRASSE", "x ****** *******"),
        ("ａｓｓ!", "***!"),
        ("바\u200b보", "***"),
        ("닭발", "**"),
        ("ㄷㅏㄹㄱㅂㅏㄹ 좋아", "******* **"),  # where it is cannot be said
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    judged = LIST.judge(text)
    assert judged is not None
    assert (judged.refused, judged.text, judged.flagged) == (False, masked, ())


def test_what_is_flagged_is_said_as_it_is() -> None:
    judged = LIST.judge("Spam 夜露死苦 ПРИМЕР")
    assert judged is not None
    assert (judged.refused, judged.text, judged.flagged) == (False, "Spam 夜露死苦 ПРИМЕР", ("spam", "пример", "夜露"))


def test_of_several_words_each_has_its_effect_and_the_strictest_counts() -> None:
    judged = LIST.judge("spam 바보")
    assert judged is not None
    assert (judged.text, judged.flagged) == ("spam **", ("spam",))
    judged = LIST.judge("spam 바보 bad")
    assert judged is not None and judged.refused
    both = WordList(Words(mask=("x1",), flag=("x1",)), Words(refuse=("x1",)))
    judged = both.judge("x1")
    assert judged is not None and judged.refused


@given(st.lists(st.text("ab가", min_size=1, max_size=4), max_size=6), st.text("ab가 ", max_size=30))
def test_an_automaton_finds_every_word_where_it_is(words: list[str], text: str) -> None:
    found = set(Automaton(words).found(text))
    assert found == {(n, n + len(w), w) for w in words for n in range(len(text)) if text.startswith(w, n)}


@given(st.text("as바보ㅂㅗ .A\u200b", max_size=20))
def test_nothing_is_left_of_what_is_masked(text: str) -> None:
    judged = LIST.judge(text)
    if judged is not None and not judged.refused:
        again = LIST.judge(judged.text)
        assert again is None or again.text == judged.text
        assert len(judged.text) == len(text)


@pytest.mark.parametrize("word", ["", " ", "two words", "f*ck", "!", "\u200b", "x" * 33, "x" * 1000, "ﷺ" * 8])
def test_what_is_no_word(word: str) -> None:
    with pytest.raises(Refused) as refused:
        checked(Words(mask=(word,)))
    assert refused.value.code == "bad_field"


def test_a_list_is_bounded_and_has_each_word_once() -> None:
    assert checked(Words(refuse=(" a ", "a", "B"), flag=("a",))) == Words(refuse=("a", "B"), flag=("a",))
    checked(Words(refuse=tuple(f"w{n}" for n in range(MAX_WORDS))))
    for words in ([f"w{n}" for n in range(MAX_WORDS + 1)], [f"{n:032}" for n in range(MAX_LETTERS // 32 + 1)]):
        with pytest.raises(Refused) as refused:
            checked(Words(refuse=tuple(words)))
        assert refused.value.code == "too_many"
