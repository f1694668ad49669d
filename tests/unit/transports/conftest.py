"""A node with everything but listeners, and one open room, "yard"."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from madang.adapters.memory.bus import MemoryBus
from madang.adapters.memory.presence import MemoryPresence
from madang.delivery.following import Following
from madang.delivery.hub import Hub
from madang.delivery.presence import TTL_S
from madang.delivery.wheel import Wheel
from madang.services.appender import Appender
from madang.services.identity import Identity
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.reading import Reading
from madang.services.rooms import Rooms
from madang.transports.app import App, Gate
from tests.unit.delivery.nodes import OWNER, opened_store

Running = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """Run a node; `log` wraps its store, `rates` and `gate` are its own."""

    @asynccontextmanager
    async def run(
        log: Callable[[Any], Any] = lambda store: store, rates: Rates = UNLIMITED, **gate: Any
    ) -> AsyncIterator[App]:
        async with opened_store(tmp_path) as plain:
            store = log(plain)
            hub = Hub(store, store, MemoryBus(), MemoryPresence(TTL_S))
            appender = Appender(store, hub.receive, hub.doubt)
            app = App(
                node="test", appender=appender, hub=hub, following=Following(hub), rooms=Rooms(store, appender),
                reading=Reading(store, store), identity=Identity(b"s" * 32, store), limits=Limits(rates),
                wheel=Wheel(), gate=Gate(**gate), max_text=4000, max_rooms=5,
            )  # fmt: skip
            parts = [asyncio.ensure_future(part()) for part in (appender.run, hub.presence.run)]
            await app.rooms.create(OWNER, "yard", "Yard", "open")
            try:
                yield app
            finally:
                for part in parts:
                    part.cancel()
                await asyncio.gather(*parts, return_exceptions=True)
                await hub.stop()

    return run


@pytest.fixture
async def app(running: Running) -> AsyncIterator[App]:
    async with running() as app:
        yield app
