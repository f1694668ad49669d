"""The stock JavaScript client, as npm has it: rooms, acks, recovery over drops and kills, kicks, upgrades, polling alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from madang.core.actors import Actor
from madang.core.erasure import KEEP
from madang.node.run import RunningNode
from tests.integration.socketio.stock import Driver, StockSocket, set_up, stock_sockets
from tests.running import running_server
from tests.waiting import eventually

TRANSPORTS: list[dict[str, Any]] = [{}, {"transports": ["websocket"]}, {"transports": ["polling"]}]
SENT = 40
ALL = pytest.mark.parametrize("options", TRANSPORTS, ids=["upgrade", "websocket", "polling"])


@pytest.fixture(scope="module", autouse=True)
def node_js() -> None:
    """Node, with the client."""
    set_up()


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    """The client's sockets."""
    async with stock_sockets() as driver:
        yield driver


async def _guest(driver: Driver, url: str, name: str, **options: Any) -> StockSocket:
    socket = await driver.open(url, auth={"guest": name}, **options)
    await socket.lives("connect")
    await eventually(lambda: bool(socket.events("hello")))
    return socket


async def _owner(driver: Driver, url: str, *rooms: str) -> StockSocket:
    owner = await _guest(driver, url, "Olive", transports=["websocket"])
    for room in rooms:
        assert "seq" in await owner.ask("create", {"room": room, "title": room})
        assert "seq" in await owner.ask("join", {"room": room})
    return owner


