"""RabbitMQ between nodes: the bus over an exchange of its own. Presence is in the database: the broker is to keep nothing."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from madang.adapters.bus.courier import CourierBus
from madang.adapters.bus.options import BusOptions
from madang.adapters.bus.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker", "connect"]


@asynccontextmanager
async def connect(url: str, options: BusOptions) -> AsyncIterator[CourierBus]:
    """Open the bus of a fleet. Raises SetupError."""
    broker = RabbitBroker(url, f"madang.{options.keyring.name}")
    yield CourierBus(broker, "madang.", options, logging.getLogger("madang.rabbitmq"))
