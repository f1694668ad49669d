"""Passwords, hashed by argon2id (RFC 9106) in a thread of its own, one at a time: a flood of sign-ins takes one core at most.

The thread gives way to everything else (its niceness), and those who wait take turns by their address. Above WAITING they are
told that the server is overloaded. Of what OWASP calls equally strong, the costs chosen are those that leave nothing behind: the
C library gives back at once what is larger than 32 MiB. Measured on the machine of docs/reference/performance.md:

    MiB  passes  lanes  ms of a core  MiB kept
     19       2      1            19        19
     46       1      1            47         0   chosen: 20 sign-ins a second
     64       1      1            67         0
     64       3      1           140         0   RFC 9106, of which 7 a second are too few

A hash holds its own costs, so that these may be changed: one of before goes on being right, and is replaced at the next sign-in.
"""

import asyncio
import logging
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

from madang.aio import FairTurns
from madang.core.metrics import Metric
from madang.errors import Limited

T = TypeVar("T")
logger = logging.getLogger("madang.passwords")

MEMORY_KIB: Final = 46 * 1024
PASSES: Final = 1
LANES: Final = 1
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
NICENESS: Final = 10
NICEST: Final = 19
WAITING: Final = 64
"""Sign-ins that may wait: about three seconds' worth."""
RETRY_MS: Final = 3_000
COSTS: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"
"""What a hash begins with."""
NOBODY: Final = COSTS + "A" * 22 + "$" + "A" * 43
"""A hash that no password has. To find that out takes as long as with another."""


class Passwords:
    """Hashes passwords, and compares them with hashes."""

    def __init__(self) -> None:
        self._turns = FairTurns(1, WAITING)
        self._thread: ThreadPoolExecutor | None = None  # most nodes never need one
        self._hashed = 0
        self._refused = 0

    def metrics(self) -> list[Metric]:
        """Return how many were hashed, how many wait, and how many could not."""
        return [
            Metric("counter", "madang_passwords_hashed", "Passwords hashed, to keep or to compare them.", self._hashed),
            Metric("counter", "madang_passwords_refused", "Passwords not hashed: too many waited.", self._refused),
            Metric("gauge", "madang_passwords_waiting", "Passwords that wait to be hashed.", self._turns.waiting),
        ]

    async def hash(self, password: str, address: str) -> str:
        """Return what is stored of a password (overloaded)."""
        salt = secrets.token_bytes(SALT_BYTES)
        return await self.run(address, lambda: _hash(password, salt))

    async def is_right(self, password: str, hash: str, address: str) -> bool:
        """Return whether a password has this hash (overloaded). Of an empty one it takes as long to say no."""
        return await self.run(address, lambda: _is_right(password, hash or NOBODY))

    @staticmethod
    def is_dated(hash: str) -> bool:
        """Return whether a hash has other costs than those chosen now."""
        return not hash.startswith(COSTS)

    async def stop(self) -> None:
        """End the thread, after what it is doing."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)
            self._thread = None

    async def run(self, address: str, work: Callable[[], T]) -> T:
        """Do some work in the thread, when it is this address's turn (overloaded)."""
        # To the end, whoever waits for it: else those who hang up would leave work behind that no bound counts.
        task = asyncio.get_running_loop().create_task(self._turn(address, work))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _turn(self, address: str, work: Callable[[], T]) -> T:
        try:
            return await self._turns.do(address, lambda: self._in_thread(work))
        except OverflowError:
            self._refused += 1
            raise Limited("overloaded", RETRY_MS) from None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "madang-passwords", _be_nice)
        self._hashed += 1
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _be_nice() -> None:
    """Let everything else run before this thread. Linux has a niceness for each; elsewhere nothing is changed."""
    with suppress(AttributeError, OSError):
        thread = threading.get_native_id()
        nicer = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS  # than the rest of the process, however nice that is
        os.setpriority(os.PRIO_PROCESS, thread, min(NICEST, nicer))


# Both run in the thread, and import there: most nodes never need it, and a start would take 20 ms longer.


def _hash(password: str, salt: bytes) -> str:
    from argon2 import low_level

    kind = low_level.Type.ID
    return low_level.hash_secret(password.encode(), salt, PASSES, MEMORY_KIB, LANES, HASH_BYTES, kind).decode()


def _is_right(password: str, hash: str) -> bool:
    from argon2 import exceptions, low_level

    try:
        return low_level.verify_secret(hash.encode(), password.encode(), low_level.Type.ID)
    except exceptions.VerifyMismatchError:
        return False
    except exceptions.VerificationError as error:
        logger.error("a stored hash cannot be read: %s", type(error).__name__)
        return False
