"""A store for each test of the services, and a node on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.adapters.sql import Store
from madang.core.events import RoomCreated, draft
from madang.services.rooms import Rooms
from madang.transports.node import Node
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER
from tests.unit.transports.nodes import running_node


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with one open room, "yard"."""
    async with opened_store(tmp_path) as store:
        body = RoomCreated(title="Yard", access="open", slow_ms=0)
        await store.append([draft(body, "yard", OWNER.id, OWNER.name)])
        yield store


@pytest.fixture
async def node(store: Store) -> AsyncIterator[Node]:
    """A node with "yard" and "hidden", a room by invitation; both are OWNER's."""
    async with running_node(store) as node:
        await node.rooms.create(OWNER, "hidden", "Hidden", "invite")
        yield node


@pytest.fixture
def rooms(node: Node) -> Rooms:
    return node.rooms
