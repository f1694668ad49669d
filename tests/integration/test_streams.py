"""Streams of a room over a real server: what they bring, from where they go on, whom they are for, and how they end."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.node.run import RunningNode, run_node
from tests.http import http_client
from tests.rest import Rest, admin_client, rest, server_key
from tests.running import Server, running_server
from tests.streams import Reader, Told, refused, stream
from tests.waiting import eventually

PATH = "/api/rooms/yard/events"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("streams"), "--load-test") as server:
        yield server


@pytest.fixture
async def olive(server: Server) -> AsyncIterator[Rest]:
    """The owner of a new room."""
    async with rest(server.url) as anyone:
        olive = await anyone.guest("Olive")
        await olive.ok("POST", "/api/rooms", {"id": f"yard-{olive.user}"})
        yield olive


def path(owner: Rest) -> str:
    return f"/api/rooms/yard-{owner.user}/events"


async def say(who: Rest, owner: Rest, *texts: str) -> None:
    for text in texts:
        await who.ok("POST", f"/api/rooms/yard-{owner.user}/messages", {"text": text})


def texts(told: list[Told]) -> list[str]:
    return [each.data["text"] for each in told if each.name == "message.sent"]


async def test_a_stream_begins_now_or_with_the_newest_and_goes_on_live(server: Server, olive: Rest) -> None:
    await say(olive, olive, "one", "two", "three")
    async with stream(server.url, path(olive), olive.token) as reader:
        (start,) = await reader.until("start")
        assert 1000 <= reader.retry_ms < 2000
        assert (start.data["seq"], start.data["role"], start.data["room"]["id"]) == (4, "owner", f"yard-{olive.user}")
        await say(olive, olive, "four")
        (event,) = await reader.until("message.sent")
        assert event.data["op"] == "event"
        assert event.id == f"yard-{olive.user}:5:{start.data['epoch']}"
    async with stream(server.url, path(olive), olive.token, limit=2) as reader:
        start, *events = await reader.take(3)
        assert (start.data["seq"], texts(events)) == (3, ["three", "four"])


async def test_who_comes_back_misses_nothing_by_header_or_parameter(server: Server, olive: Rest) -> None:
    await say(olive, olive, "one")
    async with stream(server.url, path(olive), olive.token, limit=1) as reader:
        first = (await reader.until("message.sent"))[-1]
    await say(olive, olive, *(f"missed {n}" for n in range(60)))
    wanted = [f"missed {n}" for n in range(60)]
    for how in (
        {"last_id": first.id},
        {"last_event_id": first.id},
        {"last_id": first.id, "last_event_id": "yard:0:0f"},
    ):
        async with stream(server.url, path(olive), olive.token, **how) as reader:
            found = await reader.take(1 + len(wanted))
            assert found[0].id == first.id
            assert texts(found) == wanted
            await say(olive, olive, "live")
            assert texts(await reader.until("message.sent")) == ["live"]
        wanted.append("live")


@pytest.mark.parametrize("last_id", ["yard:2:0123456789abcdef", "yard:99:{epoch}"])
async def test_who_cannot_go_on_is_told_to_begin_again(server: Server, olive: Rest, last_id: str) -> None:
    await say(olive, olive, "one", "two")
    async with stream(server.url, path(olive), olive.token) as reader:
        (start,) = await reader.until("start")
    there = last_id.replace("yard", f"yard-{olive.user}").format(epoch=start.data["epoch"])
    async with stream(server.url, path(olive), olive.token, there) as reader:
        (reset,) = await reader.until("reset")
        assert (reset.data["seq"], reset.id) == (3, start.id)
        assert [event["text"] for event in reset.data["events"] if "text" in event] == ["one", "two"]
        await say(olive, olive, "three")
        assert texts(await reader.until("message.sent")) == ["three"]


async def test_data_with_line_breaks_makes_no_lines_of_its_own(server: Server, olive: Rest) -> None:
    body = b'{"text": "a\\nevent: bye", "data": {"a":\n\n\r\n [1,\r 2]}}'
    async with stream(server.url, path(olive), olive.token) as reader:
        await reader.until("start")
        await olive.ok("POST", f"/api/rooms/yard-{olive.user}/messages", content=body)
        (event,) = await reader.until("message.sent")
        assert event.data["text"] == "a\nevent: bye"
        assert event.data["data"] == {"a": [1, 2]}


async def test_what_is_not_a_stream(server: Server, olive: Rest) -> None:
    """Bad input, each by its code; and nothing of it opens a stream."""
    async with rest(server.url) as anyone:
        stranger = await anyone.guest("Stranger")
        mine, strange = ({"Authorization": f"Bearer {who.token}"} for who in (olive, stranger))
        for wrong in (
            "x",
            "1",
            "yard:1",
            "yard:-1:0f",
            "yard:01:0f",
            "yard:1:0g",
            "yard:1:0f,a:1:0f",
            "-",
            "yard:1:0f ",
            "가",
        ):
            assert await refused(server.url, path(olive), headers=mine, last_event_id=wrong) == "bad_field", wrong
        assert await refused(server.url, path(olive), headers={**mine, "Last-Event-ID": "other:1:0f"}) == "bad_field"
        for query in ({"limit": -1}, {"limit": 201}, {"limit": "x"}, {"token": olive.token}, {"nope": 1}):
            assert await refused(server.url, path(olive), headers=mine, **query) == "bad_field", query
        assert await refused(server.url, path(olive)) == "bad_token"
        assert await refused(server.url, path(olive), headers={"Authorization": "Bearer x"}) == "bad_token"
        assert await refused(server.url, path(olive), headers=strange) == "not_found"
        assert await refused(server.url, "/api/rooms/none/events", headers=mine) == "not_found"
        assert await refused(server.url, path(olive), "POST", headers=mine) == "not_allowed"
        assert (await olive.call("GET", "/api/rooms/lobby/members")).json()["error"]["code"] == "not_found", (
            "nobody joins"
        )


async def test_head_says_what_get_would_and_begins_nothing(server: Server, olive: Rest) -> None:
    async with http_client(server.url) as http:
        headers = {"Authorization": f"Bearer {olive.token}"}
        answer = await http.head(path(olive), headers=headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (await http.head(path(olive))).status_code == 401
        ticket = (await olive.ok("POST", "/api/tickets"))["ticket"]
        assert (await http.head(path(olive), params={"ticket": ticket})).status_code == 400
    async with stream(server.url, path(olive), ticket=ticket) as reader:
        await reader.until("start")  # it was not used up


async def test_a_ticket_opens_one_stream(server: Server, olive: Rest) -> None:
    ticket = (await olive.ok("POST", "/api/tickets"))["ticket"]
    async with stream(server.url, path(olive), ticket=ticket) as reader:
        assert (await reader.until("start"))[0].data["role"] == "owner"
    assert await refused(server.url, path(olive), ticket=ticket) == "bad_token"
    assert await refused(server.url, path(olive), ticket="x" * 10_000) == "bad_field"
    both = (await olive.ok("POST", "/api/tickets"))["ticket"]
    headers = {"Authorization": f"Bearer {olive.token}"}
    assert await refused(server.url, path(olive), headers=headers, ticket=both) == "bad_field"
    unknown = (await olive.ok("POST", "/api/tickets"))["ticket"]
    assert await refused(server.url, path(olive), ticket=unknown, nope=1) == "bad_field"
    async with stream(server.url, path(olive), ticket=unknown) as reader:
        await reader.until("start")  # it was not used up
    assert ticket not in server.log.read_text()


async def test_a_page_of_a_listed_origin_may_ask(tmp_path: Path) -> None:
    settings = {"origins": '["https://shop.example"]'}
    async with running_server(tmp_path, "--load-test", settings=settings) as server, http_client(server.url) as http:
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
        wanted = {**asked, "Access-Control-Request-Headers": "authorization,last-event-id"}
        assert (await http.options("/api/rooms/lobby/events", headers=wanted)).status_code == 204
        async with rest(server.url) as anyone:
            mina = await anyone.guest("Mina", "lobby")
        headers = {"Origin": "https://shop.example", "Authorization": f"Bearer {mina.token}"}
        async with http.stream("GET", "/api/rooms/lobby/events", headers=headers) as response:
            assert response.headers["access-control-allow-origin"] == "https://shop.example"
            await Reader(response).until("start")


async def test_a_key_reads_every_room_and_is_seen_in_none(server: Server, olive: Rest) -> None:
    key = await server_key(server)
    async with stream(server.url, path(olive), key, limit=1) as reader:
        assert (await reader.until("start"))[0].data["role"] == "server"
        await say(olive, olive, "hello")
        assert texts(await reader.until("message.sent")) == ["hello"]
        async with stream(server.url, path(olive), olive.token) as mine:
            await mine.until("start")
            presence = await reader.until("presence")
        assert presence[-1].data["online"] == {olive.user: "Olive"}
        assert (await olive.ok("GET", f"/api/rooms/yard-{olive.user}/presence"))["users"] == {olive.user: "Olive"}


async def leave(owner: Rest, mina: Rest) -> None:
    await mina.ok("DELETE", f"/api/rooms/yard-{owner.user}/members/me")


async def kick(owner: Rest, mina: Rest) -> None:
    await owner.ok("DELETE", f"/api/rooms/yard-{owner.user}/members/{mina.user}")


async def ban(owner: Rest, mina: Rest) -> None:
    await owner.ok("PUT", f"/api/rooms/yard-{owner.user}/bans/{mina.user}", {})


async def delete_room(owner: Rest, mina: Rest) -> None:
    await owner.ok("DELETE", f"/api/rooms/yard-{owner.user}")


async def delete_user(owner: Rest, mina: Rest) -> None:
    await mina.ok("DELETE", "/api/me")


ENDS: dict[str, tuple[Callable[[Rest, Rest], Awaitable[None]], str]] = {
    "leaving": (leave, "member.left"),
    "a kick": (kick, "member.kicked"),
    "a ban": (ban, "member.kicked"),
    "the room's end": (delete_room, "room.deleted"),
    "their own end": (delete_user, ""),
}


@pytest.mark.parametrize("why", ENDS)
async def test_a_stream_ends_with_the_right_to_it_and_says_why(server: Server, olive: Rest, why: str) -> None:
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina", f"yard-{olive.user}")
        async with stream(server.url, path(olive), mina.token) as reader:
            await reader.until("start")
            end, last = ENDS[why]
            await end(olive, mina)
            told = [each for each in await reader.rest() if each.name != "presence"]
    assert told[-1].data == {"op": "bye", "code": 4410, "reason": told[-1].data["reason"], "reconnect": "never"}
    assert not last or told[-2].name == last
    assert await refused(server.url, path(olive), headers={"Authorization": f"Bearer {mina.token}"}) in (
        "not_found",
        "bad_token",
    )


async def test_a_stream_ends_with_its_key_and_with_its_token(server: Server, olive: Rest) -> None:
    text = await server_key(server)
    server_of = olive.server(text)
    for_ms = 60_000
    await server_of.ok("PUT", "/api/users/shop-1", {"name": "Shop"})
    token = (await server_of.ok("POST", "/api/users/shop-1/tokens", {"for_ms": for_ms}))["token"]
    await olive.server(text).ok("PUT", f"/api/rooms/yard-{olive.user}/members/shop-1", {"name": "Shop"})
    async with (
        stream(server.url, path(olive), text) as of_key,
        stream(server.url, path(olive), token) as of_user,
    ):
        await of_key.until("start")
        await of_user.until("start")
        await (await admin_client(server)).ask("DELETE", f"/keys/{text.split('_')[1]}")
        for reader in (of_key, of_user):
            last = (await reader.rest())[-1]
            assert (last.name, last.data["code"], last.data["reason"]) == ("bye", 4401, "server key dropped")


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[RunningNode]:
    settings: Any = {"max_sockets_per_address": 3, "handshake_rate": 0, "request_rate": 0, "address_rate": 0}
    async with run_node(Settings(port=0, admin_port=0, data=tmp_path, **settings)) as node:
        yield node


async def test_streams_count_as_sockets_until_they_end(node: RunningNode) -> None:
    url = f"http://127.0.0.1:{node.port}"
    async with rest(url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        headers = {"Authorization": f"Bearer {mina.token}"}
        async with (
            stream(url, "/api/rooms/lobby/events", mina.token),
            stream(url, "/api/rooms/lobby/events", mina.token),
            stream(url, "/api/rooms/lobby/events", mina.token),
        ):
            assert node.node.admission.open == len(node.node.streams.open) == 3
            (audience,) = node.node.hub.rooms["lobby"].audiences.values()
            assert audience.encoding is node.node.streams.events, "encoded once for all"
            assert await refused(url, "/api/rooms/lobby/events", headers=headers) == "overloaded"
        await eventually(lambda: not node.node.streams.open)
        assert node.node.admission.open == 0
        assert not list(node.node.hub.rooms["lobby"].subscriptions())
        assert list(node.node.sessions.users()) == []
        async with stream(url, "/api/rooms/lobby/events", mina.token) as reader:
            await reader.until("start")


async def test_a_server_that_stops_tells_streams_when_to_come_back(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server, rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        async with stream(server.url, "/api/rooms/lobby/events", mina.token) as reader:
            await reader.until("start")
            began = time.monotonic()
            stopping = asyncio.create_task(server.stop())
            last = (await reader.rest())[-1]
            assert (last.name, last.data["code"], last.data["reconnect"]) == ("bye", 1012, "resume")
            assert 100 <= last.data["retry_ms"] == reader.retry_ms < 2100
            await stopping
            assert time.monotonic() - began < 30
