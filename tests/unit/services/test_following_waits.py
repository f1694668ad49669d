"""A follower that waits for something in a room, in virtual time: how often the log is read meanwhile, and when it goes on."""

import asyncio
from collections.abc import Sequence

from madang.aio import cancelled
from madang.core.events import Event
from madang.core.ids import IdSource
from madang.ports.followers import Again, Position, Stretch
from madang.services.following import RETRY_S, Following
from madang.testing import FakeClock, ModelStore, VirtualLoop
from madang.testing.rules import opened

WAITS_S = 20


class Counted(ModelStore):
    """A model of the store that counts reads."""

    reads = 0

    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        self.reads += 1
        return await super().read(room, after, limit)


class Waiting:
    """A follower that waits in a room, and goes on in others."""

    name = "waiting"

    def __init__(self) -> None:
        self.waits_in: set[str] = set()
        self.upto: dict[str, Position] = {}

    async def ready(self) -> bool:
        return True

    def epoch(self, epoch: str) -> str:
        return epoch

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        return {room: self.upto[room] for room in rooms if room in self.upto}

    async def take(self, stretches: Sequence[Stretch]) -> Again:
        for room, position, events in ((each.room, each.position, each.events) for each in stretches):
            if room not in self.waits_in:
                self.upto[room] = Position(position.epoch, events[-1].seq)
        return Again(waiting={each.room for each in stretches} & self.waits_in)

    async def forget(self, rooms: Sequence[str]) -> None:
        pass

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        return []


async def never() -> bool:
    return False


def test_a_room_in_which_it_waits_is_looked_at_again_after_a_while_whatever_is_said_there() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        store, follower = Counted(IdSource(1), FakeClock()), Waiting()
        scene, other = await opened(store), await opened(store)
        follower.waits_in.add(scene.room)
        part = Following(store, follower, never, lambda: False, loop.time)
        task = loop.create_task(part.run())
        for n in range(WAITS_S * 10):
            part.committed([await scene.done(scene.say(f"{n}", cid=None))])
            await asyncio.sleep(0.1)
        assert WAITS_S / 2 <= store.reads <= WAITS_S / RETRY_S + 1
        assert part.behind == 1
        part.committed([await other.done(other.say("meanwhile", cid=None))])
        await asyncio.sleep(0.1)
        assert follower.upto[other.room].upto == (await store.heads([other.room]))[other.room]
        follower.waits_in.clear()
        await asyncio.sleep(2 * RETRY_S)
        assert follower.upto[scene.room].upto == (await store.heads([scene.room]))[scene.room]
        assert part.behind == 0
        await cancelled([task])

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
