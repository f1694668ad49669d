"""PostgreSQL between nodes, for a fleet without a broker: the bus over LISTEN and NOTIFY, and who is present."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from madang.adapters.bus.options import BusOptions
from madang.adapters.bus.postgresql.bus import NotifyBus
from madang.adapters.bus.postgresql.presence import NotifyPresence

__all__ = ["NotifyBus", "NotifyPresence", "connect"]


@asynccontextmanager
async def connect(url: str, options: BusOptions) -> AsyncIterator[tuple[NotifyBus, NotifyPresence]]:
    """Open the bus and the presence of a fleet. Raises SetupError."""
    bus = NotifyBus(url, options.keyring, options.node, options.epoch, options.clock_ms)
    presence = NotifyPresence(url, bus.installation, options.presence_ttl_s)
    try:
        yield bus, presence
    finally:
        await presence.stop()
