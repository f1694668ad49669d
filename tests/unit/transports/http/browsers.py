"""A browser on the other end of a fake transport, for tests of the HTTP connection."""

import asyncio
import re
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from madang.node.assembly import websocket_doors
from madang.transports.http.gate import Gate
from madang.transports.http.parser import BoundedHttp, bounded_http
from madang.transports.node import Node
from madang.transports.websocket.connection import gateway
from tests.unit.transports.peers import FakeTransport
from tests.waiting import eventually

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the size of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    body = f"{scope['path']}:{size};".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def never(scope: Any, receive: Any, send: Any) -> None:
    """Answer when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Browser:
    """A client on the other end of a fake transport."""

    def __init__(self, node: Node, address: str = "10.0.0.1", app: Any = echo, gate: Gate | None = None) -> None:
        self.node = node
        http = bounded_http(gate or node.gate)
        self.transport = FakeTransport((address, 50_000))
        self.state = ServerState()
        config = uvicorn.Config(
            app, http=http, ws=gateway(node, websocket_doors(node)), lifespan="off", log_config=None
        )
        config.load()
        self.protocol: BoundedHttp = http(config, self.state, {}, asyncio.get_running_loop())
        self.transport.protocol = self.protocol
        self.protocol.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        if not self.transport.closing:
            self.transport.protocol.data_received(data)

    async def heard(self) -> None:
        """Wait until the server reads on, or has closed."""
        await eventually(lambda: self.transport.reading or self.transport.closing)

    @property
    def answers(self) -> list[int]:
        """The statuses so far."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.transport.sent)]

    async def answered(self, *statuses: int) -> None:
        await eventually(lambda: len(self.answers) >= len(statuses))
        assert self.answers == list(statuses)
