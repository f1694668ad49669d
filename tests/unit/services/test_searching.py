"""Searching: others have their turn while a page of long messages is marked, and no more of it is made than can be told."""

import asyncio
from pathlib import Path

import pytest

from madang.adapters.sql.search import sqlite_documents
from madang.adapters.sql.search.sqlite_places import open_indexes
from madang.core.bounds import ANSWER_BYTES
from madang.core.messages import RoomMessage
from madang.core.search import terms
from madang.core.search_filters import wanted
from madang.ports.followers import Position
from madang.ports.search import NEWEST, Changes, Document
from madang.services.searching import _hits, _shown

TEXT = "회의 " * 1_333


def message(seq: int) -> RoomMessage:
    return RoomMessage(
        room="yard", seq=seq, id=str(seq), user="ann", name="Ann", text=TEXT, at="2026-11-29T00:00:00.000Z"
    )


async def test_others_have_their_turn_while_a_page_is_marked() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.get_running_loop().create_task(others())
    shown = [found async for found in _shown([message(seq) for seq in range(200)], wanted("회의"))]
    task.cancel()
    assert ANSWER_BYTES < sum(len(found.text) for found in shown) <= ANSWER_BYTES + len(TEXT)
    assert all(len(found.ranges) == 1_333 for found in shown)
    assert turns >= len(shown) // 2


async def test_phrases_are_found_while_an_index_of_before_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its texts have no terms across blanks; until it has been made again that takes minutes or hours."""
    monkeypatch.setattr(sqlite_documents, "terms", lambda folded: {term for term in terms(folded) if " " not in term})
    indexes = await open_indexes(tmp_path / "search.db", "1-16.0-14.0")
    try:
        made = await indexes.serving()
        put = [Document(n, n, "ann", text) for n, text in enumerate(("회의 시작 a b", "시작 회의"), 1)]
        await made.index.change([Changes(room="yard", position=Position("e", 0), upto=2, put=put)])
        for phrase in ('"회의 시작"', '"a b"'):
            hits = await _hits(made, wanted(phrase), {"yard": 0}, NEWEST, 0, 10)
            assert [hit.seq for hit in hits.hits] == [1]
    finally:
        await indexes.close()
