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
from tests.unit.transports.stores import Gated

Running = Callable[..., AbstractAsyncContextManager[Node]]
RunningGated = Callable[..., AbstractAsyncContextManager[tuple[Node, Gated]]]


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
def gated(running: Running) -> RunningGated:
    """Run a node on a store that waits for the test, and yield both."""

    @asynccontextmanager
    async def run(rates: Rates = UNLIMITED) -> AsyncIterator[tuple[Node, Gated]]:
        stores: list[Gated] = []

        def keep(store: Any) -> Gated:
            stores.append(Gated(store))
            return stores[0]

        async with running(keep, rates) as node:
            yield node, stores[0]

    return run


@pytest.fixture
async def node(running: Running) -> AsyncIterator[Node]:
    async with running() as node:
        yield node
