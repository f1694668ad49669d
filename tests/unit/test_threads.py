"""Threads that let others go first: what the kernel is asked for, and that nothing else of theirs changes."""

import os
import threading

from madang.threads import NICENESS, SLICE_NS, let_others_go_first
from tests.slices import Slice, slice_of


def test_the_thread_itself_becomes_nicer_and_asks_for_long_slices() -> None:
    told: list[Slice] = []

    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, 0, 3)
        told.append(slice_of())
        let_others_go_first()
        told.append(slice_of())

    mine = slice_of()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before, after = told
    assert after == before._replace(niceness=3 + NICENESS, ns=SLICE_NS if before.ns else 0)
    assert slice_of() == mine
