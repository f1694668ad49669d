"""The Yjs door, on real sockets: who gets in, who writes, who sees what, and what is kept."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import connect

from madang.config import Settings
from madang.core.actors import Actor
from madang.node.run import RunningNode, run_node
from madang.testing.rules import new
from tests.integration.doors.stage import token
from tests.waiting import eventually
from tests.yjs import Writer, address, close_code, number, opened, shown, sized, writer

OLIVE, MINA, BORA, VERA, ZOE = (
    Actor(id=f"u-{name}", name=name.title()) for name in ("olive", "mina", "bora", "vera", "zoe")
)


@dataclass
class Scene:
    """A room of Olive's with Mina, Bora and the viewer Vera, and a paper of it."""

    running: RunningNode
    room: str
    paper: str
    stack: AsyncExitStack

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.running.port}"

    def token(self, actor: Actor) -> str:
        return token(self.running, actor)

    async def writer(self, actor: Actor) -> Writer:
        return await writer(self.stack.enter_async_context, self.url, self.paper, self.token(actor))


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    settings = Settings(port=0, admin_port=0, data=tmp_path_factory.mktemp("yjs"), load_test=True)
    async with run_node(settings) as running:
        yield running


@pytest.fixture
async def scene(node: RunningNode) -> AsyncIterator[Scene]:
    name = new("room")
    rooms = node.node.rooms
    await rooms.create(OLIVE, name, "", "open")
    for actor in (MINA, BORA, VERA):
        await rooms.enter(actor, name)
    await rooms.grant(OLIVE, name, VERA.id, "viewer")
    paper = await node.node.papers.create(OLIVE, name, "", "Card")
    async with AsyncExitStack() as stack:
        yield Scene(node, name, paper.id, stack)


async def test_two_write_at_once_and_a_third_reads_it_later(scene: Scene) -> None:
    mina, bora = await scene.writer(MINA), await scene.writer(BORA)
    await mina.say("안녕 😀 ")
    await bora.say("반가워요 ")
    await mina.until(lambda: "반가워요" in str(mina.text))
    await bora.until(lambda: "😀" in str(bora.text))
    assert str(mina.text) == str(bora.text)
    vera = await scene.writer(VERA)
    assert str(vera.text) == str(mina.text)


async def test_what_was_seen_is_in_the_log_before(scene: Scene) -> None:
    mina, bora = await scene.writer(MINA), await scene.writer(BORA)
    await mina.say("one")
    await bora.until(lambda: str(bora.text) == "one")
    log = await scene.running.store.paper_log(scene.paper)
    assert log is not None and log.paper.seq >= 1
    heads = await scene.running.store.heads([scene.room])
    await mina.say("two")
    await bora.until(lambda: str(bora.text) == "onetwo")
    assert await scene.running.store.heads([scene.room]) == heads  # the room's log has none of it


async def test_the_selected_subprotocol_is_yjs_and_the_token_is_not_echoed(scene: Scene) -> None:
    async with opened(scene.url, scene.paper, scene.token(MINA)) as socket:
        assert socket.subprotocol == "yjs"
        assert socket.response is not None and scene.token(MINA) not in str(socket.response.headers)


async def test_a_program_may_send_a_header_or_a_ticket_instead(scene: Scene) -> None:
    where, mine = address(scene.url, scene.paper), scene.token(MINA)
    async with connect(where, additional_headers={"Authorization": f"Bearer {mine}"}, proxy=None) as socket:
        await Writer(socket).begin()
    running = scene.running.node
    made = await running.identity.ticket(MINA, mine, running.now(), "")
    async with connect(f"{where}?ticket={made.text}", proxy=None) as socket:
        await Writer(socket).begin()
    async with connect(f"{where}?ticket={made.text}", proxy=None) as socket:
        assert await close_code(socket) == 4401


