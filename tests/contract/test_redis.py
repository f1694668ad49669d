"""The Redis bus keeps the contract of `ports.bus` on a real server, whatever becomes of its connections."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from madang.adapters.bus.channels import STRATEGIES
from madang.adapters.bus.envelopes import Signer
from madang.adapters.bus.redis import RedisBus, RedisPresence
from madang.adapters.bus.redis.channels import Channels
from madang.adapters.bus.redis.servers import CONNECTIONS
from madang.core.events import Event, MessageSent
from madang.core.signing import Keyring, lone_keyring
from madang.errors import SetupError
from madang.ports.bus import Bus, Signal
from madang.testing import check_bus, check_presence
from madang_proof.testbed.proxy import Proxy
from tests.redis import RedisServer, run_redis
from tests.waiting import PATIENCE_S, eventually, turns

pytestmark = pytest.mark.redis

KEYS = lone_keyring(bytes(range(32)))
OTHERS = lone_keyring(b"another secret" * 3)


class Receiver:
    """Keeps what comes, and how often it was told to check."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.signals: list[Signal] = []
        self.checks = 0

    def receive(self, events: Sequence[Event]) -> None:
        self.events += events

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        raise AssertionError("Redis carries every event whole")

    def signal(self, signal: Signal) -> None:
        self.signals.append(signal)

    def check_soon(self) -> None:
        self.checks += 1


def event(room: str, seq: int, body: bytes = b"{}") -> Event:
    return Event(room, seq, seq, MessageSent.type, "u", "n", seq, body)


@asynccontextmanager
async def pair(
    server: RedisServer, strategy: str = "partition", keyrings: tuple[Keyring, Keyring] = (KEYS, KEYS)
) -> AsyncIterator[tuple[RedisBus, RedisBus, Receiver]]:
    """Two started buses, and what the second one hears."""
    buses = [RedisBus(server.url, strategy, keys, f"node-{n}") for n, keys in enumerate(keyrings)]
    receivers = Receiver(), Receiver()
    for bus, receiver in zip(buses, receivers, strict=True):
        await bus.start(receiver)
    try:
        yield buses[0], buses[1], receivers[1]
    finally:
        for bus in buses:
            await bus.stop()


