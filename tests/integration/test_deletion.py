"""Deleting rooms and users on a running server: over REST, from the command line, and as those who are there see it."""

import json
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from madang.client import RoomDeleted
from madang.client import connect as client_of
from tests.rest import rest, server_key
from tests.running import madang, running_server


async def ask(socket: ClientConnection, n: int, **command: Any) -> dict[str, Any]:
    await socket.send(json.dumps({"n": n, **command}))
    while (frame := json.loads(await socket.recv())).get("n") != n:
        pass
    answer: dict[str, Any] = frame
    return answer


async def test_a_user_who_is_deleted_is_out_at_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        url = f"ws://127.0.0.1:{server.port}/ws"
        async with connect(url, proxy=None) as one, connect(url, proxy=None) as idle:
            hello = await ask(one, 1, op="hello", guest="Mina")
            user, token = hello["user"]["id"], hello["token"]
            await ask(one, 2, op="join", room="lobby")
            await ask(one, 3, op="send", room="lobby", cid="c-1", text="still here")
            assert (await ask(idle, 1, op="hello", token=token))["op"] == "ok", "it follows nothing"
            done = await madang("user", "delete", user, "--data", tmp_path)
            assert (done.status, done.err) == (0, "")
            for socket in (one, idle):
                try:
                    while True:
                        await socket.recv()
                except ConnectionClosed as closed:
                    assert closed.rcvd is not None and closed.rcvd.code == 4410
        async with connect(url, proxy=None) as again:
            assert (await ask(again, 1, op="hello", token=token))["code"] == "bad_token"
        async with rest(server.url) as anyone:
            assert (await anyone.server(token).call("GET", "/api/me")).status_code == 401
            bora = await anyone.guest("Bora", "lobby")
            members = (await bora.call("GET", "/api/rooms/lobby/members")).json()["members"]
            assert user not in [member["user"] for member in members]
            messages = (await bora.call("GET", "/api/rooms/lobby/messages")).json()["messages"]
            assert [(m["user"], m["text"]) for m in messages] == [(user, "still here")]
        unknown = await madang("user", "delete", "u-nobody", "--data", tmp_path)
        assert (unknown.status, unknown.err) == (1, "madang: There is no user 'u-nobody'.\n")
        for own in ("madang", "key-0123abcd"):
            refused = await madang("user", "delete", own, "--data", tmp_path)
            assert (refused.status, "This is the server itself or a server key" in refused.err) == (1, True)
        assert "madang" in (await madang("room", "show", "lobby", "--data", tmp_path)).out


async def test_a_room_is_deleted_by_its_owner_and_by_a_server_key(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        url = f"ws://127.0.0.1:{server.port}/ws"
        mina = await anyone.guest("Mina")
        for room in ("yard", "hall"):
            assert (await mina.call("POST", "/api/rooms", {"id": room})).status_code == 201
        async with client_of(url, guest="Bora") as bora:
            yard = await bora.join("yard")
            assert (await mina.call("DELETE", "/api/rooms/yard")).status_code == 200
            seen = [item async for item in yard]
            assert isinstance(seen[-1], RoomDeleted) and yard.ended == "deleted"
            await (await bora.join("lobby")).send("the connection is still there")
        shop = anyone.server(await server_key(server))
        assert (await shop.call("DELETE", "/api/rooms/hall")).status_code == 200
        for room in ("yard", "hall", "nope"):
            for caller in (mina, shop):
                assert (await caller.call("DELETE", f"/api/rooms/{room}")).status_code == 404
            assert (await mina.call("GET", f"/api/rooms/{room}")).status_code == 404
        assert (await shop.call("DELETE", "/api/rooms/lobby")).status_code == 403
        assert (await mina.call("POST", "/api/rooms", {"id": "yard"})).json()["error"]["code"] == "room_exists"
