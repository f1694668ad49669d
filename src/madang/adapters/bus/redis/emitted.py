"""What the stock emitter (`@socket.io/redis-emitter`) publishes in Redis, heard by the one node that holds a lock there.

A holder hands on only what it has received before its lock can have run out, by its own clock and counted from before it asked for
it. The next one has the lock later than that, and subscribes later still: so nothing is handed on twice, also by a node that was
stopped and goes on. What a node is slow to read waits in Redis, which cuts it off at `client-output-buffer-limit pubsub`.

The emitter publishes in plain channels, which a Cluster carries to all its members: the one with the lock is listened to, too.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import MovedError

from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.channels import TAGS
from madang.adapters.bus.redis.connecting import UNREACHABLE
from madang.adapters.bus.redis.servers import Servers, servers
from madang.aio import cancelled
from madang.errors import SetupError, Unreachable
from madang.ports.emitted import TAKEN

logger = logging.getLogger("madang.emitter")

PATTERN: Final = "socket.io#/#*"
"""The channels of the main namespace: of one room each, and one for all else."""
LOCK: Final = f"madang:socketio-emitter:{{{TAGS[0]}}}"
"""In a Cluster, where partition 0 of the rooms is."""
LOCK_S: Final = 5.0
MARGIN_S: Final = 0.5  # for clocks that do not go alike
RENEW_S: Final = 1.0
TRY_S: Final = 0.5  # between two tries to take the lock, or to reach Redis
ANSWER_S: Final = 2.0
"""An answer that takes longer is none. It is shorter than the lock lasts, so that a holder learns in time."""
_RENEW: Final = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2]) or 0"
_RELEASE: Final = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0"


class RedisEmitted:
    """See `ports.emitted.Emitted`."""

    def __init__(self, url: str) -> None:
        self._servers = servers(url)
        self._place = connecting.place(url)
        self._holder = secrets.token_hex(8)
        self._until = 0.0  # loop time up to which the lock is certainly held
        self._told = False  # of Redis being away

    async def run(self, take: Callable[[Sequence[bytes]], Awaitable[None]]) -> None:
        """See `ports.emitted.Emitted.run`."""
        try:
            while True:
                try:
                    async with _connected(self._servers) as redis:
                        await self._listen(redis, take)
                except UNREACHABLE as error:
                    if not self._told:
                        logger.warning("what emitters publish at %s is not heard: %s", self._place, error)
                    self._told = True
                await asyncio.sleep(TRY_S)
        finally:
            await self._servers.close()

    async def _listen(self, redis: Redis, take: Callable[[Sequence[bytes]], Awaitable[None]]) -> None:
        """Take the lock as soon as it is free, and hand on what comes until it is lost."""
        while not await self._locked(redis):
            self._told = False
            await asyncio.sleep(TRY_S)
        renewing = asyncio.create_task(self._renew(redis))
        heard: PubSub = redis.pubsub(ignore_subscribe_messages=True)
        try:
            await heard.psubscribe(PATTERN)
            if self._told:
                logger.info("what emitters publish is heard again")
            self._told = False
            while not renewing.done():
                packets = await self._received(heard)
                if packets and asyncio.get_running_loop().time() >= self._until:
                    return  # another node may have heard them, too
                if packets:
                    await take(packets)
            renewing.result()
        finally:
            await cancelled([renewing])
            with suppress(*UNREACHABLE):
                await heard.aclose()  # type: ignore[no-untyped-call]
            with suppress(*UNREACHABLE):
                async with asyncio.timeout(ANSWER_S):
                    await redis.eval(_RELEASE, 1, LOCK, self._holder)

    @staticmethod
    async def _received(heard: PubSub) -> list[bytes]:
        """Wait for a packet, RENEW_S at most, and return it with those that have come with it."""
        packets: list[bytes] = []
        while len(packets) < TAKEN:
            message = await heard.get_message(timeout=0.0 if packets else RENEW_S)
            if message is None:
                break
            packets.append(message["data"])
        return packets

    # -- the lock ------------------------------------------------------------------------------------------------------

    async def _locked(self, redis: Redis) -> bool:
        asked = asyncio.get_running_loop().time()
        async with asyncio.timeout(ANSWER_S):
            if not await redis.set(LOCK, self._holder, nx=True, px=int(LOCK_S * 1000)):
                return False
        self._until = asked + LOCK_S - MARGIN_S
        return True

    async def _renew(self, redis: Redis) -> None:
        """Keep the lock, until it is lost."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(RENEW_S)
            asked = loop.time()
            async with asyncio.timeout(ANSWER_S):
                if not await redis.eval(_RENEW, 1, LOCK, self._holder, int(LOCK_S * 1000)):
                    return
            self._until = asked + LOCK_S - MARGIN_S


def open_emitted(url: str) -> RedisEmitted:
    """Return what hears emitters at a URL; nothing is connected yet.

    Raises:
        SetupError: it is not a URL of Redis.
    """
    connecting.target(url, "socketio_emitter")
    return RedisEmitted(url)


async def inspect_emitted(url: str) -> bool:
    """Return whether a node hears emitters at a URL.

    Raises:
        SetupError: it is not a URL of Redis, or emitters cannot be heard there.
    """
    connecting.target(url, "socketio_emitter")
    where, found_by = connecting.place(url), servers(url)
    try:
        async with _connected(found_by) as redis, asyncio.timeout(ANSWER_S):
            heard: PubSub = redis.pubsub()
            try:
                await heard.psubscribe(PATTERN)
                await heard.get_message(timeout=ANSWER_S)
            finally:
                await heard.aclose()  # type: ignore[no-untyped-call]
            return bool(await redis.eval("return redis.call('exists', KEYS[1])", 1, LOCK))
    except MovedError:
        raise SetupError(
            f"Redis at {where} is a member of a Cluster.", "Write redis+cluster://host:6379,host:6379."
        ) from None
    except UNREACHABLE as error:
        raise Unreachable(
            f"What emitters publish at {where} cannot be heard ({connecting.why_unreachable(error)}).",
            "Check MADANG_SOCKETIO_EMITTER, and that the server runs and lets us read socket.io#/#* and write madang:*.",
        ) from error
    finally:
        await found_by.close()


@asynccontextmanager
async def _connected(found_by: Servers) -> AsyncIterator[Redis]:
    """Return a client of the server that has the lock."""
    found = await found_by.topology()
    name = next((name for name, partitions in found.items() if 0 in partitions), None)
    if name is None:
        raise ConnectionError("no member of the Cluster carries the lock")
    redis = found_by.client(name)
    try:
        yield redis
    finally:
        await connecting.close(redis)
