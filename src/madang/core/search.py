"""What a search matches: queries, and the terms by which an index finds candidates.

A query matches a text if each of its needles is in the folded text (`folding.py`). That is the whole rule; an index only
proposes candidates by `terms`, none of which may be missing, and `Query.matches` decides. In words, with examples:
docs/reference/search.md.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import msgspec

from madang.core.bounds import MAX_QUERY_TEXT
from madang.core.folding import fold, fold_with_places, is_older, utf16
from madang.core.hangul import INITIAL_OF, INITIALS
from madang.errors import Refused

MAX_QUERY: Final = 200  # characters, folded
MAX_WORDS: Final = 16
MOST_INITIALS: Final = 4
"""Initials of a run of syllables that are terms; a query of more is looked for by these."""
EXCERPT: Final = 2 * MAX_QUERY
"""Characters of an excerpt."""
WORD: Final = 40
"""Characters before it in which the beginning of its first word is looked for."""
_ACROSS_SINCE: Final = "2"
"""The version of the analyzer since which texts have terms across blanks."""
_SYLLABLES: Final = re.compile("[가-힣]{2,}")
# As terms, initials are the conjoining letters, which no folded text has: so they are not a pair of letters in it.
_CONJOINING: Final = {code: 0x1100 + (code - 0xAC00) // 588 for code in range(0xAC00, 0xD7A4)}
_INITIAL_TERM: Final = {ord(letter): 0x1100 + n for n, letter in enumerate(INITIALS)}
_beginnings: Final = re.compile(f"([가-힣]{{2,{MOST_INITIALS}}})[가-힣]*").findall
_pairs: Final = re.compile(r"(?=(\S ?\S))").findall
_only_initials: Final = re.compile(f"[{INITIALS}]{{2,}}").fullmatch
WORDS: Final = re.compile(r'"([^"]*)"|\S+')
"""The words and phrases of a query as it is written."""


class Needle(msgspec.Struct, frozen=True):
    """One thing that a text must have, folded.

    Attributes:
        initials: it matches as the initials of a run of syllables, too.
        marked: `Query.ranges` says where it is.
    """

    text: str
    initials: bool = False
    marked: bool = True

    def matches(self, folded: str) -> bool:
        """Return whether a folded text has it."""
        return self.text in folded or (self.initials and any(self._at_initials(folded)))

    def places(self, folded: str) -> Iterator[tuple[int, int]]:
        """Yield where a folded text has it, overlapping places too."""
        size, at = len(self.text), folded.find(self.text)
        while at >= 0:
            yield at, at + size
            at = folded.find(self.text, at + 1)
        if self.initials:
            yield from self._at_initials(folded)

    def _at_initials(self, folded: str) -> Iterator[tuple[int, int]]:
        for run in _SYLLABLES.finditer(folded):
            start, end = run.start(), run.start() + len(self.text)
            if end <= run.end() and folded[start:end].translate(INITIAL_OF) == self.text:
                yield start, end


class Query(msgspec.Struct, frozen=True):
    """What is searched for: a text must have all needles.

    Attributes:
        across: terms across blanks are asked for, see `for_index`.
    """

    needles: tuple[Needle, ...]
    across: bool = True

    def for_index(self, version: str) -> "Query":
        """Return what an index is asked that an analyzer of that version has made: none of the terms that it cannot have."""
        return msgspec.structs.replace(self, across=False) if is_older(version, _ACROSS_SINCE) else self

    def matches(self, folded: str) -> bool:
        """Return whether a folded text is found."""
        return all(needle.matches(folded) for needle in self.needles)

    def ranges(self, text: str) -> list[tuple[int, int]]:
        """Return where a text that is found has the needles, in UTF-16; places that overlap or touch are one."""
        folded, origin = fold_with_places(text)
        units, found = utf16(text), list[tuple[int, int]]()
        for start, end in sorted(place for needle in self.needles if needle.marked for place in needle.places(folded)):
            last = origin[end - 1]
            after = origin[bisect_right(origin, last, end - 1)]
            first, last = units[origin[start]], units[after]
            if found and first <= found[-1][1]:
                found[-1] = found[-1][0], max(last, found[-1][1])
            else:
                found.append((first, last))
        return found

    def excerpt(self, text: str) -> str:
        """Return a piece of a long text that has some of the needles; its beginning where none is in one piece."""
        for start in range(0, len(text), EXCERPT // 2):
            start = text.rfind(" ", max(0, start - WORD), start) + 1 or start
            piece = text[start : start + EXCERPT]
            folded = fold(piece)
            if any(needle.marked and needle.matches(folded) for needle in self.needles):
                return piece
        return text[:EXCERPT]

    @property
    def required(self) -> tuple[tuple[frozenset[str], ...], ...]:
        """What an index must be asked for: of each of these, all the terms of one alternative."""
        return tuple(_required(needle, self.across) for needle in self.needles)


def parsed(q: str) -> Query:
    """Return a query as somebody wrote it: words, and phrases in double quotes (bad_field).

    A quote that is not at the start of a word, or that nothing closes, is a letter.
    """
    if len(q) > MAX_QUERY_TEXT:
        raise Refused("bad_field", f"q: at most {MAX_QUERY} characters.")
    needles = list(_needles(q))
    if not needles:
        raise Refused("bad_field", "q: something to search for.")
    if len(fold(q)) > MAX_QUERY:
        raise Refused("bad_field", f"q: at most {MAX_QUERY} characters.")
    if len(needles) > MAX_WORDS:
        raise Refused("bad_field", f"q: at most {MAX_WORDS} words.")
    return Query(tuple(dict.fromkeys(needles)))


def _needles(q: str) -> Iterator[Needle]:
    for found in WORDS.finditer(q):
        phrase = found[1]
        if phrase is not None:
            if text := " ".join(fold(phrase).split()):
                yield Needle(text)
        elif word := fold(found[0]):
            yield Needle(word, initials=_only_initials(word) is not None)


def terms(folded: str) -> set[str]:
    """Return the terms of a folded text: characters, pairs of them within words and across a blank, initials of runs of syllables.

    Those across a blank are for phrases: of two common words, ten times as many messages have both as have one behind the other.
    """
    found = set(folded)
    found.update(_pairs(folded))
    found.discard(" ")
    found.discard("\n")
    for initials in " ".join(_beginnings(folded)).translate(_CONJOINING).split():
        found.add(initials)
        if len(initials) > 2:
            found.add(initials[:2])
            found.add(initials[:3])
    return found


def _required(needle: Needle, across: bool) -> tuple[frozenset[str], ...]:
    words = needle.text.split()
    literal = frozenset(_covering(words)) if across else frozenset(term for word in words for term in _covering([word]))
    if needle.initials:
        return literal, frozenset([needle.text[:MOST_INITIALS].translate(_INITIAL_TERM)])
    return (literal,)


def _covering(words: list[str]) -> Iterator[str]:
    """Yield of each word every second pair, and its last: all characters, half the terms; and the pairs across the blanks."""
    for word in words:
        if len(word) > 1:
            yield from (word[at : at + 2] for at in range(0, len(word) - 1, 2))
            yield word[-2:]
        elif len(words) == 1:
            yield word
    yield from (f"{before[-1]} {after[0]}" for before, after in pairwise(words))
