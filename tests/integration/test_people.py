"""A product's users over REST and `/ws`: from the backend that makes them known to the connection that ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.rest import Rest, admin_client, rest
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S
from tests.wire import upgraded

SHORT_MS = 5_000  # in which a busy machine, too, lets somebody in


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("people"), "--load-test") as server:
        yield server


async def key(server: Server, **limits: Any) -> dict[str, Any]:
    made: dict[str, Any] = await (await admin_client(server)).ask("POST", "/keys", {"label": "Shop", **limits})
    return made


@pytest.fixture
async def shop(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as anyone:
        yield anyone.server((await key(server))["key"])


async def test_a_backend_without_a_jwt_library_lets_its_users_in(server: Server, shop: Rest) -> None:
    assert await shop.ok("PUT", "/api/users/shop-1", {"name": "Mina"}) == {"id": "shop-1", "name": "Mina"}
    made = await shop.ok("POST", "/api/users/shop-1/tokens", {"for_ms": 600_000})
    assert 0 < made["expires_ms"] <= 600_000
    await shop.ok("POST", "/api/rooms", {"id": "order-1", "access": "invite"})
    added = await shop.ok("PUT", "/api/rooms/order-1/members/shop-1")
    assert added == {"user": "shop-1", "name": "Mina", "role": "member"}
    mina = Rest(shop.http, shop.document, made["token"])
    assert (await mina.ok("GET", "/api/me"))["user"] == {"id": "shop-1", "name": "Mina"}
    async with upgraded(server.port) as raw:
        hello = await raw.ask(op="hello", n=1, token=made["token"])
        assert hello["user"]["id"] == "shop-1"
        assert hello["token"] == made["token"]
        assert (await raw.ask(op="join", n=2, room="order-1"))["role"] == "member"
        assert (await raw.ask(op="send", n=3, room="order-1", cid="c", text="where is it?"))["op"] == "ok"
        sent = await shop.ok("POST", "/api/rooms/order-1/messages", {"text": "I am on my way", "as": {"id": "shop-1"}})
        page = await mina.ok("GET", "/api/rooms/order-1/messages?limit=1")
        assert page["messages"][0]["name"] == "Mina"
        assert page["messages"][0]["id"] == sent["id"]
    for path in ("/api/users/shop-1/tokens", "/api/users/shop-1/disconnect"):
        assert await mina.refused("POST", path) == "forbidden"


async def test_a_user_is_disconnected_and_may_come_back(server: Server, shop: Rest) -> None:
    await shop.ok("PUT", "/api/users/shop-2", {"name": "Mina"})
    token = (await shop.ok("POST", "/api/users/shop-2/tokens"))["token"]
    async with upgraded(server.port) as one, upgraded(server.port) as two:
        for raw in (one, two):
            assert (await raw.ask(op="hello", n=1, token=token))["op"] == "ok"
        assert await shop.ok("POST", "/api/users/shop-2/disconnect") == {"disconnected": True}
        assert [await raw.closed() for raw in (one, two)] == [4411, 4411]
    async with upgraded(server.port) as raw:
        assert (await raw.ask(op="hello", n=1, token=token))["op"] == "ok"


async def test_connections_end_with_the_key_that_let_them_in(server: Server) -> None:
    """When it is dropped, and when its time is over; others stay."""
    async with rest(server.url) as anyone, AsyncExitStack() as stack:
        dropped, other, short = await key(server), await key(server), await key(server, for_ms=SHORT_MS)
        sockets = []
        for n, made in enumerate((short, dropped, other)):
            shop = anyone.server(made["key"])
            await shop.ok("PUT", f"/api/users/shop-3{n}", {"name": "Mina"})
            token = (await shop.ok("POST", f"/api/users/shop-3{n}/tokens"))["token"]
            raw = await stack.enter_async_context(upgraded(server.port))
            assert (await raw.ask(op="hello", n=1, token=token))["op"] == "ok"
            sockets.append((raw, token))
        administration = await admin_client(server)
        await administration.ask("DELETE", f"/keys/{dropped['id']}")
        for raw, token in sockets[:2]:
            async with asyncio.timeout(PATIENCE_S):
                assert await raw.closed() == 4401
            mina = Rest(anyone.http, anyone.document, token)
            assert await mina.refused("GET", "/api/me") == "bad_token"
        raw, _ = sockets[2]
        assert (await raw.ask(op="ping", n=9))["op"] == "ok"


async def test_users_and_members_in_bulk(shop: Rest) -> None:
    users = [{"id": f"bulk-{n}", "name": f"U{n}"} for n in range(500)] + [{"id": "madang", "name": "M"}]
    results = (await shop.ok("PUT", "/api/users", {"users": users}))["results"]
    assert results[:500] == users[:500]
    assert results[500]["error"]["code"] == "bad_field"
    await shop.ok("POST", "/api/rooms", {"id": "hall", "access": "invite"})
    members = [{"room": "hall", "user": f"bulk-{n}"} for n in range(500)] + [
        {"room": "hall", "user": "bulk-0", "role": "owner"}
    ]
    added = (await shop.ok("PUT", "/api/members", {"members": members}))["results"]
    assert added[0] == {"user": "bulk-0", "name": "U0", "role": "member"}
    assert added[500]["role"] == "owner"
    assert not any("error" in each for each in added)
    assert len((await shop.ok("GET", "/api/rooms/hall/members?limit=200"))["members"]) == 200


async def test_a_user_who_is_deleted_is_gone(shop: Rest) -> None:
    await shop.ok("PUT", "/api/users/shop-4", {"name": "Mina"})
    token = (await shop.ok("POST", "/api/users/shop-4/tokens"))["token"]
    assert await shop.ok("DELETE", "/api/users/shop-4") == {"deleted": True}
    mina = Rest(shop.http, shop.document, token)
    assert await mina.refused("GET", "/api/me") == "bad_token"
    assert await shop.refused("PUT", "/api/users/shop-4", {"name": "Mina"}) == "gone"
    assert await shop.refused("POST", "/api/users/shop-4/tokens") == "gone"
    assert await shop.refused("DELETE", "/api/users/shop-none") == "not_found"
    assert await shop.refused("DELETE", "/api/users/madang") == "forbidden"