@pytest.fixture(params=["redis_server", "redis_cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """A single server, and a Cluster."""
    return str(request.getfixturevalue(request.param).url)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_contract(url: str, strategy: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[list[Bus]]:
        yield [RedisBus(url, strategy, KEYS, f"node-{n}-{secrets.token_hex(4)}") for n in range(3)]

    await check_bus(make)


async def test_after_a_cut_it_listens_again_and_says_so(redis_server: RedisServer) -> None:
    async with pair(redis_server) as (here, there, heard), Redis.from_url(redis_server.url) as redis:
        await there.subscribe("yard")
        here.publish([event("yard", 1)])
        await eventually(lambda: len(heard.events) == 1)
        for kind in ("pubsub", "normal"):
            checks = heard.checks
            await redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            if kind == "pubsub":
                await eventually(lambda: heard.checks > checks, "deaf for a moment, and nobody was told")  # noqa: B023
            heard.events.clear()

            async def say_until_heard() -> None:
                while not heard.events:
                    here.publish([event("yard", 2)])
                    await asyncio.sleep(0.01)

            await asyncio.wait_for(say_until_heard(), PATIENCE_S)


async def test_a_server_that_stands_still_is_no_loss() -> None:
    with run_redis() as first:
        async with pair(first) as (here, there, heard):
            await there.subscribe("yard")
            here.publish([event("yard", 1)])
            await eventually(lambda: len(heard.events) == 1)
            assert await there.probe()
            async with Redis.from_url(first.url) as redis:
                await redis.execute_command("CLIENT", "PAUSE", "400", "ALL")
            waiting = asyncio.ensure_future(there.subscribe("square"))
            here.publish([event("yard", 2)])
            await waiting
            await eventually(lambda: event("yard", 2) in heard.events, "a pause is not a loss")


async def test_others_on_the_same_server_are_neither_heard_nor_believed(redis_server: RedisServer) -> None:
    """Another installation has channels of its own; and who forges an envelope has no key to sign it with."""
    async with pair(redis_server, keyrings=(KEYS, OTHERS)) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", 1)])
        assert await there.probe()
        assert await here.probe()
        channel, other = (Channels("partition", f"madang:{bus.installation}:").of("yard")[0] for bus in (there, here))
        assert channel != other
        forged = [
            b"",
            b"\x01",
            b"\x80\x04cos\nsystem\n",
            secrets.token_bytes(200),
            Signer(KEYS, "node-9").pack({}, channel),
        ]
        async with Redis.from_url(redis_server.url) as redis:
            for envelope in forged:
                assert await redis.publish(channel, envelope) == 1
        assert await there.probe(), "behind the forged ones, so they have been looked at"
        assert heard.events == []


async def test_what_waits_is_bounded_and_the_newest_stays(redis_server: RedisServer) -> None:
    async with pair(redis_server) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", seq) for seq in range(1, 30_001)])
        await eventually(lambda: heard.events and heard.events[-1].seq == 30_000)
        assert [e.seq for e in heard.events] == list(range(20_001, 30_001))


async def test_large_events_do_not_make_an_envelope_too_large(redis_server: RedisServer) -> None:
    async with pair(redis_server) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", seq, b'"' + b"x" * 60_000 + b'"') for seq in range(1, 201)])
        await eventually(lambda: len(heard.events) == 200)


async def test_a_node_decodes_only_what_its_rooms_need(redis_server: RedisServer) -> None:
    async with pair(redis_server, "all") as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event(f"elsewhere-{n}", 1) for n in range(500)] + [event("yard", 1)])
        await eventually(lambda: bool(heard.events))
        assert heard.events == [event("yard", 1)]


async def test_what_cannot_be_used_is_named(redis_server: RedisServer) -> None:
    for url in ("redis://", "redis+sentinel://h:1", "redis+sentinel://h/x", "http://h:1"):
        with pytest.raises(SetupError, match="not a URL"):
            RedisBus(url, "room", KEYS, "node")
    bus = RedisBus("redis://:secret@127.0.0.1:1", "room", KEYS, "node")
    with pytest.raises(SetupError, match=r"127\.0\.0\.1:1 does not answer") as caught:
        await bus.start(Receiver())
    assert "secret" not in str(caught.value)
    await bus.stop()
    with run_redis({"requirepass": "open"}) as server:
        for url, problem in {
            server.url: "does not let us in|refuses",
            server.url.replace("//", "//:wrong@"): "does not let us in|refuses",
        }.items():
            bus = RedisBus(url, "room", KEYS, "node")
            with pytest.raises(SetupError, match=problem):
                await bus.start(Receiver())
            await bus.stop()
        bus = RedisBus(server.url.replace("//", "//:open@"), "room", KEYS, "node")
        await bus.start(Receiver())
        assert await bus.probe()
        await bus.stop()


async def test_presence_keeps_its_contract(url: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[RedisPresence]:
        presence = RedisPresence(url, "test", ttl_s=60)
        yield presence
        await presence.stop()

    await check_presence(make, ttl_s=60)


async def test_presence_is_one_over_all_nodes_and_a_dead_one_is_swept_by_another(url: str) -> None:
    """Each node has a clock of its own; the first device and the last one count, wherever they are."""
    here, there = (RedisPresence(url, "fleet", ttl_s=60) for _ in range(2))
    room = f"room-{secrets.token_hex(4)}"
    assert await here.enter(room, "ann", "Ann", "phone", 1000.0)
    assert not await there.enter(room, "ann", "Ann", "admin", 5.0)
    assert await there.enter(room, "ben", "Ben", "admin", 5.0)
    assert await here.count(room) == 2
    assert not await here.leave(room, "ann", "phone", 1001.0)
    await here.enter(room, "cho", "Cho", "phone", 1002.0)
    # The other node falls silent with ann and ben on it.
    await here.refresh([(room, "cho", "phone")], 1050.0)
    assert sorted(await here.sweep(1075.0)) == [(room, "ann"), (room, "ben")]
    assert await there.online(room) == [("cho", "Cho")]
    assert await here.sweep(1200.0) == [(room, "cho")]
    for member in [url] if url.startswith("redis:") else [f"redis://{place}" for place in url[16:].split(",")]:
        async with Redis.from_url(member) as redis:
            left = await redis.keys("madang:fleet:presence:*")
            assert not left, "something is left behind"
    for presence in (here, there):
        await presence.stop()


async def test_what_a_broken_connection_has_swallowed_is_said_again(redis_server: RedisServer) -> None:
    """Only the sender's connection breaks: the receiver has no reason to check."""
    proxy = Proxy(("127.0.0.1", redis_server.port))
    await proxy.start()
    here = RedisBus(f"redis://127.0.0.1:{proxy.port}", "partition", KEYS, "here")
    there = RedisBus(redis_server.url, "partition", KEYS, "there")
    heard = Receiver()
    try:
        await here.start(Receiver())
        await there.start(heard)
        await there.subscribe("yard")
        checks = heard.checks
        proxy.part()
        here.publish([event("yard", 1)])
        await turns(200)
        proxy.heal()
        await eventually(lambda: heard.events == [event("yard", 1)])
        assert heard.checks == checks
    finally:
        await here.stop()
        await there.stop()
        await proxy.stop()


async def test_presence_takes_few_connections_however_many_come_at_once(redis_server: RedisServer) -> None:
    presence = RedisPresence(redis_server.url, f"crowd-{secrets.token_hex(4)}", ttl_s=60)
    async with Redis.from_url(redis_server.url) as redis:
        before = len(await redis.client_list())
        try:
            await asyncio.gather(*(presence.enter("yard", f"u-{n}", "N", "phone", 0.0) for n in range(200)))
            assert len(await redis.client_list()) <= before + CONNECTIONS
            assert await presence.count("yard") == 200
        finally:
            await presence.stop()