@pytest.mark.parametrize(
    ("who", "code"), [("nobody", 4401), ("wrong", 4401), ("in the query", 4401), ("stranger", 4404), ("no paper", 4404)]
)
async def test_who_is_refused_is_let_in_and_closed(scene: Scene, who: str, code: int) -> None:
    paper = "no-paper" if who == "no paper" else scene.paper
    query = f"?token={scene.token(MINA)}" if who == "in the query" else ""
    offered: Any = ["yjs"]
    if who not in ("nobody", "in the query"):
        offered.append("bearer." + ("x.y.z" if who == "wrong" else scene.token(ZOE if who == "stranger" else MINA)))
    async with connect(address(scene.url, paper) + query, subprotocols=offered, proxy=None) as socket:
        assert await close_code(socket) == code


async def test_a_viewer_is_denied_and_changes_nothing(scene: Scene) -> None:
    vera, mina = await scene.writer(VERA), await scene.writer(MINA)
    await vera.say("mine")
    await vera.until(lambda: bool(vera.denied))
    assert vera.denied == ["forbidden"]
    await mina.say("x")
    await vera.until(lambda: "x" in str(vera.text))
    log = await scene.running.store.paper_log(scene.paper)
    assert log is not None and log.paper.seq == 1


async def test_a_finished_paper_is_read_and_not_written(scene: Scene) -> None:
    mina = await scene.writer(MINA)
    await mina.say("kept")
    bora = await scene.writer(BORA)
    await bora.until(lambda: str(bora.text) == "kept")
    await scene.running.node.papers.change(OLIVE, scene.paper, finished=True)
    await mina.say(" lost")
    await mina.until(lambda: bool(mina.denied))
    assert mina.denied[0] == "finished"
    vera = await scene.writer(VERA)
    assert str(vera.text) == "kept"
    await scene.running.node.papers.change(OLIVE, scene.paper, finished=False)
    live = scene.running.node.open_papers.papers[scene.paper]
    await eventually(lambda: not live.paper.finished)
    await mina.until(lambda: [message[:2] for message in mina.messages].count(b"\x00\x00") == 2)
    await vera.until(lambda: str(vera.text) == "kept lost")
    await mina.say(" open")
    await vera.until(lambda: str(vera.text) == "kept lost open")


async def test_what_a_mute_has_held_is_asked_for_when_it_is_over(scene: Scene) -> None:
    mina, bora = await scene.writer(MINA), await scene.writer(BORA)
    await scene.running.node.moderation.mute(OLIVE, scene.room, MINA.id)
    await mina.say("held, ")
    await mina.until(lambda: bool(mina.denied))
    await scene.running.node.moderation.unmute(OLIVE, scene.room, MINA.id)
    await mina.until(lambda: [message[:2] for message in mina.messages].count(b"\x00\x00") == 2)
    await mina.say("and told")
    await bora.until(lambda: str(bora.text) == "held, and told")


async def test_a_user_is_stamped_however_the_key_is_spelt(scene: Scene) -> None:
    mina, bora = await scene.writer(MINA), await scene.writer(BORA)
    state = b'{"\\u0075ser":{"id":"u-king","name":"King"}}'
    await mina.socket.send(b"\x01" + sized(number(1) + number(7) + number(1) + sized(state)))
    await bora.until(lambda: 7 in bora.shown)
    assert bora.shown[7] == {"user": {"id": MINA.id, "name": "Mina"}}


@pytest.mark.parametrize("how", ["kick", "ban", "leave", "revoked"])
async def test_whoever_loses_access_is_closed(scene: Scene, how: str) -> None:
    bora = await scene.writer(BORA)
    node = scene.running.node
    if how == "kick":
        await node.rooms.kick(OLIVE, scene.room, BORA.id)
    elif how == "ban":
        await node.moderation.ban(OLIVE, scene.room, BORA.id)
    elif how == "leave":
        await node.rooms.leave(BORA, scene.room)
    else:
        node.sessions.end(BORA.id)
    assert await close_code(bora.socket) == 4410


