"""Deleting rooms and users on a running server: over REST, from the command line, and as those who are there see it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from madang.client import RoomDeleted
from madang.client import connect as client_of
from tests.rest import rest, server_key
from tests.running import madang, running_server
from tests.waiting import PATIENCE_S


async def ask(socket: ClientConnection, n: int, **command: Any) -> dict[str, Any]:
    await socket.send(json.dumps({"n": n, **command}))
    while (frame := json.loads(await socket.recv())).get("n") != n:
        pass
    answer: dict[str, Any] = frame
    return answer


async def test_a_user_who_is_deleted_is_out_at_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        url = f"ws://127.0.0.1:{server.port}/ws"
        async with (
            connect(url, proxy=None, open_timeout=PATIENCE_S) as one,
            connect(url, proxy=None, open_timeout=PATIENCE_S) as idle,
        ):
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
        async with connect(url, proxy=None, open_timeout=PATIENCE_S) as again:
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


async def erased(data: Path, user: str) -> str:
    """Wait until an erasure is done; return the line that the command shows of it."""
    async with asyncio.timeout(PATIENCE_S):
        while " done " not in (line := (await madang("user", "erasure", user, "--data", data)).out):
            assert line.startswith(user)
    return line


async def test_what_deleted_users_said_is_erased_as_whoever_deletes_them_says(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        shop = anyone.server(await server_key(server))
        ara = await anyone.guest("Ara", "lobby")
        people = {
            said: await anyone.guest(f"Bora {said}", "lobby")
            for said in ("keep", "anonymise", "erase", "key", "command")
        }
        for person in people.values():
            await person.ok("PATCH", "/api/me", {"picture": "https://a.example/me"})
            await person.ok("POST", "/api/rooms/lobby/messages", {"text": "a secret"})
        for said in ("keep", "anonymise", "erase"):
            path = "/api/me" if said == "keep" else f"/api/me?said={said}"
            assert await people[said].ok("DELETE", path) == {"deleted": True}
            assert await people[said].refused("GET", "/api/me") == "bad_token"
        new = await anyone.guest("New")
        assert await new.ok("DELETE", "/api/me") == {"deleted": True}, "of whom nothing is stored yet"
        assert await new.refused("GET", "/api/me") == "bad_token"
        by_key = people["key"].user
        assert await ara.refused("DELETE", f"/api/users/{by_key}?said=erase") == "forbidden"
        assert await ara.refused("GET", f"/api/users/{by_key}/erasure") == "forbidden"
        assert await shop.refused("DELETE", f"/api/users/{by_key}?said=all") == "bad_field"
        assert await shop.refused("GET", f"/api/users/{by_key}/erasure") == "not_found"
        assert await shop.refused("DELETE", "/api/me?said=erase") == "forbidden"
        await shop.ok("DELETE", f"/api/users/{by_key}?said=erase")
        standing = await shop.ok("GET", f"/api/users/{by_key}/erasure")
        assert (standing["user"], standing["said"], standing["done_at"]) == (by_key, "erase", None)
        done = await madang("user", "delete", people["command"].user, "--erase", "--data", tmp_path)
        assert (done.status, "madang user erasure" in done.err) == (0, True)
        for said in ("anonymise", "erase", "key", "command"):
            assert "rooms 1" in await erased(tmp_path, people[said].user)
        assert len((await madang("user", "erasure", "--data", tmp_path)).out.splitlines()) == 4
        page = await ara.ok("GET", "/api/rooms/lobby/messages")
        shown = {m["user"]: (m["name"], m["text"]) for m in page["messages"]}
        assert shown == {
            people["keep"].user: ("Bora keep", "a secret"),
            people["anonymise"].user: ("", "a secret"),
            **{people[said].user: ("", "") for said in ("erase", "key", "command")},
        }
        trail = (await madang("audit", "--data", tmp_path)).out
        assert trail.count("deluser") == 6 and "Bora" not in trail and "(key-" in trail
        assert "deluser by Madang (madang)" in trail
        never = await madang("user", "erasure", ara.user, "--data", tmp_path)
        assert (never.status, "Traceback" in never.err) == (1, False)


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
