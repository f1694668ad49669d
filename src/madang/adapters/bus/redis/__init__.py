"""Redis and Valkey between nodes: the bus, and who is present."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from madang.adapters.bus.options import BusOptions
from madang.adapters.bus.redis.bus import RedisBus
from madang.adapters.bus.redis.inspection import inspect
from madang.adapters.bus.redis.presence import RedisPresence

__all__ = ["RedisBus", "RedisPresence", "connect", "inspect"]


@asynccontextmanager
async def connect(url: str, options: BusOptions) -> AsyncIterator[tuple[RedisBus, RedisPresence]]:
    """Open the bus and the presence of a fleet. Raises SetupError."""
    bus = RedisBus(url, options.channels, options.keyring, options.node, options.epoch, options.clock_ms)
    presence = RedisPresence(url, bus.installation, options.presence_ttl_s)
    try:
        yield bus, presence
    finally:
        await presence.stop()
