"""Threads that let others go first, when both are ready to run: what one of them does may take its time.

A thread that reads or indexes works for milliseconds. Meanwhile the event loop and the writer wake for a moment each, with people
waiting. Which of the two runs is up to the system; what it can be told about that is told here.
"""

import ctypes
import os
import platform
import struct
from contextlib import suppress
from typing import Final

SLICE_NS: Final = 100_000_000
"""What a thread asks to run at a time: the most that Linux takes. Whoever asks for less, as everybody does by default, goes first as
soon as they wake; the share of the processor stays the same. Before, a page of history was read on until it was done or a clock
ticked, every 4 ms, and an ack on the same core waits for four such turns."""
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQII")


def let_others_go_first() -> None:
    """Let others go before the calling thread. Linux can since 6.12; elsewhere nothing is changed."""
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or platform.system() != "Linux":
        return
    with suppress(OSError, AttributeError):
        policy, niceness = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
        if policy in (os.SCHED_OTHER, os.SCHED_BATCH):
            asked = _ATTRIBUTES.pack(_ATTRIBUTES.size, policy, 0, niceness, 0, SLICE_NS, 0, 0, 0, 0)
            ctypes.CDLL(None).syscall(number, 0, asked, 0)
