"""Threads that let others go first, when both are ready to run: what one of them does may take its time.

A thread that reads or indexes works for milliseconds. Meanwhile the event loop and the writer wake for a moment each, with people
waiting. Which of the two runs is up to the system; what it can be told about that is told here.
"""

import ctypes
import os
import platform
import struct
import threading
from contextlib import suppress
from typing import Final

SLICE_NS: Final = 100_000_000
"""What a thread asks to run at a time: the most that Linux takes. Whoever asks for less, as everybody does by default, may go first as
soon as they wake. Otherwise a page of history is read on until it is done or a clock ticks, every 4 ms, and an ack on the same core
waits for several such turns."""
NICEST: Final = 19
NICENESS: Final = 5
"""By which a thread is nicer than the rest of the process: a third of the weight. Slices alone do not help the loop where it has used as
much of the processor lately as who reads. Much nicer would be too nice: who waits for the interpreter lock waits for its holder."""
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQII")


def let_others_go_first() -> None:
    """Let others go before the calling thread, as far as the system can: Linux, with slices since 6.12. Elsewhere nothing is changed."""
    if platform.system() != "Linux":
        return
    with suppress(OSError):
        thread, policy = threading.get_native_id(), os.sched_getscheduler(0)
        niceness = min(NICEST, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
        number = _SCHED_SETATTR.get(platform.machine())
        if number is not None and policy in (os.SCHED_OTHER, os.SCHED_BATCH):
            asked = _ATTRIBUTES.pack(_ATTRIBUTES.size, policy, 0, niceness, 0, SLICE_NS, 0, 0, 0, 0)
            ctypes.CDLL(None).syscall(number, 0, asked, 0)
