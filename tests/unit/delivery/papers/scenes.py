"""A fleet of hubs of papers in virtual time: a model of the store, buses in memory, and followers that keep what they are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from pycrdt import Doc, Text

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.aio import cancelled
from madang.core import events as kinds
from madang.core.events import Event
from madang.core.ids import IdSource
from madang.core.papers import Paper
from madang.delivery.papers.follower import Outcome, Shown
from madang.delivery.papers.hub import PaperHub
from madang.delivery.papers.live import LivePaper
from madang.delivery.papers.thread import DocumentThread
from madang.delivery.turns import Turns
from madang.memory import Memory
from madang.ports.bus import Signal
from madang.protocol.yjs import ClientState
from madang.testing import ModelStore, VirtualLoop
from madang.testing.rules import Scene, opened

T = TypeVar("T")
WATCHED_S = 1.0
"""After which every node knows what the store says."""


class InPlace(DocumentThread):
    """Makes the calls at once: virtual time knows no threads."""

    async def do(self, call: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        return call()

    def tell(self, call: Callable[[], None]) -> None:
        call()


class Person:
    """Somebody with a document who follows a paper, and notes what they are told.

    Attributes:
        denied, ended: codes, in order.
        greeted: how often they were asked for what they have.
        full: they take nothing now.
    """

    server = False
    framing = "plain"
    token_left_s = 1e9

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.user_name = user_id.split("-")[0].title()
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("text", type=Text)
        self.hub: PaperHub
        self.live: LivePaper
        self.denied: list[str] = []
        self.ended: list[str] = []
        self.outcomes: list[Outcome] = []
        self.greeted = 0
        self.waiting = 0
        self.full = False
        self.updates: list[bytes] = []
        self.seen: dict[int, bytes | None] = {}

    async def follow(self, hub: PaperHub, paper: str) -> "Person":
        self.hub, self.live = hub, await hub.follow(paper, self)
        hub.ask(self.live, self, self.doc.get_state())
        return self

    def say(self, text: str) -> None:
        """Write at the end; the hub gets it, unless it says that they may not."""
        before = self.doc.get_state()
        self.text += text
        self.send(self.doc.get_update(before))

    def send(self, data: bytes) -> None:
        if code := self.hub.writes(self.live, self):
            self.deny(code)
        else:
            self.waiting += len(data)
            self.hub.write(self.live, self, data)

    def show(self, client: int, clock: int, state: bytes | None) -> None:
        self.hub.show(self.live, self, [ClientState(client, clock, state)])

    def leave(self) -> None:
        self.hub.leave(self.live, self)

    @property
    def behind(self) -> bool:
        return self.full

    def frame_update(self, data: bytes) -> bytes:
        return b"u" + data

    def frame_shown(self, shown: Sequence[Shown]) -> bytes:
        self.seen |= {each.client: each.state for each in shown}
        return b"s"

    def write(self, frame: bytes) -> None:
        if frame[:1] == b"u":
            self.updates.append(frame[1:])
            self.doc.apply_update(frame[1:])

    def answer(self, lacking: bytes) -> None:
        self.doc.apply_update(lacking)

    def greet(self, state: bytes, shown: Sequence[Shown]) -> None:
        self.greeted += 1
        self.seen |= {each.client: each.state for each in shown}
        if self.greeted > 1:
            self.send(self.doc.get_update(state))

    def taken(self, size: int, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.waiting -= size
        assert self.waiting >= 0

    def deny(self, code: str) -> None:
        self.denied.append(code)

    def unreadable(self) -> None:
        self._end("unreadable")

    def end_access(self, code: int, reason: str) -> None:
        self._end(str(code))

    def try_again(self, reason: str) -> None:
        self._end(reason)

    def _end(self, why: str) -> None:
        self.ended.append(why)
        self.leave()

    def __str__(self) -> str:
        return str(self.text)


class Receiver:
    """What the bus brings to one hub."""

    def __init__(self, hub: PaperHub) -> None:
        self._hub = hub

    def receive(self, events: Sequence[Event]) -> None:
        for event in events:
            self._hub.arrived(event)

    def heads_seen(self, heads: Mapping[str, int]) -> None: ...

    def check_soon(self) -> None: ...

    def signal(self, signal: Signal) -> None: ...


class Yard:
    """A room of ann's with ben and cas, a paper of it, and nodes.

    Attributes:
        room: a scene, for what else happens in the room.
        loop: the time.
    """

    def __init__(self, store: ModelStore, room: Scene, stack: AsyncExitStack) -> None:
        self.store = store
        self.room = room
        self.broker = MemoryBroker()
        self.hubs: list[PaperHub] = []
        self.memories: list[Memory] = []
        self._stack = stack

    async def node(self) -> PaperHub:
        """Return the hub of one more node."""
        bus, memory = MemoryBus(self.broker), Memory(64 << 20)
        hub = PaperHub(self.store, bus, Turns(), memory, InPlace())
        await bus.start(Receiver(hub))
        self.hubs.append(hub)
        self.memories.append(memory)
        await self._stack.enter_async_context(_running(hub))
        return hub

    async def person(self, name: str, hub: PaperHub, paper: str = "card") -> Person:
        """Return somebody who has all of a paper."""
        person = await Person(self.room.id(name)).follow(hub, paper)
        await asyncio.sleep(0.1)
        return person

    async def change(self, **values: Any) -> None:
        await self.room.done(self.room.draft(kinds.PaperChanged, paper="card", **values))

    async def paper(self) -> Paper:
        paper = await self.store.paper("card")
        assert paper is not None
        return paper

    async def mute(self, name: str) -> None:
        await self.room.done(self.room.draft(kinds.MemberMuted, member=name))

    async def unmute(self, name: str) -> None:
        await self.room.done(self.room.draft(kinds.MemberUnmuted, member=name))


@asynccontextmanager
async def _running(hub: PaperHub) -> AsyncIterator[None]:
    parts = [asyncio.ensure_future(hub.run()), asyncio.ensure_future(hub.watch())]
    try:
        yield
    finally:
        await cancelled(parts)
        await hub.stop()


def told(story: Callable[[Yard], Awaitable[None]]) -> None:
    """Run a story."""

    async def tell() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        async with AsyncExitStack() as stack:
            store = ModelStore(IdSource(1), loop.clock_ms)
            room = await opened(store, "ben", "cas")
            await room.done(room.draft(kinds.PaperCreated, paper="card", title="Card"))
            yard = Yard(store, room, stack)
            await story(yard)
        await asyncio.sleep(0.1)
        for memory in yard.memories:
            assert memory.held["papers"] == 0, "something is held of papers that are closed"

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(tell())
