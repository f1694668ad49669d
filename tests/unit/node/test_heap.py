"""Freed memory is given back when a storm is over: not during it, and not again and again."""

import gc
import sys
import weakref

import pytest

from madang.node.heap import Heap, resident, trimming

MB = 1 << 20


class Process:
    """A process whose C library keeps what was freed."""

    def __init__(self) -> None:
        self.used = 100 * MB
        self.kept = 0
        self.asked = 0

    def resident(self) -> int:
        return self.used + self.kept

    def trim(self) -> None:
        self.asked += 1
        self.kept = 0


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def heap(process: Process) -> Heap:
    heap = Heap(process.trim, process.resident)
    for _ in range(3):
        heap.look()
    return heap


def test_what_a_storm_leaves_goes_back_when_it_is_over(heap: Heap, process: Process) -> None:
    before = process.asked
    for _ in range(10):
        process.used += 8 * MB
        heap.look()
    assert process.asked == before, "while it grows, what is freed is soon needed"
    process.used, process.kept = 101 * MB, 79 * MB
    heap.look()
    assert (process.kept, process.asked, heap.trims) == (0, before + 1, before + 1)


def test_what_is_used_is_asked_for_once(heap: Heap, process: Process) -> None:
    before = process.asked
    process.used = 200 * MB
    for _ in range(100):
        heap.look()
    assert process.asked == before + 1


def test_after_it_has_shrunk_it_counts_from_there(heap: Heap, process: Process) -> None:
    process.used = 50 * MB
    heap.look()
    before = process.asked
    process.kept = 30 * MB
    heap.look()
    heap.look()
    assert (process.kept, process.asked) == (0, before + 1)


def test_what_waits_for_the_cycle_collector_is_freed_first(heap: Heap, process: Process) -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    gc.collect()
    gc.disable()
    try:
        ring = weakref.ref(Ring())
        process.kept = 50 * MB
        heap.look()
        assert ring() is not None, "not while it grows"
        heap.look()
        assert ring() is None
    finally:
        gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_this_process_is_measured() -> None:
    assert resident() > 10 * MB
    if (trim := trimming()) is not None:
        trim()
