"""Shares of the processor for what costs more than a short command, so that those who say little never wait for it.

Large frames, pages, joins, HTTP requests and newcomers have together SHARE of the processor, in turns of TURN_S; a short
command of a socket that has said hello does not come here at all. What is asked for in a turn that is used up waits, and
sockets are not read meanwhile. Otherwise one that is readable is drained of megabytes before anybody else's turn, and
500 that come together are all served in one: turns of 350 ms, while a neighbour's send takes 1 ms in all.

The turns go around over addresses, and within each over who waits. After a rest BURST_S may be used at once, so that
people who open a room do not notice any of this. What begins here and goes on in tasks and in the threads that read from
storage is charged as it is spent. No tasks here: one callback.
"""

import logging
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Protocol

from madang.core.metrics import Metric

logger = logging.getLogger("madang.shares")

TURN_S: Final = 0.0003  # of work, before everybody else has a turn
VISIT_S: Final = 0.0002
"""Of work, before the next one has a turn. At a piece a visit, a flooder of large frames among others who came back again
and again was not closed within 60 s: each of its kilobytes waited behind every newcomer of its address."""
SHARE: Final = 0.25  # of a processor, in the long run
BURST_S: Final = 0.05  # of work, that may be done beyond it after a rest
OWED_S: Final = 0.2  # at most: one that took longer does not keep the others waiting for good
BEGIN_S: Final = 0.00015
"""What somebody costs who only begins in a turn; the rest is charged when it is known. So at most two begin in one."""
UNPACED_TURN_S: Final = 0.002
"""A turn where nothing is paced, as under a load test. In turns of TURN_S the loop went around once for each of 10,000 sockets that
came back, and a fifth of the processor's time was spent between them."""
UNPACED_BEGIN_S: Final = 0.00002  # as BEGIN_S, where nothing is paced: some 100 begin in a turn
READ_S: Final = 0.00005
"""What it costs when somebody has nothing left and is read again, in one of the next turns. So not all sockets that were
held up come back in the same turn of the loop."""
SHORTEST_PAUSE_S: Final = 0.001  # what timers of the loop can measure


class Worker(Protocol):
    """Somebody who has more to do than a piece."""

    def work(self) -> bool:
        """Handle a piece; return whether there is another, or else read on."""


