"""NATS between nodes: the bus over its subjects. Presence is in the database, because core NATS keeps nothing."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from madang.adapters.bus.courier import CourierBus
from madang.adapters.bus.nats.broker import NatsBroker
from madang.adapters.bus.options import BusOptions

__all__ = ["NatsBroker", "connect"]


@asynccontextmanager
async def connect(url: str, options: BusOptions) -> AsyncIterator[CourierBus]:
    """Open the bus of a fleet. Raises SetupError."""
    yield CourierBus(NatsBroker(url), "madang.", options, logging.getLogger("madang.nats"))
