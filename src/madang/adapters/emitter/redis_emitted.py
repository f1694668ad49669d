"""What the stock emitter (`@socket.io/redis-emitter`) publishes in Redis, heard by the one node that holds a lock there.

A holder hands on only what it has received before its lock can have run out, by its own clock and counted from before it asked for
it. The next one has the lock later than that, and subscribes later still: so nothing is handed on twice, also by a node that was
stopped and goes on. What a node is slow to read waits in Redis, which cuts it off at `client-output-buffer-limit pubsub`.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from madang.aio import cancelled
from madang.errors import SetupError
from madang.ports.emitted import TAKEN

logger = logging.getLogger("madang.emitter")

PATTERN: Final = "socket.io#/#*"
"""The channels of the main namespace: of one room each, and one for all else."""
LOCK: Final = "madang:socketio-emitter"
LOCK_S: Final = 5.0
MARGIN_S: Final = 0.5  # for clocks that do not go alike
RENEW_S: Final = 1.0
TRY_S: Final = 0.5  # between two tries to take the lock, or to reach Redis
ANSWER_S: Final = 2.0
"""An answer that takes longer is none. It is shorter than the lock lasts, so that a holder learns in time."""
_UNREACHABLE: Final = (RedisError, OSError, TimeoutError, RuntimeError)
_RENEW: Final = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2]) or 0"
_RELEASE: Final = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0"


class RedisEmitted:
    """See `ports.emitted.Emitted`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._holder = secrets.token_hex(8)
        self._until = 0.0  # loop time up to which the lock is certainly held
        self._told = False  # of Redis being away

    async def run(self, take: Callable[[Sequence[bytes]], Awaitable[None]]) -> None:
        """See `ports.emitted.Emitted.run`."""
        while True:
            redis = _client(self._url)
            try:
                await self._listen(redis, take)
            except _UNREACHABLE as error:
                if not self._told:
                    logger.warning("what emitters publish at %s is not heard: %s", _place(self._url), error)
                self._told = True
            finally:
                with suppress(*_UNREACHABLE):
                    await redis.aclose()
            await asyncio.sleep(TRY_S)

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
            with suppress(*_UNREACHABLE):
                await heard.aclose()  # type: ignore[no-untyped-call]
            with suppress(*_UNREACHABLE):
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
            if not await redis.eval(_RENEW, 1, LOCK, self._holder, int(LOCK_S * 1000)):
                return
            self._until = asked + LOCK_S - MARGIN_S


def open_emitted(url: str) -> RedisEmitted:
    """Return what hears emitters at a URL; nothing is connected yet.

    Raises:
        SetupError: it is not a URL of one Redis server.
    """
    try:
        _client(url)
        parts = urlsplit(url)
        if parts.scheme in ("redis", "rediss") and parts.hostname:
            return RedisEmitted(url)
    except ValueError:
        pass
    raise SetupError("The setting socketio_emitter is not a URL of a Redis server.", "Write redis://host:6379.")


def _client(url: str) -> Redis:
    options: dict[str, Any] = {
        "socket_connect_timeout": ANSWER_S, "socket_timeout": ANSWER_S, "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0), "protocol": 2, "client_name": "madang-emitter", "driver_info": None,
    }  # fmt: skip
    return Redis.from_url(url, **options)


def _place(url: str) -> str:
    """Return host and port, for people; never a password."""
    return urlsplit(url).netloc.rpartition("@")[2]
