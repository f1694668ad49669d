"""What a search matches, beside its definition written down in the plainest way; docs/reference/search.md is the rule."""

import itertools
import re
import unicodedata
from pathlib import Path
from typing import Final

import pytest
import unicodedata2
from hypothesis import example, given
from hypothesis import strategies as st

from madang.core.folding import fold, fold_with_places, utf16
from madang.core.hangul import INITIALS
from madang.core.search import EXCERPT, Query, parsed, terms
from madang.core.search_filters import wanted
from madang.errors import Refused

PAGE: Final = (Path(__file__).parents[3] / "docs/reference/search.md").read_text()
_LETTERS: Final = (
    '회의록을주간하ㅎㅇㄱㅅㅋㅠㅏㄳㅄㅀabAB01 \n\t"*()%_-:.!ßİŉǰſﬁ①½Ａ１！\u3000\u00a0😂❤👩\ufe0f\u200d\u200b\u00ad\u2060\ufeff'
    "\u0301\u0308\u0345\u0327\u1100\u1112\u1161\u116c\u11a8\u1113\u1176\ue000かがガ\u3099を北京éΣςά"
)
TEXTS: Final = st.text(st.sampled_from(_LETTERS) | st.characters(exclude_categories=["Cs"]), max_size=30)
SEMI: Final = st.text(st.sampled_from(_LETTERS), max_size=12)


def plain_fold(text: str) -> str:
    """Return what the page says, a step at a time."""
    text = unicodedata2.normalize("NFC", text)
    text = re.sub("[\u00ad\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]", "", text)
    text = "".join(chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else " " if c == "\u3000" else c for c in text)
    text = "".join(INITIALS[ord(c) - 0x1100] if "\u1100" <= c <= "\u1112" else c for c in text)
    for pair, letters in zip(
        "ㄳㄵㄶㄺㄻㄼㄽㄾㄿㅀㅄ",
        ["ㄱㅅ", "ㄴㅈ", "ㄴㅎ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ", "ㄹㅎ", "ㅂㅅ"],
        strict=True,
    ):
        text = text.replace(pair, letters)
    return unicodedata2.normalize("NFC", text.casefold())


def initial(char: str) -> str:
    """Return the initial letter of a syllable, by its decomposition."""
    return INITIALS[ord(unicodedata.normalize("NFD", char)[0]) - 0x1100] if "가" <= char <= "힣" else ""


def plain_places(word: str, folded: str, *, phrase: bool = False) -> list[tuple[int, int]]:
    """Return every place where a folded word is, looked for at each character."""
    size = len(word)
    found = []
    for at in range(len(folded) - size + 1):
        piece = folded[at : at + size]
        begins = at == 0 or not initial(folded[at - 1])
        spelled = (
            not phrase and size >= 2 and set(word) <= set(INITIALS) and begins and [*map(initial, piece)] == [*word]
        )
        if piece == word or spelled:
            found.append((at, at + size))
    return found


@given(TEXTS)
def test_folds_as_the_page_says(text: str) -> None:
    assert fold(text) == plain_fold(text)


@given(TEXTS)
@example("\u0345")
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(TEXTS)
def test_folding_by_clusters_is_folding_the_whole(text: str) -> None:
    text = unicodedata2.normalize("NFC", text)
    folded, places = fold_with_places(text)
    assert folded == fold(text)
    assert len(places) == len(folded) + 1
    assert places == sorted(places)
    assert places[-1] == len(text)


