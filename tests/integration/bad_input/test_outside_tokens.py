"""Tokens of outside issuers, over the socket and over REST: who they let in, and that forged ones let in nobody."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest

from madang.adapters.issuers import fetching
from madang.config import Settings
from madang.config.groups import IssuerSettings
from madang.core.actors import Actor
from madang.core.names import NAMELESS
from madang.node.run import RunningNode, run_node
from madang.services.rooms import SYSTEM
from madang.services.tokens import LEEWAY_S
from tests.issuers import (
    ACME,
    BETA,
    OTHER,
    SECRET,
    SET,
    WRONG,
    acme_token,
    attacks,
    claims,
    jwk,
    shop_token,
)
from tests.rest import Rest, rest
from tests.waiting import PATIENCE_S
from tests.wire import upgraded


class KeyServer:
    """Publishes the keys of both issuers, or hangs."""

    def __init__(self) -> None:
        self.port = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.asked = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
            self.asked += 1
            await self.go_on.wait()
            body = json.dumps({"keys": SET if path == b"/acme" else [jwk(OTHER, kid="r")]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def serving(folder: Path, keys: KeyServer, **more: Any) -> AsyncIterator[RunningNode]:
    server = await asyncio.start_server(keys.answer, "127.0.0.1", keys.port)
    keys.port = server.sockets[0].getsockname()[1]
    issuers = [
        IssuerSettings(
            name=each.name, issuer=each.issuer, audience=each.audience, jwks=f"http://127.0.0.1:{keys.port}/{each.name}"
        )
        for each in (ACME, BETA)
    ]
    settings = Settings(
        port=0,
        admin_port=0,
        data=folder,
        load_test=True,
        jwt_secret=SECRET,
        jwt_issuers=issuers,
        jwt_rooms_claim="rooms",
        guests="off",
        **more,
    )
    async with server, run_node(settings) as node:
        yield node


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    async with serving(tmp_path_factory.mktemp("issuers"), KeyServer()) as node:
        yield node


@pytest.fixture
async def anyone(node: RunningNode) -> AsyncIterator[Rest]:
    async with rest(f"http://127.0.0.1:{node.port}") as client:
        yield client


async def opens(node: RunningNode, anyone: Rest, token: str) -> dict[str, Any]:
    """Who a token is for, by both doors alike; nobody if it is refused."""
    response = await anyone.call("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
    async with upgraded(node.port) as raw:
        answer = await raw.ask(op="hello", n=1, token=token)
        if answer["op"] == "ok":
            assert answer["token"] == token == response.json()["token"], "it is not prolonged"
            assert answer["user"] == response.json()["user"]
            return dict(answer["user"])
        assert answer["code"] == response.json()["error"]["code"] == "bad_token"
        assert await raw.closed() == 4401
        return {}


async def test_users_of_issuers_come_in(node: RunningNode, anyone: Rest) -> None:
    assert await opens(node, anyone, shop_token()) == {"id": "issuer-jwt:42", "name": "Mina"}
    assert await opens(node, anyone, acme_token()) == {"id": "issuer-acme:42", "name": "Mina"}
    assert await opens(node, anyone, acme_token("EdDSA", "d", sub="7")) == {"id": "issuer-acme:7", "name": "Mina"}
    beta = jwt.encode(claims(BETA), OTHER, "RS256", {"kid": "r"})
    assert await opens(node, anyone, beta) == {"id": "issuer-beta:42", "name": "Mina"}, "with the same kid"


async def test_what_their_tokens_call_them_is_shown_as_far_as_it_can_be(node: RunningNode, anyone: Rest) -> None:
    assert (await opens(node, anyone, shop_token(name="Support")))["name"] == "Support", "the issuer answers for it"
    assert (await opens(node, anyone, shop_token(name="Bora")))["name"] == "Bora", "and may change it"
    for name in (None, "", "\u202eniM", 7):
        assert (await opens(node, anyone, shop_token(name=name)))["name"] == NAMELESS
    assert len((await opens(node, anyone, shop_token(name="x" * 200)))["name"]) == 40


async def test_ids_of_users_do_not_meet(node: RunningNode, anyone: Rest) -> None:
    subjects = [
        "madang",
        "key-1",
        "uqk3v7m5h2x5d4ynp",
        "issuer-acme:42",
        "가나다",
        "a b",
        "x" * 200,
        "x" * 201,
        "~",
        "42 ",
    ]
    ids = [(await opens(node, anyone, shop_token(sub=subject)))["id"] for subject in subjects]
    assert len(set(ids)) == len(subjects)
    assert all(id.startswith("issuer-jwt:") and len(id) <= 64 for id in ids)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("what", attacks())
async def test_forged_tokens_of_issuers(node: RunningNode, anyone: Rest, what: str) -> None:
    token = attacks()[what]
    if len(token) <= 8192 and "\n" not in token:
        assert await opens(node, anyone, token) == {}
    assert (
        await anyone.call("GET", "/api/me", headers={"Authorization": f"Bearer {token.strip()}x"})
    ).status_code == 401


@pytest.mark.parametrize("what", WRONG)
async def test_claims_of_issuers_that_do_not_hold(node: RunningNode, anyone: Rest, what: str) -> None:
    assert await opens(node, anyone, shop_token(**WRONG[what])) == {}
    assert await opens(node, anyone, acme_token(**WRONG[what])) == {}


async def test_rooms_of_the_claim_open_to_its_holder_alone(node: RunningNode, anyone: Rest) -> None:
    """By both doors; and a kick holds against it, and a token without the right has none, whoever shows it."""
    owner = Actor(id="u-owner", name="Owner")
    await node.node.rooms.create(owner, "order-17", "", "invite")
    members = "/api/rooms/order-17/members/me"
    for wrong in (shop_token(), shop_token(rooms=[]), shop_token(rooms=["order-18"]), acme_token(rooms=["order-17"])):
        assert await anyone.refused("PUT", members, headers={"Authorization": f"Bearer {wrong}"}) == "not_found"
        async with upgraded(node.port) as raw:
            assert (await raw.ask(op="hello", n=1, token=wrong))["op"] == "ok"
            assert (await raw.ask(op="join", n=2, room="order-17"))["code"] == "not_found"
            assert (await raw.ask(op="refresh", n=3, token=wrong))["op"] == "ok"
            assert (await raw.ask(op="join", n=4, room="order-17"))["code"] == "not_found"
    assert await opens(node, anyone, shop_token(rooms="order-17")) == {}
    assert await opens(node, anyone, shop_token(rooms=[f"r{n}" for n in range(51)])) == {}
    right = shop_token(rooms=["order-17", "order-18"])
    async with upgraded(node.port) as raw:
        assert (await raw.ask(op="hello", n=1, token=shop_token()))["op"] == "ok"
        assert (await raw.ask(op="refresh", n=2, token=right))["op"] == "ok", "a newer token may bring it"
        assert (await raw.ask(op="join", n=3, room="order-17"))["role"] == "member"
        assert (await raw.ask(op="join", n=4, room="order-18"))["code"] == "not_found", "there is none"
        assert (await raw.ask(op="refresh", n=5, token=shop_token()))["op"] == "ok"
        assert (await raw.ask(op="send", n=6, room="order-17", cid="c", text="in"))["ack"] == "stored", (
            "a member stays one"
        )
        await node.node.rooms.kick(owner, "order-17", "issuer-jwt:42")
    assert await anyone.refused("PUT", members, headers={"Authorization": f"Bearer {right}"}) == "kicked"
    made = await anyone.ok(
        "POST", "/api/tickets", headers={"Authorization": f"Bearer {shop_token(sub='43', rooms=['order-17'])}"}
    )
    async with upgraded(node.port) as raw:
        assert (await raw.ask(op="hello", n=1, ticket=made["ticket"]))["op"] == "ok"
        assert (await raw.ask(op="join", n=2, room="order-17"))["role"] == "member", (
            "a ticket has the rights of its token"
        )
    await node.node.moderation.ban(owner, "order-17", "issuer-jwt:44")
    banned = shop_token(sub="44", rooms=["order-17"])
    assert await anyone.refused("PUT", members, headers={"Authorization": f"Bearer {banned}"}) == "not_found"


async def test_name_and_picture_of_the_token_are_kept_and_refreshed(node: RunningNode, anyone: Rest) -> None:
    face = "https://faces.example/mina.png"

    async def me(**claims: Any) -> dict[str, Any]:
        exp = int(time.time()) + claims.pop("lasts", 300)
        token = shop_token(sub="kept", exp=exp, **claims)
        return dict((await anyone.ok("GET", "/api/me", headers={"Authorization": f"Bearer {token}"}))["user"])

    async def stored() -> tuple[str, str]:
        profile = await node.store.profile("issuer-jwt:kept")
        return profile.name, profile.picture

    async def becomes(wanted: tuple[str, str]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await stored() != wanted:
                await asyncio.sleep(0.01)

    assert (await me(picture=face))["name"] == "Mina"
    await becomes(("Mina", face))
    await me(name="Minji", picture="http://insecure.example/p", lasts=400)
    await becomes(("Minji", face))
    assert (await me(name="Minji", lasts=500))["picture"] == face
    await me(name="Minji", picture=None, lasts=600)
    patched = {"Authorization": f"Bearer {shop_token(sub='kept')}"}
    assert await anyone.refused("PATCH", "/api/me", {"name": "Mine"}, headers=patched) == "forbidden"


async def test_a_user_of_an_issuer_talks_and_goes_on_by_a_newer_token(node: RunningNode) -> None:
    async with upgraded(node.port) as raw:
        first = shop_token(exp=int(time.time()) + 100)
        assert (await raw.ask(op="hello", n=1, token=first))["op"] == "ok"
        assert (await raw.ask(op="join", n=2, room="lobby"))["role"] == "member"
        assert (await raw.ask(op="send", n=3, room="lobby", cid="c", text="hello"))["ack"] == "stored"
        newer = await raw.ask(op="refresh", n=4, token=shop_token(exp=int(time.time()) + 1000))
        assert 900_000 < newer["expires_ms"] <= 1_060_000
        assert (await raw.ask(op="refresh", n=5, token=shop_token(sub="43")))["code"] == "bad_field"
        assert (await raw.ask(op="refresh", n=6, token=acme_token()))["code"] == "bad_field"
        assert (await raw.ask(op="refresh", n=7, token=shop_token(exp=1)))["code"] == "bad_token"
        assert await raw.closed() == 4401


async def test_a_connection_ends_with_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its next ping."""
    async with serving(tmp_path, KeyServer(), ping_s=1) as node, upgraded(node.port) as raw:
        assert (await raw.ask(op="hello", n=1, token=shop_token(exp=int(time.time()) + 1000)))["op"] == "ok"
        monkeypatch.setattr(node.node, "now", lambda: time.time() + 1000 + LEEWAY_S + 1)
        assert await raw.closed() == 4401


