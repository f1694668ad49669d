"""Memory that was freed goes back to the system, once a storm is over.

What waits for Python's cycle collector is freed first: it comes after 50,000 objects, and not at all when a storm has ended.

glibc keeps what is freed between things that stay, for whoever allocates next: after a crowd that read large pages it kept 60 MB.
It gives that back when asked, which takes some milliseconds. So it is asked only where the process has grown since the last
time, and grows no longer. Other C libraries have no such call, and keep less.
"""

import asyncio
import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_S: Final = 5.0
GROWN: Final = 1.02
"""Times what was resident after the last time, from which it is worth asking."""
YOUNG: Final = 1
"""The generation up to which is collected: what has come lately. All of 10,000 connections would take too long."""
STILL_BYTES: Final = 1 << 20
"""By which a process that grows no longer may still grow between two looks."""


def resident() -> int:
    """Return how many bytes of this process are in memory; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def trimming() -> Callable[[], object] | None:
    """Return the C library's function that gives back what was freed; None where there is none."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return lambda: trim(0)


class Heap:
    """Looks how large the process is, and lets the C library give memory back.

    Attributes:
        trims: how often it did.
    """

    def __init__(self, trim: Callable[[], object] | None = None, resident: Callable[[], int] = resident) -> None:
        self._trim = trim or trimming()
        self._resident = resident
        self._settled = self._last = 0
        self.trims = 0

    async def run(self) -> None:
        """Look every LOOK_S, in a thread, until cancelled."""
        while self._trim is not None:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Ask for it if the process has grown since the last time, and grows no longer."""
        now = self._resident()
        if self._trim is not None and now > self._settled * GROWN and now <= self._last + STILL_BYTES:
            gc.collect(YOUNG)
            self._trim()
            self.trims += 1
            self._settled = now = self._resident()
        self._settled = min(self._settled, now) if self._settled else 0
        self._last = now
