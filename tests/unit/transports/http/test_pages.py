"""Pages over HTTP, and what they count for among the node's buffers while they are written."""

from typing import Any

from madang.core.actors import Actor
from madang.core.events import MessageSent, draft
from madang.transports.http.app import http_app
from madang.transports.http.bounded_app import COUNTED
from tests.unit.transports.conftest import Running

READER = Actor(id="u" + "a" * 16, name="Ara")
LARGE = "x" * 4000


async def test_a_page_counts_once_while_it_is_written(running: Running) -> None:
    async with running() as node:
        await node.rooms.enter(READER, "yard")
        for n in range(3):
            await node.appender.append(draft(MessageSent(text=f"{n}{LARGE}"), "yard", READER.id, READER.name))
        token = node.identity.tokens.sign(READER, node.now()).token
        written: list[tuple[int, int]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                written.append((len(message["body"]), node.memory.held["http"]))

        scope = {
            "type": "http", "method": "GET", "path": "/api/rooms/yard/messages", "query_string": b"",
            "headers": [(b"authorization", f"Bearer {token}".encode())], "client": ("192.0.2.1", 1000),
        }  # fmt: skip
        await http_app(node)(scope, receive, send)
        ((size, held),) = written
        assert held == size > COUNTED
    assert node.memory.held["http"] == 0
