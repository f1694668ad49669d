"""What a body says it is, what it may have in it, and the other headers and parameters of a request."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from tests.http import http_client
from tests.integration.operations import operations
from tests.rest import Rest, hold_to_the_error_shape, rest, server_key
from tests.running import Server, running_server
from tests.wire import upgraded


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("shape"), "--load-test") as server:
        yield server


@pytest.fixture
async def anyone(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as client:
        yield client


TYPES: Final = [
    ([], 415),
    (["text/plain"], 415),
    (["application/x-www-form-urlencoded"], 415),
    (["multipart/form-data; boundary=x"], 415),
    (["text/plain; application/json"], 415),
    (["application/jsonx"], 415),
    (["application/json, text/plain"], 415),
    (["application/json", "application/json"], 415),
    (["application/json; charset=utf-16"], 415),
    (["application/json; charset=latin-1"], 415),
    (["application/json"], 201),
    (["Application/JSON"], 201),
    (["application/json; charset=UTF-8"], 201),
    (['application/json;charset="utf-8"'], 201),
]


@pytest.mark.parametrize(("types", "status"), TYPES)
async def test_a_body_has_to_be_json_by_its_type(server: Server, types: list[str], status: int) -> None:
    """A page of another site may send all other types without being asked for (Fetch Standard)."""
    async with http_client(server.url) as http:
        headers = [("Content-Type", each) for each in types]
        response = await http.post("/api/guests", content=b'{"name":"Mina"}', headers=headers)
        assert response.status_code == status
        if status == 415:
            assert hold_to_the_error_shape(response) == "bad_type"
        zipped = await http.post(
            "/api/guests", content=b"\x1f\x8b", headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}
        )
        assert hold_to_the_error_shape(zipped) == "bad_type"


async def test_every_body_has_to_be_json_by_its_type(server: Server, anyone: Rest) -> None:
    everybody = await anyone.guest("Mina", "lobby"), anyone.server(await server_key(server))
    taking = [(m, p) for m, p, _, needs in await operations(server.url) if needs is not None]
    assert len(taking) >= 8
    text = {"content": b"{}", "headers": {"Content-Type": "text/plain"}}
    for method, path in taking:
        assert "bad_type" in [await who.refused(method, path, **text) for who in everybody], (method, path)


async def test_a_field_that_is_not_there_is_named(server: Server, anyone: Rest) -> None:
    """A misspelt field would otherwise be left out, and `accesses` make a private room public."""
    mina, backend = await anyone.guest("Mina", "lobby"), anyone.server(await server_key(server))
    taking = [(m, p) for m, p, _, needs in await operations(server.url) if needs is not None]
    for method, path in taking:
        responses = [await who.call(method, path, {"accesses": "invite"}) for who in (mina, backend)]
        assert "bad_field" in map(hold_to_the_error_shape, responses), (method, path)
        assert any(r.json()["error"]["message"].startswith("accesses: ") for r in responses), (method, path)
    body: Any = {"text": "x", "as": {"id": "a", "name": "b", "role": "owner"}}
    response = await mina.call("POST", "/api/rooms/lobby/messages", body)
    assert response.json()["error"]["message"].startswith("as.role: ")
    assert await mina.refused("GET", "/api/rooms/secret-1") == "not_found"


async def test_every_schema_of_a_body_is_closed(anyone: Rest) -> None:
    schemas = anyone.document["components"]["schemas"]

    def closed(schema: Any) -> None:
        if isinstance(schema, dict):
            if "$ref" in schema:
                schema = schemas[schema["$ref"].rpartition("/")[2]]
            if schema.get("type") == "object" and "properties" in schema:
                assert schema["additionalProperties"] is False, schema
            for value in schema.values():
                closed(value)
        elif isinstance(schema, list):
            for each in schema:
                closed(each)

    bodies = [
        op["requestBody"] for path in anyone.document["paths"].values() for op in path.values() if "requestBody" in op
    ]
    assert len(bodies) >= 8
    closed(bodies)


async def test_a_parameter_that_is_not_there_or_there_twice_is_named(server: Server, anyone: Rest) -> None:
    mina = await anyone.guest("Mina", "lobby")
    for method, path, _, needs in await operations(server.url):
        response = await mina.call(method, f"{path}?limits=3", {} if needs is not None else None)
        assert hold_to_the_error_shape(response) == "bad_field", (method, path)
        assert response.json()["error"]["message"].startswith("limits: "), (method, path)
    for query, name in (
        ("limit=1&limit=2", "limit"), ("limit=1&limit=1", "limit"), ("limit=1&%6cimit=1", "limit"), ("Limit=1", "Limit"),
        ("=1", ""), ("before=9&limit=1&before=1", "before"),
    ):  # fmt: skip
        response = await mina.call("GET", f"/api/rooms/lobby/messages?{query}")
        assert hold_to_the_error_shape(response) == "bad_field", query
        assert response.json()["error"]["message"].startswith(f"{name}: "), query
    async with http_client(server.url) as http:
        assert (await http.get("/?utm_source=poster")).status_code == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"), (b'\xef\xbb\xbf{"name":"Mina"}', "byte order mark"), ('{"name":"Mina"}'.encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08\x00", "compressed"), (b'{"name":"\xff"}', "not UTF-8"), (b"[]", "an array"),
        (b'{"name":"a","name":"b"}', "twice"), (b'{"x":1e999}', "infinite"), (b'{"x":' + b"[" * 99 + b"]" * 99 + b"}", "levels"),
        (b'{"name":"Mina",}', "byte 15"), (b'{"name":"Mina"', "too soon"),
    ],
)  # fmt: skip
async def test_bad_json_says_why(anyone: Rest, body: bytes, why: str) -> None:
    response = await anyone.call("POST", "/api/guests", content=body)
    assert hold_to_the_error_shape(response) == "bad_json"
    assert why in response.json()["error"]["message"]


async def test_a_websocket_asked_for_as_a_page_says_so(server: Server) -> None:
    async with http_client(server.url) as http:
        response = await http.get("/ws")
        assert hold_to_the_error_shape(response) == "not_websocket"
        assert response.headers["upgrade"] == "websocket"
        assert (await http.post("/ws")).status_code == 405


async def test_what_does_not_change_is_not_sent_twice(server: Server) -> None:
    async with http_client(server.url) as http:
        for path in ("/", "/openapi.json"):
            first = await http.get(path)
            tag = first.headers["etag"]
            for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
                again = await http.get(path, headers={"If-None-Match": known})
                assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert (await http.get(path, headers={"If-None-Match": '"x"'})).content == first.content


async def test_a_credential_has_one_spelling(server: Server, anyone: Rest) -> None:
    mina = await anyone.guest("Mina")
    key = await server_key(server)
    async with http_client(server.url) as http:
        for token in (mina.token, key):
            for spelt, status in (
                ([f"Bearer {token}"], 200), ([f"bearer {token}"], 200), ([f"BEARER {token}"], 200),
                ([f"Bearer {token}="], 401), ([f"Bearer  {token}"], 401), ([f"Bearer {token} x"], 401), ([token], 401),
                ([f"Token {token}"], 401), ([f"Bearer {token}", f"Bearer {token}"], 401),
                ([f"Bearer {token}", "Basic eDp5"], 401), ([f"Bearer {token}, Bearer {token}"], 401),
            ):  # fmt: skip
                answer = await http.get("/api/me", headers=[("Authorization", each) for each in spelt])
                assert answer.status_code == status, spelt
    for other in (f"{mina.token}=", f" {mina.token}", f"{mina.token}\n", key):
        async with upgraded(server.port) as raw:
            assert (await raw.ask(op="hello", n=1, token=other))["code"] == "bad_token", other
