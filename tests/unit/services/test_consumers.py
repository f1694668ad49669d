"""Consumers of server keys against the model of a store: how they are made, and what is left when that fails."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.actors import Actor
from madang.core.consumers import MOST, Consumer
from madang.core.ids import IdSource
from madang.errors import Refused, StorageFailed
from madang.ports.followers import Position
from madang.services import consumers
from madang.services.consumers import Consumers
from madang.services.consuming import BUSY_RESTS
from madang.testing import FakeClock, ModelStore, VirtualLoop
from madang.testing.rules import opened

SHOP = Actor(id="key-1", name="Shop", server=True)


class Failing(ModelStore):
    """A store that can be asked for a few rooms' heads, and then for no more until it is repaired."""

    lookups = 10**6

    async def heads(self, rooms: Sequence[str]) -> dict[str, int]:
        self.lookups -= 1
        if self.lookups < 0:
            raise StorageFailed("gone")
        return await super().heads(rooms)


async def leads() -> bool:
    return True


def made(store: ModelStore) -> Consumers:
    return Consumers(store, MemoryBus(MemoryBroker()), lambda: 5, lambda: False, leads)


async def positions(store: ModelStore, rooms: Sequence[str]) -> list[Position | None]:
    return [each.position for each in (await store.reached("1", "x", rooms)).values()]


async def test_one_that_could_not_be_made_is_not_there_and_begins_as_the_next_call_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "PIECE", 2)
    store = Failing(IdSource(1), FakeClock())
    rooms = [(await opened(store)).room for _ in range(5)]
    service = made(store)
    for begin in ("start", "now"):
        store.lookups = 2
        with pytest.raises(StorageFailed):
            await service.put(SHOP, "x", "now")
        store.lookups = 10**6
        with pytest.raises(Refused, match="no such consumer"):
            await service.need(SHOP, "x")
        with pytest.raises(Refused, match="no such consumer"):
            await service.acknowledge(SHOP, "x", [])
        found, new = await service.put(SHOP, "x", begin)
        assert (found, new) == (Consumer("1", "x", 5, 5), True)
        assert [at is None for at in await positions(store, rooms)] == [begin == "start"] * 5
        assert await service.put(SHOP, "x", "now") == (found, False)
        await service.drop(SHOP, "x")
        assert await positions(store, rooms) == [None] * 5


async def test_one_too_many_is_refused_before_any_room_is_noted() -> None:
    store = ModelStore(IdSource(1), FakeClock())
    rooms = [(await opened(store)).room]
    service = made(store)
    for n in range(MOST):
        await service.put(SHOP, f"c{n}", "now")
    with pytest.raises(Refused) as refused:
        await service.put(SHOP, "x", "now")
    assert refused.value.code == "too_many"
    await service.drop(SHOP, "c1")
    await service.put(SHOP, "x", "start")
    assert await positions(store, rooms) == [None]


async def test_how_far_one_is_behind_is_counted_room_by_room() -> None:
    store = ModelStore(IdSource(1), FakeClock())
    rooms = sorted([(await opened(store)).room for _ in range(5)])
    heads, service = await store.heads(rooms), made(store)
    with pytest.raises(Refused, match="no such consumer"):
        await service.behind("1", "x", "", 3)
    await service.put(SHOP, "x", "start")
    for room, back in ((rooms[0], 0), (rooms[1], 1)):
        await store.reach("1", "x", {room: Position(store.rooms_by_id[room].epoch, heads[room] - back)})
    await store.reach("1", "x", {rooms[3]: Position("another log", 1)})
    assert await service.behind("1", "x", "", 3) == (1 + heads[rooms[2]], 2, rooms[2])
    assert await service.behind("1", "x", rooms[2], 3) == (heads[rooms[3]] + heads[rooms[4]], 2, "")
    assert await service.behind("1", "x", rooms[4], 3) == (0, 0, "")


async def test_an_acknowledgement_is_written_in_pieces_and_who_is_here_is_noted_now_and_then() -> None:
    class Counting(ModelStore):
        pieces: list[int]
        notes = 0

        async def reach(self, key: str, name: str, positions: Mapping[str, Position], making: bool = False) -> None:
            self.pieces.append(len(positions))
            await super().reach(key, name, positions, making)

        async def note_consumer(self, key: str, name: str, now_ms: int, making: bool = False) -> bool:
            self.notes += 1
            return await super().note_consumer(key, name, now_ms, making)

    store, clock = Counting(IdSource(1), FakeClock()), FakeClock()
    service = Consumers(store, MemoryBus(MemoryBroker()), clock, lambda: False, leads)
    acked = [
        (scene.room, 1, store.rooms_by_id[scene.room].epoch) for scene in [await opened(store) for _ in range(450)]
    ]
    store.pieces = []
    await service.put(SHOP, "x", "start")
    await service.acknowledge(SHOP, "x", acked)
    assert store.pieces == [200, 200, 50]
    assert store.notes == 0
    clock.step(int(consumers.NOTED_S * 1000))
    await service.acknowledge(SHOP, "x", acked)
    await service.acknowledge(SHOP, "x", acked)
    assert store.notes == 1
    assert (await service.of(SHOP))[0].seen_ms == clock()


def test_where_it_begins_is_noted_between_appends(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(ModelStore):
        async def heads(self, rooms: Sequence[str]) -> dict[str, int]:
            await asyncio.sleep(0.1)
            return await super().heads(rooms)

    async def took(busy: bool) -> float:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(consumers, "perf_counter", loop.time)
        store = Slow(IdSource(1), FakeClock())
        for _ in range(6):
            await opened(store)
        began = loop.time()
        await Consumers(store, MemoryBus(MemoryBroker()), lambda: 5, lambda: busy, leads).put(SHOP, "x", "now")
        return loop.time() - began

    monkeypatch.setattr(consumers, "PIECE", 2)
    loop = VirtualLoop()
    try:
        assert loop.run_until_complete(took(False)) == pytest.approx(3 * 0.1 * 2)
        assert loop.run_until_complete(took(True)) == pytest.approx(3 * 0.1 * (1 + BUSY_RESTS))
    finally:
        loop.close()
