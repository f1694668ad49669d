"""Ports that need nothing but this process: a bus for one node (or several in one loop), presence for one node."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from madang.adapters.bus.memory.bus import MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.adapters.bus.options import BusOptions


@asynccontextmanager
async def connect(url: str, options: BusOptions) -> AsyncIterator[tuple[MemoryBus, MemoryPresence]]:
    """Open the bus and the presence of a single node."""
    yield MemoryBus(), MemoryPresence(options.presence_ttl_s)
