"""Accounts on real servers: sign-up to sign-out over REST, the socket, the command line; on every node, and after a restart."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.node.run import run_node
from tests import wire
from tests.http import http_client
from tests.rest import Rest, hold_to_the_error_shape, rest, server_key
from tests.running import Server, madang, running_server
from tests.waiting import PATIENCE_S, eventually
from tests.wire import upgraded

PASSWORD = "correct horse"
OTHER = "battery staple"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("accounts")) as server:
        yield server


@pytest.fixture
async def anyone(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as client:
        yield client


async def signed(anyone: Rest, login: str, *, up: bool = False, password: str = PASSWORD) -> tuple[Rest, str]:
    """A client of a user who signed in or up, and the session."""
    body = {"login": login, "password": password} | ({"name": login.title()} if up else {})
    response = await anyone.call("POST", "/api/accounts" if up else "/api/sessions", body)
    assert response.status_code == 201, response.text
    found = response.json()
    client = anyone.server(found["token"])
    client.user = found["user"]["id"]
    return client, found["session"]


async def hello(port: int, token: str, stack: AsyncExitStack) -> wire.Raw:
    raw = await stack.enter_async_context(upgraded(port))
    assert (await raw.ask(op="hello", n=1, token=token))["op"] == "ok"
    return raw


async def test_sign_up_sign_in_and_talk(server: Server, anyone: Rest) -> None:
    mina, session = await signed(anyone, "mina", up=True)
    me = await mina.ok("GET", "/api/me")
    assert (me["user"], me["token"]) == ({"id": mina.user, "name": "Mina"}, mina.token)
    again, other = await signed(anyone, "Mina")
    assert (again.user, other == session) == (mina.user, False)
    listed = (await again.ok("GET", "/api/sessions"))["sessions"]
    assert [(each["id"], each["current"]) for each in listed] == [(session, False), (other, True)]
    assert all(re.fullmatch(r"2\d{3}-.*Z", each[field]) for each in listed for field in ("at", "seen_at"))
    async with AsyncExitStack() as stack:
        raw = await hello(server.port, again.token, stack)
        assert (await raw.ask(op="join", n=2, room="lobby"))["role"] == "member"
        assert (await raw.ask(op="send", n=3, room="lobby", cid="c", text="hello"))["op"] == "ok"


async def test_an_ended_session_is_closed_and_refused_everywhere(server: Server, anyone: Rest) -> None:
    bora, session = await signed(anyone, "bora", up=True)
    other, stays = await signed(anyone, "bora")
    async with AsyncExitStack() as stack:
        one, idle, kept = [await hello(server.port, token, stack) for token in (bora.token, bora.token, other.token)]
        assert (await one.ask(op="join", n=2, room="lobby"))["op"] == "ok"
        assert await other.ok("DELETE", f"/api/sessions/{session}") == {"ended": True}
        async with asyncio.timeout(PATIENCE_S):
            assert [await one.closed(), await idle.closed()] == [4401, 4401]
        assert (await kept.ask(op="ping", n=2))["op"] == "ok"
        late = await stack.enter_async_context(upgraded(server.port))
        assert (await late.ask(op="hello", n=1, token=bora.token))["code"] == "bad_token"
        assert (await kept.ask(op="refresh", n=3, token=bora.token))["code"] == "bad_token"
    assert await bora.refused("GET", "/api/me") == "bad_token"
    assert await other.refused("DELETE", f"/api/sessions/{session}") == "not_found"
    await other.ok("DELETE", f"/api/sessions/{stays}")
    assert await other.refused("GET", "/api/sessions") == "bad_token", "one can sign out of this one, too"


async def test_a_ticket_ends_with_the_session_that_it_was_made_by(server: Server, anyone: Rest) -> None:
    gina, session = await signed(anyone, "gina", up=True)
    stays, _ = await signed(anyone, "gina")
    tickets = [(await gina.ok("POST", "/api/tickets"))["ticket"] for _ in range(2)]
    async with upgraded(server.port) as raw, upgraded(server.port) as late:
        assert (await raw.ask(op="hello", n=1, ticket=tickets[0]))["op"] == "ok"
        await stays.ok("DELETE", f"/api/sessions/{session}")
        assert await raw.closed() == 4401
        assert (await late.ask(op="hello", n=1, ticket=tickets[1]))["code"] == "bad_token"


async def test_another_password_closes_the_other_sockets(server: Server, anyone: Rest) -> None:
    chan, session = await signed(anyone, "chan", up=True)
    other, _ = await signed(anyone, "chan")
    assert await chan.refused("PUT", "/api/me/password", {"current": OTHER, "password": OTHER}) == "wrong_password"
    assert await anyone.refused("PUT", "/api/me/password", {"current": PASSWORD, "password": OTHER}) == "bad_token"
    async with AsyncExitStack() as stack:
        mine, theirs = [await hello(server.port, each.token, stack) for each in (chan, other)]
        changed = await chan.ok("PUT", "/api/me/password", {"current": PASSWORD, "password": OTHER})
        assert (changed["token"], changed["session"]) == (chan.token, session)
        assert await theirs.closed() == 4401
        assert (await mine.ask(op="ping", n=2))["op"] == "ok"
    assert await anyone.refused("POST", "/api/sessions", {"login": "chan", "password": PASSWORD}) == "wrong_password"
    await signed(anyone, "chan", password=OTHER)


async def test_a_server_key_makes_accounts_for_others(server: Server, anyone: Rest) -> None:
    shop = anyone.server(await server_key(server))
    dana, _ = await signed(shop, "dana", up=True)
    assert (await dana.ok("GET", "/api/me"))["user"]["name"] == "Dana"
    assert (await shop.ok("GET", "/api/sessions")) == {"sessions": []}


async def test_who_is_deleted_is_out(server: Server, anyone: Rest) -> None:
    eve, _ = await signed(anyone, "eve", up=True)
    async with AsyncExitStack() as stack:
        raw = await hello(server.port, eve.token, stack)
        assert (await madang("user", "delete", eve.user, "--data", server.data)).status == 0
        assert await raw.closed() == 4410
    assert await eve.refused("GET", "/api/me") == "bad_token"
    assert await anyone.refused("POST", "/api/sessions", {"login": "eve", "password": PASSWORD}) == "wrong_password"


async def test_accounts_from_the_command_line(server: Server, anyone: Rest) -> None:
    made = await madang("user", "create", "fred", "--name", "Fred F", "--data", server.data)
    assert made.status == 0
    code = made.out.strip()
    body = {"login": "fred", "code": code, "password": PASSWORD}
    set = await anyone.ok("PUT", "/api/me/password", body)
    assert set["user"]["name"] == "Fred F"
    assert await anyone.refused("PUT", "/api/me/password", body) == "wrong_password"
    fred, session = await signed(anyone, "fred")
    listed = (await madang("user", "list", "--data", server.data)).out
    assert re.search(rf"^fred +{fred.user}  \d{{4}}-\d\d-\d\d  Fred F$", listed, re.MULTILINE)
    assert re.search(r"^admin .*\(admin, no password\)$", listed, re.MULTILINE)
    shown = await madang("user", "sessions", "fred", "--data", server.data)
    assert set["session"] in shown.out and session in shown.out
    async with AsyncExitStack() as stack:
        raw = await hello(server.port, fred.token, stack)
        ended = await madang("user", "sessions", "fred", "--end", session, "--data", server.data)
        assert ended.out == f"fred is signed out of {session}.\n"
        assert await raw.closed() == 4401
    assert (await madang("user", "sessions", "fred", "--end-all", "--data", server.data)).status == 0
    assert await anyone.server(set["token"]).refused("GET", "/api/me") == "bad_token"
    again = (await madang("user", "password", "fred", "--data", server.data)).out.strip()
    await anyone.ok("PUT", "/api/me/password", {"login": "fred", "code": again, "password": OTHER})
    await signed(anyone, "fred", password=OTHER)
    for command in (("password", "nobody"), ("sessions", "nobody"), ("create", "fred"), ("create", "fr ed")):
        refused = await madang("user", *command, "--data", server.data)
        assert (refused.status, refused.err.startswith("madang: ")) == (1, True), command
    assert all(secret not in server.log.read_text() for secret in (code, again, PASSWORD, OTHER, fred.token))


async def first_account(server: Server) -> dict[str, Any]:
    """Return login and code of the first account, which a server tells when it is there already."""
    (found,) = await eventually(lambda: re.findall(r"-d '(\{.*\})'", server.log.read_text()))
    told: dict[str, Any] = json.loads(found)
    return told


async def test_the_first_start_tells_once_how_the_administrator_signs_in(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        given = await first_account(server)
        assert given["login"] == "admin"
        admin = await anyone.ok("PUT", "/api/me/password", given | {"password": PASSWORD})
        user, _ = await signed(anyone, "mina", up=True)
        async with http_client(f"http://127.0.0.1:{server.admin_port}") as http:
            for token, status in ((admin["token"], 200), (user.token, 401), (given["code"], 401)):
                answer = await http.get("/accounts", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == status
                if status == 401:
                    assert hold_to_the_error_shape(answer) == "bad_token"
            await anyone.server(admin["token"]).ok("DELETE", f"/api/sessions/{admin['session']}")
            answer = await http.get("/accounts", headers={"Authorization": f"Bearer {admin['token']}"})
            assert answer.status_code == 401
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        assert server.log.read_text().count("/api/me/password") == 1, "told once"
        assert await anyone.server(admin["token"]).refused("GET", "/api/me") == "bad_token", "after a restart, too"
        assert (await anyone.server(user.token).ok("GET", "/api/me"))["user"]["id"] == user.user
        await signed(anyone, "mina")


async def test_guests_off_leaves_accounts_that_make_rooms(tmp_path: Path) -> None:
    settings = {"guests": "off", "create_rooms": "accounts"}
    async with running_server(tmp_path, settings=settings) as server, rest(server.url) as anyone:
        assert await anyone.refused("POST", "/api/guests", {"name": "Mina"}) == "no_guests"
        mina, _ = await signed(anyone, "mina", up=True)
        await mina.ok("POST", "/api/rooms", {"id": "yard"})
        async with AsyncExitStack() as stack:
            raw = await hello(server.port, mina.token, stack)
            assert (await raw.ask(op="create", n=2, room="hall"))["op"] == "ok"


async def test_where_an_own_sign_in_lets_people_in_nobody_signs_up(tmp_path: Path) -> None:
    settings = {"jwt_secret": "s" * 32}
    async with running_server(tmp_path, settings=settings) as server, rest(server.url) as anyone:
        body: dict[str, Any] = {"login": "mina", "name": "Mina", "password": PASSWORD}
        assert await anyone.refused("POST", "/api/accounts", body) == "forbidden"
        await anyone.server(await server_key(server)).ok("POST", "/api/accounts", body)
        await signed(anyone, "mina")


@pytest.mark.postgres
async def test_sessions_end_on_every_node(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(port=0, admin_port=0, data=tmp_path, load_test=True, database=postgres_url, bus=postgres_url)
    async with AsyncExitStack() as stack:
        here, there = [await stack.enter_async_context(run_node(settings)) for _ in range(2)]
        anyone, elsewhere = [
            await stack.enter_async_context(rest(f"http://127.0.0.1:{each.port}")) for each in (here, there)
        ]
        mina, session = await signed(anyone, "mina", up=True)
        other, _ = await signed(elsewhere, "mina")
        far = await hello(there.port, mina.token, stack)
        await hello(there.port, other.token, stack)
        await _closes(far, other, session)
        assert await elsewhere.server(mina.token).refused("GET", "/api/me") == "bad_token"
        third, _ = await signed(anyone, "mina")
        far, stays = [await hello(there.port, each.token, stack) for each in (third, other)]
        await other.ok("PUT", "/api/me/password", {"current": PASSWORD, "password": OTHER})
        assert await far.closed() == 4401
        assert (await stays.ask(op="ping", n=9))["op"] == "ok"


async def _closes(socket: wire.Raw, by: Rest, session: str) -> None:
    await by.ok("DELETE", f"/api/sessions/{session}")
    async with asyncio.timeout(PATIENCE_S):
        assert await socket.closed() == 4401


async def test_the_operators_page_lets_administrators_in(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        used = await first_account(server) | {"password": PASSWORD}
        await signed(anyone, "mina", up=True)
        async with http_client(server.admin_url) as http:
            first = await http.post("/sessions/code", json=used)
            assert first.status_code == 201
            assert hold_to_the_error_shape(await http.post("/sessions/code", json=used)) == "wrong_password"
            again = await http.post("/sessions", json={"login": "admin", "password": PASSWORD})
            for token in (first.json()["token"], again.json()["token"]):
                shown = await http.get("/operation", headers={"Authorization": f"Bearer {token}"})
                assert shown.json()["node"]
            refused = await http.post("/sessions", json={"login": "mina", "password": PASSWORD})
            assert hold_to_the_error_shape(refused) == "forbidden"
            assert hold_to_the_error_shape(await http.get("/operation")) == "bad_token"
        mina = anyone.server(
            (await anyone.ok("POST", "/api/sessions", {"login": "mina", "password": PASSWORD}))["token"]
        )
        assert len((await mina.ok("GET", "/api/sessions"))["sessions"]) == 2, "the refused one has ended"
