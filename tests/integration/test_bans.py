"""A ban, from outside: what a banned guest still gets, on every device and through every door, and what a new name is good for."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from madang.config import Settings
from madang.node.run import RunningNode, run_node
from tests.http import http_client
from tests.integration.doors.doors import NativeVisitor
from tests.waiting import PATIENCE_S

HOME, OFFICE = "203.0.113.7", "198.51.100.4"
ROOM = "plaza"


class World:
    """A node behind a proxy, and those who come through it from some address."""

    def __init__(self, node: RunningNode, stack: AsyncExitStack) -> None:
        self._url = f"http://127.0.0.1:{node.port}"
        self._stack = stack
        self._http = http_client(self._url)
        stack.push_async_callback(self._http.aclose)

    async def guest(self, name: str, address: str) -> tuple[NativeVisitor, dict[str, Any]]:
        """Connect as a new guest. Return them with their answer to hello."""
        socket = await self._stack.enter_async_context(self._connect(address))
        return socket, await socket.ask("hello", guest=name)

    async def device(self, token: str, address: str) -> NativeVisitor:
        """Connect another device of a guest."""
        socket = await self._stack.enter_async_context(self._connect(address))
        await socket.ask("hello", token=token)
        return socket

    @asynccontextmanager
    async def _connect(self, address: str) -> AsyncIterator[NativeVisitor]:
        headers = {"X-Forwarded-For": address}
        async with connect(
            self._url.replace("http", "ws", 1) + "/ws",
            proxy=None,
            open_timeout=PATIENCE_S,
            additional_headers=headers,
        ) as socket:
            yield NativeVisitor(socket)

    async def rest(self, method: str, path: str, token: str, address: str) -> tuple[int, Any]:
        """Make a request."""
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
        response = await self._http.request(method, f"/api{path}", headers=headers)
        return response.status_code, response.json()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(port=0, admin_port=0, data=tmp_path, trusted_proxies=["127.0.0.1"])
    async with run_node(settings) as node, AsyncExitStack() as stack:
        yield World(node, stack)


async def test_nothing_reaches_a_banned_guest_and_a_new_name_is_of_no_use(world: World) -> None:
    owner, _ = await world.guest("Olive", OFFICE)
    await owner.ask("create", room=ROOM)
    await owner.ask("join", room=ROOM)
    troll, hello = await world.guest("Tro", HOME)
    tablet = await world.device(hello["token"], OFFICE)
    flatmate, _ = await world.guest("Mina", HOME)
    for each in (troll, flatmate, tablet):
        await each.ask("join", room=ROOM)
    joined = await tablet.ask("join", room=ROOM)
    id, token = hello["user"]["id"], hello["token"]
    assert (await owner.ask("ban", room=ROOM, user=id, reason="spam"))["op"] == "ok"
    last: dict[str, Any] = {}
    for device in (troll, tablet):
        *_, last = await device.hear_until(lambda frame: frame.get("type") == "member.kicked")
        assert (last["member"], last["banned"], last["reason"]) == (id, True, "spam")
    await owner.ask("send", room=ROOM, cid="c-1", text="Gone?", mentions=[id])

    for device in (troll, tablet):
        for op in ("history", "members", "presence", "pins"):
            assert (await device.ask(op, room=ROOM))["code"] == "not_member"
        back = await device.ask("join", room=ROOM, since=joined["seq"], epoch=joined["epoch"])
        assert back["code"] == "not_found"
        assert (await device.ask("join", room=ROOM))["code"] == "banned"
        assert (await device.ask("rooms"))["rooms"] == [], "nothing is counted"
        assert not [frame for frame in device.heard if frame.get("seq", 0) > last["seq"]]
    for path in ("messages", "members", "pins"):
        assert (await world.rest("GET", f"/rooms/{ROOM}/{path}", token, HOME))[0] == 404
    assert (await world.rest("GET", "/me/rooms", token, HOME)) == (200, {"rooms": [], "more": False})
    assert id not in (await owner.ask("presence", room=ROOM))["users"]

    again, newly = await world.guest("Tro", HOME)
    assert (await again.ask("join", room=ROOM))["code"] == "banned"
    status, answer = await world.rest("PUT", f"/rooms/{ROOM}/members/me", newly["token"], HOME)
    assert (status, answer["error"]["code"]) == (403, "banned")
    assert answer["error"]["retry_ms"] <= 24 * 3600 * 1000, "an address is not held for good"
    assert (await flatmate.ask("send", room=ROOM, cid="c-2", text="I stay."))["op"] == "ok"
    neighbour, _ = await world.guest("Bora", OFFICE)
    assert (await neighbour.ask("join", room=ROOM))["op"] == "ok"
