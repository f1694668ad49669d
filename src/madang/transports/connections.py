"""The connections of one listener, HTTP and WebSocket alike: counted from accept on, for each address and in all.

Whoever asks nothing for a second gives way to a newcomer: a connection between two requests, or one whose first head has
not come. So half requests lock nobody out, not even who shares their address.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from madang.core.metrics import Metric

logger = logging.getLogger("madang.connections")

TOO_MANY: Final = "Too many connections."
SPARE: Final = 64  # connections above the limit that are told so; everybody above is reset
RESTED_S: Final = 1.0  # without a request, after which a connection gives way
LOG_S: Final = 60.0  # between two lines that say the same
OF_ALL: Final = ""  # whose connections all are; and a proxy's, while it has not said whose they are


class Idler(Protocol):
    """A connection that may have to give way."""

    def give_way(self) -> None:
        """Close at once. It has left already."""


class Connections:
    """Counts, and decides who gives way. `now` is loop time.

    Args:
        most: connections at most.
        most_per_address: the same, for one address.
        name: of the listener, for the log.

    Attributes:
        open: how many there are.
        refused: how many were refused, by what was full: "address" or "all".
    """

    def __init__(self, most: int, most_per_address: int, now: Callable[[], float], name: str = "public") -> None:
        self.most = most
        self.open = 0
        self.by_address: Counter[str] = Counter()
        self.refused: Counter[str] = Counter(address=0, all=0)
        self.spare = SPARE
        self._most_per_address = most_per_address
        self._now = now
        self._name = name
        self._idle: dict[str, dict[Idler, float]] = {OF_ALL: {}}  # oldest first
        self._logged: dict[str, float] = {}

    @property
    def full(self) -> bool:
        """Whether there is no place left, unless somebody gives way."""
        return self.open >= self.most

    def enter(self, address: str) -> bool:
        """Take a place for a connection of an address, or of nobody yet (OF_ALL). Return whether there was one."""
        if self.full and not self._make_room(OF_ALL):
            return self._refuse("all", f"all {self.most} connections are in use")
        if not self._fits(address):
            return self._refuse("address", f"one address ({address}) has {self._most_per_address} connections open")
        self.open += 1
        self._count(address, 1)
        return True

    def move(self, before: str, after: str) -> bool:
        """Count a place for another address, since a proxy has said whose it is. Return False if that has too many."""
        if before == after:
            return True
        if not self._fits(after):
            return self._refuse("address", f"one address ({after}) has {self._most_per_address} connections open")
        self._count(before, -1)
        self._count(after, 1)
        return True

    def leave(self, address: str) -> None:
        """Free a place."""
        self.open -= 1
        self._count(address, -1)

    def rests(self, idler: Idler, address: str) -> None:
        """Note that a connection has no request under way."""
        now = self._now()
        self._idle[OF_ALL][idler] = now
        if address:
            self._idle.setdefault(address, {})[idler] = now

    def works(self, idler: Idler, address: str) -> None:
        """Note that it has one, or has ended."""
        self._idle[OF_ALL].pop(idler, None)
        if address and (idle := self._idle.get(address)) is not None:
            idle.pop(idler, None)
            if not idle:
                del self._idle[address]

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [
            Metric("gauge", "madang_connections", "Connections open, HTTP and WebSocket.", self.open),
            Metric("gauge", "madang_connections_limit", "Connections accepted at most.", self.most),
            *(
                Metric(
                    "counter", "madang_connections_refused", "Connections refused, by what was full.", n, ("full", by)
                )
                for by, n in self.refused.items()
            ),
        ]

    def _fits(self, address: str) -> bool:
        return not address or self.by_address[address] < self._most_per_address or self._make_room(address)

    def _make_room(self, address: str) -> bool:
        """Let the connection give way that has rested for longest. Return whether there was one."""
        idle = self._idle.get(address)
        if not idle:
            return False
        longest, since = next(iter(idle.items()))
        if self._now() - since < RESTED_S:
            return False
        longest.give_way()
        return True

    def _count(self, address: str, n: int) -> None:
        if address:
            self.by_address[address] += n
            if not self.by_address[address]:
                del self.by_address[address]

    def _refuse(self, full: str, what: str) -> bool:
        self.refused[full] += 1
        now = self._now()
        if now - self._logged.get(full, -LOG_S) >= LOG_S:
            self._logged[full] = now
            logger.warning("%s (%s listener); newcomers are refused", what, self._name)
        return False
