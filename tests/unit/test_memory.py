"""All buffers of a node share one budget of bytes: who finds no room waits in order, and is refused after a while."""

import asyncio
import gc

import pytest

from madang.errors import Limited
from madang.memory import USES, WAIT_S, Memory, hold
from madang.testing import VirtualLoop
from tests.waiting import turns


async def test_what_is_held_is_counted_by_use() -> None:
    memory = Memory(100)
    await memory.acquire("answers", 60)
    memory.take("tails", 30)
    assert (memory.total, memory.held["answers"], memory.held["tails"]) == (90, 60, 30)
    memory.free("answers", 60)
    memory.free("tails", 30)
    assert memory.total == 0
    assert set(memory.held) == set(USES)


async def test_who_asks_first_goes_on_first_even_if_another_would_fit() -> None:
    memory, order = Memory(100), list[str]()
    memory.take("tails", 90)

    async def ask(name: str, size: int) -> None:
        await memory.acquire("answers", size)
        order.append(name)

    first = asyncio.ensure_future(ask("large", 50))
    await turns()
    second = asyncio.ensure_future(ask("small", 5))
    await turns()
    assert order == []
    assert not memory.try_take("http", 1)
    memory.free("tails", 90)
    await asyncio.gather(first, second)
    assert order == ["large", "small"]
    assert memory.waits == 2


def test_who_waits_in_vain_is_refused_and_holds_nothing() -> None:
    loop, memory = VirtualLoop(), Memory(100)

    async def both() -> None:
        memory.take("tails", 90)
        began = asyncio.get_running_loop().time()
        large = asyncio.ensure_future(memory.acquire("answers", 50))
        await asyncio.sleep(WAIT_S / 2)
        small = asyncio.ensure_future(memory.acquire("answers", 10))
        with pytest.raises(Limited) as refused:
            await large
        assert refused.value.code == "overloaded"
        assert asyncio.get_running_loop().time() - began == pytest.approx(WAIT_S)
        await small  # it stood behind one that needed more than there was
        assert memory.total == 100
        assert (memory.refused, memory.waiting) == ({"answers": 1, "http": 0, "input": 0, "papers": 0, "tails": 0}, 0)
        shown = {m.label: m.value for m in memory.metrics() if m.name == "madang_buffer_refused"}
        assert shown == {("use", use): int(use == "answers") for use in USES}

    loop.run_until_complete(both())
    loop.close()


@pytest.mark.parametrize("granted", [False, True])
async def test_a_cancelled_caller_holds_nothing(granted: bool) -> None:
    memory = Memory(100)
    memory.take("tails", 90)
    asking = asyncio.ensure_future(memory.acquire("answers", 50))
    await turns()
    if granted:
        memory.free("tails", 90)
        memory.take("tails", 50)
    asking.cancel()
    await asyncio.wait([asking])
    memory.free("tails", 50 if granted else 90)
    assert (memory.total, memory.waiting) == (0, 0)


async def test_caches_give_way_before_anybody_waits() -> None:
    memory = Memory(100)
    memory.take("tails", 90)
    lacked: list[int] = []

    def give(lacking: int) -> None:
        lacked.append(lacking)
        memory.free("tails", 40)

    memory.caches.append(give)
    await memory.acquire("answers", 50)
    assert lacked == [40]
    assert memory.waits == 0


def test_caches_are_asked_again_while_somebody_waits() -> None:
    loop, memory = VirtualLoop(), Memory(100)

    async def ask() -> None:
        memory.take("tails", 100)
        at = asyncio.get_running_loop().time() + WAIT_S / 2

        def give(lacking: int) -> None:
            if asyncio.get_running_loop().time() >= at and memory.held["tails"]:
                memory.free("tails", 100)

        memory.caches.append(give)
        await memory.acquire("answers", 50)
        assert memory.held["answers"] == 50

    loop.run_until_complete(ask())
    loop.close()


async def test_holding_ends_with_its_context() -> None:
    memory = Memory(100)
    with pytest.raises(ZeroDivisionError):
        async with memory.holding("http", 70):
            assert memory.held["http"] == 70
            raise ZeroDivisionError
    assert memory.total == 0


async def test_held_bytes_count_while_anything_refers_to_them() -> None:
    """A socket holds a view of what it has not sent yet."""
    memory = Memory(100)
    gc.disable()
    try:
        held = hold(memory, "answers", b"x" * 40)
        sockets = [memoryview(held)[n:] for n in range(3)]
        del held
        assert memory.held["answers"] == 40
        sockets.pop()
        sockets.pop()
        assert memory.held["answers"] == 40
        sockets.clear()
        assert memory.held["answers"] == 0
    finally:
        gc.enable()
