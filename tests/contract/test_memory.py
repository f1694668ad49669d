"""The memory adapters keep the contracts of bus and presence, and a lossy bus does too."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.ports.bus import Bus
from madang.testing import check_bus, check_presence, lossy_buses


async def test_bus() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Sequence[Bus]]:
        broker = MemoryBroker()
        yield [MemoryBus(broker) for _ in range(3)]

    await check_bus(make)


async def test_lossy_bus() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Sequence[Bus]]:
        yield lossy_buses(3, seed=7)

    await check_bus(make)


async def test_a_bus_alone_is_local() -> None:
    bus = MemoryBus()
    assert bus.local
    bus.publish([])


async def test_presence() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[MemoryPresence]:
        yield MemoryPresence(ttl_s=60)

    await check_presence(make, ttl_s=60)
