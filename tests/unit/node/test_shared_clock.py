"""The database's clock, known between two looks at it."""

import asyncio
import time

import pytest

from madang.errors import StorageFailed
from madang.node import shared_clock
from madang.node.shared_clock import SharedClock
from tests.waiting import eventually

YEAR_MS = 365 * 86_400_000


async def test_it_goes_by_the_database_and_on_when_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_ms, asked = YEAR_MS, 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise StorageFailed
        return time.time_ns() // 1_000_000 + ahead_ms

    def apart() -> float:
        return clock() - time.time_ns() / 1_000_000

    clock = SharedClock(ask)
    await clock.set()
    assert abs(apart() - YEAR_MS) < 1000
    monkeypatch.setattr(shared_clock, "ASK_S", 0.001)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(clock.run())
        await eventually(lambda: asked == 2)
        assert abs(apart() - YEAR_MS) < 1000
        ahead_ms = -YEAR_MS
        await eventually(lambda: asked > 3)
        assert abs(apart() + YEAR_MS) < 1000
        running.cancel()
