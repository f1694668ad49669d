"""How papers go back to versions where others do at the same time, against the model of a store."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from pycrdt import Doc, Text

from madang.core import events as kinds
from madang.core.actors import Actor
from madang.core.documents import condensed
from madang.core.ids import IdSource
from madang.core.papers import Paper, Rendering, Update
from madang.core.renderings import rendered
from madang.core.restoring import change_back
from madang.core.versions import ASKED, MAX_VERSION_BYTES, MAX_VERSIONS, RESTORE, NewVersion
from madang.errors import Limited, Refused
from madang.services.charges import Charges
from madang.services.limits import UNLIMITED, Limits
from madang.services.papers import Papers
from madang.services.quotas import NO_QUOTAS, Quota
from madang.services.versions import TRIES, Versions
from madang.testing import FakeClock, ModelStore, model_papers
from madang.testing.rules import Scene, opened
from tests.unit.services.assembled import assembled

MUCH = msgspec.structs.replace(NO_QUOTAS, kilobytes=Quota(user=1_000_000))
SOME = msgspec.structs.replace(NO_QUOTAS, kilobytes=Quota(user=64))


class Desk:
    """A room with a paper, and versions of it. What a paper says is found at once, or when a test lets it."""

    def __init__(self, store: ModelStore, scene: Scene) -> None:
        self.store = store
        self.scene = scene
        self.ann = Actor(id=scene.id("ann"), name="Ann")
        self.meanwhile: list[Any] = []
        self.asked = 0
        self.fails: Exception | None = None
        limits = Limits(msgspec.structs.replace(UNLIMITED, quotas=MUCH))
        rooms = assembled(store, msgspec.structs.replace(UNLIMITED, quotas=SOME)).rooms
        charges = Charges(limits, lambda: 0.0)
        self.owed = limits.quotas.owed
        papers = Papers(store, rooms, charges, self.render)
        self.versions = Versions(store, rooms, papers, charges, self, lambda id, seq, change: None)

    async def render(self, room: str, snapshot: bytes, updates: Sequence[bytes]) -> tuple[bytes, Rendering | None]:
        await self._take_time()
        whole = condensed(snapshot, updates)
        return whole, rendered(whole)

    async def back(self, room: str, snapshot: bytes, updates: Sequence[bytes], version: bytes) -> tuple[bytes, bytes]:
        await self._take_time()
        whole = condensed(snapshot, updates)
        return whole, change_back(whole, version)

    async def _take_time(self) -> None:
        self.asked += 1
        if self.fails:
            raise self.fails
        for happens in self.meanwhile:
            await happens()

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
        return rendered(condensed(log.snapshot, log.written)).text


async def desk() -> Desk:
    """A paper that said "생일 abc", of which there is a version, and says nothing any more."""
    store = ModelStore(IdSource(1), FakeClock())
    scene = await opened(store, "ben")
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
    made.asked = 0
    return made


async def test_two_who_go_back_at_once_write_nothing_twice() -> None:
    made = await desk()
    both = asyncio.Barrier(2)

    async def met() -> None:
        if made.asked <= 2:
            await both.wait()

    made.meanwhile.append(met)
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

    made.meanwhile.append(types)
    assert await made.versions.go_back(made.ann, "card", 1) == 4
    assert await made.says() == "한\n생일 abc"


async def test_where_others_go_back_all_the_time_one_is_told_to_come_again() -> None:
    made = await desk()

    async def another() -> None:
        await made.write(Doc(), back_from=(await made.paper()).seq)

    made.meanwhile.append(another)
    with pytest.raises(Limited) as limited:
        await made.versions.go_back(made.ann, "card", 1)
    assert (limited.value.code, made.asked) == ("overloaded", TRIES)
    assert await made.says() == ""
    made.meanwhile.clear()
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


async def asks(made: Desk, by: Actor, what: str) -> None:
    await (made.versions.create(by, "card", "another") if what == "create" else made.versions.go_back(by, "card", 1))


@pytest.mark.parametrize("what", ["create", "go back"])
async def test_who_is_muted_while_they_wait_leaves_no_version(what: str) -> None:
    made = await desk()
    ben = Actor(id=made.scene.id("ben"), name="Ben")

    async def muted() -> None:
        await made.scene.done(made.scene.draft(kinds.MemberMuted, member="ben", for_ms=60_000))

    made.meanwhile.append(muted)
    with pytest.raises(Refused) as refused:
        await asks(made, ben, what)
    assert (refused.value.code, made.asked) == ("muted", 1)
    assert [each.number for each in await made.store.versions(await made.paper())] == [1]


async def test_one_version_too_many_takes_no_process() -> None:
    made = await desk()
    paper = await made.paper()
    for n in range(MAX_VERSIONS - 1):
        await made.store.keep_version(paper, NewVersion(title="v", cause=ASKED, user=made.ann.id, seq=n, data=b"x"))
    with pytest.raises(Refused) as refused:
        await made.versions.create(made.ann, "card", "another")
    assert (refused.value.code, made.asked) == ("too_many", 0)


@pytest.mark.parametrize("what", ["create", "go back"])
async def test_a_version_that_has_no_room_costs_nothing(what: str) -> None:
    made = await desk()
    paper = await made.paper()
    [first] = await made.store.versions(paper)
    rest = bytes(MAX_VERSION_BYTES - first.size)
    await made.store.keep_version(paper, NewVersion(title="v", cause=ASKED, user=made.ann.id, seq=1, data=rest))
    before = made.owed[made.ann.id]
    with pytest.raises(Refused) as refused:
        await asks(made, made.ann, what)
    assert (refused.value.code, made.owed[made.ann.id]) == ("too_big", before)
    assert before == 1, "for the first"


async def test_what_is_kept_already_is_not_paid_for_again() -> None:
    made = await desk()
    paper = await made.paper()
    await made.store.keep_version(paper, NewVersion(cause=RESTORE, user="ben", seq=paper.seq, data=b"whole"))
    before = made.owed[made.ann.id]
    await made.versions.go_back(made.ann, "card", 1)
    assert made.owed[made.ann.id] == before


async def test_where_a_paper_says_so_already_no_quota_is_spent() -> None:
    made = await desk()
    await made.versions.go_back(made.ann, "card", 1)
    for _ in range(70):
        assert await made.versions.go_back(made.ann, "card", 1) == 0
