"""The stock Redis emitter: what a backend emits is a message of the log, once, whichever node hears it, by the right of a key."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from madang.adapters.bus.redis.emitted import LOCK
from tests.http import http_client
from tests.integration.socketio.stock import NODE, set_up
from tests.redis import RedisServer
from tests.rest import admin_client, rest
from tests.running import Server, running_server
from tests.scenario.fleet.two_nodes import metric
from tests.servers import PostgresServer
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
EMIT: Final = Path(__file__).parent / "emit.mjs"
ROOM: Final = "yard"


class Emitter:
    """A backend with the stock emitter."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def emit(self, *args: Any, to: tuple[str, ...] = (ROOM,)) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"rooms": to, "args": args}).encode() + b"\n")
        await self._process.stdin.drain()


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url) as redis:
        yield redis


@pytest.fixture
async def emitter(redis_server: RedisServer) -> AsyncIterator[Emitter]:
    await asyncio.to_thread(set_up)
    process = await asyncio.create_subprocess_exec(NODE, EMIT, str(redis_server.port), stdin=PIPE)
    yield Emitter(process)
    process.kill()
    await process.wait()


@pytest.fixture
def shared(postgres_server: PostgresServer, redis_server: RedisServer) -> Iterator[dict[str, str]]:
    """The settings of all nodes."""
    yield {"database": postgres_server.create_database("emitted"), "bus": redis_server.url}
    postgres_server.drop_database("emitted")


@pytest.fixture
async def first(tmp_path: Path, shared: dict[str, str]) -> AsyncIterator[Server]:
    """A node that hears no emitters."""
    async with running_server(tmp_path, "--load-test", settings=shared) as server:
        async with rest(server.url) as anyone:
            mina = await anyone.guest("Mina")
            await mina.ok("POST", "/api/rooms", {"id": ROOM, "title": "Yard"})
        yield server


Hearing = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture
def hearing(tmp_path: Path, shared: dict[str, str], redis_server: RedisServer) -> Hearing:
    """Run one more node, which hears them by the right of a key."""

    @asynccontextmanager
    async def one(name: str, key: str, url: str = redis_server.url) -> AsyncIterator[Server]:
        (folder := tmp_path / name).mkdir()
        more = {"socketio_emitter": url, "socketio_emitter_key": key}
        async with running_server(folder, "--load-test", settings=shared | more) as server:
            yield server

    return one


async def key_for(server: Server, *scopes: str) -> str:
    key: str = (await (await admin_client(server)).ask("POST", "/keys", {"label": "Backend", "scopes": scopes}))["key"]
    return key


