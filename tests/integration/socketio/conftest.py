"""A node with its Socket.IO door, whose pings are quick."""

from collections.abc import AsyncIterator
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
    data = tmp_path_factory.mktemp("socketio")
    settings = Settings(port=0, admin_port=0, data=data, ping_s=1, origins=["https://app.example.com"], **UNLIMITED)
    async with run_node(settings) as running:
        yield running


@pytest.fixture
def url(node: RunningNode) -> str:
    """The node's address."""
    return f"http://127.0.0.1:{node.port}"
