"""Databases and brokers to measure with: those that the tests start, as durable as in production, on a chosen core."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import pytest

from bench import proc
from tests.mariadb import MariadbServer, run_mariadb
from tests.redis import RedisServer, run_redis
from tests.servers import PostgresServer, run_postgres

T = TypeVar("T")

MISSING: Final = (pytest.skip.Exception, pytest.fail.Exception)
"""What a server raises that is not installed; its text says which and how to install it."""
_ROOMY: Final = {"max_connections": "200"}


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Let processes started in the block run on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def postgres(core: int) -> AbstractContextManager[PostgresServer]:
    """Run PostgreSQL with its own settings, which sync every commit. Raises MISSING."""
    return _pinned(core, run_postgres(settings=_ROOMY))


def mariadb(core: int) -> AbstractContextManager[MariadbServer]:
    """Run MariaDB with its own settings, which sync every commit. Raises MISSING."""
    return _pinned(core, run_mariadb(settings=_ROOMY))


def redis(core: int) -> AbstractContextManager[RedisServer]:
    """Run a Redis that keeps nothing on disk. Raises MISSING."""
    return _pinned(core, run_redis())


@contextmanager
def _pinned(core: int, running: AbstractContextManager[T]) -> Iterator[T]:
    """Run a server on one core; the process that started it stays where it was."""
    with ExitStack() as stack:
        with on_core(core):
            server = stack.enter_context(running)
        yield server


class Used:
    """CPU seconds of a server since this was made, its children included.

    PostgreSQL has a child for each connection; those that began in between and are there at the end count as well.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self._now()

    def seconds(self) -> float:
        return sum(seconds - self._before.get(pid, 0.0) for pid, seconds in self._now().items())

    def _now(self) -> dict[int, float]:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        found = {}
        for pid in (self._pid, *map(int, children)):
            try:
                used = proc.cpu(pid)
            except OSError:  # it has just ended, as PostgreSQL's cleaners do
                continue
            found[pid] = used.main + used.threads  # finer than the total, which is in hundredths of a second
        return found
