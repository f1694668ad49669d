"""Nodes for tests of delivery: real hub, appender and store; no server and no socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from madang.adapters.bus.memory.bus import MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.core.actors import Actor
from madang.core.events import Appended, Event, MessageSent, draft
from madang.core.rooms import Member, Room
from madang.delivery.joining import Joined, Start
from madang.delivery.presence import TTL_S
from madang.delivery.room import LiveRoom
from madang.node.assembly import Holders, assemble
from madang.node.run import running_parts
from madang.ports.bus import Bus
from madang.ports.presence import Presence
from madang.services.limits import UNLIMITED
from madang.services.rooms import KICK_S
from tests.unit.delivery.subscribers import RecordingSubscriber, created
from tests.unit.parts import chosen
from tests.unit.transports.nodes import KEYS
from tests.waiting import eventually

OWNER = Actor(id="u-owner", name="Owner")
YARD = "yard"


class Wrapped:
    """A part of a node, behind which a test may put another (`inner`), or of which it replaces one method."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Node:
    """One node without its front doors.

    Attributes:
        seen_store, seen_bus, seen_presence: the ports as the node sees them; a test may put something else behind them.
    """

    def __init__(
        self, store: Any, bus: Bus, quiet_above: int, presence: Presence, name: str, holders: Holders, kick_s: int
    ) -> None:
        self.name = name
        self.store = store
        self.bus = bus
        self.holders = holders
        self.seen_store = Wrapped(store)
        self.seen_bus = Wrapped(bus)
        self.seen_presence = Wrapped(presence)
        self._node = node = assemble(
            name=name, store=self.seen_store, keyring=KEYS, bus=self.seen_bus, presence=self.seen_presence, holders=lambda: self.holders(), rates=UNLIMITED,
            max_text=4000, max_rooms=5, ping_s=25.0, quiet_above=quiet_above, kick_s=kick_s,
        )  # fmt: skip
        self.hub = node.hub
        self.turns = node.turns
        self.memory = node.memory
        self.heartbeat = node.heartbeat
        self.joiner = node.joiner
        self.appender = node.appender
        self.rooms = node.rooms
        self.looked_up = 0  # memberships looked up again
        self.failed = asyncio.Event()
        self._running = AsyncExitStack()

    async def start(self, watch: bool = False) -> None:
        await self._running.enter_async_context(running_parts(chosen(self._node, watch), self.failed.set))

    async def stop(self) -> None:
        await self.appender.drain()
        await self.die()

    async def die(self) -> None:
        """End at once, as in a crash: store nothing more, and say no goodbye."""
        await self._running.aclose()

    def subscriber(self, budget: int | None = None) -> RecordingSubscriber:
        return RecordingSubscriber(self.hub, self.turns, budget)

    def invent(self, room: str, seq: int = 1) -> LiveRoom:
        """Return a live room that is at `seq` and has no log, for events made by hand."""
        info = Room(id=room, title=room, access="open", slow_ms=0)
        live = self.hub.rooms[room] = LiveRoom(
            info, "epoch", seq, [created(room)] if seq == 1 else [], self.hub.statistics, self.hub.tails
        )
        return live

    async def follow(
        self, live: LiveRoom, name: str, budget: int | None = None, count: int = 1
    ) -> list[RecordingSubscriber]:
        """Follow a room with `count` subscribers of one user, from where it is."""
        subscribers = [self.subscriber(budget) for _ in range(count)]
        for subscriber in subscribers:
            await self.put(subscriber, live, user(name), limit=0)
        return subscribers

    async def live(self, room: str) -> LiveRoom:
        """Open a room that exists."""
        live = await self.hub.open(room)
        assert live is not None
        return live

    async def join(
        self, subscriber: RecordingSubscriber, room: str, user: Actor = OWNER, *,
        since: int | None = None, epoch: str | None = None, limit: int = 50, follows: bool = False,
    ) -> Joined:  # fmt: skip
        """Enter and follow, as a front door does."""
        return await self.joiner.join(
            subscriber, user, room, Start(since, epoch, limit, follows),
            enter=lambda: self.rooms.enter(user, room), look_up=lambda: self.rooms.member(user, room),
        )  # fmt: skip

    async def put(
        self, subscriber: RecordingSubscriber, live: LiveRoom, who: Actor, *, joined_at: int = 0,
        meanwhile: Callable[[], None] | None = None,
        since: int | None = None, epoch: str | None = None, limit: int = 50,
    ) -> Joined:  # fmt: skip
        """Follow a live room as a member that the directory need not have.

        Args:
            joined_at: the seq of the member.joined.
            meanwhile: done while the membership is looked up for the first time.
        """
        member = Member(room=live.info.id, user=who.id, name=who.name, role="member", read_seq=joined_at)

        async def enter() -> Member:
            if meanwhile is not None:
                meanwhile()
            return member

        async def look_up() -> Member:
            self.looked_up += 1
            return member

        start = Start(since, epoch, limit)
        return await self.joiner.join(subscriber, who, live.info.id, start, enter=enter, look_up=look_up)

    async def send(self, room: str, text: str = "hello", user: Actor = OWNER) -> Event:
        appended = await self.appender.append(draft(MessageSent(text=text), room, user.id, user.name))
        assert appended is not None
        return appended.event

    async def stored(self, room: str, count: int, text: str = "hello") -> list[Event]:
        """Append to the log and tell no node: the test hands the events out as it likes."""
        drafts = [draft(MessageSent(text=f"{text} {n}"), room, OWNER.id, OWNER.name) for n in range(count)]
        outcomes = await self.store.append(drafts)
        assert all(isinstance(outcome, Appended) for outcome in outcomes)
        return [outcome.event for outcome in outcomes if isinstance(outcome, Appended)]

    async def burst(self, room: str, count: int, user: Actor = OWNER, text: str = "hello") -> list[Event]:
        """Append many at once."""
        return list(await asyncio.gather(*(self.send(room, f"{text} {n}", user) for n in range(count))))


@asynccontextmanager
async def running_nodes(
    store: Any, *buses: Bus, quiet_above: int = 200, presence: Presence | None = None, watch: bool = False,
    kick_s: int = KICK_S,
) -> AsyncIterator[list[Node]]:  # fmt: skip
    """Run nodes over one store, a single one without buses; they share the presence if it is given.

    Args:
        watch: whether they check the log when asked to, and send heartbeats; all hold a lease until the end.
    """

    async def holders() -> list[str]:
        return [node.name for node in nodes]

    nodes = [
        Node(store, bus, quiet_above, presence or MemoryPresence(TTL_S), f"node-{n}", holders, kick_s)
        for n, bus in enumerate(buses or [MemoryBus()])
    ]
    for node in nodes:
        await node.start(watch)
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.stop()


def user(name: str) -> Actor:
    return Actor(id=f"u-{name}", name=name.title())


async def fill(node: Node, upto: int) -> None:
    """Let the yard's log grow to `upto`."""
    live = await node.live(YARD)
    while live.next <= upto:
        await node.burst(YARD, min(200, upto + 1 - live.next))
    await eventually(lambda: live.sealed == upto)


class SlowLog(Wrapped):
    """A log that answers reads when the test says so."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.go = asyncio.Event()
        self.waiting = 0

    async def read(self, room: str, after: int, limit: int) -> Any:
        events = await self.inner.read(room, after, limit)
        self.waiting += 1
        await self.go.wait()
        return events
