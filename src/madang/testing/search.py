"""The contract suite of search indexes. What is found is compared with a scan over all texts, by `core.search`."""

import random
from collections.abc import Mapping
from typing import Final, TypedDict

import msgspec

from madang.core.folding import fold
from madang.core.papers import indexed_as
from madang.core.search import Query, parsed
from madang.errors import Refused
from madang.ports.followers import Position
from madang.ports.search import NEWEST, Changes, Document, Hit, SearchIndex
from madang.testing.rules import Make, named, new, run_rules

_PIECES: Final = (
    "회의", "회의록을", "주간", "일정", "하루", "ㅎㅇ", "ㅋㅋ", "ㅠ", "ㄳ", "ㅎㅏ", "\u1112\u116c의", "review", "Notes", "STRASSE", "ß", "İ",
    "😂", "❤\ufe0f", "👩\u200d💻", "Ａ１", "\u3000", "50%", "_", "\\", '"', "*", "(", ")", ":", "-", "NEAR(", " OR ", " ", "\n", "\t", "\ue000", "é", "e\u0301",
    "가", "의", "00원", "https://madang.example/a?b=1", "it를", "!!", "…", "한글날", "ㅎ", "=", "\x80", "½",
)  # fmt: skip
STEPS: Final = 60
CARD: Final = indexed_as("card")
"""As whose document a paper is there, again and again."""


