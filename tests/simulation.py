"""What simulations share: a store that takes its time, by a seed. See `madang.testing.VirtualLoop` for the loop."""

import asyncio
import inspect
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from madang.errors import StorageFailed

WAITS_S = (0.0, 0.0005, 0.002, 0.01, 0.05)  # from none to what a disk takes that has a bad moment


class SlowStore:
    """A store (or its model) that answers late, and not always.

    A call waits before it is done, so that others come first, and behind it, so that its answer is old when it comes.
    What each call meets is drawn by the seed, its name, its first argument and how often it has been made, so that a
    run is the same again whatever order it takes equal moments in.

    Args:
        fail: share of calls that end in StorageFailed. Of appends, half of these have been stored.
    """

    def __init__(self, store: Any, seed: int, fail: float = 0.0) -> None:
        self._store = store
        self._seed = seed
        self.fail = fail
        self._calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._late(name, found) if inspect.iscoroutinefunction(found) else found

    def _late(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def late(*args: Any, **named: Any) -> Any:
            about = f"{name} {args[0] if args and isinstance(args[0], str) else ''}"
            self._calls[about] += 1
            chance = random.Random(f"{self._seed} {about} {self._calls[about]}")
            fails = chance.random() < self.fail
            await asyncio.sleep(chance.choice(WAITS_S) * chance.random())
            if fails and not (name == "append" and chance.random() < 0.5):
                raise StorageFailed
            answer = await call(*args, **named)
            await asyncio.sleep(chance.choice(WAITS_S) * chance.random())
            if fails:
                raise StorageFailed
            return answer

        return late
