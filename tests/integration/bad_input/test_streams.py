"""What is wrong about streams and consumers: refused before anything is opened, and a neighbour chats on."""

import pytest

from tests.neighbour import chatting
from tests.rest import rest, server_key
from tests.running import Server
from tests.streams import refused, stream
from tests.wire import dialled

ROOM = "/api/rooms/lobby/events"
IDS = (
    "x",
    "lobby",
    "lobby:1",
    "lobby:-1:0f",
    "lobby:01:0f",
    "lobby:1:0g",
    "yard:1:0f",
    "lobby:1:0f,lobby:2:0f",
    "가",
    "x" * 7_000,
)


async def test_ids_of_events_that_are_none(server: Server) -> None:
    async with chatting(server), rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        headers = {"Authorization": f"Bearer {mina.token}"}
        for id in IDS:
            assert await refused(server.url, ROOM, headers=headers, last_event_id=id) == "bad_field", id
        assert await refused(server.url, ROOM, headers=headers, limit=201) == "bad_field"
        assert await refused(server.url, "/api/rooms/no-such-room/events", headers=headers) == "not_found"


async def test_who_may_not_have_a_stream(server: Server) -> None:
    async with chatting(server), rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        for token in ("", "x", mina.token[:-1]):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            assert await refused(server.url, ROOM, headers=headers) == "bad_token"
        assert await refused(server.url, ROOM, token=mina.token) == "bad_token", "none is read from a URL"
        ticket = (await mina.ok("POST", "/api/tickets"))["ticket"]
        async with stream(server.url, ROOM, ticket=ticket) as reader:
            await reader.until("start")
        assert await refused(server.url, ROOM, ticket=ticket) == "bad_token"
        assert await mina.refused("PUT", "/api/consumers/mine") == "forbidden"


async def test_acknowledgements_of_what_there_is_not(server: Server) -> None:
    async with chatting(server), rest(server.url) as anyone:
        shop = anyone.server(await server_key(server))
        await shop.ok("PUT", "/api/consumers/search")
        async with stream(server.url, ROOM, shop.token) as reader:
            epoch = (await reader.until("start"))[-1].data["epoch"]
        for ids in ([f"lobby:9999:{epoch}"], [], ["lobby"], [7], ["lobby:1:0f"] * 1_001):
            assert await shop.refused("POST", "/api/consumers/search/acks", {"ids": ids}) == "bad_field", ids[:2]
        assert await shop.refused("POST", "/api/consumers/nobody/acks", {"ids": [f"lobby:1:{epoch}"]}) == "not_found"
        await shop.ok("POST", "/api/consumers/search/acks", {"ids": ["lobby:9999:0f", "nowhere:1:0f"]})


@pytest.mark.parametrize("more", [b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b"x" * 100_000])
async def test_requests_behind_one_that_is_answered_for_good(server: Server, more: bytes) -> None:
    async with chatting(server), rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        async with dialled(server.port) as raw:
            head = f"GET {ROOM} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {mina.token}\r\n\r\n"
            await raw.send(head.encode())
            assert await raw.status() == 200
            await raw.send(more)
            await raw.ended()