@given(TEXTS)
def test_counts_as_javascript_does(text: str) -> None:
    assert list(utf16(text)) == [len(text[:at].encode("utf-16-le")) // 2 for at in range(len(text) + 1)]


@given(TEXTS, SEMI | st.sampled_from(["ㅎㅇ", "ㅎㅇㄹ", "ㄱㅅ", "회의"]), st.data())
def test_matches_what_a_scan_does_and_asks_for_no_term_that_is_missing(
    text: str, word: str, data: st.DataObject
) -> None:
    if data.draw(st.booleans()) and text:  # cut out of the text
        start = data.draw(st.integers(0, len(text) - 1))
        word = text[start : data.draw(st.integers(start + 1, len(text)))]
    words = [fold(each) for each in word.replace('"', " ").split() if fold(each)]
    try:
        query = parsed(word.replace('"', " "))
    except Refused:
        assert not words or len(words) > 16
        return
    folded = fold(text)
    found = all(plain_places(each, folded) for each in words)
    assert query.matches(folded) == found
    if found:
        have = terms(folded)
        assert all(any(wanted <= have for wanted in alternatives) for alternatives in query.required)


@given(TEXTS, st.data())
@example("a b", None)
@example("회의 b 끝", None)
def test_phrases_ask_for_no_term_that_is_missing(text: str, data: st.DataObject | None) -> None:
    folded = fold(text).replace('"', " ")
    start = data.draw(st.integers(0, len(folded))) if data else 0
    end = data.draw(st.integers(start, len(folded))) if data else len(folded)
    phrase = " ".join(folded[start:end].split())
    try:
        query = parsed(f'"{phrase}"')
    except Refused:
        return
    assert query.matches(folded) == (phrase in folded)
    if query.matches(folded):
        assert all(any(wanted <= terms(folded) for wanted in alternatives) for alternatives in query.required)


def test_a_phrase_asks_for_what_its_words_alone_do_not() -> None:
    """Else the index would propose all messages that have both words."""
    (wanted,) = parsed('"회의 시작 a b"').required[0]
    assert wanted == {"회의", "의 시", "시작", "작 a", "a b"}
    assert not wanted <= terms("시작 회의 a b")


def test_an_index_of_before_is_asked_for_what_it_has() -> None:
    """Until it has been made again phrases are found by their words."""
    query = parsed('"회의 시작 a b" ㅎㅇ')
    phrase, initials = query.for_index("1-16.0-14.0").required
    assert phrase[0] == {"회의", "시작", "a", "b"} and initials == query.required[1]
    assert query.for_index("2-16.0-14.0") == query


@given(TEXTS, st.sampled_from(["회", "의", "a", "ㅎㅇ", "ㅋ", "s", "회의", "!", "😂"]))
def test_ranges_are_where_the_text_has_it(text: str, word: str) -> None:
    text = unicodedata2.normalize("NFC", text)
    query = parsed(word)
    coded = text.encode("utf-16-le")
    ranges = query.ranges(text)
    if query.matches(fold(text)):
        assert ranges
    for start, end in ranges:
        assert query.matches(fold(coded[2 * start : 2 * end].decode("utf-16-le")))
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))


def rows(header: str) -> list[list[str]]:
    """Return the cells of a table of the page, without their backquotes, and with escapes resolved."""
    _, _, table = PAGE.partition(f"| {header} |\n")
    lines = table.split("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    return [[re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), cell) for cell in row] for row in cells]


@pytest.mark.parametrize("text, folded", rows("text | folded"))
def test_the_page_shows_how_texts_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize("q, text, found, ranges", rows("query | message | found | ranges"))
def test_the_page_shows_what_is_found(q: str, text: str, found: str, ranges: str) -> None:
    query = wanted(q).query
    assert query.matches(fold(text)) == (found == "yes")
    told = [tuple(map(int, each.split("–"))) for each in ranges.split(", ") if each]
    if found == "yes":
        assert query.ranges(text) == told


@pytest.mark.parametrize(
    "q", ["", "  ", "\u200b", '""', '" "', "가" * 201, " ".join("가나다라마바사아자차카타파하거너더"), "a" * 801]
)
def test_refuses_what_is_no_query(q: str) -> None:
    with pytest.raises(Refused, match="q:"):
        parsed(q)


def test_takes_letters_as_much_as_syllables() -> None:
    assert parsed(unicodedata.normalize("NFD", "각" * 200)) == parsed("각" * 200)


def test_a_lone_quote_is_a_letter() -> None:
    assert [needle.text for needle in parsed('5" "a  b" c"d "lone').needles] == ['5"', "a b", 'c"d', '"lone']


def test_a_word_said_twice_is_one() -> None:
    assert parsed("회의 회의") == parsed("회의") == Query(parsed("회의").needles)


def test_an_excerpt_has_what_was_found() -> None:
    query = parsed("회의 ㅅㅇ")
    long = "가나다 " * 1_000 + "그 회의는 " + "라마바 " * 500 + "생일"
    piece = query.excerpt(long)
    assert len(piece) <= EXCERPT and piece in long and query.ranges(piece)
    assert query.excerpt("없다 " * 500) == ("없다 " * 500)[:EXCERPT]
    assert query.excerpt("짧은 회의") == "짧은 회의"
