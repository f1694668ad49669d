"""The Python SDK's papers against a real server: what is written over links that break is there once, and nothing of it is lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map, Text, UndoManager

from madang.client import Client, Disconnected, OpenPaper, Refused, connect
from madang.testing.rules import new
from tests.cuttable import Cable
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S, turns
from tests.yjs import writer


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("sdk"), "--load-test") as server:
        yield server


class Scene:
    """A room of Olive's, with a paper in it."""

    def __init__(self, server: Server, stack: AsyncExitStack) -> None:
        self.server = server
        self.stack = stack
        self.room, self.paper = new("room"), new("paper")

    async def come(self, name: str, cable: Cable | None = None) -> Client:
        options: dict[str, Any] = {"opener": cable.open} if cable else {}
        client = connect(self.server.direct_url, guest=name, random=lambda: 0.1, **options)
        return await self.stack.enter_async_context(client)

    async def begin(self) -> Client:
        olive = await self.come("Olive")
        await olive.create(self.room)
        await olive.papers.create(self.room, self.paper, title="Card")
        return olive

    async def opened(self, name: str, cable: Cable | None = None) -> OpenPaper:
        client = await self.come(name, cable)
        await client.join(self.room)
        return await client.papers.open(self.paper)


@pytest.fixture
async def scene(server: Server) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        yield Scene(server, stack)


def text_of(paper: OpenPaper) -> Text:
    return paper.doc.get("text", type=Text)


async def until(paper: OpenPaper, so: Callable[[], bool]) -> None:
    """Wait until it is so, which only what others write can make true."""
    changed = asyncio.Event()
    watching = paper.doc.observe(lambda _: changed.set())
    async with asyncio.timeout(PATIENCE_S):
        while not so():
            changed.clear()
            await changed.wait()
    paper.doc.unobserve(watching)


async def saved(paper: OpenPaper) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await paper.saved()


async def test_two_write_and_so_does_a_stock_client(scene: Scene) -> None:
    olive = await scene.begin()
    mina, bora = await scene.opened("Mina"), await scene.opened("Bora")
    stock = await writer(scene.stack.enter_async_context, scene.server.url, scene.paper, olive.token)
    assert mina.info.title == "Card" and mina.is_saved
    text = text_of(mina)
    text += "안녕 😀 "
    assert not mina.is_saved
    await saved(mina)
    assert mina.is_saved
    await until(bora, lambda: "😀" in str(text_of(bora)))
    text_of(bora).insert(0, "반가워 ")
    await stock.until(lambda: "반가워" in str(stock.text))
    await stock.say("끝")
    await until(mina, lambda: "끝" in str(text))
    await until(bora, lambda: "끝" in str(text_of(bora)))
    assert str(text) == str(text_of(bora)) == str(stock.text) == "반가워 안녕 😀 끝"
    again = await scene.opened("Again")
    assert str(text_of(again)) == str(text)


async def test_what_is_done_with_papers_as_a_whole(scene: Scene) -> None:
    olive = await scene.begin()
    other = await olive.papers.create(scene.room, title="Other")
    assert [each.id async for each in olive.papers.of(scene.room)] == sorted([scene.paper, other.id])
    assert (await olive.papers.rename(other.id, "Another")).title == "Another"
    assert (await olive.papers.finish(other.id)).finished
    assert not (await olive.papers.reopen(other.id)).finished
    assert (await olive.papers.show(other.id)).title == "Another"
    await olive.papers.delete(other.id)
    with pytest.raises(Refused) as refused:
        await olive.papers.open(other.id)
    assert refused.value.code == "not_found"
    with pytest.raises(Refused) as refused:
        await olive.papers.create(scene.room, scene.paper)
    assert refused.value.code == "paper_exists"


