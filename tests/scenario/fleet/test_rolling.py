"""A rolling restart behind the real nginx and HAProxy, with deploy's files: nobody gets a 502, and everybody is back.

The clients are 60 WebSockets that stay, alone and with HTTP beside them. How long each was away is printed, not judged here.
What each file makes of a node that went and came is in `test_balancing.py`, quicker, with nodes that are mere listeners.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from madang.client import Client, State, connect
from tests.http import http_client
from tests.proxies import RUN, Proxy
from tests.redis import RedisServer
from tests.running import ForkedServer, Server
from tests.waiting import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.slow]
CLIENTS: Final = 60
BROKEN: Final = {0, 502, 504}


class Visitor:
    """Somebody whose connection is kept up; notes what went wrong and how long they were away."""

    def __init__(self, url: str, number: int) -> None:
        self.client: Client = connect(f"{url}?room=room-{number}", guest=f"Guest {number}", on_state=self._note)
        self.troubles: Counter[str] = Counter()
        self.away: list[float] = []
        self._left = 0.0

    def _note(self, state: State) -> None:
        now = asyncio.get_running_loop().time()
        if state is State.LIVE and self._left:
            self.away.append(now - self._left)
            self._left = 0.0
        elif state is State.WAITING:
            self._left = self._left or now
            self.troubles[self.client.trouble] += 1


@asynccontextmanager
async def visitors(proxy: Proxy) -> AsyncIterator[list[Visitor]]:
    async with AsyncExitStack() as stack:
        all_of_them = [Visitor(proxy.url, number) for number in range(CLIENTS)]
        await asyncio.gather(*(stack.enter_async_context(visitor.client) for visitor in all_of_them))
        yield all_of_them


@asynccontextmanager
async def http_beside(proxy: Proxy, wanted: bool) -> AsyncIterator[Counter[int]]:
    """Read and post over REST without a pause; count the answers."""
    answers: Counter[int] = Counter()

    async def ask(http: httpx2.AsyncClient, n: int) -> None:
        bearer = {"Authorization": f"Bearer {token}"}
        while True:
            answers[(await http.get("/livez")).status_code] += 1
            path, cid = "/api/rooms/lobby/messages", f"{n}-{answers.total()}"
            try:
                posted = await http.post(path, json={"text": "x"}, headers={**bearer, "Idempotency-Key": cid})
                answers[posted.status_code] += 1
            except httpx2.TransportError:  # the proxy hung up: of a POST it cannot know whether it was carried out
                answers[0] += 1

    if not wanted:
        yield answers
        return
    async with http_client(proxy.http) as http:
        token = (await http.post("/api/guests", json={"name": "Poster"})).json()["token"]
        await http.put("/api/rooms/lobby/members/me", headers={"Authorization": f"Bearer {token}"})
        asking = [asyncio.create_task(ask(http, n)) for n in range(2)]
        try:
            yield answers
            assert not [task for task in asking if task.done()]
        finally:
            for task in asking:
                task.cancel()
            await asyncio.wait(asking)


@asynccontextmanager
async def three_nodes(folder: Path, database: str, redis: RedisServer) -> AsyncIterator[list[Server]]:
    settings = {
        "database": database, "bus": redis.url, "trusted_proxies": '["127.0.0.1"]',
        "user_rate": "1000", "user_burst": "1000", "room_rate": "5000",
        "max_sockets_per_address": "500", "address_rate": "2000",
    }  # fmt: skip
    nodes: list[Server] = [ForkedServer(folder / f"node{n}", settings=settings) for n in (1, 2, 3)]
    try:
        for node in nodes:
            node.data.mkdir()
            await node.start()
        yield nodes
    finally:
        for node in nodes:
            await node.close()


async def rolled(nodes: list[Server], kind: str, by_room: bool, mixed: bool) -> None:
    """Restart all nodes in turn, each as soon as the one before is ready; see that nobody is told that there is no node."""
    with RUN[kind]([node.port for node in nodes], by_room=by_room) as proxy:
        async with visitors(proxy) as there, http_beside(proxy, mixed) as answers:
            for node in nodes:
                assert await node.stop() == 0
                await node.start()
            await eventually(lambda: all(visitor.client.state is State.LIVE for visitor in there))
            in_order = answers.copy()
            await nodes[1].kill()
            await nodes[1].start()
            await eventually(lambda: all(visitor.client.state is State.LIVE for visitor in there))
    troubles = sum((visitor.troubles for visitor in there), Counter[str]())
    away = sorted(time for visitor in there for time in visitor.away)
    print(
        f"{kind}, by room {by_room}, mixed {mixed}: away {len(away)} times, most {away[-1]:.1f} s; {in_order} {troubles}"
    )
    assert len(away) >= CLIENTS, "everybody was on one of them"
    assert not [trouble for trouble in troubles if trouble.startswith("HTTP")], troubles
    assert not set(in_order) & BROKEN, in_order  # of a kill, a POST that may have been carried out hears 502


@pytest.mark.parametrize("mixed", [False, True], ids=["alone", "mixed"])
@pytest.mark.parametrize("kind,by_room", [("nginx", False), ("nginx", True), ("haproxy", False), ("haproxy", True)])
async def test_nobody_gets_a_502(
    tmp_path: Path, postgres_url: str, redis_server: RedisServer, kind: str, by_room: bool, mixed: bool
) -> None:
    async with three_nodes(tmp_path, postgres_url, redis_server) as nodes:
        await rolled(nodes, kind, by_room, mixed)
