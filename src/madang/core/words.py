"""Word lists: words that a room or a server refuses in messages, masks, or flags for its moderators.

Matching takes time in proportion to the text, however many words there are, and no pattern is a user's. Compared are folded
texts (`_folded`): compatibility forms, case, invisible characters and punctuation are the same as without.

- A word of a script that parts words by spaces is found as a whole word: "ass" not in "class".
- One with a letter of a script that does not, or that adds endings (Hangul, kana, Han, Thai, Lao, Khmer, Burmese), is found
  anywhere: "바보" in "바보야".
- Single characters in a row, parted by spaces or punctuation, are read as one word: "b.a.d", "시 발", "ㅅ ㅂ".
- Hangul spelled letter by letter is read as syllables: "ㅅㅣㅂㅏㄹ" is "시발".

Look-alikes of other scripts, digits for letters and other misspellings are not: whoever wants these lists them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec
import unicodedata2

from madang.errors import Refused

Action = Literal["refuse", "mask", "flag"]
ACTIONS: Final[tuple[Action, ...]] = ("refuse", "mask", "flag")
"""What is done about a word, the strictest first: of one that is listed twice the stricter counts."""
MAX_WORDS: Final = 100
"""Words in a room's list."""
MAX_LETTERS: Final = 1_000
"""Characters of them together."""
MAX_SERVER_WORDS: Final = 1_000
"""Words in the list of a server, from its settings and from its administration each; they have ten letters on the average."""
MAX_LISTS: Final = 5_000
"""Rooms of an installation that have a list."""
MAX_WORD: Final = 32  # characters
_MASK: Final = "*"

_UNSEEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0"
)
_SIGNS: Final = (
    r"\x00-\x1f!-/:-@\[-`{-~\u00a0-\u00ac\u00ae-\u00bf\u00d7\u00f7\u2010-\u2029\u202f-\u205f\u3000-\u303f\u30fb"
)
_ANYWHERE: Final = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3040-\u30fa\u30fc-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_odd: Final = re.compile(f"[{_UNSEEN}{_SIGNS}]").search
_unseen: Final = re.compile(f"[{_UNSEEN}]+")
_signs: Final = re.compile(f"[{_SIGNS}]")
_anywhere: Final = re.compile(f"[{_ANYWHERE}]").search
_singles: Final = re.compile(" [^ ] +[^ ](?: |$)").search  # in a row, behind a space
_ascii_singles: Final = re.compile(b" [^ ] +[^ ](?: |$)").search
_TOKEN: Final = re.compile("[^ ]+")
_ASCII: Final = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)
"""How ASCII is folded: a third of the price of doing it with text."""


