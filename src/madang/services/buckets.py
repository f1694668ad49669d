"""Buckets by key: one for each user, room or address, and what was taken from them for other nodes to know.

A full bucket is forgotten, because a new one is the same. What a bucket holds is in `core.rate`.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from madang.core.rate import Bucket, Rate
from madang.errors import Limited

PRUNE: Final = 1_000  # buckets kept before full ones are forgotten at once
PORTION: Final = 1_000  # looked at in one turn of the loop: 0.1 ms
MOST: Final = 100_000
"""Buckets of one kind, at about 0.3 KB each. Above that those made first are forgotten, which only loosens a limit."""


def take(bucket: Bucket, rate: Rate, now: float, n: int = 1) -> None:
    """Take `n` from a bucket (rate_limited; each refused caller gets a turn of its own)."""
    if wait := bucket.take(rate, now, n):
        raise refusal(bucket, rate, now, wait, n)


def take_all(asked: Sequence[tuple[Bucket, Rate, int]], now: float) -> list[float]:
    """Take from all of several buckets, or from none. Return the seconds to wait for each: 0.0 for those that had enough."""
    waits = [bucket.take(rate, now, n) for bucket, rate, n in asked]
    if any(waits):
        give_back_taken(asked, waits)
    return waits


def give_back_taken(asked: Sequence[tuple[Bucket, Rate, int]], waits: Sequence[float]) -> None:
    """Put back what was taken from some of several buckets, because others did not have enough."""
    for (bucket, rate, n), wait in zip(asked, waits, strict=True):
        if not wait:
            bucket.give_back(rate, n)


def refusal(bucket: Bucket, rate: Rate, now: float, wait: float, n: int) -> Limited:
    """Return the refusal for one who has to wait for `n`."""
    return Limited("rate_limited", ms(bucket.turn(rate, now, wait, n)))


def ms(seconds: float) -> int:
    """Return a wait in milliseconds that is certainly long enough."""
    return max(1, int(seconds * 1000) + 1)


class Buckets(dict[str, Bucket]):
    """Buckets by key. Full ones are forgotten whenever there are twice as many buckets as the last time left, and by `sweep`."""

    _prune_at = 0
    _largest = 0  # since its table was made

    def __init__(self) -> None:
        super().__init__()
        self.spent: dict[str, int] = {}

    def spend(self, key: str, n: int) -> None:
        """Note what was taken, for the other nodes."""
        self.spent[key] = self.spent.get(key, 0) + n

    def take_spent(self) -> Iterator[tuple[str, int]]:
        """Return what was taken since the last call, by key."""
        spent, self.spent = self.spent, {}
        return iter(spent.items())

    def of(self, key: str, now: float) -> Bucket:
        """Return the bucket of a key."""
        bucket = self.get(key)
        if bucket is None:
            if len(self) >= max(PRUNE, self._prune_at):
                for idle in [k for k, b in self.items() if b.idle(now)]:
                    del self[idle]
                for first in list(self)[: max(0, len(self) - MOST // 2)]:
                    del self[first]
                self._prune_at = 2 * len(self)
            bucket = self[key] = Bucket()
        return bucket

    async def sweep(self, time: Callable[[], float]) -> None:
        """Forget full buckets, a portion in each turn of the loop: a storm of newcomers leaves many, and nobody may come after it."""
        keys = list(self)
        self._largest = max(self._largest, len(keys))
        for start in range(0, len(keys), PORTION):
            now = time()
            for key in keys[start : start + PORTION]:
                bucket = self.get(key)
                if bucket is not None and bucket.idle(now):
                    del self[key]
            await asyncio.sleep(0)
        if len(self) < self._largest // 4:  # a dict keeps the size that it had
            left = dict(self)
            self.clear()
            self.update(left)
            self._largest = len(left)
        self._prune_at = 2 * len(self)
