"""What hears Socket.IO's emitters keeps the contract of `ports.emitted` on real servers: one, with Sentinels, and a Cluster."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from madang.adapters.bus.redis.emitted import LOCK, inspect_emitted, open_emitted
from madang.aio import cancelled
from madang.errors import SetupError
from madang.testing import check_emitted
from tests.redis import RedisServer, run_redis
from tests.redis_topologies import Cluster, run_sentinels
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.redis


@contextmanager
def places(kind: str, redis_server: RedisServer, redis_cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Return where is listened, and where is published: in a Cluster, at a member that has not the lock."""
    if kind == "single":
        yield redis_server.url, redis_server.url
    elif kind == "cluster":
        with_lock = redis_cluster.carrying(LOCK)
        yield redis_cluster.url, next(each for each in redis_cluster.primaries if each.port != with_lock.port).url
    else:
        with run_sentinels() as redis:
            yield redis.url, redis.primary.url


@pytest.mark.parametrize("kind", ["single", "sentinel", "cluster"])
async def test_emitted(kind: str, redis_server: RedisServer, redis_cluster: Cluster) -> None:
    with places(kind, redis_server, redis_cluster) as (listened, published):
        async with Redis.from_url(published, driver_info=None) as redis, asyncio.timeout(PATIENCE_S):
            assert not await inspect_emitted(listened)
            await check_emitted(
                lambda: open_emitted(listened), lambda packet: redis.publish("socket.io#/#yard#", packet)
            )


async def test_a_primary_that_is_killed_is_followed_to_its_replica() -> None:
    heard: list[bytes] = []

    async def take(packets: Sequence[bytes]) -> None:
        heard.extend(packets)

    with run_sentinels() as redis:
        listening = asyncio.create_task(open_emitted(redis.url).run(take))
        try:
            for word in (b"before", b"after"):
                async with asyncio.timeout(PATIENCE_S):
                    while word not in heard:
                        async with Redis.from_url(redis.primary.url, driver_info=None) as publisher:
                            try:
                                await publisher.publish("socket.io#/#", word)
                            except (OSError, RedisError):
                                pass
                        await asyncio.sleep(0.05)
                if word == b"before":
                    redis.primary.kill()
        finally:
            await cancelled([listening])


async def test_the_doctor_is_told_what_is_wrong(redis_server: RedisServer, redis_cluster: Cluster) -> None:
    async with asyncio.timeout(PATIENCE_S):
        async with Redis.from_url(redis_server.url, driver_info=None) as redis:
            await redis.set(LOCK, "x")
            assert await inspect_emitted(redis_server.url)
            await redis.delete(LOCK)
        elsewhere = next(each for each in redis_cluster.primaries if each.port != redis_cluster.carrying(LOCK).port)
        with run_redis({"requirepass": "secret"}) as locked:
            for url, said in (
                ("redis://127.0.0.1:1", "cannot be heard"), (locked.url, "cannot be heard .*uthentication"),
                (elsewhere.url, "member of a Cluster"), ("redis+sentinel://127.0.0.1:1", "socketio_emitter"),
                ("redis+cluster://127.0.0.1:1", "cannot be heard"), ("http://a", "socketio_emitter setting is not a URL"),
            ):  # fmt: skip
                with pytest.raises(SetupError, match=said):
                    await inspect_emitted(url)