@ALL
async def test_rooms_and_acks(
    driver: Driver, url: str, options: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    room = "r-" + request.node.callspec.id
    owner = await _owner(driver, url, room)
    mina = await _guest(driver, url, "Mina", **options)
    joined = await mina.ask("join", {"room": room})
    assert joined["role"] == "member"
    for n in range(20):
        assert "seq" in await mina.ask("send", {"room": room, "text": f"{n}"})
    await eventually(lambda: len(owner.events("message.sent", room)) == 20)
    await eventually(lambda: len(mina.events("message.sent", room)) == 20)
    assert [event["text"] for event in owner.events("message.sent", room)] == [f"{n}" for n in range(20)]
    assert owner.events("message.sent", room) == mina.events("message.sent", room)
    assert (await mina.ask("edit", {"room": room, "seq": joined["seq"] + 1, "text": "new"}))["seq"]
    await eventually(lambda: bool(owner.events("message.edited", room)))
    other = owner.events("hello")[0]["user"]["id"]
    assert (await mina.ask("kick", {"room": room, "user": other}))["error"]["code"] == "forbidden"


@ALL
async def test_recovery_three_times_in_a_row(
    driver: Driver, url: str, options: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    rooms = [f"{letter}-{request.node.callspec.id}" for letter in "abc"]
    owner = await _owner(driver, url, *rooms)
    mina = await _guest(driver, url, "Mina", **options)
    starts = {room: (await mina.ask("join", {"room": room}))["seq"] for room in rooms}
    sid = mina.life[0]["sid"]
    for n in range(1, 4):
        await mina.do("drop")
        for room in rooms:
            await owner.ask("send", {"room": room, "text": f"missed {n}"})
        again = await mina.lives("connect", n + 1)
        assert (again["sid"], again["recovered"]) == (sid, True)
        for room in rooms:
            await eventually(lambda room=room, n=n: len(mina.events("message.sent", room)) == n)  # type: ignore[misc]
    for room in rooms:
        seqs = mina.seqs(room)
        assert seqs == list(range(starts[room] + 1, starts[room] + 1 + len(seqs)))
    assert len(mina.events("hello")) == 1


@ALL
async def test_a_link_that_drops_again_and_again_brings_all(
    driver: Driver, url: str, options: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """Cut ten times while somebody talks on: 100 % of it comes, once and in order. Socket.IO's own server brings 85 %."""
    room = f"drops-{request.node.callspec.id}"
    owner, mina = await _owner(driver, url, room), await _guest(driver, url, "Mina", **options)
    start = (await mina.ask("join", {"room": room}))["seq"]
    sid, said, done = mina.life[0]["sid"], 0, asyncio.Event()

    async def talk() -> None:
        nonlocal said
        while not done.is_set():
            assert "seq" in await owner.ask("send", {"room": room, "text": f"{said}"})
            said += 1

    talking = asyncio.create_task(talk())
    for n in range(1, 11):
        before = len(mina.events("message.sent", room))
        await eventually(lambda before=before: len(mina.events("message.sent", room)) >= before + 5)  # type: ignore[misc]
        await mina.do("drop")
        again = await mina.lives("connect", n + 1)
        assert (again["sid"], again["recovered"]) == (sid, True)
    done.set()
    await talking
    await eventually(lambda: len(mina.events("message.sent", room)) >= said)
    assert [event["text"] for event in mina.events("message.sent", room)] == [f"{n}" for n in range(said)]
    assert mina.seqs(room) == list(range(start + 1, start + 1 + len(mina.seqs(room))))


async def test_a_kill_under_load_goes_unnoticed(driver: Driver, tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server:
        options = {"retries": 20, "ackTimeout": 1000}
        people = [await _guest(driver, server.url, f"P{n}", **options, **TRANSPORTS[n % 3]) for n in range(6)]
        starts = [(await each.retry("join", {"room": "lobby"}))["seq"] for each in people]
        sent = [
            asyncio.create_task(each.retry("send", {"room": "lobby", "text": f"{who}-{n}", "cid": f"{who}-{n}"}))
            for who, each in enumerate(people)
            for n in range(SENT)
        ]
        for kills in range(3):
            enough = SENT * (kills + 1)
            await eventually(lambda enough=enough: len(people[0].events("message.sent")) >= enough)  # type: ignore[misc]
            await server.kill()
            await server.restart()
            again = [await each.lives("connect", kills + 2) for each in people]
            assert all(each["recovered"] for each in again)
        acks = await asyncio.gather(*sent)
        assert all("seq" in ack for ack in acks)
        for each, start in zip(people, starts, strict=True):
            await eventually(lambda each=each: len(each.events("message.sent")) == len(sent))  # type: ignore[misc]
            assert each.seqs("lobby") == list(range(start + 1, start + 1 + len(each.seqs("lobby")))), (
                "once and in order"
            )
            assert len({each.life[n]["sid"] for n in range(len(each.life)) if each.life[n]["life"] == "connect"}) == 1
        texts = [event["text"] for event in people[0].events("message.sent")]
        assert len(set(texts)) == len(sent), "each is stored once"
        for who in range(len(people)):
            mine = [text for text in texts if text.startswith(f"{who}-")]
            assert mine == [f"{who}-{n}" for n in range(SENT)], "in the order they were sent in"


async def test_a_kick_ends_one_room(driver: Driver, url: str) -> None:
    owner = await _owner(driver, url, "club", "cafe")
    mina = await _guest(driver, url, "Mina")
    for room in ("club", "cafe"):
        await mina.ask("join", {"room": room})
    me = mina.events("hello")[0]["user"]["id"]
    await owner.ask("kick", {"room": "club", "user": me})
    await owner.ask("send", {"room": "club", "text": "secret"})
    await owner.ask("send", {"room": "cafe", "text": "hello"})
    await eventually(lambda: bool(mina.events("message.sent", "cafe")))
    assert mina.events("member.kicked", "club")
    assert not mina.events("message.sent", "club")
    await mina.do("drop")
    assert (await mina.lives("connect", 2))["recovered"]
    await owner.ask("send", {"room": "club", "text": "secret"})
    await owner.ask("send", {"room": "cafe", "text": "again"})
    await eventually(lambda: len(mina.events("message.sent", "cafe")) == 2)
    assert not mina.events("message.sent", "club")
    assert not mina.events("error"), "the offset had the room no longer"


@ALL
async def test_the_end_of_access_is_told_for_good(
    driver: Driver, node: RunningNode, url: str, options: dict[str, Any]
) -> None:
    mina = await _guest(driver, url, "Mina", **options)
    user = mina.events("hello")[0]["user"]
    await node.node.users.delete_own(Actor(id=user["id"], name=user["name"]), KEEP)
    assert (await mina.lives("disconnect"))["reason"] == "io server disconnect"
    await mina.do("connect")
    error = await mina.lives("connect_error")
    assert error["data"]["code"] == "bad_token"


async def test_an_upgrade_in_the_middle_of_traffic(driver: Driver, url: str) -> None:
    owner = await _owner(driver, url, "flow")
    done = asyncio.Event()

    async def talk() -> int:
        n = 0
        while not done.is_set():
            await owner.ask("send", {"room": "flow", "text": str(n)})
            n += 1
        return n

    talking = asyncio.create_task(talk())
    upgraded = []
    for _ in range(5):
        mina = await driver.open(url, auth={"guest": "Mina"})
        await mina.lives("connect")
        start = (await mina.ask("join", {"room": "flow"}))["seq"]
        while await mina.do("transport") != "websocket":
            await mina.ask("ping")
        heard = len(mina.seqs("flow"))
        await eventually(lambda mina=mina, heard=heard: len(mina.seqs("flow")) > heard + 20)  # type: ignore[misc]
        upgraded.append((mina, start))
    done.set()
    assert await talking > 20
    for mina, start in upgraded:
        seqs = mina.seqs("flow")
        assert seqs == list(range(start + 1, start + 1 + len(seqs))), "nothing is lost, doubled or overtaken"
        assert len(mina.life) == 1, "one connection"


async def test_another_namespace_is_refused(driver: Driver, url: str) -> None:
    other = await driver.open(url + "/admin", auth={"guest": "Mina"})
    assert (await other.lives("connect_error"))["message"] == "Invalid namespace"


async def test_fifty_events_at_once_by_polls(driver: Driver, url: str) -> None:
    owner = await _owner(driver, url, "burst")
    mina = await _guest(driver, url, "Mina", transports=["polling"])
    await mina.ask("join", {"room": "burst"})
    answers = await asyncio.gather(*(mina.ask("send", {"room": "burst", "text": str(n)}) for n in range(50)))
    assert [answer["seq"] for answer in answers] == list(range(answers[0]["seq"], answers[0]["seq"] + 50))
    await eventually(lambda: len(owner.events("message.sent", "burst")) == 50)
    assert mina.life == mina.life[:1]
