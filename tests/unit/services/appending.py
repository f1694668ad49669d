"""An appender on a store that a test can hold up, and who hears what it says."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from madang.adapters.sql import Store
from madang.core.events import Draft, Event, MessageSent, RoomCreated, draft
from madang.services.appender import Appender
from tests.unit.delivery.nodes import OWNER
from tests.unit.services.wrapped import Wrapped
from tests.waiting import eventually

YARD = "yard"


class Gated(Wrapped):
    """Commits when the test says so, and notes the batches."""

    def __init__(self, inner: Any, lanes: int = 1) -> None:
        super().__init__(inner)
        self.go.set()
        self.lanes = lanes
        self.batches: list[list[Draft]] = []
        self.running: set[int] = set()

    async def append(self, drafts: Sequence[Draft]) -> Any:
        self.batches.append(list(drafts))
        await self.go.wait()
        return await self.inner.append(drafts)


class Heard:
    """What was committed, and the answers, in the order in which they came."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.answers: list[tuple[Any, Any]] = []
        self.checks = 0
        self.order: list[str] = []

    def committed(self, events: Sequence[Event]) -> None:
        self.order.append("committed")
        self.events += events

    def check_soon(self) -> None:
        self.checks += 1

    def reply(self, tag: Any, outcome: Any) -> None:
        self.order.append("answer")
        self.answers.append((tag, outcome))


@asynccontextmanager
async def running(log: Any, heard: Heard) -> AsyncIterator[Appender]:
    appender = Appender(log, heard.committed, heard.check_soon)
    task = asyncio.ensure_future(appender.run())
    try:
        yield appender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def message(n: int, room: str = YARD, cid: str | None = None) -> Draft:
    return draft(MessageSent(text=f"hello {n}"), room, OWNER.id, OWNER.name, cid=cid)


async def rooms(store: Store, *names: str) -> None:
    await store.append(
        [draft(RoomCreated(title=name, access="open", slow_ms=0), name, OWNER.id, OWNER.name) for name in names]
    )


async def answered(heard: Heard, count: int) -> None:
    await eventually(lambda: len(heard.answers) >= count)
