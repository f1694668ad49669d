"""Papers over the native protocol: the same papers as at /yjs, in the frames of /ws."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pycrdt import Doc, Text
from websockets.asyncio.client import ClientConnection, connect

from madang.config import Settings
from madang.core.actors import Actor
from madang.node.run import RunningNode, run_node
from madang.testing.rules import new
from tests.integration.doors.doors import NativeVisitor
from tests.integration.doors.stage import token
from tests.waiting import PATIENCE_S, eventually, turns
from tests.yjs import writer

OLIVE, MINA, BORA = (Actor(id=f"u-{name}", name=name.title()) for name in ("olive", "mina", "bora"))


class Native:
    """A document that follows a paper over /ws."""

    def __init__(self, socket: ClientConnection, paper: str) -> None:
        self.socket = socket
        self.visitor = NativeVisitor(socket)
        self.paper = paper
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("text", type=Text)
        self.shown: dict[int, Any] = {}
        self.closed: list[str] = []
        self.asked: list[bytes] = []

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        answer = await self.visitor.ask(op, paper=self.paper, **fields)
        self.take()
        return answer

    async def open(self) -> dict[str, Any]:
        answer = await self.ask("openpaper", state=text64(self.doc.get_state()))
        if answer["op"] == "ok":
            self.doc.apply_update(b64decode(answer["update"]))
            self.shown |= {each["client"]: each["state"] for each in answer["clients"]}
        return answer

    async def say(self, text: str) -> dict[str, Any]:
        before = self.doc.get_state()
        self.text += text
        return await self.ask("writepaper", update=text64(self.doc.get_update(before)))

    def take(self) -> None:
        heard, self.visitor.heard = self.visitor.heard, []
        for frame in heard:
            if frame["op"] == "paper" and "update" in frame:
                self.doc.apply_update(b64decode(frame["update"]))
            elif frame["op"] == "paper":
                self.asked.append(b64decode(frame["state"]))
            elif frame["op"] == "shown":
                self.shown |= {each["client"]: each["state"] for each in frame["clients"]}
            elif frame["op"] == "closed":
                self.closed.append(frame["code"])

    async def until(self, so: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not so():
                self.visitor.heard.append(await self.visitor.next())
                self.take()


def text64(data: bytes) -> str:
    return b64encode(data).decode()


class Scene:
    def __init__(self, running: RunningNode, room: str, paper: str, stack: AsyncExitStack) -> None:
        self.running = running
        self.node = running.node
        self.room = room
        self.paper = paper
        self.stack = stack
        self.url = f"http://127.0.0.1:{running.port}"

    async def come(self, actor: Actor) -> Native:
        socket = await self.stack.enter_async_context(
            connect(self.url.replace("http", "ws", 1) + "/ws", proxy=None, max_size=None)
        )
        native = Native(socket, self.paper)
        assert (await native.visitor.ask("hello", token=token(self.running, actor)))["op"] == "ok"
        return native

    async def opened(self, actor: Actor) -> Native:
        native = await self.come(actor)
        assert (await native.open())["op"] == "ok"
        return native


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    settings = Settings(port=0, admin_port=0, data=tmp_path_factory.mktemp("native"), load_test=True)
    async with run_node(settings) as running:
        yield running


@pytest.fixture
async def scene(node: RunningNode) -> AsyncIterator[Scene]:
    name = new("room")
    await node.node.rooms.create(OLIVE, name, "", "open")
    for actor in (MINA, BORA):
        await node.node.rooms.enter(actor, name)
    paper = await node.node.papers.create(OLIVE, name, "", "Card")
    async with AsyncExitStack() as stack:
        yield Scene(node, name, paper.id, stack)


async def test_two_write_and_so_does_a_stock_client(scene: Scene) -> None:
    mina, bora = await scene.opened(MINA), await scene.opened(BORA)
    stock = await writer(scene.stack.enter_async_context, scene.url, scene.paper, token(scene.running, OLIVE))
    said = await mina.say("안녕 😀 ")
    assert (said["seq"], said["ack"]) == (1, "stored")
    log = await scene.running.store.paper_log(scene.paper)
    assert log is not None and log.paper.seq == 1
    await bora.until(lambda: "😀" in str(bora.text))
    await bora.say("반가워 ")
    await stock.until(lambda: "반가워" in str(stock.text))
    await stock.say("끝")
    await mina.until(lambda: "끝" in str(mina.text))
    await bora.until(lambda: "끝" in str(bora.text))
    assert str(mina.text) == str(bora.text) == str(stock.text) == "안녕 😀 반가워 끝"
    late = await scene.come(BORA)
    answer = await late.open()
    assert str(late.text) == str(mina.text)
    assert answer["paper"]["title"] == "Card" and b64decode(answer["state"]) == mina.doc.get_state()


async def test_what_is_nothing_new_or_no_update_is_said(scene: Scene) -> None:
    mina = await scene.opened(MINA)
    await mina.say("x")
    assert (await mina.ask("writepaper", update=text64(mina.doc.get_update())))["unchanged"] is True
    assert (await mina.ask("writepaper", update="AAA="))["unchanged"] is True
    assert (await mina.ask("writepaper", update=text64(b"\xff\xff")))["code"] == "bad_field"
    assert (await mina.ask("writepaper", update="no base64"))["code"] == "bad_field"
    assert (await mina.say("y"))["seq"] == 2


async def test_a_finished_paper_refuses_and_asks_when_it_is_open_again(scene: Scene) -> None:
    mina, bora = await scene.opened(MINA), await scene.opened(BORA)
    await scene.node.papers.change(OLIVE, scene.paper, finished=True)
    assert (await mina.say("late"))["code"] == "finished"
    await scene.node.papers.change(OLIVE, scene.paper, finished=False)
    await mina.until(lambda: bool(mina.asked))
    assert (await mina.ask("writepaper", update=text64(mina.doc.get_update(mina.asked[0]))))["ack"] == "stored"
    await bora.until(lambda: str(bora.text) == "late")


async def test_what_is_shown_is_stamped_and_goes_with_its_connection(scene: Scene) -> None:
    mina, bora = await scene.opened(MINA), await scene.opened(BORA)
    await mina.ask("showpaper", client=7, clock=1, state={"user": {"name": "Queen", "color": "#f80"}})
    await bora.until(lambda: 7 in bora.shown)
    assert bora.shown[7] == {"user": {"id": MINA.id, "name": "Mina", "color": "#f80"}}
    late = await scene.opened(OLIVE)
    assert late.shown == bora.shown
    await mina.ask("closepaper")
    await bora.until(lambda: bora.shown[7] is None)
    assert (await mina.say("x"))["code"] == "not_member"
    assert (await mina.ask("closepaper"))["code"] == "not_member"


@pytest.mark.parametrize(("how", "code"), [("kick", "not_member"), ("delete", "not_found")])
async def test_whoever_loses_a_paper_is_told_and_keeps_the_connection(scene: Scene, how: str, code: str) -> None:
    mina = await scene.opened(MINA)
    if how == "kick":
        await scene.node.rooms.kick(OLIVE, scene.room, MINA.id)
    else:
        await scene.node.papers.delete(OLIVE, scene.paper)
    await mina.until(lambda: bool(mina.closed))
    assert mina.closed == [code]
    assert (await mina.visitor.ask("ping"))["op"] == "ok"
    assert (await mina.open())["code"] == "not_found"


async def test_a_connection_has_some_papers_open_at_most(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.transports.native.operations.papers.MOST", 1)
    mina = await scene.opened(MINA)
    assert (await mina.open())["op"] == "ok"  # the same again
    other = await scene.node.papers.create(OLIVE, scene.room, "", "Other")
    assert (await mina.visitor.ask("openpaper", paper=other.id))["code"] == "too_many"


async def test_who_leaves_without_a_word_is_followed_by_nobody(scene: Scene) -> None:
    mina, bora = await scene.opened(MINA), await scene.opened(BORA)
    await mina.ask("showpaper", client=7, clock=1, state={})
    await bora.until(lambda: 7 in bora.shown)
    before = mina.doc.get_state()
    mina.text += "stored all the same"
    update = text64(mina.doc.get_update(before))
    await mina.socket.send(json.dumps({"op": "writepaper", "n": 99, "paper": scene.paper, "update": update}))
    await mina.socket.close()
    await bora.until(lambda: bora.shown[7] is None and str(bora.text) == "stored all the same")
    assert len(scene.node.open_papers.papers[scene.paper].followers) == 1


async def test_who_is_sent_away_has_left_before_they_answer_the_close(scene: Scene) -> None:
    mina, bora = await scene.opened(MINA), await scene.opened(BORA)
    await mina.ask("showpaper", client=7, clock=1, state={})
    await bora.until(lambda: 7 in bora.shown)
    scene.node.sessions.disconnect(MINA.id)
    await turns(2)
    assert len(scene.node.open_papers.papers[scene.paper].followers) == 1
    await bora.until(lambda: bora.shown[7] is None)


async def test_nothing_waits_for_who_goes_while_a_paper_is_opened(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina, bora = await scene.come(MINA), await scene.opened(BORA)
    asked = asyncio.Event()
    monkeypatch.setattr(scene.node.open_papers, "ask", lambda *_: asked.set())  # the next batch does not come
    before = scene.node.turns.tasks
    await mina.socket.send(json.dumps({"op": "openpaper", "n": 99, "paper": scene.paper}))
    await asked.wait()
    assert scene.node.turns.tasks > before
    mina.socket.transport.abort()
    await eventually(lambda: scene.node.turns.tasks <= before)
    assert len(scene.node.open_papers.papers[scene.paper].followers) == 1
    assert (await bora.visitor.ask("ping"))["op"] == "ok"
