"""What a command costs, in commands: an ordinary one costs one, and what is larger or takes longer costs more.

So nobody multiplies the work they may ask for by its size or shape. Bytes are paid for before anything is done with
them, rows of a page before it is read, and the processor's time, which nobody knows before, as soon as it is known.
"""

from typing import Final

BYTES: Final = 4096
"""Bytes that cost as much as a command: somebody who sends the longest Korean messages (12 KB) at the rate of a user
stays below the rate of a connection."""
ROWS: Final = 20
"""Rows of a page, likewise: 200 messages take 0.9 ms."""
SECONDS: Final = 50e-6
"""Of the processor's time, likewise: an ordinary message takes 46 µs in all."""
MEASURED: Final = 512
"""Bytes of the smallest frame whose time is taken. Less cannot take longer than a command may, and looking at the clock
twice takes about 1 µs."""


def of_bytes(size: int) -> int:
    """Return what a command of this many bytes costs beyond one."""
    return size // BYTES


def of_time(seconds: float, size: int) -> int:
    """Return what a command that took so long costs beyond one, and beyond what was paid for its bytes."""
    return max(0, int(seconds / SECONDS) - 1 - of_bytes(size))


def of_rows(rows: int) -> int:
    """Return what a page of this many rows costs beyond one."""
    return rows // ROWS
