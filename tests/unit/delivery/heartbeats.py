"""Stories of two nodes over a bus that loses what it is told to, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.events import Event
from madang.core.ids import IdSource
from madang.ports.bus import Signal
from madang.testing import FakeClock, ModelStore, VirtualLoop
from tests.unit.delivery.nodes import OWNER, Node, running_nodes, user
from tests.unit.delivery.subscribers import RecordingSubscriber

ROOM = "yard"
PROMISE_S = 1.0
Item = Event | Signal


class Courier(MemoryBus):
    """A bus that loses what it is told to.

    Attributes:
        loses: of what this node sends, what does not go out.
        misses: of what comes for this node, what does not arrive.
        sent: the signals that this node gave it.
    """

    def __init__(self, broker: MemoryBroker | None = None) -> None:
        super().__init__(broker)
        self.loses: Callable[[Item], bool] = nothing
        self.misses: Callable[[Item], bool] = nothing
        self.sent: list[Signal] = []

    def publish(self, events: Sequence[Event]) -> None:
        super().publish([event for event in events if not self.loses(event)])

    def signal(self, signal: Signal) -> None:
        self.sent.append(signal)
        if not self.loses(signal):
            super().signal(signal)

    def _arrive(self, items: Sequence[Item]) -> None:
        super()._arrive([item for item in items if not self.misses(item)])


def nothing(item: Item) -> bool:
    return False


def everything(item: Item) -> bool:
    return True


def events(item: Item) -> bool:
    return isinstance(item, Event)


class Counted(ModelStore):
    """A log that counts how often its heads are read."""

    looks = 0
    takes_s = 0.0  # to answer

    async def heads(self, rooms: Sequence[str]) -> dict[str, int]:
        self.looks += 1
        await asyncio.sleep(self.takes_s)
        return await super().heads(rooms)


class Story:
    """Two nodes with a room on both, a follower on the second, and a quiet time behind them."""

    def __init__(self, store: Counted, nodes: list[Node]) -> None:
        self.store = store
        self.one, self.two = nodes
        self.buses: list[Courier] = [node.bus for node in nodes]  # type: ignore[misc]

    async def begin(self) -> None:
        await self.one.rooms.create(OWNER, ROOM, "Yard", "open")
        await self.one.live(ROOM)
        self.subscriber: RecordingSubscriber = self.two.subscriber()
        self.joined = (await self.two.join(self.subscriber, ROOM, user("mina"))).seq
        await asyncio.sleep(3.0)
        assert not self.two.heartbeat.deaf and list(self.two.heartbeat.peers) == [self.one.name]
        self.store.looks = 0

    @property
    def at(self) -> int:
        """How far the follower on the second node has come."""
        return self.subscriber.position(ROOM, self.joined)

    async def arrives(self, seq: int, within_s: float = PROMISE_S) -> None:
        await asyncio.sleep(within_s)
        assert self.at == seq, f"at {self.at} after {within_s} s, not at {seq}"

    async def stored_only(self) -> Event:
        """Commit on the first node, which is gone before it can tell the others."""
        (event,) = await self.one.stored(ROOM, 1)
        return event


def told(story: Callable[[Story], Awaitable[None]]) -> None:
    async def tell() -> None:
        store = Counted(IdSource(1), FakeClock())
        broker = MemoryBroker()
        async with running_nodes(store, Courier(broker), Courier(broker), watch=True) as nodes:
            scene = Story(store, nodes)
            await scene.begin()
            await story(scene)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(tell())