async def until(right: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await right():
            await asyncio.sleep(0.02)


async def heard_by(redis: Redis, count: int = 1) -> None:
    """Wait until nodes listen."""

    async def right() -> bool:
        return bool(await redis.pubsub_numpat() == count)

    await until(right)


async def texts(server: Server, key: str) -> list[str]:
    """Return the texts of the room, in their order."""
    found: list[str] = []
    async with rest(server.url) as anyone:
        backend, after, more = anyone.server(key), 1, True
        while more:
            page = await backend.ok("GET", f"/api/rooms/{ROOM}/messages?limit=200&after={after}")
            found += [message["text"] for message in page["messages"]]
            more = page["more"]
            after = page["messages"][-1]["seq"] if more else after
    return found


async def said(server: Server, key: str, last: str) -> list[str]:
    """Wait for the last text, and return all."""

    async def right() -> bool:
        return last in await texts(server, key)

    await until(right)
    return await texts(server, key)


async def emitted(server: Server, outcome: str) -> float:
    return await metric(server, f'madang_socketio_emitted_total{{outcome="{outcome}"}}')


async def test_what_is_emitted_is_said_once_and_in_order(
    first: Server, hearing: Hearing, redis: Redis, emitter: Emitter
) -> None:
    key, reader = await key_for(first, "publish"), await key_for(first)
    async with hearing("b", key) as b, hearing("c", key) as c:
        await heard_by(redis)
        for n in range(300):
            await emitter.emit("message", f"{n}")
        await emitter.emit("message", f"{299}")  # the same again is another message
        sora = {"id": "customer-17", "name": "Sora"}
        await emitter.emit("message", {"text": "Hello", "data": {"x": 1}, "as": sora}, to=(ROOM, "nowhere"))
        assert await said(first, reader, "Hello") == [*map(str, range(300)), "299", "Hello"]
        async with rest(first.url) as anyone:
            page = await anyone.server(reader).ok("GET", f"/api/rooms/{ROOM}/messages?limit=1")
        assert (page["messages"][0]["name"], page["messages"][0]["data"]) == ("Sora", {"x": 1})
        assert sum([await emitted(node, "stored") for node in (b, c)]) == 302
        assert sum([await emitted(node, "refused") for node in (b, c)]) == 1, "one of two rooms is not there"


async def test_what_is_wrong_is_dropped_and_counted(
    first: Server, hearing: Hearing, redis: Redis, emitter: Emitter
) -> None:
    key = await key_for(first, "publish")
    async with hearing("b", key) as b:
        await heard_by(redis)
        for junk in (b"", b"junk", b"\xdd\xff\xff\xff\xff", b"\x91" * 70_000):
            await redis.publish("socket.io#/#", junk)
        await emitter.emit("chat", "x")
        await emitter.emit("message", "to everybody", to=())
        await emitter.emit("message", {"text": 7})
        await emitter.emit("message", {"text": "x", "more": 1})
        await emitter.emit("message", "x", to=("Not A Room",))
        await emitter.emit("message", "")
        await emitter.emit("message", "fine")
        assert await said(first, await key_for(first), "fine") == ["fine"]
        assert (await emitted(b, "malformed"), await emitted(b, "refused"), await emitted(b, "stored")) == (8, 2, 1)
        log = b.log.read_text()
        assert "only the event message is taken" in log and "Traceback" not in log


@pytest.mark.parametrize("scopes", [("read",), ("gone",)])
async def test_a_key_without_the_right_says_nothing(
    first: Server, hearing: Hearing, redis: Redis, emitter: Emitter, scopes: tuple[str, ...]
) -> None:
    key = "mk_00000000_" + "A" * 43 if scopes == ("gone",) else await key_for(first, *scopes)
    async with hearing("b", key) as b:
        await heard_by(redis)
        await emitter.emit("message", "x")

        async def refused() -> bool:
            return await emitted(b, "refused") == 1

        await until(refused)
        assert await texts(first, await key_for(first)) == []


@pytest.mark.parametrize("way", ["killed", "stopped for a while"])
async def test_another_node_hears_on_and_nothing_is_said_twice(
    first: Server, hearing: Hearing, redis: Redis, emitter: Emitter, way: str
) -> None:
    key, reader = await key_for(first, "publish"), await key_for(first)
    numbers, over = count(), asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            await emitter.emit("message", f"{next(numbers)}")
            await asyncio.sleep(0.01)  # a pace, not a wait

    async with hearing("b", key) as b:
        await heard_by(redis)
        async with hearing("c", key) as c:
            going_on = asyncio.create_task(go_on())
            await said(first, reader, "20")
            holder = await redis.get(LOCK)
            await b.kill() if way == "killed" else b.pause()

            async def another() -> bool:
                return await redis.get(LOCK) not in (None, holder) and await emitted(c, "stored") > 20

            await until(another)
            if way != "killed":
                b.resume()
                so_far = len(await texts(first, reader))

                async def goes_on() -> bool:
                    return len(await texts(first, reader)) > so_far + 20

                await until(goes_on)
            over.set()
            await going_on
            await emitter.emit("message", "last")
            found = await said(first, reader, "last")
    numbered = [int(text) for text in found[:-1]]
    assert numbered == sorted(set(numbered)), "nothing twice, and in order"
    assert len(numbered) < next(numbers), "what was emitted while nobody listened is lost, and the guide says so"


async def test_a_redis_that_is_away_keeps_no_node_from_serving(first: Server, hearing: Hearing) -> None:
    async with hearing("b", await key_for(first, "publish"), "redis://127.0.0.1:1") as b:
        async with http_client(b.url) as http:
            assert (await http.get("/readyz")).status_code == 200

        async def told() -> bool:
            return "is not heard" in b.log.read_text()

        await until(told)
