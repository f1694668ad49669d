"""The event loop as delivery and its doors use it: its clock, the end of a turn, and tasks that end with the node."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from madang.aio import cancelled
from madang.delivery.subscriber import Subscriber

logger = logging.getLogger("madang.turns")


class Turns:
    """The turns of one event loop. Make it inside the loop.

    Attributes:
        time: returns the loop's time in seconds, as rates and ticks count it. The loop's own method, because each send
            asks several times.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.time: Callable[[], float] = self._loop.time
        self._unflushed: list[Subscriber] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def next_turn(self, call: Callable[[], None]) -> None:
        """Call something in the next turn, behind what the current callback still writes."""
        self._loop.call_soon(call)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something after a time, or in the next turn."""
        if seconds:
            self._loop.call_later(seconds, call)
        else:
            self._loop.call_soon(call)

    def flush_at_end(self, subscriber: Subscriber) -> None:
        """Flush a subscriber when this turn has given it everything: one system call for it, not one per frame."""
        if not self._unflushed:
            self._loop.call_soon(self._flush)
        self._unflushed.append(subscriber)

    def _flush(self) -> None:
        subscribers, self._unflushed = self._unflushed, []
        for subscriber in subscribers:
            subscriber.flush()

    @property
    def tasks(self) -> int:
        """How many tasks are running."""
        return len(self._tasks)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something in a task that is cancelled by `stop`. If it fails, that is logged."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("delivery task failed", exc_info=error)

    async def stop(self) -> None:
        """Cancel the tasks and wait for their end."""
        await cancelled(self._tasks)
