"""A store and a node for each test of delivery."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.adapters.sql import Store
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER, YARD, Node, running_nodes


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path) as store:
        yield store


@pytest.fixture
async def node(store: Store) -> AsyncIterator[Node]:
    """A single node with one open room, "yard"."""
    async with running_nodes(store) as (node,):
        await node.rooms.create(OWNER, YARD, "Yard", "open")
        yield node