async def test_a_token_that_ends_ends_the_connection(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    bora = await scene.writer(BORA)
    monkeypatch.setattr(scene.running.node, "now", lambda: time.time() + 365 * 24 * 3600)
    assert await close_code(bora.socket) == 4410


async def test_a_deleted_paper_ends(scene: Scene) -> None:
    mina = await scene.writer(MINA)
    await scene.running.node.papers.delete(OLIVE, scene.paper)
    assert await close_code(mina.socket) == 4404


async def test_what_is_shown_is_stamped_told_to_newcomers_and_gone_with_its_connection(scene: Scene) -> None:
    async with opened(scene.url, scene.paper, scene.token(MINA)) as socket:
        mina = Writer(socket)
        await mina.begin()
        bora = await scene.writer(BORA)
        await socket.send(shown(7, 1, {"user": {"id": "u-king", "name": "King", "color": "#f00"}, "cursor": 3}))
        await bora.until(lambda: 7 in bora.shown)
        assert bora.shown[7] == {"user": {"id": MINA.id, "name": "Mina", "color": "#f00"}, "cursor": 3}
        await bora.socket.send(shown(7, 9, {"user": {"name": "thief"}}))
        await bora.socket.send(shown(8, 1, {"cursor": 1}))
        await mina.until(lambda: 8 in mina.shown)
        assert mina.shown[7]["user"]["name"] == "Mina"
        vera = await scene.writer(VERA)
        await vera.until(lambda: {7, 8} <= vera.shown.keys())
    await bora.until(lambda: bora.shown[7] is None)


@pytest.mark.parametrize(
    ("what", "data", "code"),
    [
        ("text", "hello", 1003),
        ("nothing", b"", 4400),
        ("another kind", b"\x09\x00", 4400),
        ("a number without an end", b"\x80" * 20, 4400),
        ("a length beyond the end", b"\x00\x02" + number(1 << 40), 4400),
        ("not an update", b"\x00\x02" + sized(b"hello world"), 4400),
        ("not a state vector", b"\x00\x00" + sized(b"\xff" * 9), 4400),
        (
            "values within values",
            b"\x00\x02" + sized(bytes.fromhex("0101070008010161 01") + b"u\x01" * 100_000 + b"u\x00\x00"),
            4400,
        ),
        (
            "a large awareness",
            b"\x01" + sized(number(1) + number(1) + number(1) + sized(b'"' + b"x" * 70_000 + b'"')),
            4400,
        ),
        ("many clients", b"\x01" + sized(number(101) + b"".join(number(n) + b"\x01\x02{}" for n in range(101))), 4400),
        ("a state that is not JSON", b"\x01" + sized(b"\x01\x01\x01" + sized(b"{")), 4400),
        ("a large message", b"\x00\x02" + sized(b"x" * (1 << 20)), 1009),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
async def test_what_cannot_be_read_ends_its_connection_alone(scene: Scene, what: str, data: Any, code: int) -> None:
    bora = await scene.writer(BORA)
    async with opened(scene.url, scene.paper, scene.token(MINA)) as socket:
        await socket.send(data)
        assert await close_code(socket) == code, what
    vera = await scene.writer(VERA)
    await bora.say("here")
    await vera.until(lambda: str(vera.text) == "here")


async def test_updates_out_of_nowhere_and_repeats_are_not_kept(scene: Scene) -> None:
    mina = await scene.writer(MINA)
    before = mina.doc.get_state()
    mina.text += "a"
    first = mina.doc.get_update(before)
    between = mina.doc.get_state()
    mina.text += "b"
    second = mina.doc.get_update(between)
    async with opened(scene.url, scene.paper, scene.token(MINA)) as socket:
        for update in (second, first, first, second):
            await socket.send(b"\x00\x02" + sized(update))
        bora = await scene.writer(BORA)
        await bora.until(lambda: str(bora.text) == "ab")
    log = await scene.running.store.paper_log(scene.paper)
    assert log is not None and log.paper.size <= len(first) + len(second) + 8


async def test_a_long_log_becomes_a_snapshot_that_says_the_same(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.delivery.papers.snapshots.ROWS", 5)
    mina, bora = await scene.writer(MINA), await scene.writer(BORA)
    said = ""
    for n in range(40):
        said += f"{n} 가 "
        await mina.say(f"{n} 가 ")
        await bora.until(lambda: str(bora.text) == said)  # noqa: B023
    await eventually(lambda: scene.running.node.open_papers.statistics.snapshots > 0)
    log = await scene.running.store.paper_log(scene.paper)
    assert log is not None and log.upto > 0 and len(log.updates) < 40
    vera = await scene.writer(VERA)
    assert str(vera.text) == said