class Scan:
    """A search that reads every message: what an index is compared with."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, int], Document] = {}
        self.positions: dict[str, Position] = {}

    def change(self, changes: Changes) -> None:
        """Do what changes say."""
        room = changes.room
        if not changes.position.upto:
            self.forget(room)
        self.documents = {
            key: document
            for key, document in self.documents.items()
            if key[0] != room or document.user not in changes.erased
        }
        for put in changes.put:
            self.documents[room, put.seq] = put
        for seq, folded in changes.edit.items():
            if old := self.documents.get((room, seq)):
                self.documents[room, seq] = msgspec.structs.replace(old, folded=folded)
        for seq in changes.remove:
            self.documents.pop((room, seq), None)
        for key in [key for key in self.documents if key[0] == room and key[1] <= changes.purged]:
            del self.documents[key]
        self.positions[room] = Position(changes.position.epoch, changes.upto)

    def forget(self, room: str) -> None:
        """Forget a room."""
        self.documents = {key: document for key, document in self.documents.items() if key[0] != room}
        self.positions.pop(room, None)

    def hits(
        self, query: Query, rooms: Mapping[str, int], before: int = NEWEST, since: int = 0, user: str | None = None
    ) -> list[Hit]:
        """Return all that matches, the newest first."""
        found = [
            Hit(room, seq, document.id)
            for (room, seq), document in self.documents.items()
            if seq > rooms.get(room, 1 << 62)
            and since <= document.id < before
            and user in (None, document.user)
            and query.matches(document.folded)
        ]
        return sorted(found, key=lambda hit: hit.id, reverse=True)


async def found(
    index: SearchIndex, query: Query, rooms: Mapping[str, int], *, before: int = NEWEST, since: int = 0,
    user: str | None = None, limit: int = 50,
) -> list[Hit]:  # fmt: skip
    """Return all that an index finds, page by page."""
    everything: list[Hit] = []
    while True:
        page = await index.hits(query, rooms, before=before, since=since, user=user, limit=limit)
        assert len(page.hits) <= limit
        everything += page.hits
        if page.next is None:
            return everything
        assert page.next < before, "no page goes back"
        before = page.next


class _Narrowed(TypedDict, total=False):
    before: int
    since: int
    user: str


class _World:
    """Rooms whose messages change at random, in an index and in a scan."""

    def __init__(self, index: SearchIndex, seed: int) -> None:
        self.index = index
        self.scan = Scan()
        self.chance = random.Random(seed)  # noqa: S311  # no secret
        self.rooms = [new("room") for _ in range(4)]
        self.id = 1 << 40

    def text(self) -> str:
        return "".join(self.chance.choices(_PIECES, k=self.chance.randint(0, 6)))

    def changes(self, room: str) -> Changes:
        position = self.scan.positions.get(room, Position("first", 0))
        if self.chance.random() < 0.02:
            position = Position(new("epoch"), 0)
        upto, put = position.upto, list[Document]()
        for _ in range(self.chance.randint(0, 12)):
            upto += self.chance.randint(1, 2)
            self.id += self.chance.randint(1, 1 << 23)
            put.append(Document(upto, self.id, self.chance.choice(["ann", "ben", CARD]), fold(self.text())))
        there = range(1, position.upto + 1)
        touched = self.chance.sample(there, min(len(there), self.chance.randint(0, 3)))
        return Changes(
            room=room,
            position=position,
            upto=upto + 1,
            put=put,
            edit={seq: fold(self.text()) for seq in touched[:2]},
            remove=touched[2:],
            erased=[user for user, chance in (("ben", 0.03), (CARD, 0.1)) if self.chance.random() < chance],
            purged=self.chance.choice(there) // 2 if there and self.chance.random() < 0.05 else 0,
        )

    async def step(self) -> None:
        some = self.chance.sample(self.rooms, self.chance.randint(1, len(self.rooms)))
        changes = [self.changes(room) for room in some]
        assert await self.index.change(changes) == set()
        for each in changes:
            self.scan.change(each)
        if self.chance.random() < 0.03:
            room = self.chance.choice(self.rooms)
            await self.index.forget([room])
            self.scan.forget(room)

    def query(self) -> Query:
        while True:
            documents = list(self.scan.documents.values())
            words = []
            for _ in range(self.chance.choice([1, 1, 1, 2, 3])):
                text = self.chance.choice(documents).folded if documents and self.chance.random() < 0.7 else self.text()
                start = self.chance.randint(0, len(text))
                words.append(text[start : start + self.chance.choice([1, 1, 2, 2, 3, 8])])
            written = f'"{words[0]}"' if self.chance.random() < 0.15 else " ".join(words)
            try:
                return parsed(written)
            except Refused:  # nothing was left of it
                continue

    async def compare(self) -> None:
        query = self.query()
        rooms = {
            room: self.chance.choice([0, 0, 5]) for room in self.chance.sample(self.rooms, self.chance.randint(1, 4))
        }
        ids = [document.id for document in self.scan.documents.values()]
        edge = self.chance.choice(ids) if ids else 0
        narrowed: list[_Narrowed] = [{}, {}, {"before": edge}, {"since": edge}, {"user": "ann"}]
        asked = self.chance.choice(narrowed)
        limit = self.chance.choice([1, 3, 50])
        expected = self.scan.hits(query, rooms, **asked)
        told = await found(self.index, query, rooms, limit=limit, **asked)
        assert told == expected, f"{query} in {rooms}, {asked}: {told}, and a scan finds {expected}"


async def finds_what_a_scan_finds(index: SearchIndex, steps: int) -> None:
    """Each page is that of a scan over all texts, whatever was put, edited, removed, purged or forgotten before."""
    for seed in range(3):
        world = _World(index, seed)
        for _ in range(steps):
            await world.step()
            await world.compare()
            await world.compare()
        assert await index.positions(world.rooms) == world.scan.positions
        await index.forget(world.rooms)


async def a_walk_over_many_finds_what_a_scan_finds(index: SearchIndex) -> None:
    """The same where thousands of messages have what is searched for, in many rooms, on each page."""
    scan, rooms = Scan(), {new("room"): 0 for _ in range(20)}
    id = 1 << 40
    chance = random.Random(7)  # noqa: S311  # no secret
    uptos = dict.fromkeys(rooms, 0)
    for _ in range(3):
        batch = []
        for room, upto in uptos.items():
            put = []
            for seq in range(upto + 1, upto + 60):
                id += chance.randint(1, 1000)
                put.append(Document(seq, id, "ann", fold(f"{seq} 회의 {chance.choice(['시작', '끝', '하루'])}")))
            batch.append(Changes(room=room, position=Position("e", upto), upto=upto + 59, put=put))
            uptos[room] = upto + 59
        assert await index.change(batch) == set()
        for each in batch:
            scan.change(each)
    for q in ("회의", "회의 시작", "ㅎㄹ", '"회의 끝"'):
        query = parsed(q)
        expected = scan.hits(query, rooms)
        assert len(expected) > 1_000 and await found(index, query, rooms, limit=77) == expected
        middle = expected[len(expected) // 2].id
        assert await found(index, query, rooms, before=middle, limit=200) == scan.hits(query, rooms, before=middle)
        one = {next(iter(rooms)): 30}
        assert await found(index, query, one, limit=10) == scan.hits(query, one)
    await index.forget(list(rooms))


def _one(room: str, position: Position, seq: int, text: str = "회의") -> Changes:
    return Changes(room=room, position=position, upto=seq, put=[Document(seq, seq << 22, "ann", fold(text))])


async def leads_on_only_from_where_it_is(index: SearchIndex) -> None:
    """Changes that do not lead on from a room's position change nothing there, and the others of the call are done."""
    room, other = new("room"), new("room")
    assert await index.change([_one(room, Position("e", 0), 1)]) == set()
    for position in (Position("e", 0), Position("e", 2), Position("f", 1)):
        assert await index.change([_one(room, position, 3), _one(other, Position("e", 0), 1)]) >= {room}
    assert await index.change([_one(new("room"), Position("e", 1), 2)]) != set()
    assert await index.positions([room, other]) == {room: Position("e", 1), other: Position("e", 1)}
    assert [hit.seq for hit in await found(index, parsed("회의"), {room: 0, other: 0})] == [1, 1]