class Words(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A word list as somebody wrote it."""

    refuse: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many words it has."""
        return len(self.refuse) + len(self.mask) + len(self.flag)


class Judged(msgspec.Struct, frozen=True):
    """What a list says of a text that has some of its words.

    Attributes:
        refused: whether it may not be said.
        text: as it may be said, with masked words.
        flagged: the words that moderators are told of.
    """

    refused: bool
    text: str
    flagged: tuple[str, ...]


def checked(words: Words, most: int = MAX_WORDS) -> Words:
    """Return a list as it is kept, each word once under each action (too_many, bad_field)."""
    letters = sum(len(word) for action in ACTIONS for word in getattr(words, action))
    if words.count > most or letters > most * MAX_LETTERS // MAX_WORDS:
        raise Refused("too_many", f"At most {most} words in a list, and {most * MAX_LETTERS // MAX_WORDS} letters.")
    return Words(**{action: tuple(dict.fromkeys(map(checked_word, getattr(words, action)))) for action in ACTIONS})


def checked_word(word: str) -> str:
    """Return a word as it is kept (bad_field)."""
    word = unicodedata2.normalize("NFC", word.strip()) if len(word) <= 4 * MAX_WORD else word
    if len(word) > MAX_WORD or len(tokens := _folded(word).split()) != 1 or len(tokens[0]) > MAX_WORD:
        raise Refused("bad_field", f"A word is 1 to {MAX_WORD} letters and digits, without spaces and punctuation.")
    return word


def _folded(text: str) -> str:
    """Return a text as it is compared, with a space in place of each sign."""
    if text.isascii():
        return text.encode().translate(_ASCII).decode()
    text = unicodedata2.normalize("NFKC", text).casefold()
    return _signs.sub(" ", _unseen.sub("", text)) if _odd(text) else text


class WordList:
    """Words, ready to be looked for."""

    def __init__(self, *lists: Words) -> None:
        self._actions: dict[str, Action] = {}
        self._written: dict[str, str] = {}
        for action in reversed(ACTIONS):
            for word in (word for words in lists for word in getattr(words, action)):
                for spelled in _spellings(_folded(word).strip()):
                    self._actions[spelled] = action
                    self._written[spelled] = word
        anywhere = [word for word in self._actions if _anywhere(word)]
        self._whole = frozenset(self._actions).difference(anywhere)
        self._whole_ascii = frozenset(word.encode() for word in self._whole if word.isascii())
        self._inside = Automaton(anywhere)
        self._run: Automaton | None = None  # made when it is needed, which is seldom
        self.size = sum(map(len, self._actions))  # what it takes of memory goes by that: 0.3 to 0.6 KB for each
        self._begins = _one_of({word[0] for word in self._actions})
        self._begins_whole = _one_of({word[0] for word in self._whole})

    def judge(self, text: str) -> Judged | None:
        """Return what is to be done about a text; None if it has none of the words."""
        if text.isascii():
            ascii = b" " + text.encode().translate(_ASCII)
            if self._whole_ascii.isdisjoint(ascii.split()) and not _ascii_singles(ascii):
                return None
            folded = ascii[1:].decode()
        elif self._begins(folded := _folded(text)) is None or not self._may_have_any(folded):
            return None
        if not (found := {word for _, _, word in self._found(folded)}):
            return None
        actions = {self._actions[word] for word in found}
        if "refuse" in actions:
            return Judged(True, text, ())
        flagged = sorted({self._written[word] for word in found if self._actions[word] == "flag"})
        return Judged(False, self._masked(text, folded) if "mask" in actions else text, tuple(flagged))

    def _may_have_any(self, folded: str) -> bool:
        """Return False for a text that has none of the words, as most have."""
        if self._inside.has_any(folded):
            return True
        if self._begins_whole(folded) and not self._whole.isdisjoint(folded.split()):
            return True
        return _singles(" " + folded) is not None

    def _found(self, folded: str) -> Iterator[tuple[int, int, str]]:
        """Yield where words are: start, end and word. Some may be told twice."""
        yield from self._inside.found(folded)
        run: list[re.Match[str]] = []
        for token in _TOKEN.finditer(folded):
            if token[0] in self._whole:
                yield token.start(), token.end(), token[0]
            if len(token[0]) == 1:
                run.append(token)
                continue
            yield from self._found_in(run)
            run = []
        yield from self._found_in(run)

    def _found_in(self, run: Sequence[re.Match[str]]) -> Iterator[tuple[int, int, str]]:
        """Yield the words that single characters make together."""
        if len(run) > 1:
            if self._run is None:
                self._run = Automaton(self._actions)
            for start, end, word in self._run.found("".join(token[0] for token in run)):
                yield run[start].start(), run[end - 1].end(), word

    def _masked(self, text: str, folded: str) -> str:
        """Return a text in which nothing is left of masked words."""
        pieces = [_folded(char) for char in text]
        spans = [span for *span, word in self._found(folded) if self._actions[word] == "mask"]
        if "".join(pieces) == folded:
            origin = [n for n, piece in enumerate(pieces) for _ in piece]
            chars = list(text)
            for start, end in spans:
                first, last = origin[start], origin[end - 1]
                chars[first : last + 1] = [_MASK] * (last + 1 - first)
            masked = "".join(chars)
            if not any(self._actions[word] == "mask" for _, _, word in self._found(_folded(masked))):
                return masked
        return "".join(char if char.isspace() else _MASK for char in text)  # it cannot be said where they are


def _one_of(chars: Iterable[str]) -> Callable[..., re.Match[str] | None]:
    """Return the search for one of some characters, from a position on."""
    listed = "".join(map(re.escape, chars))
    return re.compile(f"[{listed}]" if listed else "(?!)").search


class Automaton:
    """Finds words in a text in one pass (Aho and Corasick, 1975)."""

    def __init__(self, words: Iterable[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._ends: list[tuple[str, ...]] = [()]
        self._back = [0]
        for word in sorted(words):
            state = 0
            for char in word:
                after = self._next[state].get(char)
                if after is None:
                    after = self._next[state][char] = len(self._next)
                    self._next.append({})
                    self._ends.append(())
                    self._back.append(0)
                state = after
            self._ends[state] = (word,)
        waiting = list(self._next[0].values())
        for state in waiting:  # by depth: it grows while it is walked
            for char, after in self._next[state].items():
                self._back[after] = self._step(self._back[state], char)
                self._ends[after] += self._ends[self._back[after]]
                waiting.append(after)
        self._begin = _one_of(self._next[0])

    def _step(self, state: int, char: str) -> int:
        while (after := self._next[state].get(char)) is None:
            if not state:
                return 0
            state = self._back[state]
        return after

    def has_any(self, text: str) -> bool:
        """Return whether a text has any of the words."""
        return self._begin(text) is not None and any(True for _ in self.found(text))

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where words are, by their ends: start, end and word."""
        at, state, size = 0, 0, len(text)
        while at < size:
            if not state:  # where no word begins nothing is looked at one by one
                begin = self._begin(text, at)
                if begin is None:
                    return
                at = begin.start()
            state = self._step(state, text[at])
            at += 1
            for word in self._ends[state]:
                yield at - len(word), at, word


_FIRST: Final = (
    0xAC00  # of the Hangul syllables, each of which is a letter of 19, one of 21, and a last one of 27 or none
)
_LAST: Final = 0xD7A3
_FINALS: Final = [
    "", "ᄀ", "ᄁ", "ᄀᄉ", "ᄂ", "ᄂᄌ", "ᄂᄒ", "ᄃ", "ᄅ", "ᄅᄀ", "ᄅᄆ", "ᄅᄇ", "ᄅᄉ", "ᄅᄐ", "ᄅᄑ", "ᄅᄒ", "ᄆ", "ᄇ", "ᄇᄉ", "ᄉ", "ᄊ",
    "ᄋ", "ᄌ", "ᄎ", "ᄏ", "ᄐ", "ᄑ", "ᄒ",
]  # fmt: skip


def _spellings(word: str) -> set[str]:
    """Return a word as it is folded when it is written in syllables, and when it is spelled letter by letter.

    Then folding makes syllables of the letters, too, but the last letter of each stays apart, as if another began with it.
    """
    spelled = ""
    for char in word:
        code = ord(char)
        final = (code - _FIRST) % len(_FINALS) if _FIRST <= code <= _LAST else 0
        spelled += chr(code - final) + _FINALS[final]
    return {word, spelled}
