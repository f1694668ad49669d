"""The application's position in one room's log, and what waits for it. Sans-I/O: no loop, no clock.

Rule 1: the application gets every seq once and in order, or a Reset that says it did not.
Rule 2: at most `bound` items wait. When they are full, what comes is dropped, and once half of them is taken the room
        is joined again from the last one kept: the log holds what we cannot. So the socket is always read, and a room
        that nobody iterates holds up neither the others nor the answers to our own commands.
Rule 3: every gap, whatever caused it, is closed in one way: join again from the last seq kept.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from madang.client.events import Event, Reset

WAITING_EVENTS: Final = 1000


class Stand(Enum):
    """What the cursor and the server have agreed on."""

    AWAY = auto()  # nothing: a join is wanted
    ASKED = auto()  # a join is on its way; events before its answer do not count
    FOLLOWING = auto()  # events continue at seq + 1
    FULL = auto()  # the server sends, we drop; a join is wanted when there is room


class Cursor:
    """One room's position. `seq` is the newest event kept, 0 and no epoch before the first join."""

    __slots__ = ("_bound", "_stand", "_waiting", "epoch", "seq")

    def __init__(self, bound: int = WAITING_EVENTS) -> None:
        if bound < 1:
            raise ValueError("at least one event must have room to wait")
        self._bound = bound
        self._stand = Stand.AWAY
        self._waiting: deque[Event | Reset] = deque()
        self.seq = 0
        self.epoch = ""

    def __len__(self) -> int:
        """Count what waits for the application."""
        return len(self._waiting)

    @property
    def following(self) -> bool:
        """Whether the server counts us in, so that commands for the room may go out."""
        return self._stand in (Stand.FOLLOWING, Stand.FULL)

    @property
    def wants_join(self) -> bool:
        """Whether to join now, from `seq` and `epoch` if there is one."""
        return self._stand is Stand.AWAY

    # -- joining -------------------------------------------------------------------------------------------------------

    def asked(self) -> None:
        """A join is on the wire."""
        self._stand = Stand.ASKED

    def lost(self) -> None:
        """The connection is gone, or the join was refused for now."""
        self._stand = Stand.AWAY

    def start(self, epoch: str, seq: int) -> None:
        """The first join is answered: what was in the answer is the application's already."""
        self.epoch, self.seq = epoch, seq
        self._stand = Stand.FOLLOWING

    def resume(self, epoch: str, events: Sequence[Event]) -> None:
        """A later join is answered with what came after `seq`."""
        self.epoch = epoch
        self._stand = Stand.FOLLOWING
        fresh = [e for e in events if e.seq > self.seq]
        if fresh and fresh[0].seq != self.seq + 1:  # against the protocol; then at least no silent gap
            self._forget(fresh[0].room, fresh[0].seq - 1)
        self._keep(fresh)

    def reset(self, room: str, epoch: str, seq: int, events: Sequence[Event]) -> None:
        """The events between are not available: drop what waits, and tell the application."""
        self.epoch = epoch
        self._stand = Stand.FOLLOWING
        self._forget(room, events[0].seq - 1 if events else seq)
        self._keep(events)

    def _forget(self, room: str, seq: int) -> None:
        self._waiting.clear()
        self._waiting.append(Reset(room=room, seq=seq, epoch=self.epoch))
        self.seq = seq

    def _keep(self, events: Sequence[Event]) -> None:
        for event in events:
            self.take(event)

    # -- events --------------------------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Take an event frame: keep it, drop it as known or for want of room, or find a gap."""
        if self._stand is not Stand.FOLLOWING or event.seq <= self.seq:
            return
        if event.seq != self.seq + 1:
            self._stand = Stand.AWAY
        elif len(self._waiting) >= self._bound:
            self._stand = Stand.FULL
        else:
            self._waiting.append(event)
            self.seq = event.seq

    def skip(self, first: int, last: int) -> None:
        """The server leaves out events `first` to `last` on purpose."""
        if self._stand is not Stand.FOLLOWING or last <= self.seq:
            return
        if first > self.seq + 1:
            self._stand = Stand.AWAY
        else:
            self.seq = last

    def next(self) -> Event | Reset | None:
        """Return the application's next item, None when there is none."""
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        if self._stand is Stand.FULL and len(self._waiting) <= self._bound // 2:
            self._stand = Stand.AWAY
        return item
