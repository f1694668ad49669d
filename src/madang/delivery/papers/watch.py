"""The watch over open papers: what no bus has told, and who may still follow and write.

So kicks, bans, finishing and lost updates reach every connection within a second, whatever fails.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from madang.core.papers import Standing
from madang.delivery.papers.desk import Desk
from madang.delivery.papers.follower import Follower
from madang.delivery.papers.live import LivePaper
from madang.delivery.papers.opening import OpenPapers, gone
from madang.delivery.papers.thread import DocumentThread
from madang.delivery.turns import Turns
from madang.errors import StorageError
from madang.ports.papers import PaperStore

logger = logging.getLogger("madang.papers")

WATCH_S: Final = 0.4
WATCHED: Final = 5_000
"""Papers that are looked after in one call, and users of theirs."""


class Watch:
    """Looks after the open papers of one node.

    Args:
        touch: called with a paper for which there is something to do.
    """

    def __init__(
        self, store: PaperStore, papers: OpenPapers, thread: DocumentThread, desk: Desk, turns: Turns,
        touch: Callable[[LivePaper], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._papers = papers
        self._thread = thread
        self._desk = desk
        self._turns = turns
        self._touch = touch

    async def run(self) -> None:
        """Look every WATCH_S, until cancelled."""
        failing = False
        while True:
            await asyncio.sleep(WATCH_S)
            self._sweep()
            try:
                await self._look()
                failing = False
            except StorageError as error:
                if not failing:
                    logger.warning("papers are not looked after: %s", error)
                failing = True

    def _sweep(self) -> None:
        now = self._turns.time()
        for live in self._papers.by_id.values():
            if live.expired(now):
                self._touch(live)
        self._papers.close_idle(now)

    async def _look(self) -> None:
        papers = list(self._papers.by_id.values())
        for start in range(0, len(papers), WATCHED):
            await self._look_at(papers[start : start + WATCHED])

    async def _look_at(self, some: Sequence[LivePaper]) -> None:
        pairs = list({(live.paper.room, f.user_id) for live in some for f in live.followers})
        found = await self._store.watched([live.paper.id for live in some], pairs[:WATCHED])
        standings = {**found.standings, **await self.standings(pairs[WATCHED:])}
        for live in some:
            if live.closed:
                continue
            paper = found.papers.get(live.paper.id)
            if paper is None or paper.key != live.paper.key:
                self._papers.close(live, gone)
                continue
            live.paper = msgspec.structs.replace(live.paper, finished=paper.finished, title=paper.title)
            if live.seq < live.seen:
                live.missing = True
                self._touch(live)
            live.seen = paper.seq
            self._judge(live, standings)

    async def standings(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Standing]:
        """Return how users stand now, by (room, user)."""
        found: dict[tuple[str, str], Standing] = {}
        for start in range(0, len(pairs), WATCHED):
            found.update((await self._store.watched([], pairs[start : start + WATCHED])).standings)
        return found

    def _judge(self, live: LivePaper, standings: Mapping[tuple[str, str], Standing]) -> None:
        for follower in list(live.followers):
            standing = standings.get((live.paper.room, follower.user_id))
            if standing is None:  # has come meanwhile
                continue
            live.followers[follower] = standing
            if not standing.reads(server=follower.server):
                follower.end_access(4410, "access ended")
            elif follower.token_left_s <= 0:
                follower.end_access(4410, "token expired")
        if again := {follower for follower in live.denied if not live.held_from(follower)}:
            live.denied -= again
            self._turns.spawn(self._ask_again(live, again))

    async def _ask_again(self, live: LivePaper, again: set[Follower]) -> None:
        """Ask those who may write again for what was not taken of them: it comes before all that they write later."""
        state = await self._thread.do(lambda: self._desk.state(live.number))
        for follower in live.followers.keys() & again:
            follower.greet(state, ())