async def test_a_deleted_user_of_an_issuer_stays_away(node: RunningNode, anyone: Rest) -> None:
    token = shop_token(sub="gone")
    id = (await opens(node, anyone, token))["id"]
    async with upgraded(node.port) as raw:
        await raw.ask(op="hello", n=1, token=token)
        await raw.ask(op="join", n=2, room="lobby")
        await node.node.users.delete(id, SYSTEM)
        assert await raw.closed() == 4410
    assert await opens(node, anyone, token) == {}


async def test_who_comes_before_the_keys_waits_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody at once, with what they pipelined behind hello; others are not kept waiting."""
    monkeypatch.setattr(fetching, "FETCH_S", 60.0)
    keys = KeyServer()
    keys.go_on.clear()
    async with serving(tmp_path, keys) as node:
        async with upgraded(node.port) as one, upgraded(node.port) as two, upgraded(node.port) as other:
            for raw in (one, two):
                await raw.tell({"op": "hello", "n": 1, "token": acme_token()}, {"op": "join", "n": 2, "room": "lobby"})
            assert (await other.ask(op="hello", n=1, token=shop_token()))["op"] == "ok"
            keys.go_on.set()
            for raw in (one, two):
                assert [(await raw.answer(n))["op"] for n in (1, 2)] == ["ok", "ok"]
        assert keys.asked == 2, "once for each issuer"


async def test_tokens_are_in_no_log_and_no_metric(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    keys = KeyServer()
    tokens = [shop_token(), acme_token(), shop_token(exp=1), acme_token(key=OTHER), acme_token(kid="unknown")]
    async with serving(tmp_path, keys) as node, rest(f"http://127.0.0.1:{node.port}") as anyone:
        for token in tokens:
            await opens(node, anyone, token)
        told = caplog.text + str([part.metrics() for part in node.node.parts])
    assert SECRET not in told
    for token in tokens:
        for piece in token.split("."):
            assert piece not in told
