"""Server keys with scopes and an end, over REST: each operation of /openapi.json, with each scope."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from madang.core.scopes import ANY, EVERYTHING, NEEDED, SCOPES
from madang.errors import MadangError
from tests.rest import Rest, admin_client, rest
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

NOWHERE: Final = {
    "id": "no-such-room",
    "seq": "1",
    "user": "nobody",
    "emoji": "x",
    "name": "nobody",
    "invite": "abcd",
    "session": "0123456789abcdef",
    "paper": "no-such-paper",
    "version": "1",
}


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("scopes"), "--load-test") as server:
        yield server


async def made(server: Server, *scopes: str, for_ms: int | None = None) -> dict[str, Any]:
    new = {"label": "Shop", "scopes": list(scopes), "for_ms": for_ms}
    key: dict[str, Any] = await (await admin_client(server)).ask("POST", "/keys", new)
    return key


def operations(anyone: Rest) -> list[tuple[str, str, str, bool]]:
    """Return method, path and name of each operation that asks who is there, and whether it takes a body."""
    return [
        (method.upper(), path, operation["operationId"], "requestBody" in operation)
        for path, methods in anyone.document["paths"].items()
        for method, operation in methods.items()
        if "security" in operation
    ]


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_key_is_for_what_its_scope_is_for(server: Server, scope: str) -> None:
    """The refusal comes before anything is looked up: it is the same for a room that there is and for one that there is not."""
    key = await made(server, scope)
    async with rest(server.url) as anyone:
        shop = anyone.server(key["key"])
        for method, path, name, takes_body in operations(anyone):
            may = scope == EVERYTHING or scope in NEEDED[name] or ANY in NEEDED[name]
            if may and name in ("delete_room", "create_room", "welcome_guest", "room_events"):
                continue  # it would be done, or not end
            for room in ("no-such-room", "lobby"):
                where = path.format(**{**NOWHERE, "id": room})
                answer = await shop.call(method, where, {} if takes_body else None)
                code = answer.json().get("error", {}).get("code")
                assert (code == "no_scope") == (not may), (name, scope, answer.text)
                if not may:
                    assert answer.status_code == 403
        assert (await shop.ok("GET", "/api/me"))["scopes"] == [scope]


async def test_a_key_of_two_scopes_does_both_and_no_third(server: Server) -> None:
    key = await made(server, "publish", "read")
    async with rest(server.url) as anyone:
        shop = anyone.server(key["key"])
        await shop.ok("POST", "/api/rooms/lobby/messages", {"text": "hello"})
        assert (await shop.ok("GET", "/api/rooms/lobby/messages"))["messages"]
        assert await shop.refused("POST", "/api/rooms", {"title": "Mine"}) == "no_scope"
    listed = await (await admin_client(server)).ask("GET", "/keys")
    (found,) = [each for each in listed["keys"] if each["id"] == key["id"]]
    assert found["scopes"] == "publish read"


async def test_a_key_ends_when_its_time_is_over(server: Server) -> None:
    async with rest(server.url) as anyone:
        key = await made(server, for_ms=5_000)  # in which a busy machine, too, answers a request
        shop = anyone.server(key["key"])
        assert (await shop.ok("GET", "/api/me"))["scopes"] == [EVERYTHING]
        async with asyncio.timeout(PATIENCE_S):
            while (await shop.call("GET", "/api/me")).status_code == 200:
                pass
        assert await shop.refused("GET", "/api/rooms") == "bad_token"


async def test_a_guest_has_no_scopes_and_needs_none(server: Server) -> None:
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        assert "scopes" not in await mina.ok("GET", "/api/me")
        await mina.ok("POST", "/api/rooms/lobby/messages", {"text": "hello"})


@pytest.mark.parametrize(
    "wrong", [{"scopes": ["owner"]}, {"scopes": "publish"}, {"for_ms": 0}, {"for_ms": 1 << 60}, {"scope": ["read"]}]
)
async def test_what_is_no_scope_or_no_time_is_refused(server: Server, wrong: dict[str, Any]) -> None:
    with pytest.raises(MadangError) as refused:
        await (await admin_client(server)).ask("POST", "/keys", {"label": "Shop", **wrong})
    assert refused.value.code == "bad_field"
