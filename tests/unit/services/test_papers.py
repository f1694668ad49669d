"""What searches look at of a finished paper, while it is rendered and where it cannot be, against the model of a store."""

import asyncio
from collections.abc import Sequence

import pytest

from madang.core import events as kinds
from madang.core.actors import Actor
from madang.core.ids import IdSource
from madang.core.papers import Paper, Rendering, Update
from madang.errors import Limited, Refused
from madang.services.charges import Charges
from madang.services.limits import UNLIMITED, Limits
from madang.services.papers import FAILURES, HEAVY, Papers, Unrendered
from madang.testing import FakeClock, ModelStore
from madang.testing.rules import Scene, opened
from tests.unit.services.assembled import assembled

SAYS = Rendering(json="{}", text="생일 축하해", html="")
TOO_BIG = Refused("too_big")


class Rendered:
    """What comes of a paper, each time it is rendered: the last for good."""

    def __init__(self, *fates: Rendering | Exception | None) -> None:
        self.fates = list(fates)
        self.calls = 0

    async def render(self, room: str, snapshot: bytes, updates: Sequence[bytes]) -> tuple[bytes, Rendering | None]:
        fate = self.fates[min(self.calls, len(self.fates) - 1)]
        self.calls += 1
        if isinstance(fate, Exception):
            raise fate
        return b"whole", fate


class Shelf:
    """A room with a paper in which something is written, and what searches are told of it."""

    def __init__(self, store: ModelStore, scene: Scene, rendered: Rendered) -> None:
        self.store = store
        self.scene = scene
        charges = Charges(Limits(UNLIMITED), lambda: 0.0)
        self.papers = Papers(store, assembled(store).rooms, charges, rendered.render)

    async def paper(self) -> Paper:
        paper = await self.store.paper("card")
        assert paper is not None
        return paper

    async def change(self, *, finished: bool) -> None:
        await self.scene.done(self.scene.draft(kinds.PaperChanged, paper="card", finished=finished))

    async def searched(self) -> str | None:
        """Ask as the index does, until it is told."""
        while True:
            paper = await self.paper()
            try:
                return await self.papers.searched(paper.room, paper.finished_seq, "card")
            except Unrendered:
                await asyncio.sleep(0)


async def shelf(*fates: Rendering | Exception | None) -> tuple[Shelf, Rendered]:
    store = ModelStore(IdSource(1), FakeClock())
    scene, rendered = await opened(store), Rendered(*fates)
    made = Shelf(store, scene, rendered)
    await scene.done(scene.draft(kinds.PaperCreated, paper="card", title="Card"))
    paper = await made.paper()
    await store.append_updates([Update(paper.id, paper.key, ((scene.id("ann"), False),), b"update")])
    await made.change(finished=True)
    return made, rendered


async def test_a_paper_that_was_too_big_is_found_when_it_is_shortened_and_finished_again() -> None:
    made, rendered = await shelf(None, SAYS)
    assert await made.searched() is None
    assert await made.searched() is None and rendered.calls == 1
    await made.change(finished=False)
    await made.change(finished=True)
    assert await made.searched() == SAYS.text


async def test_what_is_kept_in_the_end_is_found() -> None:
    made, _ = await shelf(None)
    assert await made.searched() is None
    await made.store.keep_rendering(await made.paper(), SAYS)
    assert await made.searched() == SAYS.text


async def test_a_paper_that_took_too_long_once_is_rendered_again() -> None:
    made, _ = await shelf(TOO_BIG, SAYS)
    assert await made.searched() == SAYS.text


@pytest.mark.parametrize(("failure", "times"), [(OSError("no process"), FAILURES), (TOO_BIG, FAILURES // HEAVY)])
async def test_what_fails_again_and_again_is_left_out_and_told_once(
    caplog: pytest.LogCaptureFixture, failure: Exception, times: int
) -> None:
    made, rendered = await shelf(failure)
    async with asyncio.timeout(10):
        assert await made.searched() is None
    assert rendered.calls == times
    assert [record.getMessage() for record in caplog.records if "not found by" in record.getMessage()] == [
        f"paper card is not found by what it says, as it cannot be rendered: {failure!r}"
    ]


async def test_papers_that_wait_in_line_have_not_failed() -> None:
    made, _ = await shelf(*[Refused("overloaded")] * (FAILURES + 1), SAYS)
    assert await made.searched() == SAYS.text


async def test_without_a_process_to_render_with_one_is_told_to_come_again() -> None:
    made, _ = await shelf(OSError("no process"), SAYS)
    ann = Actor(id=made.scene.id("ann"), name="Ann")
    with pytest.raises(Limited) as limited:
        await made.papers.content(ann, "card")
    assert (limited.value.code, limited.value.retry_ms) == ("overloaded", 1_000)
    assert await made.papers.content(ann, "card") == SAYS
