"""The one thread in which this node's documents live. They belong to it, and it has the stack that they need.

A document may be as deep as its paper is long (`core.documents`): 600,000 types within types take 170 MB of stack to delete.
Only what was used of the stack takes memory.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

STACK: Final = 512 << 20
_STACK_LOCK: Final = threading.Lock()  # the size is of the process


class DocumentThread:
    """Runs calls in its thread, one after the other. It begins with the first one."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, call: Callable[[], T]) -> T:
        """Make a call in the thread, and return what it returns. Cancelling stops only the waiting."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                done: Callable[[], None] = _set(answer, call())
            except BaseException as error:  # the library's panics are not Exceptions
                done = _fail(answer, error if isinstance(error, Exception) else Panic(str(error)))
            loop.call_soon_threadsafe(done)

        self.tell(work)
        return await answer

    def tell(self, call: Callable[[], None]) -> None:
        """Make a call in the thread, without waiting for it."""
        if self._thread is None:
            with _STACK_LOCK:
                before = threading.stack_size(STACK)
                try:
                    self._thread = threading.Thread(target=self._run, name="madang-documents", daemon=True)
                    self._thread.start()
                finally:
                    threading.stack_size(before)
        self._calls.put(call)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # what it holds belongs to this thread

    async def stop(self) -> None:
        """End the thread, after all that it was given."""
        if self._thread is not None:
            self._calls.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None


class Panic(Exception):
    """The library has given up on a document, which must not be used any more."""


def _set(answer: "asyncio.Future[Any]", value: Any) -> Callable[[], None]:
    return lambda: None if answer.done() else answer.set_result(value)


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> Callable[[], None]:
    return lambda: None if answer.done() else answer.set_exception(error)
