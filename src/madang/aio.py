"""What asyncio lacks and both services and delivery need: one answer for equal questions asked at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Makes equal calls that overlap in time once, and gives all of them the one result or exception.

    A caller that is cancelled leaves the call to the others.
    """

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Join the call under way for `key`, or make it."""
        task = self._flying.get(key)
        if task is None:
            task = asyncio.ensure_future(self._run(call))
            self._flying[key] = task
            task.add_done_callback(lambda _: self._flying.pop(key, None))
        return await asyncio.shield(task)

    async def _run(self, call: Callable[[], Awaitable[T]]) -> T:
        return await call()
