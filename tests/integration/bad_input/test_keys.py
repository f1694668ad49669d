"""Server keys: what they are not for, and requests for many (rows 66, 69 to 71)."""

import asyncio
import json
import socket
from contextlib import closing
from urllib.parse import quote

import pytest

from madang.core.bounds import MAX_BATCH, MAX_ITEMS
from tests.rest import admin_client, hold_to_the_error_shape, rest, server_key
from tests.running import Server
from tests.wire import upgraded

SHORT_MS = 5_000  # in which a busy machine, too, does what a key is for


async def test_a_key_is_refused_for_what_it_is_not_for(server: Server) -> None:  # row 66
    """In the same words, whether there is such a room or not, and without a look at the body."""
    made = await (await admin_client(server)).ask("POST", "/keys", {"label": "Reader", "scopes": ["read"]})
    async with rest(server.url) as anyone:
        reader = anyone.server(made["key"])
        told = []
        for room in ("lobby", "no-such-room"):
            for body in ({"text": "hello"}, {"text": 1}, {"text": "x" * 60_000}):
                answer = await reader.call("POST", f"/api/rooms/{room}/messages", body)
                told.append((answer.status_code, answer.text))
        assert len(set(told)) == 1
        assert told[0][0] == 403
        assert await reader.refused("DELETE", "/api/rooms/lobby") == "no_scope"
        assert await reader.refused("POST", "/api/guests", {"name": "Mina"}) == "no_scope"
        await reader.ok("GET", "/api/rooms/lobby/messages")


ITEMS = {
    "/api/users": ("PUT", "users", {"id": "shop-1", "name": "Mina"}),
    "/api/members": ("PUT", "members", {"room": "lobby", "user": "shop-1", "name": "Mina"}),
    "/api/publish": ("POST", "messages", {"room": "lobby", "text": "hello"}),
}


@pytest.mark.parametrize("path", ITEMS)
async def test_a_request_for_many_is_refused_whole(server: Server, path: str) -> None:  # row 69
    method, field, item = ITEMS[path]
    async with rest(server.url) as anyone:
        shop = anyone.server(await server_key(server))
        before = await shop.ok("GET", "/api/rooms/lobby/messages?limit=1")
        for items in (
            [],
            [item] * (MAX_ITEMS + 1),
            [item, 1],
            [item, {}],
            [item, {**item, "more": 1}],
            [item, None],
            {"0": item},
        ):
            assert await shop.refused(method, path, {field: items}) == "bad_field"
        assert await shop.refused(method, path, {field: [item], "more": 1}) == "bad_field"
        dense = json.dumps({field: [item], "x": [0] * 50_000}).encode()
        twice = json.dumps({field: [item]}).encode()[:-1] + b"," + json.dumps({field: [item]}).encode()[1:]
        for text, code in ((dense, "too_big"), (twice, "bad_json"), (b"[]", "bad_json"), (b"", "bad_json")):
            assert hold_to_the_error_shape(await shop.call(method, path, content=text)) == code
        with closing(
            socket.create_connection(("127.0.0.1", server.port))
        ) as plain:  # it reads before it has written all
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shop.token}\r\n"
            plain.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {MAX_BATCH + 1}\r\n\r\n".encode())
            assert b'"too_big"' in await asyncio.to_thread(plain.makefile("rb").read)
        assert await shop.ok("GET", "/api/rooms/lobby/messages?limit=1") == before


NOT_THEIRS = (
    "madang",
    "Madang",
    "key-00000000",
    "account-1",
    "issuer-shop:1",
    "ISSUER-shop:1",
    "u" + "a" * 16,
    "-x",
    "x" * 65,
    "가",
)


@pytest.mark.parametrize("id", NOT_THEIRS)
async def test_a_product_names_its_own_users_only(server: Server, id: str) -> None:  # row 70
    async with rest(server.url) as anyone:
        shop = anyone.server(await server_key(server))
        path = f"/api/users/{quote(id)}"
        assert await shop.refused("PUT", path, {"name": "Mina"}) == "bad_field"
        assert await shop.refused("POST", f"{path}/tokens") == "bad_field"
        body = {"users": [{"id": id, "name": "Mina"}]}
        answer = await shop.call("PUT", "/api/users", body)
        error = answer.json()["error"] if answer.is_error else answer.json()["results"][0]["error"]
        assert error["code"] == "bad_field"
        if id.startswith(("madang", "key-")):
            assert await shop.refused("PUT", f"/api/rooms/lobby/members/{id}", {"name": "Mina"}) == "bad_field"
            assert await shop.refused("DELETE", path) == "forbidden"


async def test_a_token_is_worth_no_more_than_the_key_that_made_it(server: Server) -> None:  # row 71
    administration = await admin_client(server)
    async with rest(server.url) as anyone:
        for dropped in (True, False):
            made = await administration.ask(
                "POST", "/keys", {"label": "Shop", "for_ms": 600_000 if dropped else SHORT_MS}
            )
            shop = anyone.server(made["key"])
            await shop.ok("PUT", "/api/users/shop-9", {"name": "Mina"})
            token = (await shop.ok("POST", "/api/users/shop-9/tokens", {"for_ms": 2_000_000_000}))["token"]
            async with upgraded(server.port) as raw, upgraded(server.port) as late:
                assert (await raw.ask(op="hello", n=1, token=token))["op"] == "ok"
                if dropped:
                    await administration.ask("DELETE", f"/keys/{made['id']}")
                assert await raw.closed() == 4401
                assert (await late.ask(op="hello", n=1, token=token))["code"] == "bad_token"
                assert await late.closed() == 4401
