"""What was seen, to be written down some time soon: each a few times a day at most, and many together."""

from collections.abc import Callable, Sequence
from typing import Final

SEEN_S: Final = 6 * 3600.0
NOTED: Final = 200_000
"""Keys of a generation whose last note is remembered; above that another begins."""
WRITTEN: Final = 500
"""Keys that are written in one transaction."""


class Noted:
    """Remembers which keys are noted, every SEEN_S / 2 to SEEN_S, and which of them wait to be written.

    Args:
        time: loop time in seconds.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        # By hash, in two generations that are SEEN_S / 2 apart: 60 bytes for each key, where name and time are 170.
        self._noted: set[int] = set()
        self._noted_before: set[int] = set()
        self._noted_since = time()
        self._waiting: dict[str, None] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def seen(self, name: str) -> None:
        """Note that one was here. Of one who was noted lately it costs one look-up in memory."""
        now, key = self._time(), hash(name)
        if (age := now - self._noted_since) >= SEEN_S / 2 or len(self._noted) >= NOTED:
            self._noted_before = self._noted if age < SEEN_S else set()
            self._noted, self._noted_since = set(), now
        if key in self._noted or key in self._noted_before:
            return
        self._noted.add(key)
        if len(self._waiting) < NOTED:
            self._waiting[name] = None

    def some(self) -> list[str]:
        """Return some that wait, until `written` is told of them."""
        return list(self._waiting)[:WRITTEN]

    def written(self, names: Sequence[str]) -> None:
        """Forget that these wait."""
        for name in names:
            self._waiting.pop(name, None)
