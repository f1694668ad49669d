"""Rebuilding: makes a search index again beside the one that serves, and lets it serve when it is whole.

An operator asks for it, or an analyzer that is newer than what the index was made with. One node of the fleet does it, by a
follower of its own; if that node goes, another goes on where it was, since the new index holds its positions.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from madang.aio import cancelled
from madang.core.events import Event
from madang.core.folding import VERSION, is_older
from madang.ports.search import Made, SearchIndexes, Status
from madang.services.failures import Failures
from madang.services.following import Following, Store
from madang.services.indexing import Indexing, Searched

logger = logging.getLogger("madang.search")

LOOK_S: Final = 5.0
"""Between two looks at whether there is something to do."""
LEVEL_S: Final = 0.2
"""Between two looks at whether it is done."""


class Rebuilding:
    """Makes indexes again. The arguments are those of `Following`.

    Args:
        done: called when another index serves.
        searched: as for `Indexing`.
    """

    def __init__(
        self, store: Store, indexes: SearchIndexes, leads: Callable[[], Awaitable[bool]], busy: Callable[[], bool],
        time: Callable[[], float], done: Callable[[], object], searched: Searched,
    ) -> None:  # fmt: skip
        self._store = store
        self._indexes = indexes
        self._leads = leads
        self._busy = busy
        self._time = time
        self._done = done
        self._searched = searched
        self._following: Following | None = None
        self._asked = False
        self._no_place = False  # for what is asked for
        self._due = asyncio.Event()
        self._warned = set[tuple[str, str]]()

    def committed(self, events: Sequence[Event]) -> None:
        """Mark the rooms of events that are in the log now."""
        if self._following is not None:
            self._following.committed(events)

    async def ask(self) -> None:
        """Have the index made again, unless that is being done."""
        self._asked = await self._indexes.building() is None
        self._due.set()

    async def under_way(self) -> tuple[bool, Status]:
        """Return whether the index is being made again, and what the new one has by now."""
        building = await self._indexes.building()
        if building is None:
            return self._asked, Status(0, 0)
        return True, await building.index.status()

    async def why_it_waits(self) -> str:
        """Return why nothing is added to a new index that was asked for, for people; "" where nothing of this node is the reason."""
        building = await self._indexes.building()
        if building is None:
            return "A new index begins when the one before it is gone, within a minute." if self._no_place else ""
        if is_older(VERSION, building.version):
            return f"The new index is {_newer(building)}; a node of its version makes it, once one leads."
        return ""

    async def run(self) -> None:
        """Make what has to be made, until cancelled."""
        failures = Failures(logger, "is not made again")
        while True:
            with failures.survived("the search index"):
                await self._look()
            failures.round_over()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._due.wait()
            self._due.clear()

    async def _look(self) -> None:
        if self._asked:
            self._asked = await self._indexes.building() is None and not await self._indexes.begin(VERSION)
            self._no_place = self._asked
        if not await self._leads():
            return
        serving, building = await self._indexes.serving(), await self._indexes.building()
        if building is not None and is_older(building.version, VERSION):
            await self._indexes.give_up()
            building = None
        if building is None and is_older(serving.version, VERSION) and await self._indexes.begin(VERSION):
            building = await self._indexes.building()
        if building is not None and building.version == VERSION:
            await self._build(building)
            return
        for made, what, so in (
            (building, "a search index that is being made", "it waits for a node of its version to lead"),
            (serving, "the search index", "searches may say that they are not complete"),
        ):
            if made is not None and is_older(VERSION, made.version) and (what, made.version) not in self._warned:
                self._warned.add((what, made.version))
                logger.warning("%s is %s; %s", what, _newer(made), so)

    async def _build(self, building: Made) -> None:
        """Lead an index through all of the log, and let it serve; another node goes on if this one leads no more."""
        logger.info("the search index is made again beside the one that serves")
        following = Following(
            self._store, Indexing(building.index, self._searched), self._leads, self._busy, self._time
        )
        self._following = following
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(following.run()), loop.create_task(following.sweep())]
        walks = 0
        try:
            while not following.level:
                await asyncio.sleep(LEVEL_S)
                if not await self._leads() or any(task.done() for task in tasks):
                    return
                if following.swept > walks:
                    walks = following.swept
                    following.sweep_now()
        finally:
            self._following = None
            await cancelled(tasks)
        await self._indexes.switch()
        self._done()
        logger.info("another search index serves")


def _newer(made: Made) -> str:
    return f"of a newer analyzer ({made.version}) than this node's ({VERSION})"
