"""Nodes for tests of doors: assembled as a node that serves is, without listeners, lease and timing wheel."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from madang.adapters.bus.memory.bus import MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.core.signing import lone_keyring
from madang.delivery.presence import TTL_S
from madang.node.assembly import Holders, assemble
from madang.node.run import running_parts
from madang.ports.bus import Bus
from madang.services.limits import UNLIMITED, Rates
from madang.transports.node import Node
from tests.unit.parts import chosen

KEYS = lone_keyring(b"s" * 32)


async def nobody() -> Sequence[str]:
    """Nobody else holds a lease."""
    return []


@asynccontextmanager
async def running_node(
    store: Any,
    bus: Bus | None = None,
    *,
    name: str = "test",
    holders: Holders = nobody,
    rates: Rates = UNLIMITED,
    watch: bool = False,
    **options: Any,
) -> AsyncIterator[Node]:
    """Run one node on a store; several that share keys and bus are a fleet, each with a name of its own.

    Args:
        holders: returns the names of the fleet's nodes.
        watch: whether the hub sweeps and checks, and the node has a heartbeat, as one among several must.
    """
    node = assemble(
        name=name, store=store, keyring=KEYS, bus=bus or MemoryBus(), presence=MemoryPresence(TTL_S), holders=holders,
        rates=rates, max_text=4000, max_rooms=5, ping_s=25.0, **options,
    )  # fmt: skip
    async with running_parts(chosen(node, watch), failed=lambda: None):
        yield node
