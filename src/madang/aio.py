"""What asyncio lacks and both services and delivery need: one answer for equal questions asked at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Makes equal calls that overlap in time once, and gives all of them the one result or exception.

    A caller that is cancelled leaves the call to the others. Who joins late gets what was found before he asked; where
    that is not good enough, `FreshFlight` is.
    """

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Join the call under way for `key`, or make it."""
        task = self._flying.get(key)
        if task is None:
            task = self._flying[key] = _begun(self._fly(key, call))
        return await asyncio.shield(task)

    async def _fly(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        finally:
            del self._flying[key]


class FreshFlight(Generic[T]):
    """A single flight whose result is never older than the question: who comes while a call is under way shares the next.

    So one call is under way at a time, and one waits, however many ask.
    """

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call for `key`, or, while one is under way, share the one that follows it."""
        task = self._next.get(key)
        if task is None:
            behind = self._flying.get(key)
            task = _begun(self._fly(key, call, behind))
            (self._flying if behind is None else self._next)[key] = task
        return await asyncio.shield(task)

    async def _fly(self, key: Hashable, call: Callable[[], Awaitable[T]], behind: "asyncio.Task[T] | None") -> T:
        if behind is not None:
            await asyncio.wait([behind])
            self._flying[key] = self._next.pop(key)
        try:
            return await call()
        finally:
            del self._flying[key]


def _begun(call: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    task = asyncio.get_running_loop().create_task(call)
    task.add_done_callback(_look)
    return task


def _look(task: "asyncio.Task[T]") -> None:
    """See the exception: when everybody who waited was cancelled, it is nobody's."""
    if not task.cancelled():
        task.exception()
