"""Threads that run blocking calls and hand the results back to the loop.

A call costs one queue put and one wake-up of the loop, so callers batch. Nothing here knows about SQL.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import thread_time
from typing import Any, TypeVar

from madang.errors import StorageFailed

T = TypeVar("T")
log = logging.getLogger("madang.sql")

_Call = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Workers:
    """`count` threads that take calls from one queue, in order.

    Args:
        began: called in each thread before its first call.
        between: called in a thread after each answered call (False), and again whenever no call came for the seconds it
            returned (True). When it returns None, it is not called again before the next call.

    Attributes:
        spent: seconds of the processor that the calls have taken, by thread.
    """

    def __init__(
        self,
        name: str,
        count: int,
        between: Callable[[bool], float | None] = lambda at_rest: None,
        began: Callable[[], None] = lambda: None,
    ) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._between = between
        self._began = began
        self._stopped = False
        self.spent: dict[int, float] = dict.fromkeys(range(count), 0.0)
        # Daemons, so that a program can end without close(). What was acked is on disk by then.
        self._threads = [
            threading.Thread(target=self._run, args=(n,), name=f"{name}-{n}", daemon=True) for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread. Cancelling stops the waiting, not the work.

        Raises:
            StorageFailed: the threads have been stopped.
        """
        if self._stopped:
            raise StorageFailed("The storage has been closed.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._calls.put((work, loop, future))
        return await future

    async def stop(self) -> None:
        """End the threads after the calls that are queued. Call it once."""
        self._stopped = True
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _run(self, number: int) -> None:
        self._began()
        pause: float | None = None  # an idle server does not wake up
        while True:
            try:
                call = self._calls.get(timeout=pause)
            except Empty:
                pause = self._tend(True)
                continue
            if call is None:
                return
            self._answer(*call)
            self.spent[number] = thread_time()
            del call  # do not keep its result alive during the pause
            pause = self._tend(False)

    def _tend(self, at_rest: bool) -> float | None:
        try:
            return self._between(at_rest)
        except Exception:  # a bug in what nobody waits for must not end the thread that callers wait for
            log.exception("%s failed between two calls", threading.current_thread().name)
            return None

    def _answer(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]") -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:  # whatever it is, it belongs to the caller, not to this thread
            error = caught
        try:
            loop.call_soon_threadsafe(_resolve, future, result, error)
        except RuntimeError:  # the loop is closed: nobody waits
            pass


def _resolve(future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
