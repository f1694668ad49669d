"""Which node the real nginx and HAProxy choose, with deploy's files: by room, by fewest connections, after a failure or freeze.

Here nodes are plain listeners that note what reaches them, because which node was asked and how often is the question.
What Madang's nodes make of it is in `test_proxies.py`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import httpx2
import pytest

from tests.http import http_client
from tests.proxies import AS_IT_IS, RUN, Proxy
from tests.waiting import PATIENCE_S, eventually
from tests.wire import dialled, upgrade

ROOMS: Final = 60
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="  # of RFC 6455's example, as the answer to it
UPGRADED: Final = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class Door:
    """A node that does as it is told: it answers with its number, hangs up or freezes when it is asked, or is busy."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.port = 0
        self.does = "answer"
        self.asked: Counter[str] = Counter()  # by method and path, without the proxy's own questions
        self.held: set[asyncio.StreamWriter] = set()  # requests that wait forever
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._connections:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split(" ", 2)
                for line in head.lower().splitlines():
                    if line.startswith("content-length:"):
                        await reader.readexactly(int(line.split(":")[1]))
                does = self.does
                if target != "/readyz":  # HAProxy's own question
                    self.asked[f"{method} {target}"] += 1
                elif does != "freeze":
                    does = "answer"
                if does == "hang up":
                    break
                if does == "freeze":
                    await reader.read()
                    break
                if target.startswith("/ws/hold"):
                    if "upgrade: websocket" in head.lower():
                        writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{UPGRADED}\r\n\r\n".encode())
                    self.held.add(writer)
                    await reader.read()
                    break
                status, more = ("503 Busy", "Retry-After: 7\r\n") if does == "busy" else ("200 OK", "")
                writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: 1\r\n\r\n{self.number}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            self.held.discard(writer)
            writer.transport.abort()


@asynccontextmanager
async def balanced(
    kind: str, *, by_room: bool = False, put: Mapping[str, str] = AS_IT_IS
) -> AsyncIterator[tuple[Proxy, list[Door]]]:
    """Run a proxy before three of them, with some words of its file put in place of others."""
    doors = [Door(n) for n in range(3)]
    for door in doors:
        await door.open()
    try:
        with RUN[kind]([door.port for door in doors], by_room=by_room, put=put) as proxy:
            yield proxy, doors
    finally:
        for door in doors:
            await door.close()


async def until_answered(http: httpx2.AsyncClient, path: str) -> int:
    """Ask until some node answers; gives its number."""
    async with asyncio.timeout(PATIENCE_S):
        while (response := await http.get(path)).status_code != 200:
            await asyncio.sleep(0.05)
    return int(response.text)


