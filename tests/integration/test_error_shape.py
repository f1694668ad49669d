"""Every endpoint, asked wrongly in every way that it can be, answers with the one JSON error shape and its code's status."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from madang.config import Settings
from madang.core.bounds import MAX_DATA, MAX_FRAME
from madang.node.run import run_node
from madang.transports.http import schemas as http_schemas
from tests.http import http_client
from tests.integration.operations import operations
from tests.rest import Rest, admin_client, hold_to_the_error_shape, rest
from tests.running import Server, running_server
from tests.wire import dialled

JSON_HEAD: Final = b"Content-Type: application/json\r\n"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "QUERY")


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("shape"), "--load-test") as server:
        yield server


@pytest.fixture
async def anyone(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as client:
        yield client


async def test_without_a_token(server: Server, anyone: Rest) -> None:
    for method, path, guarded, _ in await operations(server.url):
        if guarded and path not in (
            "/api/guests",
            "/api/accounts",
            "/api/me/password",
        ):  # where a token may be, and need not
            if path.endswith("/events"):  # or a ticket, which is asked for before a body is
                assert await anyone.refused(method, path) == "bad_token"
                continue
            response = await anyone.call(method, path, {})
            assert hold_to_the_error_shape(response) == "bad_token"
            assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic bWluYTp4", "Bearer x.y.z", "Bearer mk_1_2", "Bearer mk_", "Bearer " + "x" * 9000]
)
async def test_with_a_wrong_token(anyone: Rest, header: str) -> None:
    assert await anyone.refused("GET", "/api/me", headers={"Authorization": header}) == "bad_token"


async def test_with_a_method_that_is_not_offered(server: Server, anyone: Rest) -> None:
    offered: dict[str, set[str]] = {}
    for method, path, _, _ in await operations(server.url):
        offered.setdefault(path, set()).add(method)
    offered["/api/rooms/lobby/members/me"] |= offered[
        "/api/rooms/lobby/members/u1"
    ]  # to the router, "me" is a user too
    for path, methods in offered.items():
        for method in set(METHODS) - methods - {"HEAD"}:
            response = await anyone.call(method, path)
            assert hold_to_the_error_shape(response) == "not_allowed", (method, path)
            allowed = set(response.headers["allow"].split(", "))
            assert allowed == methods | ({"HEAD"} if "GET" in methods else set())


async def test_head_is_get_without_a_body(server: Server, anyone: Rest) -> None:
    mina = await anyone.guest("Mina", "lobby")
    async with http_client(server.url) as http:
        for path in (
            "/",
            "/livez",
            "/readyz",
            "/openapi.json",
            "/api/me/rooms",
            "/api/rooms/lobby/messages",
            "/nope",
            "/api/me",
        ):
            for headers in ({"Authorization": f"Bearer {mina.token}"}, {}):
                get, head = [await http.request(method, path, headers=headers) for method in ("GET", "HEAD")]
                assert (head.status_code, head.content) == (get.status_code, b"")
                assert head.headers == get.headers


NOWHERE: Final = "/nope /api /api/ /api/rooms/ /api/rooms/lobby/x /%00 /livez/ /ws/ /docs /api/guests/../me"


@pytest.mark.parametrize("path", NOWHERE.split())
async def test_at_a_path_that_is_not_there(anyone: Rest, path: str) -> None:
    assert await anyone.refused("GET", path) in ("not_found", "bad_token")


UNREAD_OF_USERS: Final = {
    ("POST", "/api/publish"),
    ("PUT", "/api/users"),
    ("PUT", "/api/members"),
    ("POST", "/api/consumers/x/acks"),
}
"""What takes large bodies, of server keys alone: nobody else's is read."""
BODIES: Final = [
    ("nothing", b"", "bad_json"),
    ("no JSON", b"name=Mina", "bad_json"),
    ("half of it", b'{"name":"Mina"', "bad_json"),
    ("an array", b"[]", "bad_json"),
    ("a number", b"1", "bad_json"),
    ("null", b"null", "bad_json"),
    ("a BOM", b'\xef\xbb\xbf{"name":"Mina"}', "bad_json"),
    ("UTF-16", '{"name":"Mina"}'.encode("utf-16"), "bad_json"),
    ("no UTF-8", b'{"name":"\xff"}', "bad_json"),
    ("a duplicate key", b'{"name":"a","name":"b"}', "bad_json"),
    ("a duplicate key below", b'{"x":{"a":1,"a":2}}', "bad_json"),
    ("NaN", b'{"x":NaN}', "bad_json"),
    ("Infinity", b'{"x":-Infinity}', "bad_json"),
    ("1e999", b'{"x":1e999}', "bad_json"),
    ("4,400 digits", b'{"x":' + b"1" * 4400 + b"}", "bad_json"),
    ("depth 100", b'{"x":' + b"[" * 100 + b"]" * 100 + b"}", "bad_json"),
    ("depth 30,000", b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "bad_json"),
    ("a lone surrogate", b'{"x":"\\ud800"}', "bad_text"),
    ("NUL", b'{"x":"a\\u0000"}', "bad_text"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"), [(body, code) for _, body, code in BODIES], ids=[name for name, _, _ in BODIES]
)
async def test_with_a_body_that_is_no_strict_json_object(server: Server, anyone: Rest, body: bytes, code: str) -> None:
    mina = await anyone.guest("Mina", "lobby")
    for method, path, _, needs_a_body in await operations(server.url):
        if needs_a_body or (needs_a_body is False and body):
            wanted = "forbidden" if (method, path) in UNREAD_OF_USERS else code
            assert await mina.refused(method, path, content=body) == wanted, (method, path)


WRONG: Final[dict[str, list[Any]]] = {
    "name": [1, None, True, [], {"$ne": None}],
    "id": ["", "A", "a/../b", "a b", "x*", ">", "a.b", "a\r\nb", "{tag}", "-a", "방", "a" * 65, 7, None],
    "title": [1, ["x"]],
    "access": ["secret", "", 1, None],
    "slow_ms": [-1, 3_600_001, 1.5, "1", True],
    "write": ["nobody", "", 1, None],
    "history": ["some", "", 1, None],
    "keep_ms": [-1, 1, 10**12, 1.5, "1", True, None],
    "keep_messages": [-1, 1, 10**10, 1.5, "1", True, None],
    "archived": [0, 1, "true", [], {}],
    "text": [1, None, {"query": {}}],
    "reply_to": [-1, 2**53 + 1, 1.5, "1", True],
    "mentions": ["u1", [1], [""], ["x"] * 51, ["x" * 65]],
    "cid": ["", "x" * 65, 1],
    "as": ["u1", {"id": "u1"}, {"name": "Mina"}],
    "role": ["admin", "", None, 1],
    "seq": [-1, 2**53 + 1, 1.5, "1", None],
}
"""Per field, values that no endpoint takes; None where it may be left out but not null."""

FIELDS: Final = {
    ("POST", "/api/guests"): ("name",),
    ("POST", "/api/rooms"): ("id", "title", "access"),
    ("PATCH", "/api/rooms/mine"): ("title", "slow_ms", "archived", "write", "history", "keep_ms", "keep_messages"),
    ("POST", "/api/rooms/mine/messages"): ("text", "reply_to", "mentions", "cid", "as"),
    ("PATCH", "/api/rooms/mine/messages/2"): ("text", "mentions", "cid"),
    ("PATCH", "/api/rooms/mine/members/u1"): ("role",),
    ("PUT", "/api/rooms/mine/read"): ("seq",),
}
SOUND: Final = {"name": "Mina", "id": "sound", "text": "sound", "role": "member", "seq": 1}


async def test_with_a_field_of_the_wrong_type_or_range(anyone: Rest) -> None:
    mina = await anyone.guest("Mina")
    await mina.ok("POST", "/api/rooms", {"id": "mine"})
    await mina.ok("POST", "/api/rooms/mine/messages", {"text": "x"})
    for (method, path), fields in FIELDS.items():
        for field, value in itertools.chain.from_iterable(((f, v) for v in WRONG[f]) for f in fields):
            response = await mina.call(method, path, SOUND | {field: value})
            assert hold_to_the_error_shape(response) == "bad_field", (method, path, field, value)


PAGES: Final = (
    "limit=0 limit=-1 limit=201 limit=1e9 limit=0x10 before=-1 after=x after=9007199254740993 before=1&after=2"
)


@pytest.mark.parametrize("query", PAGES.split())
async def test_with_a_page_that_is_none(anyone: Rest, query: str) -> None:
    mina = await anyone.guest("Mina", "lobby")
    assert await mina.refused("GET", f"/api/rooms/lobby/messages?{query}") == "bad_field"


@pytest.mark.parametrize("path", ["Lobby", "a%2Fb", "a%00b", "..%2f", "%EB%B0%A9", "a" * 65, "*", "-x"])
async def test_in_a_room_that_cannot_be(anyone: Rest, path: str) -> None:
    mina = await anyone.guest("Mina")
    assert await mina.refused("GET", f"/api/rooms/{path}") in ("bad_field", "not_found")


async def test_with_odd_words_in_the_path(anyone: Rest) -> None:
    mina = await anyone.guest("Mina", "lobby")
    lobby = "/api/rooms/lobby"
    assert await mina.refused("DELETE", f"{lobby}/messages/x") == "bad_field"
    seq = (await mina.ok("POST", f"{lobby}/messages", {"text": "hello"}))["seq"]
    for spelling in (f"{seq}.0", f"+{seq}", f"0{seq}", f"%20{seq}", f"{seq}_0", f"{seq}e0"):
        assert await mina.refused("DELETE", f"{lobby}/messages/{spelling}") == "bad_field", spelling
        assert await mina.refused("GET", f"{lobby}/pins?after={spelling}".replace("+", "%2B")) == "bad_field", spelling
    for wrong in ("%FF", "%ED%A0%80", "%C0%AF"):  # each would be the same U+FFFD
        assert await mina.refused("PUT", f"{lobby}/messages/{seq}/reactions/{wrong}") == "bad_field", wrong
        assert await mina.refused("GET", f"{lobby}/members?after={wrong}") == "bad_field", wrong
    assert await mina.refused("GET", "/api/rooms/lobby%2Fmessages") == "not_found"
    assert await mina.refused("GET", "/api%2frooms/lobby/messages") == "not_found"
    assert await mina.refused("DELETE", f"{lobby}/messages/9007199254740993") == "bad_field"
    assert await mina.refused("DELETE", f"{lobby}/members/a%00b") == "bad_field"
    assert await mina.refused("GET", f"{lobby}/members?after=%00") == "bad_field"
    assert await mina.refused("PUT", f"{lobby}/messages/1/reactions/{'x' * 33}") == "bad_field"
    assert (
        await mina.refused("POST", f"{lobby}/messages", {"text": "x"}, headers={"Idempotency-Key": "x" * 65})
        == "bad_field"
    )
    both = await mina.call("POST", f"{lobby}/messages", {"text": "x", "cid": "c"}, headers={"Idempotency-Key": "d"})
    assert both.json()["error"]["message"] == "cid, Idempotency-Key: only one of them."
    assert await mina.refused("DELETE", f"{lobby}/members/%27%3B%20DROP%20TABLE%20events%3B%20--") == "not_found"


async def test_with_more_than_64_kib(server: Server, anyone: Rest) -> None:
    mina = await anyone.guest("Mina", "lobby")
    message = f"{server.url}/api/rooms/lobby/messages"
    parts = {"text": "\U0001f600" * 4000, "data": "x" * (MAX_DATA - 2)}
    fits = json.dumps(parts).ljust(MAX_FRAME)
    assert len(fits) == MAX_FRAME
    await mina.ok("POST", "/api/rooms/lobby/messages", content=fits)

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, MAX_FRAME, 8192):
            yield fits[start : start + 8192].encode()
        yield b" "

    headers = {"Authorization": f"Bearer {mina.token}", "Content-Type": "application/json"}
    for content in (fits + " ", in_chunks()):
        async with http_client() as http:
            response = await http.post(message, content=content, headers=headers)
        assert hold_to_the_error_shape(response) == "too_big"
        assert response.headers["connection"] == "close"
    async with dialled(server.port) as raw:  # also where no body is read
        await raw.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n")
        assert (await raw.status(), raw.headers["connection"]) == (413, "close")


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty"), ("\u200b \u0301", "empty"), ("x" * 4001, "too_big"), ("a" + "\u0301" * 9, "bad_text")],
)
async def test_with_text_that_is_refused(anyone: Rest, text: str, code: str) -> None:
    mina = await anyone.guest("Mina", "lobby")
    assert await mina.refused("POST", "/api/rooms/lobby/messages", {"text": text}) == code
    assert await mina.refused("POST", "/api/rooms/lobby/messages", {"text": "x", "data": "x" * 16_400}) == "too_big"


