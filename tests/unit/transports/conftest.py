"""A node with everything but listeners, and one open room, "yard"."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from madang.services.limits import UNLIMITED, Rates
from madang.transports.app import App
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER
from tests.unit.transports.apps import running_app

Running = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """Run a node; `log` wraps its store, `rates` and `gate` are its own."""

    @asynccontextmanager
    async def run(
        log: Callable[[Any], Any] = lambda store: store, rates: Rates = UNLIMITED, **gate: Any
    ) -> AsyncIterator[App]:
        async with opened_store(tmp_path) as store, running_app(log(store), rates=rates, **gate) as app:
            await app.rooms.create(OWNER, "yard", "Yard", "open")
            yield app

    return run


@pytest.fixture
async def app(running: Running) -> AsyncIterator[App]:
    async with running() as app:
        yield app
