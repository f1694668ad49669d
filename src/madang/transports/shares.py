"""Turns for sockets that have sent much: each handles a piece of it, then the next one, in a bounded part of the time.

What a socket has sent beyond a piece waits here, and the socket is not read meanwhile. Otherwise one that is readable is
drained of megabytes before anybody else's turn: eight sockets with frames of 64 KB made the send of a neighbour take up
to 16 s instead of 1.3 ms. The turns go around over addresses, and within each over its sockets. No tasks: one callback.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from madang.core.metrics import Metric

logger = logging.getLogger("madang.shares")

TURN_S: Final = 0.0003  # of work, before everybody else has a turn
PAUSE: Final = 3
"""Times as long as the work has taken, before it goes on: pieces have at most a quarter of the processor."""
READ_S: Final = 0.00005
"""What it costs when somebody has nothing left and is read again, in one of the next turns. So not all sockets that were
held up come back in the same turn of the loop."""
SHORTEST_PAUSE_S: Final = 0.001  # what timers of the loop can measure


class Worker(Protocol):
    """Somebody who has more to do than a piece."""

    def work(self) -> bool:
        """Handle a piece; return whether there is another, or else read on."""


class Shares:
    """The turns of one node.

    Args:
        time: loop time in seconds.
        later: calls something after some seconds; 0 for the next turn of the loop.
        paced: whether to pause; not where no other limit holds either.
    """

    def __init__(
        self, time: Callable[[], float], later: Callable[[float, Callable[[], None]], None], *, paced: bool = True
    ) -> None:
        self._time = time
        self._later = later
        self._paced = paced
        self._waiting: dict[str, deque[Worker]] = {}  # by address, whose turn is next first
        self._scheduled = False
        self._free_at = 0.0  # when the pause after the last work ends
        self.pieces = 0

    def enter(self, address: str, worker: Worker) -> None:
        """Let somebody work in the next turns until nothing is left. They are here at most once at a time."""
        if (queue := self._waiting.get(address)) is None:
            self._waiting[address] = deque((worker,))
        else:
            queue.append(worker)
        if not self._scheduled:
            self._scheduled = True
            self._later(max(0.0, self._free_at - self._time()), self._turn)

    def _turn(self) -> None:
        began = self._time()
        spent, reads = 0.0, 0
        waiting = self._waiting
        while waiting and spent < TURN_S:
            address, queue = next(iter(waiting.items()))
            worker = queue.popleft()
            self.pieces += 1
            if self._worked(worker):
                queue.append(worker)
            else:
                reads += 1
            del waiting[address]  # others may have entered its queue meanwhile
            if queue:
                waiting[address] = queue
            spent = self._time() - began + reads * READ_S
        pause = max(SHORTEST_PAUSE_S, PAUSE * spent) if self._paced else 0.0
        self._free_at = self._time() + pause
        self._scheduled = bool(waiting)
        if waiting:
            self._later(pause, self._turn)

    def _worked(self, worker: Worker) -> bool:
        try:
            return worker.work()
        except Exception as error:  # of one, which must not hold up the others
            logger.error("a piece failed", exc_info=error)
            return False

    def metrics(self) -> list[Metric]:
        """Return who waits for a turn, and how many pieces have been handled."""
        waiting = sum(len(queue) for queue in self._waiting.values())
        return [
            Metric("gauge", "madang_backlogs", "Sockets that have sent more than was handled yet.", waiting),
            Metric("counter", "madang_backlog_pieces", "Pieces handled of what waited.", self.pieces),
        ]