async def another_epoch_begins_anew(index: SearchIndex) -> None:
    """The first changes of another epoch take the place of all that there was."""
    room = new("room")
    assert (
        await index.change([_one(room, Position("e", 0), 1, "회의 하나"), _one(new("room"), Position("e", 0), 1)])
        == set()
    )
    assert await index.change([_one(room, Position("f", 0), 5, "회의 둘")]) == set()
    assert await index.change([_one(room, Position("e", 1), 2)]) == {room}
    assert [hit.seq for hit in await found(index, parsed("회의"), {room: 0})] == [5]
    assert await index.positions([room]) == {room: Position("f", 5)}


async def looks_only_where_it_is_told_to(index: SearchIndex) -> None:
    """Nothing is found in rooms that are not named, nor up to the seq beside their names, nor in those it does not know."""
    rooms = [new("room") for _ in range(3)]
    for room in rooms:
        assert (
            await index.change(
                [
                    _one(room, Position("e", 0), 1),
                ]
            )
            == set()
        )
        assert await index.change([_one(room, Position("e", 1), 2)]) == set()
    asked = {rooms[0]: 1, rooms[1]: 2, new("room"): 0}
    assert await found(index, parsed("회의"), asked) == [Hit(rooms[0], 2, 2 << 22)]
    assert await found(index, parsed("회의"), {}) == []


async def forgets(index: SearchIndex) -> None:
    """Of a forgotten room nothing is found and no position is known, and it can begin again."""
    room, kept = sorted([new("room"), new("room")])
    assert await index.change([_one(room, Position("e", 0), 1), _one(kept, Position("e", 0), 1)]) == set()
    await index.forget([room, new("room")])
    assert await index.positions([room, kept]) == {kept: Position("e", 1)}
    assert [hit.room for hit in await found(index, parsed("회의"), {room: 0, kept: 0})] == [kept]
    listed = await index.rooms_after(room[:-1], 1_000)
    assert kept in listed and room not in listed and listed == sorted(listed)
    rooms = (await index.status()).rooms
    await index.forget([kept])
    assert (await index.status()).rooms == rooms - 1
    assert await found(index, parsed("회의"), {kept: 0}) == []
    assert await index.change([_one(kept, Position("f", 0), 3)]) == set()
    assert [hit.seq for hit in await found(index, parsed("회의"), {kept: 0})] == [3]


RULES: Final = [
    leads_on_only_from_where_it_is,
    another_epoch_begins_anew,
    looks_only_where_it_is_told_to,
    a_walk_over_many_finds_what_a_scan_finds,
    forgets,
]


async def check_search(make: Make[SearchIndex], steps: int = STEPS) -> None:
    """Check every promise of `ports.search`. What is in the index is forgotten.

    Args:
        steps: changes at random, as of each of three seeds; a server takes its time for each.
    """
    await run_rules(make, RULES)
    async with make() as index:
        await named(finds_what_a_scan_finds, index, steps)
