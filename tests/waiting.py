"""Waiting for the thing itself, instead of sleeping until it probably happened."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
"""Bound of every wait, against hanging alone: no test fails because the machine is busy."""
POLL_S = 0.001  # lets threads have the interpreter


async def eventually(condition: Callable[[], T], what: str = "") -> T:
    """Return the first true value of `condition`, asked again and again while the loop goes on."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not (value := condition()):
        assert asyncio.get_running_loop().time() < deadline, what or "it never came true"
        await asyncio.sleep(POLL_S)
    return value


async def turns(count: int = 20) -> None:
    """Let the loop turn a few times: for what must not happen, when nothing can be waited for."""
    for _ in range(count):
        await asyncio.sleep(0)
