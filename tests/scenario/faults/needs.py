"""What the machine must have for a fault to be tried."""

import asyncio

from madang_proof.faults import FAULTS
from tests.daemons import missing


async def need(fault: str) -> None:
    """Skip a test whose fault cannot be tried here; in CI that is a failure."""
    if why := await asyncio.to_thread(FAULTS[fault].unavailable):
        missing(f"{fault} cannot be tried: {why}")
