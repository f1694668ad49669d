"""A consumer's connection in virtual time, against the model of a store: what it is sent, and what it waits for."""

import asyncio
from collections.abc import Sequence

import pytest

from madang.core import events as kinds
from madang.core.consumers import Consumer
from madang.core.events import Event
from madang.core.ids import IdSource
from madang.errors import StorageFailed
from madang.ports.consumers import Reached
from madang.ports.followers import Position
from madang.services import consuming
from madang.services.consuming import WINDOW, Consuming
from madang.testing import FakeClock, ModelStore, VirtualLoop
from madang.testing.rules import Scene, opened

CONSUMER = Consumer("k", "c", 1, 1)


class Heard:
    """A reader that takes everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.resets: list[str] = []
        self.ended = ""
        self.open = asyncio.Event()
        self.open.set()

    def tell(self, event: Event, epoch: str) -> None:
        self.events.append(event)

    def reset(self, room: str, epoch: str) -> None:
        self.resets.append(room)

    async def drained(self) -> None:
        await self.open.wait()

    def replaced(self) -> None:
        self.ended = "replaced"

    def removed(self) -> None:
        self.ended = "removed"

    def seqs(self, room: str) -> list[int]:
        return [event.seq for event in self.events if event.room == room]


def model() -> ModelStore:
    return ModelStore(IdSource(1), FakeClock())


async def begun(store: ModelStore) -> Consumer:
    await store.add_consumer(CONSUMER)
    found = await store.next_reader("k", "c")
    assert found is not None
    return found


async def reading(store: ModelStore, heard: Heard) -> Consuming:
    made = Consuming(store, await begun(store), heard, lambda: False)
    made.start()
    return made


async def say(scene: Scene, count: int) -> None:
    for n in range(count):
        await scene.done(scene.say(f"{n}", cid=None))


def run(work) -> None:  # type: ignore[no-untyped-def]
    loop = VirtualLoop()
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()


async def ended(each: Consuming) -> None:
    each.stop()
    await asyncio.sleep(0)


def test_it_waits_at_the_window_and_goes_on_by_acks_of_either_node() -> None:
    async def work() -> None:
        store, heard = model(), Heard()
        scene = await opened(store)
        await store.add_consumer(CONSUMER)
        await say(scene, WINDOW + 300)
        one = await reading(store, heard)
        await asyncio.sleep(30)
        assert len(heard.events) == one.unacked == WINDOW
        last = heard.events[-1]
        epoch = store.rooms_by_id[scene.room].epoch
        one.acked({scene.room: Position(epoch, last.seq - 900)})
        await asyncio.sleep(5)
        assert len(heard.events) == WINDOW + 100
        await store.reach("k", "c", {scene.room: Position(epoch, last.seq)})  # at another node, whose word was lost
        await asyncio.sleep(5)
        assert heard.seqs(scene.room) == list(range(1, len(store.rooms_by_id[scene.room].log) + 1))
        assert one.unacked == len(heard.events) - WINDOW
        await ended(one)

    run(work)


def test_a_mark_that_nobody_made_is_found_by_the_walk() -> None:
    async def work() -> None:
        store, heard = model(), Heard()
        scene = await opened(store)
        one = await reading(store, heard)
        await asyncio.sleep(1)
        await say(scene, 3)
        await asyncio.sleep(consuming.WALK_S + 1)
        assert heard.seqs(scene.room) == list(range(1, len(store.rooms_by_id[scene.room].log) + 1))
        await ended(one)

    run(work)


def test_of_a_deleted_room_it_is_told_the_end_and_of_another_log_the_beginning() -> None:
    async def work() -> None:
        store, heard = model(), Heard()
        gone, other = await opened(store), await opened(store)
        await store.add_consumer(CONSUMER)
        await store.reach(
            "k", "c", {gone.room: Position(store.rooms_by_id[gone.room].epoch, 1), other.room: Position("0f", 1)}
        )
        await gone.done(gone.draft(kinds.RoomDeleted))
        one = await reading(store, heard)
        await asyncio.sleep(1)
        assert heard.seqs(gone.room)[-1] == len(store.rooms_by_id[gone.room].log)
        assert heard.events[-1].type == "room.deleted" or heard.seqs(other.room)
        assert heard.resets == [other.room]
        assert heard.seqs(other.room)[0] == 1
        await ended(one)

    run(work)


def test_a_store_that_fails_is_asked_again_and_nothing_is_left_out_or_doubled() -> None:
    class Failing(ModelStore):
        reads = 0

        async def read(self, room: str, after: int, limit: int) -> list[Event]:
            self.reads += 1
            if self.reads % 3:
                raise StorageFailed("gone")
            return await super().read(room, after, limit)

    async def work() -> None:
        store, heard = Failing(IdSource(1), FakeClock()), Heard()
        scenes = [await opened(store) for _ in range(3)]
        one = await reading(store, heard)
        for scene in scenes:
            await say(scene, 250)
            one.mark_rooms([scene.room])
        await asyncio.sleep(60)
        for scene in scenes:
            assert heard.seqs(scene.room) == list(range(1, len(store.rooms_by_id[scene.room].log) + 1))
        await ended(one)

    run(work)


def test_what_is_acknowledged_while_it_is_looked_up_does_not_come_again() -> None:
    class Slow(ModelStore):
        reading: Consuming | None = None

        async def reached(self, key: str, name: str, rooms: Sequence[str]) -> dict[str, Reached]:
            found = await super().reached(key, name, rooms)
            if self.reading is not None:  # behind the look-up, and before it is known
                done = {room: Position(log.epoch, len(log.log) - 1) for room, log in self.rooms_by_id.items()}
                await self.reach(key, name, done)
                self.reading.acked(done)
            return found

    async def work() -> None:
        store, heard = Slow(IdSource(1), FakeClock()), Heard()
        scene = await opened(store)
        await store.add_consumer(CONSUMER)
        one = await reading(store, heard)
        await asyncio.sleep(1)
        store.reading = one
        for _ in range(5):
            await say(scene, 1)
            one.mark_rooms([scene.room])
            await asyncio.sleep(1)
        assert heard.seqs(scene.room) == list(range(1, len(store.rooms_by_id[scene.room].log) + 1))
        await ended(one)

    run(work)


def test_the_walk_goes_on_when_all_marks_are_forgotten_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(ModelStore):
        reads = 0

        async def read(self, room: str, after: int, limit: int) -> list[Event]:
            await asyncio.sleep(0.05)
            self.reads += 1
            return await super().read(room, after, limit)

    async def work() -> None:
        monkeypatch.setattr(consuming, "perf_counter", asyncio.get_running_loop().time)
        monkeypatch.setattr(consuming, "WINDOW", 10**6)
        monkeypatch.setattr(consuming, "MARKED", 1_000)
        store, heard = Slow(IdSource(1), FakeClock()), Heard()
        rooms = [(await opened(store)).room for _ in range(500)]
        one = await reading(store, heard)
        while store.reads < consuming.ROOMS:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)  # it rests
        one.mark_rooms(f"none-{n}" for n in range(1_001))
        await asyncio.sleep(300)
        assert {event.room for event in heard.events} == {*rooms}
        await ended(one)

    run(work)


def test_to_wait_for_the_reader_is_no_work_to_rest_from(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        monkeypatch.setattr(consuming, "perf_counter", asyncio.get_running_loop().time)
        store, heard = model(), Heard()
        first, second = await opened(store), await opened(store)
        one = await reading(store, heard)
        await asyncio.sleep(1)
        heard.open.clear()
        await say(first, 1)
        one.mark_rooms([first.room])
        await asyncio.sleep(10)
        heard.open.set()
        await say(second, 1)
        one.mark_rooms([second.room])
        await asyncio.sleep(2 * consuming.GATHER_S)
        assert heard.seqs(second.room)[-1] == len(store.rooms_by_id[second.room].log)
        await ended(one)

    run(work)


@pytest.mark.parametrize("again", [False, True])
def test_it_ends_when_the_consumer_is_gone_though_nobody_has_said_so(again: bool) -> None:
    async def work() -> None:
        store, heard = model(), Heard()
        one = await reading(store, heard)
        await asyncio.sleep(1)
        assert not await store.drop_consumer("k", "c", 10)
        if again:  # another one by its name
            await store.add_consumer(Consumer("k", "c", 2, 2))
            assert await store.next_reader("k", "c")
        await asyncio.sleep(consuming.LOOK_S + 0.1)
        assert heard.ended == "removed"
        await ended(one)

    run(work)


def test_what_is_not_the_newest_sends_nothing_though_nobody_has_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        monkeypatch.setattr(consuming, "LOOK_S", 10**6)
        store, heard, newer = model(), Heard(), Heard()
        scene = await opened(store)
        one = await reading(store, heard)
        await asyncio.sleep(1)
        had = heard.seqs(scene.room)
        two = await reading(store, newer)
        await say(scene, 3)
        for each in (one, two):
            each.mark_rooms([scene.room])
        await asyncio.sleep(1)
        assert (heard.seqs(scene.room), heard.ended) == (had, "replaced")
        assert newer.seqs(scene.room) == [*had, *range(len(had) + 1, len(had) + 4)]
        for each in (one, two):
            await ended(each)

    run(work)


def test_of_a_consumer_that_is_being_removed_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        monkeypatch.setattr(consuming, "LOOK_S", 10**6)
        store, heard = model(), Heard()
        first, second = await opened(store), await opened(store)
        one = await reading(store, heard)
        await asyncio.sleep(1)
        done = {each: Position(log.epoch, len(log.log)) for each, log in store.rooms_by_id.items()}
        await store.reach("k", "c", done)
        one.acked(done)
        heard.events.clear()
        assert await store.drop_consumer("k", "c", 1)
        one.mark_rooms([first.room, second.room])
        await asyncio.sleep(1)
        assert (heard.events, heard.ended) == ([], "removed")
        await ended(one)

    run(work)


def test_a_look_that_fails_is_taken_again() -> None:
    class Failing(ModelStore):
        looks = 0

        async def consumer(self, key: str, name: str) -> Consumer | None:
            self.looks += 1
            if self.looks < 4:
                raise StorageFailed("gone")
            return await super().consumer(key, name)

    async def work() -> None:
        store, heard = Failing(IdSource(1), FakeClock()), Heard()
        one = await reading(store, heard)
        two = await reading(store, Heard())
        await asyncio.sleep(5 * consuming.LOOK_S)
        assert heard.ended == "replaced"
        for each in (one, two):
            await ended(each)

    run(work)
