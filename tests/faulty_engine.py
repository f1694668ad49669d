"""What is between a search engine and who uses it, and does harm: it holds back, is closed, answers itself, or refuses some of a bulk.

Everything else comes from the real engine behind it.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from madang.aio import cancelled
from tests.daemons import free_port

Refuse = Callable[[str], tuple[int, str] | None]
"""Judges the lines of one write; gives the status and the kind of the error that it is refused with."""


class FaultyEngine:
    """A proxy before an engine.

    Attributes:
        refuse: is asked about each write of a bulk.
        hold: is asked about each request; those that it gives true for wait until `flows` is set.
        held: whether a request has waited.
        instead: is asked about each request; what it gives is the answer, and the engine is not asked.
        lose: is asked about each request; the connection is lost when the engine has done those that it gives true for.
    """

    def __init__(self, engine: int, tls: ssl.SSLContext | None, authorization: str) -> None:
        self.port = free_port()
        self._tls = tls
        self._authorization = authorization
        self.refuse: Refuse = lambda lines: None
        self.instead: Callable[[str, bytes], bytes | None] = lambda path, body: None
        self.lose: Callable[[str, bytes], bool] = lambda path, body: False
        self.hold: Callable[[str, bytes], bool] = lambda path, body: False
        self.flows = asyncio.Event()
        self.held = asyncio.Event()
        self._http = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{engine}", timeout=60, trust_env=False)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None] | None] = set()

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 26, ssl=self._tls)

    async def close(self) -> None:
        """Listen no more, and lose all connections."""
        if self._server is not None:
            self._server.close()
            await cancelled(task for task in self._serving if task is not None)
            await self._server.wait_closed()
            self._server = None

    async def end(self) -> None:
        await self.close()
        await self._http.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._serving.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # asyncio would make noise about a handler that is cancelled
        finally:
            self._serving.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if self.hold(path, body):
            self.held.set()
            await self.flows.wait()
        kind = {"Content-Type": headers["content-type"]} if "content-type" in headers else {}
        if self._authorization and headers.get("authorization") != self._authorization:
            status, answer = 401, b'{"error":{"type":"security_exception","reason":"who is it?"},"status":401}'
        elif (page := self.instead(path, body)) is not None:
            status, answer = 200, page
        else:
            status, answer = await self._forward(method, path, body, kind)
        if self.lose(path, body):
            writer.transport.abort()
            return False
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(answer))
        )
        writer.write(answer)
        await writer.drain()
        return True

    async def _forward(self, method: str, path: str, body: bytes, kind: dict[str, str]) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        if "/_bulk" not in path:
            response = await self._http.request(method, path, content=body, headers=kind)
            return response.status_code, response.content
        writes = _writes(body.decode())
        refused = {n: how for n, lines in enumerate(writes) if (how := self.refuse(lines)) is not None}
        taken = "".join(lines for n, lines in enumerate(writes) if n not in refused)
        items: list[Any] = []
        if taken:
            response = await self._http.request(method, path, content=taken, headers=kind)
            if not response.is_success:
                return response.status_code, response.content
            items = response.json()["items"]
        for n, (status, error) in refused.items():
            items.insert(n, {"index": {"status": status, "error": {"type": error, "reason": "so"}}})
        return 200, json.dumps({"items": items}).encode()


def _writes(body: str) -> list[str]:
    lines = body.splitlines(keepends=True)
    found = []
    while lines:
        action = lines.pop(0)
        found.append(action if "delete" in json.loads(action) else action + lines.pop(0))
    return found


@asynccontextmanager
async def faulty(
    engine: int, tls: ssl.SSLContext | None = None, authorization: str = ""
) -> AsyncIterator[FaultyEngine]:
    """Run a proxy before the engine at a port.

    Args:
        tls: as whom it speaks TLS.
        authorization: the header without which it refuses.
    """
    proxy = FaultyEngine(engine, tls, authorization)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.end()
