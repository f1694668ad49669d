"""A node's services on a store, connected as in production. Nothing runs but what a test runs itself."""

from typing import Any

from madang.adapters.bus.memory.bus import MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.delivery.presence import TTL_S
from madang.node.assembly import assemble
from madang.services.limits import UNLIMITED, Rates
from madang.transports.node import Node
from tests.unit.transports.nodes import KEYS, nobody


def assembled(store: Any, rates: Rates = UNLIMITED, **more: Any) -> Node:
    """Return a node on a store."""
    return assemble(
        name="test", store=store, keyring=KEYS, presence=MemoryPresence(TTL_S), rates=rates, max_text=4000, max_rooms=5,
        ping_s=25.0, **{"bus": MemoryBus(), "holders": nobody, **more},
    )  # fmt: skip
