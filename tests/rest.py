"""REST as tests use it: clients of a server, whose every answer is held to the server's own /openapi.json."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from madang.cli.admin_client import AdminClient, running
from madang.codes import ERRORS
from tests.http import http_client
from tests.running import Server

JSON: Final = "application/json"
_document: Final[dict[str, Any]] = {}


class Rest:
    """A client with or without a token. Calls give the response; `ok` gives the JSON of one that succeeded."""

    def __init__(self, http: httpx2.AsyncClient, document: dict[str, Any], token: str = "") -> None:
        self.http = http
        self.document = document
        self.token = token
        self.user = ""

    async def call(self, method: str, path: str, json: Any = None, **more: Any) -> httpx2.Response:
        """Make a request."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if more.get("content") is not None:
            headers["Content-Type"] = JSON
        headers |= more.pop("headers", {})
        response = await self.http.request(method, path, json=json, headers=headers, **more)
        self._hold(response)
        return response

    async def ok(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        """Make a request that must succeed."""
        response = await self.call(method, path, json, **more)
        assert response.is_success, response.text
        return response.json()

    async def refused(self, method: str, path: str, json: Any = None, **more: Any) -> str:
        """Make a request that must be refused; gives the error's code."""
        response = await self.call(method, path, json, **more)
        assert response.is_error, response.text
        code: str = response.json()["error"]["code"]
        return code

    async def guest(self, name: str, room: str = "") -> "Rest":
        """Return a client of a new guest, who has joined `room`."""
        welcome = await self.ok("POST", "/api/guests", {"name": name})
        guest = Rest(self.http, self.document, welcome["token"])
        guest.user = welcome["user"]["id"]
        if room:
            await guest.ok("PUT", f"/api/rooms/{room}/members/me")
        return guest

    def server(self, key: str) -> "Rest":
        """Return a client with a server key."""
        return Rest(self.http, self.document, key)

    def _hold(self, response: httpx2.Response) -> None:
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        path, method = response.request.url.path, response.request.method.lower()
        if response.is_error:
            hold_to_the_error_shape(response)
            return
        for template, operations in self.document["paths"].items():
            if method in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                described = operations[method]["responses"][str(response.status_code)]["content"][JSON]["schema"]
                assert response.headers["content-type"] == JSON
                conforms(response.json(), described, self.document["components"]["schemas"])
                return
        raise AssertionError(f"{method} {path} is not in /openapi.json")


def hold_to_the_error_shape(response: httpx2.Response) -> str:
    """Assert that an answer is {"error": {"code", "message", "retry_ms"?}} with its code's status; gives the code."""
    assert response.headers["content-type"] == JSON, response.text
    body = response.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert {"code", "message"} <= set(error) <= {"code", "message", "retry_ms"}
    assert response.status_code == ERRORS[error["code"]].http
    assert isinstance(error["message"], str)
    assert error["message"].endswith("."), "a sentence"
    if "retry_ms" in error:
        assert 0 < error["retry_ms"] <= int(response.headers["retry-after"]) * 1000
    code: str = error["code"]
    return code


def conforms(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Assert that a JSON value is what a schema describes, with no field that it does not."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        refusals = []
        for choice in schema["anyOf"]:
            try:
                conforms(value, choice, schemas)
                return
            except AssertionError as refusal:
                refusals.append(str(refusal))
        raise AssertionError(refusals)
    if "enum" in schema:
        assert value in schema["enum"]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), (value, schema)
    if schema.get("type") == "object":
        other = schema.get("additionalProperties")
        assert set(schema.get("required", ())) <= set(value), (value, schema)
        for name, field in value.items():
            assert name in schema.get("properties", ()) or other is not None, (name, schema)
            conforms(field, schema.get("properties", {}).get(name, other), schemas)
    if schema.get("type") == "array":
        for item in value:
            conforms(item, schema["items"], schemas)


@asynccontextmanager
async def rest(url: str, address: str | None = None) -> AsyncIterator[Rest]:
    """Return a client without a token, from an address of its own if it is given one."""
    more = {"transport": httpx2.AsyncHTTPTransport(verify=False, local_address=address)} if address else {}
    async with http_client(url, **more) as http:
        yield Rest(http, await described(http))


async def described(http: httpx2.AsyncClient) -> dict[str, Any]:
    """Return the server's /openapi.json, which is asked for once: servers of one version describe the same, and each takes 0.2 s."""
    if not _document:
        _document.update((await http.get("/openapi.json")).json())
    return _document


async def admin_client(server: Server) -> AdminClient:
    """Return the admin listener of a running server, found as the command line finds it."""
    found = await running(server.data)
    assert found is not None
    return found


async def server_key(server: Server, label: str = "Backend") -> str:
    """Make a server key."""
    key: str = (await (await admin_client(server)).ask("POST", "/keys", {"label": label}))["key"]
    return key
