"""What docs/guides/socketio.md says of Socket.IO, line by line: each row of its two tables is the name of a test here."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import pytest
from socketio import AsyncClient

from tests.integration.socketio.stock import ROOT, Driver, StockSocket, set_up, stock_sockets
from tests.rest import Rest, rest, server_key
from tests.running import Server, running_server
from tests.socketio import poller, query, visitor
from tests.waiting import eventually

GUIDE: Final = (ROOT / "docs/guides/socketio.md").read_text()
PROVEN_ELSEWHERE: Final = {
    "a Redis adapter between servers": "tests/scenario/fleet/test_socketio.py",
    "`@socket.io/redis-emitter`": "tests/integration/socketio/test_emitter.py",
}
_rows: Final[set[str]] = set()
Test = Callable[..., Awaitable[None]]


def row(name: str) -> Callable[[Test], Test]:
    """Say of which row of the guide a test is."""

    def note(test: Test) -> Test:
        _rows.add(name)
        return test

    return note


def rows_of(title: str) -> list[str]:
    """Return the first column of the table under a title."""
    section = GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.+?) \| .+ \|$", section, re.MULTILINE)
    return lines[1:]  # below the head


def test_every_row_of_the_guide_has_its_test() -> None:
    told = [*rows_of("On the server"), *rows_of("What works")]
    assert len(told) == len(set(told))
    assert set(told) == _rows | PROVEN_ELSEWHERE.keys()
    assert all((ROOT / path).exists() for path in PROVEN_ELSEWHERE.values())


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    settings = {"ping_s": "5", "origins": '["https://app.example.com"]'}
    async with running_server(tmp_path_factory.mktemp("compatible"), "--load-test", settings=settings) as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="module")
async def driver() -> AsyncIterator[Driver]:
    """Stock sockets."""
    await asyncio.to_thread(set_up)
    async with stock_sockets() as driver:
        yield driver


@pytest.fixture(scope="module")
async def backend(server: Server) -> AsyncIterator[Rest]:
    """A program with a server key."""
    async with rest(server.url) as anyone:
        yield anyone.server(await server_key(server))


@pytest.fixture
async def mina(driver: Driver, url: str) -> StockSocket:
    """Somebody in the lobby."""
    return await come(driver, url, auth={"guest": "Mina"})


async def come(driver: Driver, url: str, **options: Any) -> StockSocket:
    socket = await driver.open(url, **options)
    await socket.lives("connect")
    await eventually(lambda: bool(socket.events("hello")))
    assert "seq" in await socket.ask("join", {"room": "lobby"})
    return socket


def user(socket: StockSocket) -> str:
    id: str = socket.events("hello")[-1]["user"]["id"]
    return id


async def heard(socket: StockSocket, text: str, room: str = "lobby") -> Any:
    """Wait for a message, and return it."""
    await eventually(lambda: text in [event["text"] for event in socket.events("message.sent", room)])
    return next(event for event in socket.events("message.sent", room) if event["text"] == text)


# -- clients -----------------------------------------------------------------------------------------------------------


@row("WebSocket, HTTP long-polling, upgrade")
async def test_transports(driver: Driver, url: str) -> None:
    for transports, ends in (
        (["websocket"], "websocket"),
        (["polling"], "polling"),
        (["polling", "websocket"], "websocket"),
    ):
        socket = await come(driver, url, auth={"guest": "Mina"}, transports=transports)
        while await socket.do("transport") != ends:
            await socket.ask("ping")
        text = "by " + "-".join(transports)
        assert (await socket.ask("send", {"room": "lobby", "text": text}))["ack"] == "stored"
        await heard(socket, text)


@row("acks, `emitWithAck`, `timeout`, `retries`")
async def test_acks(driver: Driver, url: str) -> None:
    socket = await come(driver, url, auth={"guest": "Mina"})
    assert "seq" in await socket.do("timeout", "send", {"room": "lobby", "text": "in time"})
    again = await driver.open(url, auth={"guest": "Bora"}, retries=3, ackTimeout=5000)
    assert "seq" in await again.retry("join", {"room": "lobby"})
    said = {"room": "lobby", "text": "once", "cid": "once"}
    first, second = await again.retry("send", said), await again.retry("send", said)
    assert (second["seq"], second["duplicate"]) == (first["seq"], True)


@row("`auth` as object or function")
async def test_auth(driver: Driver, url: str) -> None:
    as_object = await come(driver, url, auth={"guest": "Mina"})
    as_function = await come(driver, url, asked={"token": as_object.events("hello")[0]["token"]})
    assert user(as_function) == user(as_object)
    refused = await driver.open(url, auth={"token": "no"})
    assert (await refused.lives("connect_error"))["data"]["code"] == "bad_token"


@row("connection state recovery")
async def test_recovery(mina: StockSocket, backend: Rest) -> None:
    first = await mina.lives("connect")
    await mina.do("drop")
    await backend.ok("POST", "/api/rooms/lobby/messages", {"text": "missed"})
    again = await mina.lives("connect", 2)
    assert (again["recovered"], again["sid"]) == (True, first["sid"])
    await heard(mina, "missed")


@row("`disconnect()`, and `connect()` again")
async def test_coming_back_on_purpose(mina: StockSocket, backend: Rest) -> None:
    await mina.do("close")
    assert (await mina.lives("disconnect"))["reason"] == "io client disconnect"
    await backend.ok("POST", "/api/rooms/lobby/messages", {"text": "meanwhile"})
    await mina.do("connect")
    assert (await mina.lives("connect", 2))["recovered"]
    await heard(mina, "meanwhile")


@row("`volatile`, `compress`")
async def test_flags(mina: StockSocket) -> None:
    await mina.do("volatile", "send", {"room": "lobby", "text": "light"})
    await heard(mina, "light")


@row("`socket.emit` without a callback")
async def test_without_a_callback(mina: StockSocket) -> None:
    await mina.do("emit", "send", {"room": "lobby", "text": ""})
    await eventually(lambda: bool(mina.events("error")))
    error = mina.events("error")[0]
    assert (error["code"], error["event"]) == ("empty", "send")


@row("`extraHeaders`, `query`, cookies")
async def test_who_one_is_comes_by_auth_alone(driver: Driver, url: str, mina: StockSocket) -> None:
    token = mina.events("hello")[0]["token"]
    other = await driver.open(
        url, query={"token": token}, extraHeaders={"Authorization": f"Bearer {token}", "Cookie": f"token={token}"}
    )
    assert (await other.lives("connect_error"))["data"]["code"] == "bad_field"


@row("pages of other origins")
async def test_origins(driver: Driver, url: str) -> None:
    for origin, life in (("https://app.example.com", "connect"), ("https://evil.example.com", "connect_error")):
        socket = await driver.open(url, auth={"guest": "Mina"}, extraHeaders={"Origin": origin})
        await socket.lives(life)


@row("`python-socketio` 5, and others of Engine.IO 4")
async def test_python(url: str) -> None:
    client = AsyncClient(reconnection=False)
    await client.connect(url, auth={"guest": "Bora"})
    assert (await client.call("join", {"room": "lobby"}))["room"]["id"] == "lobby"
    await client.disconnect()


@row("namespaces but `/`")
async def test_namespaces(driver: Driver, url: str) -> None:
    other = await driver.open(f"{url}/admin", auth={"guest": "Mina"})
    assert (await other.lives("connect_error"))["message"] == "Invalid namespace"


@row("binary arguments")
async def test_binary(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.send('451-0["send",{"_placeholder":true,"num":0}]')
        await socket.send(b"\x00\x01")
        while not (packet := await socket.packet()).startswith("430"):
            pass
        assert '"code":"bad_field"' in packet


@row("names of events that are not operations")
async def test_other_names(mina: StockSocket) -> None:
    for name in ("chat message", "__proto__", "constructor"):
        assert (await mina.ask(name, {"room": "lobby"}))["error"]["code"] == "unknown_op"


@row("more than one argument, or one that is not an object")
async def test_other_arguments(mina: StockSocket) -> None:
    wrong: list[list[Any]] = [["lobby", "Hello"], [{"room": "lobby", "text": "Hello"}, 1], ["Hello"], [[]]]
    for arguments in wrong:
        assert (await mina.ask("send", *arguments))["error"]["code"] == "bad_field"


@row("several packets in one poll's body")
async def test_payloads(url: str) -> None:
    async with poller(url, guest="Mina") as polling:
        assert (await polling.post(*["3"] * 2, '421["ping",{}]')).text == "ok"
        await polling.until(lambda packet: packet.startswith("431"))
        assert (await polling.post("4" + "x" * 65_536)).status_code == 413
    async with poller(url, guest="Mina") as polling:
        assert (await polling.post(*["3"] * 257)).status_code == 400


@row("Engine.IO 3 (Socket.IO 2), JSONP, WebTransport")
async def test_other_engines(url: str) -> None:
    async with rest(url) as anyone:
        for asked in (query("polling", eio="3"), query("polling") + "&j=0", query("webtransport")):
            assert (await anyone.http.get(asked)).status_code == 400


@row("the msgpack parser")
async def test_msgpack(url: str) -> None:
    async with visitor(url) as socket:
        await socket.send(b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x81\xa5guest\xa4Mina")
        await socket.ended()
        assert socket.socket.close_code is not None


# -- the server --------------------------------------------------------------------------------------------------------


@row('`socket.join("room")`')
async def test_join(driver: Driver, url: str, mina: StockSocket, backend: Rest) -> None:
    await backend.ok("POST", "/api/rooms", {"id": "club", "title": "Club", "access": "invite"})
    assert (await mina.ask("join", {"room": "club"}))["error"]["code"] == "not_found"
    await backend.ok("PUT", f"/api/rooms/club/members/{user(mina)}", {"name": "Mina"})
    assert (await mina.ask("join", {"room": "club"}))["role"] == "member"


@row('`io.to("room").emit("chat", text)`')
async def test_publish(mina: StockSocket, backend: Rest) -> None:
    await backend.ok("POST", "/api/publish", {"messages": [{"room": "lobby", "text": "for all", "cid": "for-all"}]})
    await heard(mina, "for all")


@row('`socket.on("chat", (text) => …)`')
async def test_a_chat_message(driver: Driver, url: str, mina: StockSocket) -> None:
    other = await come(driver, url, auth={"guest": "Bora"})
    await mina.ask("send", {"room": "lobby", "text": "Hello"})
    assert (await heard(other, "Hello"))["name"] == "Mina"


@row('an event of your own, `socket.emit("cursor", {x, y})`')
async def test_an_event_of_your_own(driver: Driver, url: str, mina: StockSocket) -> None:
    other = await come(driver, url, auth={"guest": "Bora"})
    await mina.ask("send", {"room": "lobby", "text": "cursor", "data": {"x": 1, "y": 2}})
    assert (await heard(other, "cursor"))["data"] == {"x": 1, "y": 2}


@row('`socket.broadcast.to("room").emit("typing")`')
async def test_typing(driver: Driver, url: str, mina: StockSocket) -> None:
    other = await come(driver, url, auth={"guest": "Bora"})
    await mina.do("emit", "typing", {"room": "lobby"})
    await eventually(lambda: any(user(mina) in event["on"] for event in other.events("typing")))


@row("middleware that reads `socket.handshake.auth`")
async def test_tokens_of_a_backend(driver: Driver, url: str, backend: Rest) -> None:
    await backend.ok("PUT", "/api/users/customer-17", {"name": "Sora"})
    token = (await backend.ok("POST", "/api/users/customer-17/tokens"))["token"]
    sora = await come(driver, url, auth={"token": token})
    assert sora.events("hello")[0]["user"] == {"id": "customer-17", "name": "Sora"}


@row("`io.in(user).disconnectSockets()`")
async def test_disconnect(mina: StockSocket, backend: Rest) -> None:
    await backend.call("POST", f"/api/users/{user(mina)}/disconnect")
    await mina.lives("disconnect")


@row("`io.in(user).socketsLeave(room)`")
async def test_remove_a_member(mina: StockSocket, backend: Rest) -> None:
    await backend.call("DELETE", f"/api/rooms/lobby/members/{user(mina)}")
    await eventually(lambda: bool(mina.events("member.kicked", "lobby")))
    assert (await mina.ask("send", {"room": "lobby", "text": "x"}))["error"]["code"] == "not_member"


@row('`io.in("room").fetchSockets()`')
async def test_presence(mina: StockSocket, backend: Rest) -> None:
    async def online() -> bool:
        answer = await backend.ok("POST", "/api/presence/query", {"rooms": ["lobby"], "limit": 100})
        return answer["rooms"][0]["users"].get(user(mina)) == "Mina"

    while not await online():  # presence is told once a second
        await asyncio.sleep(0.05)
    assert user(mina) in (await mina.ask("presence", {"room": "lobby"}))["users"]


@row("`io.to(socketId).emit(…)`, for one person")
async def test_a_direct_room(driver: Driver, url: str, mina: StockSocket) -> None:
    other = await come(driver, url, auth={"guest": "Bora"})
    async with rest(url) as anyone:
        speaker = anyone.server(mina.events("hello")[0]["token"])  # with the token of a user
        room = (await speaker.ok("PUT", f"/api/direct/{user(other)}"))["id"]
        assert "seq" in await other.ask("join", {"room": room})
        await speaker.ok("POST", f"/api/rooms/{room}/messages", {"text": "between us"})
    await heard(other, "between us", room)


@row("`io.emit(…)`, for everybody")
async def test_a_room_that_all_follow(mina: StockSocket, backend: Rest) -> None:
    await backend.ok("POST", "/api/rooms", {"id": "news", "title": "News"})
    await backend.ok("PATCH", "/api/rooms/news", {"write": "moderators"})
    assert "seq" in await mina.ask("join", {"room": "news"})
    await backend.ok("POST", "/api/rooms/news/messages", {"text": "closing early"})
    await heard(mina, "closing early", "news")
    assert (await mina.ask("send", {"room": "news", "text": "x"}))["error"]["code"] == "forbidden"
