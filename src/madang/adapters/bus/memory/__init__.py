"""A bus and presence within this process: for one node, or for tests of several nodes in one loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from madang.adapters.bus.memory.bus import MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.adapters.bus.options import BusOptions
from madang.errors import SetupError


@asynccontextmanager
async def connect(url: str, options: BusOptions) -> AsyncIterator[tuple[MemoryBus, MemoryPresence]]:
    """Open the bus and the presence of a single node. Raises SetupError for a URL that says more than "memory:"."""
    if not url.rstrip("/").endswith(":"):  # the scheme is the catalogue's
        raise SetupError("The bus in memory has no host and no options.", "Write memory: and nothing else.")
    yield MemoryBus(), MemoryPresence(options.presence_ttl_s)
