"""A node with everything but listeners, and one open room, "yard"."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from madang.services.limits import UNLIMITED, Rates
from madang.transports.node import Node
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER
from tests.unit.transports.nodes import running_node

Running = Callable[..., AbstractAsyncContextManager[Node]]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """Run a node; `log` wraps its store; `rates` and `options` are as for `running_node`."""

    @asynccontextmanager
    async def run(
        log: Callable[[Any], Any] = lambda store: store, rates: Rates = UNLIMITED, **options: Any
    ) -> AsyncIterator[Node]:
        async with opened_store(tmp_path) as store, running_node(log(store), rates=rates, **options) as node:
            await node.rooms.create(OWNER, "yard", "Yard", "open")
            yield node

    return run


@pytest.fixture
async def node(running: Running) -> AsyncIterator[Node]:
    async with running() as node:
        yield node
