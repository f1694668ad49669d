"""A paper over two nodes with PostgreSQL and Redis: who writes on one is seen on the other, also where the bus says nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from madang.config import Settings
from madang.core.actors import Actor
from madang.core.events import Event
from madang.delivery.papers.courier import UPDATE
from madang.node.run import RunningNode, run_node
from madang.testing.rules import new
from tests.integration.doors.stage import token
from tests.redis import RedisServer
from tests.yjs import Writer, close_code, shown, writer

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
OLIVE, MINA, BORA = (Actor(id=f"u-{name}", name=name.title()) for name in ("olive", "mina", "bora"))


@pytest.fixture
async def fleet(postgres_url: str, redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[list[RunningNode]]:
    settings = Settings(
        port=0, admin_port=0, data=tmp_path, load_test=True, database=postgres_url, bus=redis_server.url
    )
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(run_node(settings)) for _ in range(2)]


class Papers:
    """A paper of a room of all three, and writers on either node."""

    def __init__(self, fleet: list[RunningNode], stack: AsyncExitStack) -> None:
        self.fleet = fleet
        self.stack = stack
        self.room = new("room")
        self.paper = new("paper")

    async def begin(self) -> None:
        here = self.fleet[0].node
        await here.rooms.create(OLIVE, self.room, "", "open")
        for actor in (MINA, BORA):
            await here.rooms.enter(actor, self.room)
        await here.papers.create(OLIVE, self.room, self.paper, "Card")

    async def writer(self, at: int, actor: Actor) -> Writer:
        node = self.fleet[at]
        url = f"http://127.0.0.1:{node.port}"
        return await writer(self.stack.enter_async_context, url, self.paper, token(node, actor))


@pytest.fixture
async def papers(fleet: list[RunningNode]) -> AsyncIterator[Papers]:
    async with AsyncExitStack() as stack:
        made = Papers(fleet, stack)
        await made.begin()
        yield made


async def test_both_nodes_converge_and_show_who_is_there(papers: Papers) -> None:
    mina, bora = await papers.writer(0, MINA), await papers.writer(1, BORA)
    said = 0
    for n in range(20):
        await mina.say(f"민{n} 😀 ")
        await bora.say(f"보{n} ")
        said += len(f"민{n} 😀 ") + len(f"보{n} ")
    for each in (mina, bora):
        await each.until(lambda each=each: len(str(each.text)) == said)  # type: ignore[misc]
    assert str(mina.text) == str(bora.text)
    await mina.socket.send(shown(7, 1, {"user": {"name": "x"}}))
    await bora.until(lambda: 7 in bora.shown)
    assert bora.shown[7]["user"] == {"name": "Mina", "id": MINA.id}
    late = await papers.writer(1, OLIVE)
    await late.until(lambda: 7 in late.shown)
    await mina.socket.close()
    await bora.until(lambda: bora.shown[7] is None)


async def test_a_paper_goes_back_on_every_node(papers: Papers) -> None:
    """Also where nobody has it open, on the node that is asked."""
    here = papers.fleet[0].node
    bora = await papers.writer(1, BORA)
    await bora.say("처음 😀")
    late = await papers.writer(1, MINA)
    version = await here.versions.create(OLIVE, papers.paper, "v")
    await bora.say(" 나중")
    await late.until(lambda: str(late.text) == "처음 😀 나중")
    assert await here.versions.go_back(OLIVE, papers.paper, version.number) == 3
    for each in (bora, late):
        await each.until(lambda each=each: str(each.text) == "처음 😀")  # type: ignore[misc]


async def test_what_the_bus_does_not_tell_is_found_in_the_log(papers: Papers) -> None:
    mina, bora = await papers.writer(0, MINA), await papers.writer(1, BORA)
    for node in papers.fleet:
        node.node.hub.papers = None  # all that the bus brings of papers is lost from here on
    await mina.say("one ")
    await bora.until(lambda: str(bora.text) == "one ")
    await bora.say("two ")
    await mina.until(lambda: str(mina.text) == "one two ")
    late = await papers.writer(1, OLIVE)
    assert str(late.text) == "one two "


async def test_an_update_that_was_lost_is_read_when_the_next_one_comes(
    papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina, bora = await papers.writer(0, MINA), await papers.writer(1, BORA)
    there = papers.fleet[1].node
    arrived, lost = there.open_papers.arrived, asyncio.Event()

    def loses_one(event: Event) -> bool:
        if event.type == UPDATE and event.seq == 1:
            lost.set()
            return True
        return arrived(event)

    monkeypatch.setattr(there.open_papers, "arrived", loses_one)
    await mina.say("one ")
    await lost.wait()
    await mina.say("two ")
    await bora.until(lambda: str(bora.text) == "one two ")


async def test_rights_that_end_on_one_node_end_on_the_other(papers: Papers) -> None:
    mina, bora = await papers.writer(0, MINA), await papers.writer(1, BORA)
    await mina.say("kept")
    await bora.until(lambda: str(bora.text) == "kept")
    here = papers.fleet[0].node
    await here.papers.change(OLIVE, papers.paper, finished=True)
    await bora.say(" lost")
    await bora.until(lambda: bool(bora.denied))
    assert bora.denied == ["finished"]
    late = await papers.writer(1, MINA)
    assert str(late.text) == "kept"
    await here.rooms.kick(OLIVE, papers.room, BORA.id)
    assert await close_code(bora.socket) == 4410