@pytest.mark.parametrize(
    "name", ["", " ", "\u202eevil", "аdmin", "ADMIN", "\ufdfa" * 41, "x" * 41, "a\u0007b", "\u3164"]
)
async def test_with_a_name_that_is_refused(anyone: Rest, name: str) -> None:
    assert await anyone.refused("POST", "/api/guests", {"name": name}) == "bad_name"


async def test_from_an_address_that_asks_too_often(tmp_path: Path) -> None:
    async with running_server(tmp_path, settings={"address_rate": "0.01"}) as server, rest(server.url) as anyone:
        codes = [hold_to_the_error_shape(r) if (r := await anyone.call("POST", "/api/guests", {"name": "M"})).is_error else ""
                 for _ in range(3)]  # fmt: skip
    assert codes[-1] == "rate_limited"


async def test_when_the_server_makes_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def mistake(*args: object, **more: object) -> None:
        raise ZeroDivisionError

    async with (
        run_node(Settings(port=0, admin_port=0, data=tmp_path)) as node,
        rest(f"http://127.0.0.1:{node.port}") as anyone,
    ):
        mina = await anyone.guest("Mina")
        monkeypatch.setattr(node.store, "rooms", mistake)
        assert await mina.refused("GET", "/api/rooms") == "internal"
        assert await mina.ok("GET", "/livez") == {"status": "live"}
    logged = [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert [record.getMessage() for record in logged] == ["GET /api/rooms failed"]
    assert mina.token not in caplog.text


async def test_when_the_client_goes_away_in_the_middle(server: Server, anyone: Rest) -> None:
    head = b"POST /api/guests HTTP/1.1\r\nHost: localhost\r\n" + JSON_HEAD + b"Content-Length: 100\r\n\r\n{"
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head)
    await writer.drain()
    writer.transport.abort()
    await anyone.ok("GET", "/livez")
    assert "Traceback" not in server.log.read_text()


