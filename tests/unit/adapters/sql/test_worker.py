"""Threads that take calls in order, tend to things in between, and survive what goes wrong there."""

import asyncio
import threading
from functools import partial
from time import thread_time

import pytest

from madang.adapters.sql.worker import Workers
from madang.errors import StorageFailed


async def test_calls_are_made_in_order_in_one_thread() -> None:
    workers = Workers("test", 1)
    done: list[int] = []

    def do(n: int) -> int:
        done.append(n)
        return threading.get_ident()

    threads = await asyncio.gather(*(workers.call(partial(do, n)) for n in range(50)))
    assert done == list(range(50))
    assert len(set(threads)) == 1
    await workers.stop()


async def test_errors_belong_to_the_caller() -> None:
    workers = Workers("test", 1)
    with pytest.raises(ZeroDivisionError):
        await workers.call(lambda: 1 // 0)
    assert await workers.call(lambda: 7) == 7
    await workers.stop()


async def test_a_cancelled_call_is_made_all_the_same() -> None:
    workers = Workers("test", 1)
    go, done = threading.Event(), threading.Event()
    first = asyncio.ensure_future(workers.call(go.wait))
    second = asyncio.ensure_future(workers.call(done.set))
    await asyncio.sleep(0)
    second.cancel()
    go.set()
    await first
    await workers.stop()
    assert done.is_set()


async def test_between_calls_comes_after_each_and_again_at_rest(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[bool] = []
    rested = threading.Event()

    def between(at_rest: bool) -> float | None:
        seen.append(at_rest)
        if len(seen) == 2:
            raise ValueError("a mistake")
        if seen.count(True) == 2:
            rested.set()
            return None
        return 0.01

    workers = Workers("test", 1, between)
    for _ in range(3):
        await workers.call(lambda: None)
    await asyncio.to_thread(rested.wait, 5)
    await workers.stop()
    assert seen.count(False) == 3
    assert "a mistake" in caplog.text


async def test_who_asks_when_it_is_closed_is_told_so() -> None:
    workers = Workers("test", 1)
    last = asyncio.ensure_future(workers.call(lambda: 7))
    await asyncio.sleep(0)
    await workers.stop()
    assert await last == 7, "what was asked before is answered"
    with pytest.raises(StorageFailed, match="closed"):
        await workers.call(lambda: 8)


async def test_what_calls_take_of_the_processor_is_counted() -> None:
    workers = Workers("test", 2)
    await workers.call(lambda: None)
    before = sum(workers.spent.values())

    def work() -> None:
        began = thread_time()
        while thread_time() - began < 0.02:
            pass

    for _ in range(5):
        await workers.call(work)
    await workers.call(lambda: None)  # what has been answered may not have been counted yet
    await workers.stop()
    assert sum(workers.spent.values()) - before >= 0.1
