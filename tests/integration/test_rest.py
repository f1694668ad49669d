"""REST over a real server: what a page and another server need. Every answer is held to /openapi.json (tests/rest.py)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from madang.config import Settings
from madang.errors import StorageFailed
from madang.node.run import run_node
from tests import wire
from tests.http import http_client
from tests.rest import Rest, hold_to_the_error_shape, rest, server_key
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

LOBBY = "/api/rooms/lobby"
MESSAGES = LOBBY + "/messages"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("rest")) as server:
        yield server


@pytest.fixture
async def anyone(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as client:
        yield client


async def test_a_guest_gets_a_user_and_a_token(anyone: Rest) -> None:
    welcome = await anyone.call("POST", "/api/guests", {"name": "  미나   Kim "})
    assert welcome.status_code == 201
    mina = welcome.json()
    assert mina["user"]["name"] == "미나 Kim"
    anyone.token = mina["token"]
    assert await anyone.ok("GET", "/api/me") == mina


async def test_the_same_user_over_rest_and_websocket(server: Server, anyone: Rest) -> None:
    mina = await anyone.guest("Mina", "lobby")
    async with wire.upgraded(server.port) as raw:
        hello = await raw.ask(op="hello", n=1, token=mina.token)
        assert hello["user"] == {"id": mina.user, "name": "Mina"}
        await raw.ask(op="join", n=2, room="lobby", limit=0)
        sent = await mina.ok("POST", MESSAGES, {"text": "over REST"})
        async with asyncio.timeout(PATIENCE_S):
            while True:
                _, data = await raw.read()
                event = json.loads(data)
                if event.get("seq") == sent["seq"]:
                    break
    assert (event["id"], event["text"], event["user"]) == (sent["id"], "over REST", mina.user)


async def test_a_room_is_made_found_and_changed(anyone: Rest) -> None:
    owner, other = await anyone.guest("Olive"), await anyone.guest("Other")
    made = await owner.call("POST", "/api/rooms", {"id": "garden", "title": "정원"})
    assert made.status_code == 201
    assert made.headers["location"] == "/api/rooms/garden"
    garden = {"id": "garden", "title": "정원", "access": "open", "slow_ms": 0}
    assert made.json() == await other.ok("GET", "/api/rooms/garden") == garden
    assert await owner.refused("POST", "/api/rooms", {"id": "garden"}) == "room_exists"
    assert (await owner.ok("POST", "/api/rooms", {"id": "no-title"}))["title"] == "no-title"
    assert await other.refused("PATCH", "/api/rooms/garden", {"title": "Mine"}) == "not_found"
    await other.ok("PUT", "/api/rooms/garden/members/me")
    assert await other.refused("PATCH", "/api/rooms/garden", {"title": "Mine"}) == "forbidden"
    changed = await owner.ok("PATCH", "/api/rooms/garden", {"title": "뜰", "slow_ms": 60_000})
    assert changed == {**garden, "title": "뜰", "slow_ms": 60_000}
    assert await owner.ok("PATCH", "/api/rooms/garden", {}) == changed


async def test_open_rooms_are_listed_in_pages(anyone: Rest) -> None:
    mina = await anyone.guest("Mina")
    for id in ("page-1", "page-2", "page-3"):
        await mina.ok("POST", "/api/rooms", {"id": id})
    await mina.ok("POST", "/api/rooms", {"id": "page-2-hidden", "access": "invite"})
    first = await mina.ok("GET", "/api/rooms?after=page&limit=2")
    assert ([room["id"] for room in first["rooms"]], first["more"]) == (["page-1", "page-2"], True)
    second = await mina.ok("GET", "/api/rooms?after=page-2&limit=1")
    assert [room["id"] for room in second["rooms"]] == ["page-3"]


async def test_a_hidden_room_answers_like_a_missing_one(anyone: Rest) -> None:
    owner, other = await anyone.guest("Olive"), await anyone.guest("Other")
    await owner.ok("POST", "/api/rooms", {"id": "hidden", "access": "invite"})
    assert (await owner.ok("GET", "/api/rooms/hidden"))["access"] == "invite"
    for method, path, body in [
        ("GET", "", None), ("PATCH", "", {"title": "x"}), ("GET", "/messages", None), ("POST", "/messages", {"text": "x"}),
        ("PATCH", "/messages/1", {"text": "x"}), ("DELETE", "/messages/1", None), ("PUT", "/messages/1/reactions/x", None),
        ("DELETE", "/messages/1/reactions/x", None), ("GET", "/pins", None), ("PUT", "/pins/1", None), ("DELETE", "/pins/1", None),
        ("GET", "/members", None), ("POST", "/invites", None), ("PUT", "/members/me", None), ("DELETE", "/members/me", None), ("DELETE", "/members/u1", None),
        ("PATCH", "/members/u1", {"role": "member"}), ("PUT", "/read", {"seq": 1}),
    ]:  # fmt: skip
        answers = [await other.call(method, f"/api/rooms/{room}{path}", body) for room in ("hidden", "missing")]
        assert answers[0].is_error
        assert answers[0].text == answers[1].text, path


async def test_an_open_rooms_messages_are_for_its_members(anyone: Rest) -> None:
    stranger = await anyone.guest("Stranger")
    assert await stranger.refused("GET", MESSAGES) == "not_found"
    assert await stranger.refused("POST", MESSAGES, {"text": "x"}) == "not_found"


async def test_a_message_carries_what_it_was_given(anyone: Rest) -> None:
    mina, bora = await anyone.guest("Mina", "lobby"), await anyone.guest("Bora", "lobby")
    first = await mina.ok("POST", MESSAGES, {"text": "question"})
    data = '{"a":1.50,"b":[1e2,100000000000000000000000],"c":null}'
    reply = f'{{"text":"reply","data":{data},"reply_to":{first["seq"]},"mentions":["{mina.user}"]}}'
    for taken in ("user", "seq", "id", "at", "role"):  # only the server says so
        assert await bora.refused("POST", MESSAGES, {"text": "reply", taken: "x"}) == "bad_field"
    response = await bora.call("POST", MESSAGES, content=reply)
    assert response.status_code == 201
    page = await mina.call("GET", f"{MESSAGES}?after={first['seq']}")
    assert data in page.text, "as it came, to the byte"
    (message,) = page.json()["messages"]
    assert (message["user"], message["name"], message["text"]) == (bora.user, "Bora", "reply")
    assert (message["reply_to"], message["mentions"]) == (first["seq"], [mina.user])
    assert (message["id"], message["seq"]) == (response.json()["id"], response.json()["seq"])
    assert (await mina.ok("GET", "/api/me/rooms"))["rooms"][0]["mentions"] == 1


async def test_a_cid_is_stored_once(anyone: Rest) -> None:
    mina = await anyone.guest("Mina", "lobby")
    first = await mina.call("POST", MESSAGES, {"text": "once", "cid": "c-1"})
    again = await mina.call("POST", MESSAGES, {"text": "once", "cid": "c-1"})
    by_header = await mina.call("POST", MESSAGES, {"text": "once"}, headers={"Idempotency-Key": "c-1"})
    assert (first.status_code, again.status_code, by_header.status_code) == (201, 200, 200)
    assert again.json() == by_header.json() == {**first.json(), "duplicate": True}
    assert await mina.refused("POST", MESSAGES, {"text": "other", "cid": "c-1"}) == "conflict"
    without = [await mina.ok("POST", MESSAGES, {"text": "twice"}) for _ in range(2)]
    assert without[0]["seq"] < without[1]["seq"]
    edit = f"{MESSAGES}/{first.json()['seq']}"
    edited, again = [await mina.ok("PATCH", edit, {"text": "!"}, headers={"Idempotency-Key": "e-1"}) for _ in range(2)]
    assert again == {**edited, "duplicate": True}
    assert await mina.refused("PATCH", edit, {"text": "?"}, headers={"Idempotency-Key": "e-1"}) == "conflict"


async def test_a_key_that_is_not_heeded_is_refused(anyone: Rest, server: Server) -> None:
    """Ignored, it would promise what is not kept: where a request sent again does more, and where it is there twice."""
    mina, shop = await anyone.guest("Mina", "lobby"), anyone.server(await server_key(server))
    key = {"Idempotency-Key": "k-1"}
    for who, path, body in [
        (mina, "/api/rooms", {"title": "Yard"}),
        (shop, "/api/publish", {"messages": [{"room": "lobby", "text": "x"}]}),
        (anyone, "/api/guests", {"name": "Mina"}),
    ]:
        assert (await who.call("POST", path, body, headers=key)).json()["error"] == {
            "code": "bad_field", "message": "Idempotency-Key: this request takes none.",
        }  # fmt: skip
    assert (await mina.call("PATCH", "/api/me", {"name": "Mina"}, headers=key)).is_success
    twice = [("Authorization", f"Bearer {mina.token}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    response = await anyone.http.post(MESSAGES, json={"text": "x"}, headers=twice)
    assert response.json()["error"] == {"code": "bad_field", "message": "Idempotency-Key: it is there twice."}


@pytest.mark.parametrize("id", ["%C2%9B31m", "u%E2%80%AE", "%E2%81%A6u", "%EF%BF%BE", "%00"])
async def test_what_would_do_something_where_it_is_shown_is_no_id(anyone: Rest, id: str) -> None:
    mina = await anyone.guest("Mina")
    for method, path in (("PUT", f"/api/direct/{id}"), ("PUT", f"/api/rooms/lobby/bans/{id}")):
        assert await mina.refused(method, path) == "bad_field"
    for path in (f"/api/rooms?after={id}", f"/api/me/export?after=1:{id}", f"/api/search?q=x&user={id}"):
        assert await mina.refused("GET", path) == "bad_field"


async def test_history_is_paged_by_seq(anyone: Rest) -> None:
    mina = await anyone.guest("Mina")
    await mina.ok("POST", "/api/rooms", {"id": "paged"})
    messages = "/api/rooms/paged/messages"
    seqs = [(await mina.ok("POST", messages, {"text": str(n)}))["seq"] for n in range(5)]

    async def page(query: str) -> tuple[list[int], bool]:
        found = await mina.ok("GET", messages + query)
        return [message["seq"] for message in found["messages"]], found["more"]

    assert await page("") == (seqs, False)
    assert await page("?limit=2") == (seqs[3:], True)
    assert await page(f"?before={seqs[3]}&limit=2") == (seqs[1:3], True)
    assert await page(f"?before={seqs[1]}") == (seqs[:1], False)
    assert await page(f"?after={seqs[1]}&limit=2") == (seqs[2:4], True)
    assert await page(f"?after={seqs[4]}") == ([], False)
    assert await mina.refused("GET", messages + "?before=3&after=1") == "bad_field"
    bent = (await mina.call("GET", "/api/rooms/A%20b/messages")).json()["error"]
    assert bent["message"] == "id: of the form [a-z0-9][a-z0-9_-]{0,63}."


async def test_a_message_is_edited_and_deleted(anyone: Rest) -> None:
    mina, bora = await anyone.guest("Mina", "lobby"), await anyone.guest("Bora", "lobby")
    sent = await mina.ok("POST", MESSAGES, {"text": "teh", "data": {"a": 1}})
    message = f"{MESSAGES}/{sent['seq']}"

    async def shown() -> dict[str, Any]:
        (found,) = (await mina.ok("GET", f"{MESSAGES}?after={sent['seq'] - 1}&limit=1"))["messages"]
        return dict(found)

    assert await bora.refused("PATCH", message, {"text": "mine"}) == "forbidden"
    await mina.ok("PATCH", message, {"text": "the"})
    edited = await shown()
    assert (edited["text"], "data" in edited, "edited_at" in edited) == ("the", False, True)
    assert await bora.refused("DELETE", message) == "forbidden"
    await mina.ok("DELETE", message)
    assert ((await shown())["text"], (await shown())["deleted"]) == ("", True)
    assert await mina.refused("PATCH", message, {"text": "again"}) == "gone"
    assert await mina.refused("DELETE", f"{MESSAGES}/999999") == "not_found"


async def test_reactions_and_pins(anyone: Rest) -> None:
    owner = await anyone.guest("Olive")
    await owner.ok("POST", "/api/rooms", {"id": "board"})
    mina = await anyone.guest("Mina", "board")
    seq = (await mina.ok("POST", "/api/rooms/board/messages", {"text": "look"}))["seq"]
    reaction = f"/api/rooms/board/messages/{seq}/reactions/%F0%9F%91%8D"
    assert "seq" in await mina.ok("PUT", reaction)
    assert await mina.ok("PUT", reaction) == {"unchanged": True}
    assert await mina.refused("PUT", reaction + "%20") == "bad_field"
    assert await mina.refused("PUT", reaction + "%00") == "bad_text"
    (message,) = (await mina.ok("GET", "/api/rooms/board/messages"))["messages"]
    assert (message["reactions"], message["mine"]) == ({"👍": 1}, ["👍"])
    await mina.ok("DELETE", reaction)
    assert await mina.ok("DELETE", reaction) == {"unchanged": True}

    pin = f"/api/rooms/board/pins/{seq}"
    assert await mina.refused("PUT", pin) == "forbidden"
    await owner.ok("PUT", pin)
    assert await owner.ok("PUT", pin) == {"unchanged": True}
    pins = await mina.ok("GET", "/api/rooms/board/pins")
    assert [(m["seq"], m["pinned"], "reactions" in m) for m in pins["messages"]] == [(seq, True, False)]
    await owner.ok("DELETE", pin)
    assert (await mina.ok("GET", "/api/rooms/board/pins"))["messages"] == []


async def test_members_come_rise_and_go(anyone: Rest) -> None:
    owner = await anyone.guest("Olive")
    await owner.ok("POST", "/api/rooms", {"id": "club"})
    members = "/api/rooms/club/members"
    mina, bora = await anyone.guest("Mina", "club"), await anyone.guest("Bora", "club")
    assert await mina.ok("PUT", members + "/me") == {"user": mina.user, "name": "Mina", "role": "member"}
    assert await mina.refused("DELETE", f"{members}/{bora.user}") == "forbidden"
    await owner.ok("PATCH", f"{members}/{mina.user}", {"role": "moderator"})
    assert await owner.ok("PATCH", f"{members}/{mina.user}", {"role": "moderator"}) == {"unchanged": True}
    assert await mina.refused("PATCH", f"{members}/{bora.user}", {"role": "moderator"}) == "forbidden"
    await mina.ok("DELETE", f"{members}/{bora.user}")
    assert await bora.refused("GET", "/api/rooms/club/messages") == "not_found"
    assert await mina.refused("DELETE", f"{members}/{owner.user}") == "forbidden"
    listed = await mina.ok("GET", members)
    assert {m["name"]: m["role"] for m in listed["members"]} == {"Olive": "owner", "Mina": "moderator"}
    assert (await mina.ok("GET", members + "?limit=1"))["more"]
    await mina.ok("DELETE", members + "/me")
    assert await mina.refused("DELETE", members + "/me") == "not_member"


async def test_a_room_without_an_id(anyone: Rest) -> None:
    owner = await anyone.guest("Olive")
    made = await owner.ok("POST", "/api/rooms", {"title": "Layoffs", "access": "invite"})
    assert made["title"] == "Layoffs"
    assert (await owner.ok("GET", f"/api/rooms/{made['id']}"))["access"] == "invite"


async def test_an_invite_opens_its_room(anyone: Rest) -> None:
    owner, mina = await anyone.guest("Olive"), await anyone.guest("Mina")
    for id in ("den", "attic"):
        await owner.ok("POST", "/api/rooms", {"id": id, "access": "invite"})
    assert await mina.refused("POST", "/api/rooms/den/invites") == "not_found"
    invited = await owner.ok("POST", "/api/rooms/den/invites")
    assert invited["expires_ms"] == 7 * 24 * 3600 * 1000
    for wrong in ({}, {"invite": "x"}, {"invite": mina.token}):
        assert await mina.refused("PUT", "/api/rooms/den/members/me", wrong) == "not_found"
    assert await mina.refused("PUT", "/api/rooms/attic/members/me", {"invite": invited["invite"]}) == "not_found"
    await mina.ok("PUT", "/api/rooms/den/members/me", {"invite": invited["invite"]})
    assert await mina.refused("POST", "/api/rooms/den/invites") == "forbidden"
    assert await anyone.server(invited["invite"]).refused("GET", "/api/me") == "bad_token"


async def test_what_is_unread_is_counted_from_the_pointer(anyone: Rest) -> None:
    owner = await anyone.guest("Olive")
    await owner.ok("POST", "/api/rooms", {"id": "inbox"})
    mina = await anyone.guest("Mina", "inbox")
    seqs = [(await owner.ok("POST", "/api/rooms/inbox/messages", {"text": "x"}))["seq"] for _ in range(3)]

    async def unread() -> int:
        (room,) = (await mina.ok("GET", "/api/me/rooms"))["rooms"]
        return int(room["unread"])

    assert await unread() == 3
    assert await mina.ok("PUT", "/api/rooms/inbox/read", {"seq": seqs[1]}) == {"read_seq": seqs[1]}
    assert await unread() == 1
    assert await mina.ok("PUT", "/api/rooms/inbox/read", {"seq": seqs[0]}) == {"read_seq": seqs[1]}, "it never falls"
    assert await mina.ok("PUT", "/api/rooms/inbox/read", {"seq": 10**6}) == {"read_seq": seqs[2]}, "nor runs ahead"
    assert await unread() == 0


async def test_a_server_key_acts_in_every_room(server: Server, anyone: Rest) -> None:
    owner = await anyone.guest("Olive")
    await owner.ok("POST", "/api/rooms", {"id": "support", "access": "invite"})
    backend = anyone.server(await server_key(server, "Shop"))
    me = await backend.ok("GET", "/api/me")
    assert (me["user"]["name"], "token" in me) == ("Shop", False)
    messages = "/api/rooms/support/messages"
    for n in range(60):  # twice a user's burst
        await backend.ok("POST", messages, {"text": str(n)})
    alice = {"id": "shop|alice", "name": "Alice"}
    await backend.ok("POST", messages, {"text": "for Alice", "as": alice, "cid": "c"})
    newest = (await backend.ok("GET", messages + "?limit=1"))["messages"][0]
    assert (newest["user"], newest["name"]) == ("shop|alice", "Alice")
    await backend.ok("PATCH", "/api/rooms/support", {"title": "Help"})
    assert await backend.refused("POST", messages, {"text": "x", "as": {"id": "../x", "name": "X"}}) == "bad_field"
    assert await backend.refused("POST", messages, {"text": "x", "as": {**alice, "name": "A\u202eb"}}) == "bad_name"
    await backend.ok(
        "POST", messages, {"text": "x", "as": {**alice, "name": "Support"}}
    )  # a server may use reserved names
    assert await owner.refused("POST", messages, {"text": "x", "as": alice}) == "forbidden"
    assert await backend.refused("GET", "/api/rooms/missing/messages") == "not_found"
    assert newest["via"] == me["user"]["id"]
    await backend.ok("PATCH", f"{messages}/{newest['seq']}", {"text": "for Alice, corrected"})
    other = anyone.server(await server_key(server, "Bank"))
    assert await other.refused("PATCH", f"{messages}/{newest['seq']}", {"text": "x"}) == "forbidden"
    for id in ("madang", me["user"]["id"], owner.user, "madang\n", "key-deadbeef"):
        assert await backend.refused("POST", messages, {"text": "x", "as": {"id": id, "name": "X"}}) == "bad_field"
    assert "support" in [room["id"] for room in (await backend.ok("GET", "/api/rooms?limit=200"))["rooms"]]
    assert "support" not in [room["id"] for room in (await owner.ok("GET", "/api/rooms?limit=200"))["rooms"]]
    await backend.ok("DELETE", f"/api/rooms/support/members/{owner.user}")
    assert await owner.refused("GET", messages) == "not_found"


async def test_a_flooder_is_told_how_long_to_wait(anyone: Rest) -> None:
    flooder, mina = await anyone.guest("Flooder", "lobby"), await anyone.guest("Mina", "lobby")
    refused: list[httpx2.Response] = []
    async with asyncio.timeout(PATIENCE_S):
        while not refused:  # once is enough, unless the machine is slower than the limit
            answers = await asyncio.gather(*(flooder.call("POST", MESSAGES, {"text": "flood"}) for _ in range(45)))
            refused = [answer for answer in answers if answer.is_error]
    assert {hold_to_the_error_shape(answer) for answer in refused} == {"rate_limited"}
    await mina.ok("POST", MESSAGES, {"text": "still here"})


async def test_slow_mode_holds_members_and_not_moderators(anyone: Rest) -> None:
    owner = await anyone.guest("Olive")
    await owner.ok("POST", "/api/rooms", {"id": "slow"})
    await owner.ok("PATCH", "/api/rooms/slow", {"slow_ms": 3_600_000})
    mina = await anyone.guest("Mina", "slow")
    seq = (await mina.ok("POST", "/api/rooms/slow/messages", {"text": "1"}))["seq"]
    assert await mina.refused("POST", "/api/rooms/slow/messages", {"text": "2"}) == "slow_mode"
    assert await mina.refused("PATCH", f"/api/rooms/slow/messages/{seq}", {"text": "more"}) == "slow_mode"
    other = await anyone.guest("Mina", "slow")
    assert await other.refused("POST", "/api/rooms/slow/messages", {"text": "3"}) == "slow_mode", "of the same address"
    for text in "12":
        await owner.ok("POST", "/api/rooms/slow/messages", {"text": text})


async def eventually_asked(client: Rest, path: str, status: int) -> str:
    """Ask until the answer has a status; give its error's code, if it is one. /readyz is remembered for a moment."""
    async with asyncio.timeout(PATIENCE_S):
        while (response := await client.call("GET", path)).status_code != status:
            await asyncio.sleep(0.05)
    return hold_to_the_error_shape(response) if response.is_error else ""