@pytest.mark.parametrize("kind", RUN)
async def test_a_room_is_with_one_node_and_only_a_lost_nodes_rooms_move(kind: str) -> None:
    async with (
        balanced(kind, by_room=True) as (proxy, doors),
        http_client(proxy.http) as http,
    ):

        async def nodes() -> dict[int, int]:
            return {n: await until_answered(http, f"/ws?room=room-{n}") for n in range(ROOMS)}

        before = await nodes()
        assert set(before.values()) == {0, 1, 2}
        assert await nodes() == before
        await doors[1].close()
        after = await nodes()
        assert {n for n in before if before[n] != after[n]} == {n for n in before if before[n] == 1}
        await doors[1].open()
        async with asyncio.timeout(PATIENCE_S):
            while await nodes() != before:  # the proxies look for it again in a second or two
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("kind", RUN)
async def test_new_connections_go_where_the_fewest_are(kind: str) -> None:
    async with balanced(kind) as (proxy, doors):

        def held() -> list[int]:
            return [len(door.held) for door in doors]

        async def come(count: int) -> None:
            """Open connections that stay, each when the one before has arrived."""
            for _ in range(count):
                before = sum(held())
                raw = await opened.enter_async_context(dialled(proxy.port))
                await raw.send(b"GET /ws/hold HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await eventually(lambda: sum(held()) > before)  # noqa: B023  # awaited at once

        async with AsyncExitStack() as opened:
            await come(12)
            assert held() == [4, 4, 4]
            await doors[2].close()
            await eventually(lambda: held() == [6, 6, 0], "what got no answer is asked elsewhere")
            await doors[2].open()
            async with (
                http_client(proxy.http) as http,
                asyncio.timeout(PATIENCE_S),
            ):
                while await until_answered(http, "/ws") != 2:  # it is found to be back
                    await asyncio.sleep(0.05)
            await come(5)
            assert held() == [6, 6, 5]


@pytest.mark.parametrize("kind", RUN)
async def test_what_a_node_may_have_done_is_not_sent_to_another(kind: str) -> None:
    """Each node hangs up when it has read a request: a POST reaches one node, a GET goes to the next one."""
    async with (
        balanced(kind) as (proxy, doors),
        http_client(proxy.http) as http,
    ):
        doors[0].does = doors[1].does = "hang up"
        for n in range(6):
            asked = sum(door.asked["POST /x"] for door in doors)
            async with dialled(proxy.port) as raw:  # in one piece, as HAProxy would need it to send it twice
                await raw.send(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nonce")
                assert await raw.status() in (200, 502)
            assert sum(door.asked["POST /x"] for door in doors) == asked + 1
            assert (await http.get(f"/{n}")).text == "2", "a read is asked for again where a node fell silent"
        assert sum(door.asked["POST /x"] for door in doors[:2]), "no POST met a node that hangs up"


@pytest.mark.parametrize("kind", RUN)
async def test_a_nodes_no_reaches_the_visitor_with_its_hint(kind: str) -> None:
    """A busy node is not asked again elsewhere, and not taken for a broken one: its hint is passed on, however many ask."""
    async with (
        balanced(kind) as (proxy, doors),
        http_client(proxy.http) as http,
    ):
        for door in doors:
            door.does = "busy"
        for _ in range(9):
            response = await http.get("/ws")
            assert (response.status_code, response.headers["retry-after"]) == (503, "7")
        assert sum(door.asked["GET /ws"] for door in doors) == 9


@pytest.mark.parametrize("kind", RUN)
async def test_after_an_hour_without_any_node_the_first_is_found(kind: str) -> None:
    async with (
        balanced(kind) as (proxy, doors),
        http_client(proxy.http) as http,
    ):
        for door in doors:
            await door.close()
        for _ in range(3):
            assert (await http.get("/")).status_code in (502, 503)
        await doors[1].open()
        assert await until_answered(http, "/") == 1


@pytest.mark.parametrize("by_room", [False, True], ids=["fewest", "by room"])
@pytest.mark.parametrize("kind", RUN)
async def test_after_nodes_went_and_came_each_gets_connections_again_though_none_is_ever_complete(
    kind: str, by_room: bool
) -> None:
    """A WebSocket lasts for hours; a proxy that forgives a node only when one has ended soon has no node left."""
    async with balanced(kind, by_room=by_room) as (proxy, doors), AsyncExitStack() as opened:

        async def come() -> None:
            raw = await opened.enter_async_context(dialled(proxy.port))
            await raw.send(upgrade(path=f"/ws/hold?room={next(rooms)}", key=KEY))
            assert await raw.status() == 101

        rooms = iter(range(10_000))
        for door in doors:
            await door.close()
            for _ in range(6):
                await come()
            await door.open()
            async with asyncio.timeout(PATIENCE_S):
                while not door.held:
                    await come()
        for _ in range(12):
            await come()
        assert all(len(door.held) > 1 for door in doors)


@pytest.mark.parametrize("kind", ["nginx", pytest.param("haproxy", marks=pytest.mark.slow)])
async def test_a_frozen_node_is_left_out_and_what_only_reads_is_asked_elsewhere(kind: str) -> None:
    async with (
        balanced(kind) as (proxy, doors),
        http_client(proxy.http) as http,
    ):
        assert {await until_answered(http, f"/{n}") for n in range(12)} == {0, 1, 2}
        doors[1].does = "freeze"
        met = []
        for turn in ("first", "second"):
            answers = await asyncio.gather(*(http.get(f"/{turn}-{n}") for n in range(12)))
            assert {(answer.status_code, answer.text) for answer in answers} == {(200, "0"), (200, "2")}
            met.append(doors[1].asked.total())
        assert met[0] == met[1], "whoever came later did not meet it"


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUN)
async def test_a_handshake_with_a_frozen_node_goes_elsewhere_when_its_time_is_up(kind: str) -> None:
    """With nginx that is the time in which a ping must come, which docs/guides/fleet.md says how to shorten."""
    put = {"proxy_read_timeout 75s": "proxy_read_timeout 4s"} if kind == "nginx" else {}
    async with (
        balanced(kind, put=put) as (proxy, doors),
        http_client(proxy.http) as http,
    ):
        doors[1].does = "freeze"
        answers = await asyncio.gather(*(http.get("/ws") for _ in range(12)))
        assert {(answer.status_code, answer.text) for answer in answers} == {(200, "0"), (200, "2")}
