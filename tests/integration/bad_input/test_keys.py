"""Server keys: what they are not for, and requests for many (rows 66 to 69)."""

import asyncio
import json
import socket
from contextlib import closing

import pytest

from madang.core.bounds import MAX_BATCH, MAX_ITEMS
from tests.rest import admin_client, hold_to_the_error_shape, rest, server_key
from tests.running import Server


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
