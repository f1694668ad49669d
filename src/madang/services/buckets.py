"""Buckets by key: one for each user, room or address, and what was taken from them for other nodes to know.

A full bucket is forgotten, because a new one is the same. What a bucket holds is in `core.rate`.
"""

from collections.abc import Iterator
from typing import Final

from madang.core.rate import Bucket

PRUNE: Final = 10_000  # buckets kept before full ones are forgotten
MOST: Final = 100_000
"""Buckets of one kind, at about 0.3 KB each. Above that those made first are forgotten, which only loosens a limit."""


class Buckets(dict[str, Bucket]):
    """Buckets by key. Full ones are forgotten whenever there are twice as many buckets as the last time left."""

    _prune_at = 0

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
