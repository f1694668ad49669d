"""A corpus by a seed: Korean words of made-up stems by Zipf's law, with particles, compounds, letters, Latin words and numbers.

As in the measurements that the design comes from: 4,943 rooms, one of a tenth of all messages and one of a 5,000th; somebody is in 300,
which hold 15 % of all.
"""

import random
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from madang.core.folding import fold
from madang.core.hangul import INITIAL_OF
from madang.core.search import Query
from madang.ports.followers import Position
from madang.ports.search import Changes, Document

STEMS: Final = 25_000
PARTICLES: Final = ("을", "를", "이", "가", "은", "는", "에", "에서", "으로", "도", "합니다", "했어요", "하고", "의")
ROOMS: Final = 4_943
OWN: Final = 300
_SHARES: Final = (0.1, 0.0002, *([0.0469 / (OWN - 2)] * (OWN - 2)), *([0.8529 / (ROOMS - OWN)] * (ROOMS - OWN)))
SCOPES: Final = {
    "a small room": {"room-1": 0},
    "a large room": {"room-0": 0},
    "300 rooms": {f"room-{n}": 0 for n in range(OWN)},
}
"""Of 1,000,000 messages they hold about 200, 100,000 and 147,000."""


class Said(NamedTuple):
    """A message."""

    room: int
    seq: int
    id: int
    folded: str


class Corpus:
    """Messages by a seed."""

    def __init__(self, seed: int = 14) -> None:
        self.chance = random.Random(seed)  # no secret
        syllables = [
            chr(0xAC00 + self.chance.randrange(11_172 // 28) * 28 + self.chance.choice([0, 0, 0, 4, 8, 16, 21]))
            for _ in range(900)
        ]
        weights = list(accumulate(1 / (n + 2) for n in range(len(syllables))))
        self.stems = [
            "".join(self.chance.choices(syllables, cum_weights=weights, k=self.chance.choice([2, 2, 2, 3, 3, 1])))
            for _ in range(STEMS)
        ]
        self._weights = list(accumulate(1 / (n + 1) for n in range(STEMS)))

    def word(self) -> str:
        kind = self.chance.random()
        if kind < 0.03:
            return str(self.chance.randrange(1, 5_000))
        if kind < 0.08:
            return self.chance.choice(["review", "madang", "https://madang.example/a", "ok", "deploy", "PR"])
        if kind < 0.16:
            return self.chance.choice(["ㅋㅋㅋ", "ㅎㅎ", "ㅠㅠ", "ㅇㅋ", "😂", "👍", "!!"])
        stem = self.chance.choices(self.stems, cum_weights=self._weights, k=2)
        word = "".join(stem) if kind < 0.26 else stem[0]
        return word + self.chance.choice(PARTICLES) if self.chance.random() < 0.65 else word

    def text(self) -> str:
        return " ".join(self.word() for _ in range(self.chance.randint(3, 11)))

    def said(self, messages: int) -> list[Said]:
        """Return messages in order of their ids."""
        rooms = self.chance.choices(range(ROOMS), _SHARES, k=messages)
        uptos, id, found = [0] * ROOMS, 1 << 50, list[Said]()
        for room in rooms:
            uptos[room] += 1
            id += self.chance.randint(1, 1 << 20)
            found.append(Said(room, uptos[room], id, fold(self.text())))
        return found


def batches(said: list[Said], size: int) -> Iterator[list[Changes]]:
    """Yield what indexes are told, some messages at a time."""
    for at in range(0, len(said), size):
        put: dict[int, list[Document]] = {}
        for room, seq, id, folded in said[at : at + size]:
            put.setdefault(room, []).append(Document(seq, id, "ann", folded))
        yield [
            Changes(room=f"room-{room}", position=Position("e", some[0].seq - 1), upto=some[-1].seq, put=some)
            for room, some in put.items()
        ]


def own(said: list[Said]) -> list[Said]:
    """Return the messages of somebody's 300 rooms, the newest first."""
    return [each for each in reversed(said) if each.room < OWN]


def scanned(among: list[Said], query: Query) -> list[int]:
    """Return the ids of the messages that match."""
    return [each.id for each in among if query.matches(each.folded)]


def classes(corpus: Corpus) -> dict[str, list[str]]:
    """Return queries of each class of reference: the common stems are the first ones."""
    two = [stem for stem in corpus.stems if len(stem) == 2]
    three = [stem for stem in corpus.stems if len(stem) == 3]
    initials = [stem.translate(INITIAL_OF) for stem in two]
    return {
        "1 syllable, common": [stem[0] for stem in two[:10]],
        "1 syllable, rare": [stem[0] for stem in two[-10:]],
        "2, common": two[:10],
        "2, middle": two[200:210],
        "2, rare": two[-10:],
        "not there": ["쀓뷁", "없쀓", "뷁뷁뷁"],
        "3 and a particle": [stem + "을" for stem in three[:10]],
        "inside a word": [stem[1:] for stem in three[:10]],
        "signs, emoji, URL": ["😂", "!!", "madang.example", "00", "합니다"],
        "two words": [f"{a} {b}" for a, b in zip(two[:10], two[40:50], strict=True)],
        "common and common": [f"{a} {b}" for a, b in pairwise(two[:11])],
        "phrase": [f'"{a} {b}"' for a, b in pairwise(two[:11])],
        "initials": initials[:10],
    }