async def test_what_is_written_over_links_that_are_cut_is_there_once(scene: Scene) -> None:
    dice, said = random.Random(15), Counter[str]()
    await scene.begin()
    cables = [Cable(), Cable()]
    papers = [await scene.opened("Mina", cables[0]), await scene.opened("Bora", cables[1])]
    for round in range(12):
        for n, (cable, paper) in enumerate(zip(cables, papers, strict=True)):
            for _ in range(dice.randrange(1, 8)):
                word = f"{n}.{sum(said.values())}"
                said[word] += 1
                text_of(paper).insert(0, f"{word} ")
                if dice.random() < 0.3:
                    await saved(paper)
                elif dice.random() < 0.3:
                    await asyncio.sleep(0)
            if (round + n) % 2:
                text_of(paper).insert(0, "doomed ")
                await saved(paper)
                at = str(text_of(paper)).index("doomed ")
                del text_of(paper)[at : at + len("doomed ")]
                await turns(dice.randrange(12))
                cable.cut()  # with edits in the air
                word = f"{n}.away.{round}"
                said[word] += 1
                text_of(paper).insert(0, f"{word} ")
                cable.repair()
    for paper in papers:
        await saved(paper)
    for paper in papers:
        await until(paper, lambda paper=paper: len(str(text_of(paper)).split()) >= sum(said.values()))  # type: ignore[misc]
    stored = await scene.opened("Late")
    assert Counter(str(text_of(stored)).split()) == said
    assert str(text_of(papers[0])) == str(text_of(papers[1])) == str(text_of(stored))


