"""Due items are called within a second, in small portions, and turns missed in a stall are skipped."""

import asyncio

import pytest

from madang.delivery import wheel as module
from madang.delivery.wheel import SLOTS, Wheel
from madang.testing import VirtualLoop
from tests.waiting import turns


class Item:
    """An item that notes the turns it was called in."""

    def __init__(self, wheel: Wheel, *again: float | None) -> None:
        self._wheel = wheel
        self._again = list(again)
        self.called: list[int] = []
        self.turn = 0

    def __call__(self) -> float | None:
        self.called.append(self.turn)
        return self._again.pop(0) if self._again else None


def turned(wheel: Wheel, count: int, *items: Item) -> None:
    for _ in range(count):
        for item in items:
            item.turn += 1
        wheel.turn()


@pytest.mark.parametrize(("seconds", "turn"), [(0, 1), (0.2, 1), (1, 1), (10, 10), (25, 25), (63, 63), (1000, 63)])
def test_an_item_is_called_once_when_it_is_due(seconds: float, turn: int) -> None:
    wheel = Wheel()
    item = Item(wheel)
    wheel.add(item, seconds)
    turned(wheel, SLOTS * 3, item)
    assert item.called == [turn]


def test_an_item_is_called_again_when_it_asked_to_be() -> None:
    wheel = Wheel()
    item = Item(wheel, 5.0, 25.0, None)
    wheel.add(item, 10)
    turned(wheel, 200, item)
    assert item.called == [10, 15, 40]


def test_an_item_that_fails_costs_the_others_nothing() -> None:
    wheel = Wheel()
    before, after = Item(wheel), Item(wheel)

    def broken() -> float | None:
        raise ValueError

    for item in (before, broken, after):
        wheel.add(item, 3)
    turned(wheel, 10, before, after)
    assert before.called == after.called == [3]


def test_turns_missed_in_a_stall_are_skipped() -> None:
    """Otherwise every peer would be found silent at once, having had no time to answer."""
    loop, wheel, calls = VirtualLoop(), Wheel(), [0]

    def item() -> float | None:
        calls[0] += 1
        return 1

    async def stall() -> None:
        running = asyncio.ensure_future(wheel.run())
        await asyncio.sleep(3.5)
        assert calls == [3]
        loop.pass_time(30)
        await turns(10)
        assert calls[0] <= 5
        await asyncio.sleep(3)
        assert 6 <= calls[0] <= 8, "it goes on"
        running.cancel()

    wheel.add(item, 1)
    loop.run_until_complete(stall())
    loop.close()


async def test_due_items_are_called_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_S", 0.01)
    wheel = Wheel()
    calls: list[int] = []
    for n in range(module.PORTION * 3):
        wheel.add(lambda n=n: calls.append(n), 1)  # type: ignore[misc]
    running = asyncio.ensure_future(wheel.run())
    seen = set()
    while len(calls) < module.PORTION * 3:
        seen.add(len(calls))
        await asyncio.sleep(0)
    assert seen >= {module.PORTION, module.PORTION * 2}
    assert calls == list(range(module.PORTION * 3))
    running.cancel()
