"""The real nginx and HAProxy, with deploy's files, take no connection to a node twice: one that idles may be closing.

The node is a stand-in that is at its worst: it answers one request, keeps the connection open, and closes it without an
answer when another comes, as a node does whose idle time ends in that moment. A proxy that used it again would answer 502.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.http import http_client
from tests.proxies import RUN


@asynccontextmanager
async def closing_nodes(count: int) -> AsyncIterator[tuple[list[int], Counter[str]]]:
    """Run stand-ins for nodes; yield their ports, and what they were asked for, by method."""
    asked: Counter[str] = Counter()
    writers: set[asyncio.StreamWriter] = set()

    async def request(reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if size := re.search(r"content-length: (\d+)", head, re.IGNORECASE):
            await reader.readexactly(int(size[1]))
        return head.partition(" ")[0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            asked[await request(reader)] += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            await request(reader)
            asked["again"] += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the proxy has closed, as it should
        finally:
            writers.discard(writer)
            writer.close()

    servers = [await asyncio.start_server(serve, "127.0.0.1", 0) for _ in range(count)]
    try:
        yield [server.sockets[0].getsockname()[1] for server in servers], asked
    finally:
        for server in servers:
            server.close()
        for writer in list(writers):
            writer.close()


@pytest.mark.parametrize("by_room", [False, True], ids=["least connections", "by room"])
@pytest.mark.parametrize("kind", RUN)
async def test_no_post_meets_a_connection_that_was_used_before(kind: str, by_room: bool) -> None:
    async with closing_nodes(3) as (ports, asked):
        with RUN[kind](ports, by_room=by_room) as proxy:
            async with http_client(proxy.http) as http:
                posts = [await http.post("/api/rooms/yard/messages", json={"text": "hello"}) for _ in range(30)]
                others = [
                    await http.request(method, "/api/me") for method in ("GET", "PUT", "DELETE") for _ in range(5)
                ]
        assert {answer.status_code for answer in posts + others} == {200}
        assert asked["POST"] == 30
        assert asked["again"] == 0


async def test_a_proxy_that_keeps_connections_is_told_from_one_that_does_not() -> None:
    """The stand-in is as bad as it is meant to be."""
    kept = {"''      close;": "''      '';", "least_conn;": "least_conn;\n    keepalive 8;"}
    async with closing_nodes(1) as (ports, asked):
        with RUN["nginx"](ports, put=kept) as proxy:
            async with http_client(proxy.http) as http:
                statuses = [(await http.post("/x", json={})).status_code for _ in range(10)]
        assert 502 in statuses
        assert asked["again"] > 0
