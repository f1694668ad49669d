"""A store for each test of the services."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.adapters.sql import Store
from madang.core.events import RoomCreated, draft
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with one open room, "yard"."""
    async with opened_store(tmp_path) as store:
        body = RoomCreated(title="Yard", access="open", slow_ms=0)
        await store.append([draft(body, "yard", OWNER.id, OWNER.name)])
        yield store