class Shares:
    """The turns of one listener.

    Args:
        time: a clock in seconds, as fine as a piece; that of uvloop counts milliseconds.
        later: calls something after some seconds; 0 for the next turn of the loop.
        elsewhere: returns how many seconds of the processor were spent in other threads so far.
        cpu: the processor's time of this thread, in seconds; by default `time`. So nobody pays for what other programs do.
        paced: whether there is a share; not where no other limit holds either.
    """

    def __init__(
        self,
        time: Callable[[], float],
        later: Callable[[float, Callable[[], None]], None],
        elsewhere: Callable[[], float] = lambda: 0.0,
        *,
        cpu: Callable[[], float] | None = None,
        paced: bool = True,
    ) -> None:
        self._time = time
        self._later = later
        self._elsewhere = elsewhere
        self._cpu = cpu or time
        self._paced = paced
        self._begin_s = BEGIN_S if paced else UNPACED_BEGIN_S
        self._turn_s = TURN_S if paced else UNPACED_TURN_S
        self._waiting: dict[str, deque[Worker]] = {}  # by address, whose turn is next first
        self._scheduled = False
        self._turn_began = -1.0
        self._spent = 0.0  # in this turn
        self._metered = 0.0  # in tasks, in all
        self._charged = 0.0  # of what was spent in tasks and threads, in all
        self._credit = BURST_S
        self._counted_at = time()
        self.pieces = 0

    # -- who may work --------------------------------------------------------------------------------------------------

    def enter(self, address: str, worker: Worker) -> None:
        """Let somebody work in the next turns until nothing is left. They are here at most once at a time."""
        if (queue := self._waiting.get(address)) is None:
            self._waiting[address] = deque((worker,))
        else:
            queue.append(worker)
        if not self._scheduled:
            self._scheduled = True
            self._later(self._wait() if self._paced else 0.0, self._turn)

    def begin(self, address: str, call: Callable[[], None]) -> None:
        """Call something that begins what costs much: at once if nobody waits and this turn is not used up."""
        if not self.at_once(call, self._begin_s):
            self.enter(address, _Beginning(call))

    def at_once(self, call: Callable[[], object], more: float = 0.0) -> bool:
        """Call something if nobody waits and this turn is not used up; return whether it was called.

        Args:
            more: seconds that it costs besides the time that the call takes.
        """
        if self._waiting or self._wait():
            return False
        began = self._cpu()
        try:
            call()
        finally:
            self._charge(self._cpu() - began, more)
            if not self._paced and not self._scheduled:  # the next turn of the loop is another
                self._scheduled = True
                self._later(0.0, self._turn)
        return True

    def _wait(self) -> float:
        """Return the seconds until somebody may work; 0 for now. Begin a turn if the last one is over."""
        if self._paced:
            now, outside = self._time(), self._metered + self._elsewhere()
            credit = self._credit + (now - self._counted_at) * SHARE - (outside - self._charged)
            self._credit = min(BURST_S, max(-OWED_S, credit))
            self._counted_at, self._charged = now, outside
            if now - self._turn_began >= SHORTEST_PAUSE_S:
                self._turn_began, self._spent = now, 0.0
            if self._credit <= 0:
                return max(SHORTEST_PAUSE_S, -self._credit / SHARE)
        return SHORTEST_PAUSE_S if self._spent >= self._turn_s else 0.0

    def _charge(self, seconds: float, more: float) -> None:
        self._spent += seconds + more
        self._credit -= seconds

    def _turn(self) -> None:
        if not self._paced:
            self._spent = 0.0
        elif wait := self._wait():
            self._later(wait, self._turn)
            return
        waiting = self._waiting
        while waiting and self._spent < self._turn_s:
            address, queue = next(iter(waiting.items()))
            worker, began, more = queue.popleft(), self._cpu(), 0.0
            self.pieces += 1
            ends = began + min(VISIT_S, self._turn_s - self._spent)
            while (again := self._worked(worker)) and self._cpu() < ends:
                self.pieces += 1
            if again:
                queue.append(worker)
            else:
                more = self._begin_s if type(worker) is _Beginning else READ_S
            del waiting[address]  # others may have entered its queue meanwhile
            if queue:
                waiting[address] = queue
            self._charge(self._cpu() - began, more)
        self._scheduled = bool(waiting)
        if waiting:
            self._later(self._wait() if self._paced else 0.0, self._turn)

    def _worked(self, worker: Worker) -> bool:
        try:
            return worker.work()
        except Exception as error:  # of one, which must not hold up the others
            logger.error("a piece failed", exc_info=error)
            return False

    # -- what goes on in tasks -----------------------------------------------------------------------------------------

    def metered(self, coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that does the same, and is charged for the time that it takes, where that counts."""
        return _Metered(coroutine, self) if self._paced else coroutine

    def spent(self, seconds: float) -> None:
        """Charge what was spent in a task."""
        self._metered += seconds

    def metrics(self) -> list[Metric]:
        """Return who waits for a turn, and how many pieces have been handled."""
        waiting = sum(len(queue) for queue in self._waiting.values())
        return [
            Metric("gauge", "madang_backlogs", "Who waits for a share of the processor.", waiting),
            Metric("counter", "madang_backlog_pieces", "Pieces handled of what waited.", self.pieces),
        ]


class _Beginning:
    """Somebody who waits to begin."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def work(self) -> bool:
        self._call()
        return False


class _Metered(Coroutine[Any, Any, Any]):
    """A coroutine whose steps are timed."""

    __slots__ = ("_coroutine", "_shares")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], shares: Shares) -> None:
        self._coroutine = coroutine
        self._shares = shares

    def send(self, value: Any) -> Any:
        began = self._shares._cpu()
        try:
            return self._coroutine.send(value)
        finally:
            self._shares.spent(self._shares._cpu() - began)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __iter__(self) -> "_Metered":
        return self

    def __next__(self) -> Any:
        return self.send(None)
