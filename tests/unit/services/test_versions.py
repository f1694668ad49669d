"""How papers go back to versions where others do at the same time, against the model of a store."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from pycrdt import Doc, Text

from madang.core import events as kinds
from madang.core.actors import Actor
from madang.core.documents import condensed
from madang.core.ids import IdSource
from madang.core.papers import Paper, Rendering, Update
from madang.core.renderings import rendered
from madang.core.restoring import change_back
from madang.errors import Limited
from madang.services.charges import Charges
from madang.services.limits import UNLIMITED, Limits
from madang.services.papers import Papers
from madang.services.versions import TRIES, Versions
from madang.testing import FakeClock, ModelStore, model_papers
from madang.testing.rules import Scene, opened
from tests.unit.services.assembled import assembled


class Desk:
    """A room with a paper, and versions of it. What a paper says is found at once, or when a test lets it."""

    def __init__(self, store: ModelStore, scene: Scene) -> None:
        self.store = store
        self.scene = scene
        self.ann = Actor(id=scene.id("ann"), name="Ann")
        self.before_back: list[Any] = []
        self.asked = 0
        self.fails: Exception | None = None
        rooms, charges = assembled(store).rooms, Charges(Limits(UNLIMITED), lambda: 0.0)
        papers = Papers(store, rooms, charges, self.render)
        self.versions = Versions(store, rooms, papers, charges, self, lambda id, seq, change: None)

    async def render(self, room: str, snapshot: bytes, updates: Sequence[bytes]) -> tuple[bytes, Rendering | None]:
        if self.fails:
            raise self.fails
        whole = condensed(snapshot, updates)
        return whole, rendered(whole)

    async def back(self, room: str, snapshot: bytes, updates: Sequence[bytes], version: bytes) -> tuple[bytes, bytes]:
        self.asked += 1
        if self.fails:
            raise self.fails
        for wait in self.before_back:
            await wait()
        whole = condensed(snapshot, updates)
        return whole, change_back(whole, version)

    async def paper(self) -> Paper:
        paper = await self.store.paper("card")
        assert paper is not None
        return paper

    async def write(self, document: Doc[Any], **more: Any) -> None:
        paper = await self.paper()
        update = Update(paper.id, paper.key, ((self.ann.id, False),), document.get_update(), **more)
        [outcome] = await self.store.append_updates([update])
        assert isinstance(outcome, int)

    async def says(self) -> str:
        log = await self.store.paper_log("card")
        assert log is not None
        return rendered(condensed(log.snapshot, [data for _, data in log.updates])).text


async def desk() -> Desk:
    """A paper that said "생일 abc", of which there is a version, and says nothing any more."""
    store = ModelStore(IdSource(1), FakeClock())
    scene = await opened(store)
    await scene.done(scene.draft(kinds.PaperCreated, paper="card", title="Card"))
    made = Desk(store, scene)
    document: Doc[Any] = Doc()
    text = document.get("text", type=Text)
    text += "생일 abc"
    await made.write(document)
    await made.versions.create(made.ann, "card", "v")
    text.clear()
    await made.write(document)
    assert await made.says() == ""
    return made


async def test_two_who_go_back_at_once_write_nothing_twice() -> None:
    made = await desk()
    both = asyncio.Barrier(2)

    async def met() -> None:
        if made.asked <= 2:
            await both.wait()

    made.before_back.append(met)
    seqs = await asyncio.gather(*(made.versions.go_back(made.ann, "card", 1) for _ in range(2)))
    assert sorted(seqs) == [0, 3]
    assert await made.says() == "생일 abc"


async def test_who_writes_meanwhile_keeps_nobody_from_going_back() -> None:
    made = await desk()
    typing: Doc[Any] = Doc()
    words = typing.get("more", type=Text)

    async def types() -> None:
        words.insert(0, "한")
        await made.write(typing)

    made.before_back.append(types)
    assert await made.versions.go_back(made.ann, "card", 1) == 4
    assert await made.says() == "한\n생일 abc"


async def test_where_others_go_back_all_the_time_one_is_told_to_come_again() -> None:
    made = await desk()

    async def another() -> None:
        await made.write(Doc(), back_from=(await made.paper()).seq)

    made.before_back.append(another)
    with pytest.raises(Limited) as limited:
        await made.versions.go_back(made.ann, "card", 1)
    assert (limited.value.code, made.asked) == ("overloaded", TRIES)
    assert await made.says() == ""
    made.before_back.clear()
    assert await made.versions.go_back(made.ann, "card", 1) > 0


async def test_without_a_process_one_is_told_to_come_again() -> None:
    made = await desk()
    made.fails = BlockingIOError("no process")
    for asked in (
        made.versions.content(made.ann, "card", 1),
        made.versions.create(made.ann, "card", "another"),
        made.versions.go_back(made.ann, "card", 1),
    ):
        with pytest.raises(Limited) as limited:
            await asked
        assert (limited.value.code, limited.value.retry_ms) == ("overloaded", 1_000)
    made.fails = None
    assert (await made.versions.content(made.ann, "card", 1)).text == "생일 abc"
    assert [each.number for each in await made.versions.page(made.ann, "card")] == [1]


async def test_one_goes_back_in_a_paper_that_is_full_of_what_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = await desk()
    document: Doc[Any] = Doc()
    text = document.get("text", type=Text)
    text += "x" * 1_000
    await made.write(document)
    text.clear()
    await made.write(document)
    monkeypatch.setattr(model_papers, "MAX_PAPER", (await made.paper()).size)
    assert await made.versions.go_back(made.ann, "card", 1) == 5
    assert await made.says() == "생일 abc"
    assert (await made.paper()).size < 1_000
