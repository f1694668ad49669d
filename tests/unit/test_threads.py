"""Threads that let others go first: they become nicer, and nothing else does."""

import os
import threading

from madang.threads import NICENESS, NICEST, let_others_go_first


def niceness() -> int:
    """Return that of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def nicer_from(start: int) -> int:
    told: list[int] = []

    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), start)
        let_others_go_first()
        told.append(niceness())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return told[0]


def test_the_thread_itself_becomes_nicer() -> None:
    mine = niceness()
    start = max(mine, 3)
    assert nicer_from(start) == min(start + NICENESS, NICEST)
    assert niceness() == mine


def test_nobody_can_be_nicer_than_the_nicest() -> None:
    assert nicer_from(max(niceness(), NICEST - 1)) == NICEST
