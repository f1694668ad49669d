"""What asyncio lacks: one answer for equal questions asked at the same time, one call for many of a kind, a crowd that
comes in turns, and an end that comes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
AGAIN_S: Final = 0.1


async def cancelled(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until all have ended, whatever they end by.

    Once is not enough: in redis-py a cancellation that meets an answer is lost, and the task goes on.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=AGAIN_S)
        for task in done:
            _look(task)


class Turnstile:
    """Lets so many calls through per turn of the event loop, in order; the others wait for the next turns.

    Between two turns the loop serves everybody else. Without it 5,000 joins that came at once held up an ack of somebody
    who had stayed for 4 s, because a turn took all the joins that had come in the turn before.

    Args:
        per_turn: calls.
    """

    def __init__(self, per_turn: int) -> None:
        self._per_turn = per_turn
        self._left = per_turn
        self._waiting: deque[Callable[[], None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait. They are bounded by who puts them here: one per socket, say."""
        return len(self._waiting)

    def enter(self, call: Callable[[], None]) -> None:
        """Make a call, now or in one of the next turns. It must not raise."""
        if self._left == self._per_turn:
            asyncio.get_running_loop().call_soon(self._turn)
        if self._left and not self._waiting:
            self._left -= 1
            call()
        else:
            self._waiting.append(call)

    def _turn(self) -> None:
        self._left = self._per_turn
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        while self._waiting and self._left:
            self._left -= 1
            self._waiting.popleft()()


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


class Together(Generic[K, T]):
    """Answers questions of one kind many at a time: what is asked while a call is under way goes into the next one.

    So a lone question waits for nobody, a thousand at once cost a few calls, and no answer is older than its question.

    Args:
        ask: answers some keys; those that are missing from the mapping are answered None. An exception is everybody's.
        most: keys in one call.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, T]]], most: int) -> None:
        self._ask = ask
        self._most = most
        self._waiting: dict[K, asyncio.Future[T | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> T | None:
        """Ask for one key. Cancelling stops this caller's waiting alone."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._asking is None:
                self._asking = _begun(self._serve())
        return await asyncio.shield(answer)

    async def _serve(self) -> None:
        try:
            while self._waiting:
                asked = {key: self._waiting.pop(key) for key in list(islice(self._waiting, self._most))}
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: "dict[K, asyncio.Future[T | None]]") -> None:
        try:
            found = await self._ask(list(asked))
        except Exception as error:
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # seen, should everybody who asked have gone
        else:
            for key, answer in asked.items():
                answer.set_result(found.get(key))


def _begun(call: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    task = asyncio.get_running_loop().create_task(call)
    task.add_done_callback(_look)
    return task


def _look(task: "asyncio.Task[T]") -> None:
    """See the exception: when everybody who waited was cancelled, it is nobody's."""
    if not task.cancelled():
        task.exception()
