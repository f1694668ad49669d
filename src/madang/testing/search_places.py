"""The contract suite of places for search indexes: one serves, another is made beside it and takes its place."""

import asyncio
from typing import Final

from madang.core.folding import fold
from madang.core.search import parsed
from madang.ports.followers import Position
from madang.ports.search import Changes, Document, SearchIndex, SearchIndexes
from madang.testing.rules import Make, new, run_rules
from madang.testing.search import found

_PATIENCE_S: Final = 30.0


def _said(room: str, text: str) -> Changes:
    return Changes(room=room, position=Position("e", 0), upto=1, put=[Document(1, 1 << 22, "ann", fold(text))])


async def _seqs(index: SearchIndex, q: str, room: str) -> list[int]:
    return [hit.seq for hit in await found(index, parsed(q), {room: 0})]


async def _begun(indexes: SearchIndexes, version: str) -> SearchIndex:
    """Begin as soon as there is a place, and return what is being made."""
    begun = False
    async with asyncio.timeout(_PATIENCE_S):
        while not begun:
            begun = await indexes.begin(version)
            await asyncio.sleep(0.01)
    building = await indexes.building()
    assert building is not None and building.version == version
    return building.index


async def one_is_made_beside_and_takes_the_place(indexes: SearchIndexes) -> None:
    """Neither sees what is in the other; the one that was replaced answers whoever has it for a while."""
    room, before = new("room"), (await indexes.serving()).index
    assert await before.change([_said(room, "옛 회의")]) == set()
    beside = await _begun(indexes, "2")
    assert not await indexes.begin("3"), "there is one place"
    assert await beside.positions([room]) == {}
    assert await beside.change([_said(room, "새 회의")]) == set()
    assert (await _seqs(before, "옛", room), await _seqs(before, "새", room)) == ([1], [])
    await indexes.switch()
    assert await _seqs(before, "옛", room) == [1], "first of all, since it answers for some seconds only"
    assert await indexes.building() is None
    serving = await indexes.serving()
    assert serving.version == "2"
    assert (await _seqs(serving.index, "옛", room), await _seqs(serving.index, "새", room)) == ([], [1])
    await indexes.switch()
    assert (await indexes.serving()).version == "2", "there was nothing to take its place"


async def what_is_given_up_is_gone(indexes: SearchIndexes) -> None:
    """It never serves, and the next one is empty."""
    room, before = new("room"), (await indexes.serving()).version
    beside = await _begun(indexes, "8")
    assert await beside.change([_said(room, "회의")]) == set()
    await indexes.give_up()
    assert await indexes.building() is None
    await indexes.switch()
    assert (await indexes.serving()).version == before
    again = await _begun(indexes, "9")
    assert await again.positions([room]) == {} and await _seqs(again, "회의", room) == []
    assert (await again.status()).messages == 0
    assert await again.change([_said(room, "회의")]) == set()
    assert await _seqs(again, "회의", room) == [1]
    await indexes.give_up()


RULES: Final = [one_is_made_beside_and_takes_the_place, what_is_given_up_is_gone]


async def check_search_indexes(make: Make[SearchIndexes]) -> None:
    """Check every promise of `ports.search.SearchIndexes`, with indexes that keep theirs. Another may serve afterwards."""
    await run_rules(make, RULES)
