"""What asyncio lacks: single flights, fair turns, batched look-ups, and reliable cancellation."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
CANCEL_AGAIN_S: Final = 0.1
APART_S: Final = 0.005
"""Between the beginnings of two calls of a batcher, while fewer wait than fill one. When 10,000 sockets came back, who asked during
one call were three, and each call cost a thread's waking."""


async def cancelled(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until all have ended, whatever they end by.

    Once is not enough: in redis-py a cancellation that coincides with an answer is lost, and the task goes on.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
        for task in done:
            _retrieve_exception(task)


class FairTurns:
    """Lets a few calls run at a time; the others wait, and those who wait take turns, however many calls each has in line.

    Args:
        most: calls at a time.
        waiting: calls that may wait; `do` raises OverflowError above that.
    """

    def __init__(self, most: int, waiting: int) -> None:
        self._free = most
        self._room = waiting
        self._lines: dict[Hashable, deque[asyncio.Future[None]]] = {}  # whose turn is next is first

    @property
    def waiting(self) -> int:
        """How many calls wait, those that were cancelled since their last turn included."""
        return sum(map(len, self._lines.values()))

    async def do(self, who: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call for somebody, when it is their turn."""
        if self._free:
            self._free -= 1
        else:
            await self._turn(who)
        try:
            return await call()
        finally:
            self._pass_on()

    async def _turn(self, who: Hashable) -> None:
        if self.waiting >= self._room:
            raise OverflowError
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._lines:
            who = next(iter(self._lines))
            line = self._lines.pop(who)
            turn = line.popleft()
            if line:
                self._lines[who] = line
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class SingleFlight(Generic[T]):
    """Makes equal calls that overlap in time once, and returns the one result, or raises the one exception, to all.

    A caller that is cancelled leaves the call to the others. A caller that joins late gets what was found before it
    asked; where that is too old, use `NextFlight`.
    """

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Join the call under way for `key`, or make it."""
        task = self._flying.get(key)
        if task is None:
            task = self._flying[key] = _started(self._fly(key, call))
        return await asyncio.shield(task)

    async def _fly(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        finally:
            del self._flying[key]


class NextFlight(Generic[T]):
    """A single flight whose result is never older than the question: callers during a call share the next one.

    So at most one call per key is under way and one waits, however many ask.
    """

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        """Count the calls that are under way, and those that follow them."""
        return len(self._flying) + len(self._next)

    async def do(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call for `key`, or, while one is under way, share the one that follows it."""
        task = self._next.get(key)
        if task is None:
            behind = self._flying.get(key)
            task = _started(self._fly(key, call, behind))
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


class Batcher(Generic[K, T]):
    """Looks up keys in batches: keys asked for during a call go into the next one.

    So a lone key waits for nobody, a thousand cost a few calls, and no answer is older than its question. A call that
    follows another begins APART_S after it did, so that more than a few can share it.

    Args:
        ask: looks up some keys; a key missing from the mapping is answered with None. An exception goes to every caller.
        most: keys in one call.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, T]]], most: int) -> None:
        self._ask = ask
        self._most = most
        self._waiting: dict[K, asyncio.Future[T | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> T | None:
        """Look up one key. Cancelling stops only this caller's waiting."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._asking is None:
                self._asking = _started(self._serve())
        return await asyncio.shield(answer)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                asked = {key: self._waiting.pop(key) for key in list(islice(self._waiting, self._most))}
                next_at = loop.time() + APART_S
                await self._answer(asked)
                if 0 < len(self._waiting) < self._most and (pause := next_at - loop.time()) > 0:
                    await asyncio.sleep(pause)
        finally:
            self._asking = None

    async def _answer(self, asked: "dict[K, asyncio.Future[T | None]]") -> None:
        try:
            found = await self._ask(list(asked))
        except Exception as error:
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # retrieved, in case every caller was cancelled
        else:
            for key, answer in asked.items():
                answer.set_result(found.get(key))


def _started(call: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    task = asyncio.get_running_loop().create_task(call)
    task.add_done_callback(_retrieve_exception)
    return task


def _retrieve_exception(task: "asyncio.Task[T]") -> None:
    """Retrieve the exception, so that asyncio does not report it when every caller was cancelled."""
    if not task.cancelled():
        task.exception()
