"""How many bytes the buffers of a node may hold together: one budget that all of them draw on.

Each buffer has a bound of its own; this one holds when many are full at once. A caller that is about to fill a buffer
asks first (`acquire`): caches give way, and if there is no room after WAIT_S, the caller is refused (overloaded). What has
come already and must be kept is only counted (`take`).

Reference counts do the rest: `HeldBytes` give their share back when nobody holds them any longer, however many sockets
they were written to, and however those ended.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from madang.core.metrics import Metric
from madang.errors import Limited

WAIT_S: Final = 2.0  # for room, before a caller is refused
AGAIN_S: Final = 0.25  # between two calls on caches to give way, while somebody waits
RETRY_MS: Final = 1000
WAITING: Final = 10_000  # who may wait; everybody above is refused at once
USES: Final = ("answers", "http", "input", "papers", "tails")
"""What bytes are held for. A new use is a name here, and the metrics show it."""


class Memory:
    """The bytes that one node's buffers hold, by use. Every method is called in the event loop.

    Args:
        limit: bytes, of all uses together.

    Attributes:
        caches: called with the bytes that are lacking when there is no room; each frees what it can do without.
        waits: how often somebody waited.
        refused: how often there was no room, by use.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = dict.fromkeys(USES, 0)
        self.total = 0
        self.caches: list[Callable[[int], None]] = []
        self.waits = 0
        self.refused: Counter[str] = Counter(dict.fromkeys(USES, 0))
        self._serving = False  # in the next turn
        self._waiting: deque[tuple[str, int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for room."""
        return sum(not waiter.done() for _, _, waiter in self._waiting)

    def take(self, use: str, size: int) -> None:
        """Count bytes that are held already, whether there is room or not."""
        self.held[use] += size
        self.total += size

    def free(self, use: str, size: int) -> None:
        """Free bytes, and let those go on who wait for them: in the next turn, because this may be called anywhere."""
        self.held[use] -= size
        self.total -= size
        if self._waiting and not self._serving:
            self._serving = True
            self._waiting[0][2].get_loop().call_soon(self._serve)

    def try_take(self, use: str, size: int) -> bool:
        """Take bytes if there is room and nobody waits for it; return whether they were taken."""
        if self._waiting or not self._fits(size):
            return False
        self.take(use, size)
        return True

    async def acquire(self, use: str, size: int) -> None:
        """Take bytes, as soon as there is room. Who asks first goes on first; a cancelled caller holds nothing.

        Raises:
            Limited: overloaded, after WAIT_S, or at once if too many wait already.
        """
        if self.try_take(use, size):
            return
        self._forget_done()
        if len(self._waiting) >= WAITING:
            raise self.refusal(use)
        self.waits += 1
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((use, size, waiter))
        try:
            for _ in range(round(WAIT_S / AGAIN_S)):
                self._serve()
                await asyncio.wait([waiter], timeout=AGAIN_S)
                if waiter.done():
                    return
        except asyncio.CancelledError:
            if waiter.done():
                self.free(use, size)
            raise
        finally:
            waiter.cancel()
            self._forget_done()
        self._serve()  # whoever stood behind may need less
        raise self.refusal(use)

    @asynccontextmanager
    async def holding(self, use: str, size: int) -> AsyncIterator[None]:
        """Hold bytes for as long as the context lasts (overloaded)."""
        await self.acquire(use, size)
        try:
            yield
        finally:
            self.free(use, size)

    def _fits(self, size: int) -> bool:
        """Return whether there is room, once everything that can be done without is gone."""
        lacking = self.total + size - self.limit
        for release in self.caches:
            if lacking <= 0:
                break
            release(lacking)
            lacking = self.total + size - self.limit
        return lacking <= 0

    def _serve(self) -> None:
        """Let those who wait go on, in order, as far as there is room."""
        self._serving = False
        self._forget_done()
        while self._waiting and self._fits(self._waiting[0][1]):
            use, size, waiter = self._waiting.popleft()
            self.take(use, size)
            waiter.set_result(None)
            self._forget_done()

    def _forget_done(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            self._waiting.popleft()

    def refusal(self, use: str) -> Limited:
        """Count a use for which there is no room, and return what to refuse it with (overloaded)."""
        self.refused[use] += 1
        return Limited("overloaded", RETRY_MS)

    def metrics(self) -> list[Metric]:
        """Return what is held, by use, and how often callers waited or were refused."""
        return [
            *(
                Metric("gauge", "madang_buffer_bytes", "Bytes held by buffers, by use.", held, ("use", use))
                for use, held in self.held.items()
            ),
            Metric("gauge", "madang_buffer_limit_bytes", "Bytes that all of them may hold together.", self.limit),
            Metric("counter", "madang_buffer_waits", "Times something waited for room in buffers.", self.waits),
            *(
                Metric("counter", "madang_buffer_refused", "Times there was no room, by use.", count, ("use", use))
                for use, count in self.refused.items()
            ),
        ]


class HeldBytes(bytes):
    """Bytes that are counted for as long as anything refers to them: an answer, and every socket that has it unsent."""

    _memory: Memory
    _use: str

    def __del__(self) -> None:
        self._memory.free(self._use, len(self))


def hold(memory: Memory, use: str, data: bytes) -> HeldBytes:
    """Return bytes that count while anything refers to them, whether there is room or not. They are copied once."""
    held = HeldBytes(data)
    held._memory, held._use = memory, use
    memory.take(use, len(held))
    return held