async def test_with_a_body_that_does_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_schemas, "BODY_S", 0.05)
    async with run_node(Settings(port=0, admin_port=0, data=tmp_path)) as node, dialled(node.port) as raw:
        await raw.send(
            b"POST /api/guests HTTP/1.1\r\nHost: localhost\r\n" + JSON_HEAD + b"Content-Length: 100\r\n\r\n{"
        )
        assert (await raw.status(), raw.headers["connection"]) == (400, "close")


async def test_a_websocket_without_an_upgrade_is_told_what_the_path_is_for(anyone: Rest) -> None:
    response = await anyone.call("GET", "/ws")
    assert hold_to_the_error_shape(response) == "not_websocket"
    assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")


async def test_administration_has_the_same_shape(server: Server) -> None:
    admin = await admin_client(server)
    async with http_client(f"http://127.0.0.1:{admin.port}") as http:
        for method, path, code in [
            ("GET", "/keys", "bad_token"), ("POST", "/keys", "bad_token"), ("DELETE", "/keys/1", "bad_token"),
            ("GET", "/rooms", "bad_token"), ("GET", "/nope", "not_found"), ("POST", "/metrics", "not_allowed"),
        ]:  # fmt: skip
            assert hold_to_the_error_shape(await http.request(method, path)) == code
