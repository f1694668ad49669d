"""Nodes for tests of transports: everything but listeners, the wheel and a lease."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from madang.adapters.bus.memory.bus import MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.core.events import Event
from madang.delivery.heartbeat import Heartbeat
from madang.delivery.hub import Hub
from madang.delivery.joining import Following
from madang.delivery.presence import TTL_S
from madang.delivery.wheel import Wheel
from madang.ports.bus import Bus
from madang.services.appender import Appender
from madang.services.identity import Identity
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.reading import Reading
from madang.services.rooms import Rooms
from madang.services.shared_limits import SPENT, Sharing
from madang.transports.app import App, Gate

SECRET = b"s" * 32


async def nobody() -> Sequence[str]:
    """Nobody else holds a number."""
    return []


@asynccontextmanager
async def running_app(
    store: Any,
    bus: Bus | None = None,
    *,
    node: str = "test",
    holders: Callable[[], Awaitable[Sequence[str]]] = nobody,
    rates: Rates = UNLIMITED,
    watch: bool = False,
    **gate: Any,
) -> AsyncIterator[App]:
    """Run one node on a store; several of one secret and one yard of buses are a fleet, each with a name of its own.

    Args:
        node: its name.
        holders: gives the names of the fleet's nodes.
        watch: whether the hub keeps house and the node sends heartbeats, as among several nodes it must.
    """
    bus = bus or MemoryBus()
    hub = Hub(store, store, bus, MemoryPresence(TTL_S))
    heartbeat = Heartbeat(node, hub, bus, holders)

    def committed(events: Sequence[Event]) -> None:
        hub.receive(events)
        bus.publish(events)
        heartbeat.note(events)

    limits = Limits(rates, shared=not bus.local)
    sharing = Sharing(node, limits, bus, hub.time)
    hub.everywhere[SPENT] = sharing.hear
    appender = Appender(store, committed, hub.check_soon)
    app = App(
        node=node, appender=appender, hub=hub, heartbeat=heartbeat, following=Following(hub), rooms=Rooms(store, appender),
        reading=Reading(store, store), identity=Identity(SECRET, store), limits=limits, sharing=sharing,
        wheel=Wheel(), gate=Gate(**gate), max_text=4000, max_rooms=5,
    )  # fmt: skip
    await bus.start(hub)
    runs = [appender.run, hub.presence.run, *([hub.watch, heartbeat.run, sharing.run] if watch else [])]
    parts = [asyncio.ensure_future(run()) for run in runs]
    try:
        yield app
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await hub.stop()
        await bus.stop()
