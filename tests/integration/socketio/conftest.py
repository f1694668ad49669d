"""Nodes with their Socket.IO door. Pings are quick only where they are what is tried: elsewhere one could come between."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import pytest

from madang.config import Settings
from madang.node.run import RunningNode, run_node

UNLIMITED: Final[dict[str, Any]] = {
    "address_rate": 0, "handshake_rate": 0, "request_rate": 0, "user_rate": 0, "command_rate": 0
}  # fmt: skip


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """One node for all tests of a module: each has rooms and users of its own."""
    async with socketio_node(tmp_path_factory.mktemp("socketio")) as node:
        yield node


@pytest.fixture(scope="module")
async def pinging(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """One that pings every second."""
    async with socketio_node(tmp_path_factory.mktemp("pinging"), ping_s=1) as node:
        yield node


@pytest.fixture
def url(node: RunningNode) -> str:
    """The node's address."""
    return address(node)


@pytest.fixture
def pinging_url(pinging: RunningNode) -> str:
    """The address of the one that pings."""
    return address(pinging)


def socketio_node(data: Path, **more: Any) -> AbstractAsyncContextManager[RunningNode]:
    settings = Settings(port=0, admin_port=0, data=data, origins=["https://app.example.com"], **UNLIMITED, **more)
    return run_node(settings)


def address(node: RunningNode) -> str:
    return f"http://127.0.0.1:{node.port}"
