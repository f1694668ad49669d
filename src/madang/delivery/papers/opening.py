"""Which papers are in memory: they are loaded for whoever comes first, and let go when nobody follows them or nothing is left."""

import logging
from collections.abc import Callable
from itertools import count
from typing import Final

from madang.aio import SingleFlight
from madang.core.documents import Undecodable
from madang.core.papers import Paper
from madang.delivery.papers.courier import Courier
from madang.delivery.papers.desk import Desk
from madang.delivery.papers.follower import Follower
from madang.delivery.papers.live import LivePaper
from madang.delivery.papers.logs import Logs
from madang.delivery.papers.thread import DocumentThread, Panic
from madang.delivery.turns import Turns
from madang.errors import MadangError
from madang.memory import Memory

logger = logging.getLogger("madang.papers")

LINGER_S: Final = 20.0
"""How long a paper that nobody follows stays in memory."""
WEIGHT: Final = 8
"""Bytes of memory that a byte of a paper takes as a document, at most."""
USE: Final = "papers"

End = Callable[[Follower], None]


class OpenPapers:
    """The papers of one node that are in memory.

    Attributes:
        by_id: all of them.
    """

    def __init__(
        self, logs: Logs, courier: Courier, thread: DocumentThread, desk: Desk, turns: Turns, memory: Memory
    ) -> None:
        self._logs = logs
        self._courier = courier
        self._thread = thread
        self._desk = desk
        self._turns = turns
        self._memory = memory
        self._opening: SingleFlight[LivePaper] = SingleFlight()
        self._numbers = count(1)
        self._loading: set[str] = set()
        self.by_id: dict[str, LivePaper] = {}
        memory.caches.append(self._give_way)

    async def open(self, paper: Paper) -> LivePaper:
        """Return a paper, loaded if it is not there yet (not_found, overloaded; Undecodable; StorageError)."""
        live = self.by_id.get(paper.id)
        if live is not None and live.paper.key == paper.key:
            return live
        return await self._opening.do(paper.id, lambda: self._load(paper.id))

    async def _load(self, id: str) -> LivePaper:
        if (before := self.by_id.get(id)) is not None:
            self.close(before, gone)
        self._loading.add(id)
        try:
            return await self._loaded(id)
        finally:
            self._loading.discard(id)

    async def _loaded(self, id: str) -> LivePaper:
        """Subscribe first, then read the log: what comes meanwhile is found as missing."""
        await self._courier.subscribe(id)
        number = next(self._numbers)
        held = 0
        try:
            log = await self._logs.read(id)
            held = WEIGHT * log.paper.size
            await self._memory.acquire(USE, held)
            await self._thread.do(lambda: self._desk.load(number, log.snapshot, [d for _, d in log.updates]))
        except BaseException as error:
            self._thread.tell(lambda: self._desk.forget(number))
            if held and not isinstance(error, MadangError):
                self._memory.free(USE, held)
            await self._courier.unsubscribe(id)
            if isinstance(error, Undecodable | Panic):
                logger.error("paper %s cannot be read: it stays closed, and nothing of it is changed", id)
                raise Undecodable from error
            raise
        live = LivePaper(log.paper, number)
        live.held = held
        live.rows = len(log.updates)
        live.idle_since = self._turns.time()
        live.missing = not self._courier.alone
        self.by_id[id] = live
        self._courier.ask(live)
        return live

    def weigh(self, live: LivePaper) -> None:
        """Count what a paper takes by now."""
        if not live.closed:
            self._memory.take(USE, WEIGHT * live.size - live.held)
            live.held = WEIGHT * live.size

    def close(self, live: LivePaper, end: End) -> None:
        """Let go of a paper, and of everybody who follows it."""
        if live.closed:
            return
        live.closed = True
        if self.by_id.get(live.paper.id) is live:
            del self.by_id[live.paper.id]
        self._memory.free(USE, live.held + sum(len(each.data) for each in live.written))
        live.written = []
        number, id = live.number, live.paper.id
        self._thread.tell(lambda: self._desk.forget(number))
        self._turns.spawn(self._unsubscribe(id))
        for follower in list(live.followers):
            end(follower)
        live.followers.clear()

    async def _unsubscribe(self, id: str) -> None:
        """Get nothing of a paper any longer, unless it has been opened again."""
        if id not in self.by_id and id not in self._loading:
            await self._courier.unsubscribe(id)

    def close_idle(self, now: float) -> None:
        """Let go of papers that nobody follows any longer."""
        for live in list(self.by_id.values()):
            if not (live.followers or live.waits or live.compacting) and now - live.idle_since > LINGER_S:
                self.close(live, lambda follower: None)

    def _give_way(self, lacking: int) -> None:
        """Let go of all papers that nobody follows, and in which nothing waits to be stored: there is no room."""
        for live in [live for live in self.by_id.values() if not (live.followers or live.waits)]:
            self.close(live, lambda follower: None)


def gone(follower: Follower) -> None:
    """End somebody whose paper there is no longer."""
    follower.end_access(4404, "no such paper")
