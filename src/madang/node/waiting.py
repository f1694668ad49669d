"""Waiting for a database or a bus that a node needs at its start and cannot reach yet.

What is worth waiting for is what adapters raise as `Unreachable`; everything else is wrong with the set-up, and ends a start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from madang.errors import Unreachable

T = TypeVar("T")
logger = logging.getLogger("madang.start")

FIRST_S: Final = 0.25
LONGEST_S: Final = 2.0
"""Between two attempts, at first and in the end: a node is up soon after its servers are."""
REMIND_S: Final = 30.0
"""Between two lines in the log about the same server."""


class StoppedWaiting(Exception):
    """The node was told to stop before it could start."""


class StartTimeout:
    """How long a start waits, for all that it needs together.

    Args:
        limit_s: after this long what cannot be reached ends the start.
        stop: ends the wait when set.
    """

    def __init__(self, limit_s: float, stop: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit_s = limit_s
        self._ends_at = self._loop.time() + limit_s
        self._stop = stop

    async def until_reached(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make an attempt again and again until the server that it needs can be reached; return what it returns.

        Raises:
            Unreachable: it could not in time.
            StoppedWaiting: see `stop`.
        """
        began = self._loop.time()
        said, said_at, pause = "", 0.0, FIRST_S
        while True:
            try:
                found = await self._unless_stopped(attempt())
            except Unreachable as error:
                now = self._loop.time()
                if now >= self._ends_at:
                    raise
                if not said:
                    logger.warning("%s Waiting for it, %.0f s at most.", error.problem, self._ends_at - now)
                elif now - said_at >= REMIND_S or error.problem != said:
                    logger.warning("%s Still waiting, since %.0f s.", error.problem, now - began)
                if error.problem != said or now - said_at >= REMIND_S:
                    said, said_at = error.problem, now
                await self._unless_stopped(asyncio.sleep(min(pause, self._ends_at - now)))
                pause = min(pause * 2, LONGEST_S)
            else:
                if said:
                    logger.info("it can be reached after %.1f s", self._loop.time() - began)
                return found

    async def _unless_stopped(self, wait: Awaitable[T]) -> T:
        wanted: asyncio.Future[T] = asyncio.ensure_future(wait)
        stopped: asyncio.Future[Any] = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([wanted, stopped], return_when=asyncio.FIRST_COMPLETED)
            if wanted.done():
                return wanted.result()
            raise StoppedWaiting
        finally:
            for each in (wanted, stopped):
                each.cancel()