async def test_what_was_called_saved_survives_kill_9_and_the_rest_is_written_again(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server, AsyncExitStack() as stack:
        scene = Scene(server, stack)
        await scene.begin()
        mina = await scene.opened("Mina")
        text = text_of(mina)
        for n in range(20):
            text += f"{n} "
            if n % 7 == 3:
                await saved(mina)
            if n % 7 == 5:
                await server.kill()
                text += f"{n}.away "
                await server.restart()
        await saved(mina)
        late = await scene.opened("Late")
        assert str(text_of(late)) == str(text)
        assert len(str(text).split()) == len(set(str(text).split())) == 23


async def test_a_finished_paper_takes_what_was_written_when_it_is_open_again(scene: Scene) -> None:
    olive = await scene.begin()
    mina = await scene.opened("Mina")
    await olive.papers.finish(scene.paper)
    text = text_of(mina)
    text += "late "
    with pytest.raises(Refused) as refused:
        await saved(mina)
    assert refused.value.code == "finished"
    assert mina.refused is not None and not mina.is_saved and not mina.ended
    text += "later"
    with pytest.raises(Refused):
        await saved(mina)
    await olive.papers.reopen(scene.paper)
    bora = await scene.opened("Bora")
    await until(bora, lambda: str(text_of(bora)) == "late later")
    await saved(mina)
    assert mina.refused is None


async def test_who_is_there_is_shown_and_gone_with_the_link(scene: Scene) -> None:
    await scene.begin()
    cable = Cable()
    mina, bora = await scene.opened("Mina", cable), await scene.opened("Bora")
    mina.show({"user": {"name": "Queen", "color": "#f80"}, "cursor": 3})
    me = mina.doc.client_id
    async with asyncio.timeout(PATIENCE_S):
        async for shown in bora.who():
            if me in shown:
                break
        assert shown[me].state["user"]["name"] == "Mina" and shown[me].state["cursor"] == 3
        assert not mina.shown
        cable.cut()
        async for shown in bora.who():
            if me not in shown:
                break
        cable.repair()
        async for shown in bora.who():
            if me in shown:
                break
        mina.show(None)
        async for shown in bora.who():
            if not shown:
                break
    with pytest.raises(Refused):
        mina.show({"much": "x" * 9_000})


async def test_whoever_loses_a_paper_is_told(scene: Scene) -> None:
    olive = await scene.begin()
    mina, bora = await scene.opened("Mina"), await scene.opened("Bora")
    room = await olive.join(scene.room)
    (user,) = [each.user async for each in room.members() if each.name == "Mina"]
    await room.kick(user)
    async with asyncio.timeout(PATIENCE_S):
        async for _ in mina.who():
            pass
        assert mina.ended == "not_member"
        await olive.papers.delete(scene.paper)
        async for _ in bora.who():
            pass
    assert bora.ended == "not_found"
    text_of(bora).insert(0, "too late")
    assert not bora.is_saved
    with pytest.raises(Refused) as refused:
        await saved(bora)
    assert refused.value.code == "not_found"


async def test_what_is_written_in_a_paper_that_was_closed_is_not_called_saved(scene: Scene) -> None:
    await scene.begin()
    mina = await scene.opened("Mina")
    text = text_of(mina)
    text += "kept and erased"
    await saved(mina)
    await mina.close()
    assert mina.is_saved
    await saved(mina)
    del text[4:]
    assert not mina.is_saved
    with pytest.raises(Disconnected, match="closed"):
        await saved(mina)
    bora = await scene.opened("Bora")
    assert str(text_of(bora)) == "kept and erased"
    text_of(bora).insert(0, "unsaved ")
    await bora.close()
    with pytest.raises(Disconnected, match="closed"):
        await saved(bora)


async def test_a_copy_of_an_earlier_run_says_what_it_has(scene: Scene) -> None:
    olive = await scene.begin()
    doc: Doc[Any] = Doc()
    doc.get("text", type=Text).insert(0, "from before")
    async with await olive.papers.open(scene.paper, doc) as paper:
        assert paper.doc is doc and not paper.is_saved
        assert (await olive.papers.open(scene.paper)).doc is doc
        with pytest.raises(ValueError, match="another document"):
            await olive.papers.open(scene.paper, Doc())
    assert paper.is_saved and paper.ended == "closed"
    mina = await scene.opened("Mina")
    assert str(text_of(mina)) == "from before"
    del mina.doc.get("text", type=Text)[0:5]
    await saved(mina)
    async with await olive.papers.open(scene.paper, doc):  # closed above, and open again
        assert str(doc.get("text", type=Text)) == "before"


async def test_what_was_deleted_in_a_copy_that_nobody_followed_is_deleted(scene: Scene) -> None:
    olive = await scene.begin()
    doc: Doc[Any] = Doc()
    text = doc.get("text", type=Text)
    async with await olive.papers.open(scene.paper, doc):
        text += "from before"
    del text[0:5]
    bora = await scene.opened("Bora")
    paper = await olive.papers.open(scene.paper, doc)
    assert not paper.is_saved
    await until(bora, lambda: str(text_of(bora)) == "before")
    await saved(paper)
    await paper.close()
    await olive.papers.finish(scene.paper)
    async with await olive.papers.open(scene.paper, doc) as paper:  # which has nothing to write
        assert paper.is_saved
    del text[0:2]
    paper = await olive.papers.open(scene.paper, doc)
    with pytest.raises(Refused) as refused:
        await saved(paper)
    assert refused.value.code == "finished"


async def test_a_copy_that_is_too_far_ahead_is_told_so(scene: Scene) -> None:
    olive = await scene.begin()
    doc: Doc[Any] = Doc()
    text = doc.get("text", type=Text)
    text += "x" * 60_000
    opening = asyncio.create_task(olive.papers.open(scene.paper, doc))
    await asyncio.sleep(0)
    text += "y"
    paper = await opening
    with pytest.raises(Refused) as refused:
        await saved(paper)
    assert refused.value.code == "too_big"


async def test_undo_takes_back_what_is_the_users_own(scene: Scene) -> None:
    await scene.begin()
    mina, bora = await scene.opened("Mina"), await scene.opened("Bora")
    undo = UndoManager(scopes=[text_of(bora)], capture_timeout_millis=0)
    text_of(bora).insert(0, "B")
    text_of(mina).insert(0, "M")
    await until(bora, lambda: "M" in str(text_of(bora)))
    assert undo.undo() and not undo.undo()
    await saved(bora)
    await until(mina, lambda: str(text_of(mina)) == "M")


async def test_a_transaction_that_is_too_large_is_told(scene: Scene) -> None:
    await scene.begin()
    mina = await scene.opened("Mina")
    notes = mina.doc.get("notes", type=Map)
    for n in range(20):
        notes[str(n)] = "x" * 10_000  # many of them are joined, as many as fit
    await saved(mina)
    text_of(mina).insert(0, "x" * 60_000)
    with pytest.raises(Refused) as refused:
        await saved(mina)
    assert refused.value.code == "too_big"


async def test_what_is_not_saved_when_the_client_ends_is_told(scene: Scene) -> None:
    await scene.begin()
    cable = Cable()
    client = await scene.come("Mina", cable)
    await client.join(scene.room)
    mina = await client.papers.open(scene.paper)
    cable.cut()
    text_of(mina).insert(0, "unsaved")
    waiting = asyncio.create_task(mina.saved())
    await asyncio.sleep(0)
    await client.close()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Disconnected):
            await waiting
    assert mina.ended == "closed" and str(text_of(mina)) == "unsaved"