async def test_health(anyone: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(pointers: object) -> None:
        await asyncio.Event().wait()

    async def refuse(pointers: object) -> None:
        raise StorageFailed

    assert await anyone.ok("GET", "/livez") == {"status": "live"}
    assert await anyone.ok("GET", "/readyz") == {"status": "ready"}
    async with (
        run_node(Settings(port=0, admin_port=0, data=tmp_path)) as node,
        rest(f"http://127.0.0.1:{node.port}") as here,
    ):
        node.node.admission.draining = True
        assert await here.refused("GET", "/readyz") == "draining"
        assert await here.ok("GET", "/livez") == {"status": "live"}
        node.node.admission.draining = False
        assert await here.ok("GET", "/readyz") == {"status": "ready"}
        monkeypatch.setattr(node.store, "set_read", refuse)
        assert await eventually_asked(here, "/readyz", 503) == "storage_failed"
        monkeypatch.undo()
        await eventually_asked(here, "/readyz", 200)
        monkeypatch.setattr(node.store, "set_read", never)
        assert await eventually_asked(here, "/readyz", 503) == "storage_failed"
        monkeypatch.undo()


async def test_other_origins_only_where_listed(tmp_path: Path, server: Server) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    ours, theirs = {"Origin": "https://app.example"}, {"Origin": "https://app.example.evil"}
    async with http_client(server.url) as http:
        assert "access-control-allow-origin" not in (await http.get("/livez", headers=ours)).headers
        assert (await http.options("/api/rooms", headers=ours | preflight)).status_code == 405
    async with (
        running_server(tmp_path, settings={"origins": '["https://app.example"]'}) as open_server,
        http_client(open_server.url) as http,
    ):
        answer = await http.get("/api/me", headers=ours)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "https://app.example")
        assert "access-control-allow-origin" not in (await http.get("/api/me", headers=theirs)).headers
        assert (await http.options("/api/rooms", headers=ours | preflight)).status_code == 204
        assert (await http.options("/api/rooms", headers=theirs | preflight)).status_code == 403
