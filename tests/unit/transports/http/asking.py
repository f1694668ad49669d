"""A request to an ASGI application, without a connection, and its whole answer."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.types import ASGIApp


class Answer(NamedTuple):
    """What an application answered."""

    status: int
    headers: Mapping[str, str]  # by their names in lower case
    body: bytes


async def asked(app: ASGIApp, method: str, path: str, *headers: tuple[str, str]) -> Answer:
    """Make a request without a body."""
    scope = {
        "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(), "query_string": b"",
        "client": ("192.0.2.1", 1000), "scheme": "http", "server": ("localhost", 8400),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(bytes(message.get("body", b"")) for message in sent[1:]))
