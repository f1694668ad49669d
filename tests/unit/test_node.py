"""A node holds its number: it ends when another has it, and not because the storage cannot say so for a while."""

import asyncio
import logging
from typing import Any

import pytest

from madang import node
from madang.core.ids import IdSource
from madang.errors import StorageFailed
from madang.node import LEASE_MS, _give_back, _keep_lease
from madang.ports.leases import Lease
from madang.services.appender import Statistics
from madang.testing import VirtualLoop

LEASE = Lease(0, 1, 0)
HOUR_S = 3600.0


class Storage:
    """Leases alone, which may be sick, or have been taken."""

    def __init__(self) -> None:
        self.sick = False
        self.taken = False
        self.renewals = 0

    async def renew(self, *asked: Any) -> bool:
        if self.sick:
            raise StorageFailed
        self.renewals += 1
        return not self.taken

    release = renew


class Holding:
    """A lease that is kept, in virtual time."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.storage = Storage()
        self.ids = IdSource(0)
        self.statistics = Statistics()
        self.keeping = self.loop.create_task(
            _keep_lease(self.storage, LEASE, self.ids, self.statistics)  # type: ignore[arg-type]
        )

    def pass_time(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def append(self, *, stored: bool) -> None:
        self.ids.next(self.loop.clock_ms())
        self.statistics.stored += stored

    def end(self) -> None:
        self.keeping.cancel()
        self.loop.run_until_complete(asyncio.wait([self.keeping]))
        self.loop.close()


def test_a_lease_that_another_took_ends_the_node() -> None:
    held = Holding()
    held.pass_time(HOUR_S)
    assert held.storage.renewals == HOUR_S // (LEASE_MS / 3000)
    held.storage.taken = True
    with pytest.raises(RuntimeError, match="lost"):
        held.loop.run_until_complete(held.keeping)
    held.end()


def test_a_storage_that_fails_leaves_the_readers_their_node(caplog: pytest.LogCaptureFixture) -> None:
    """As on a full disk: it gives no ids a home, so none can be given twice; and it may get well."""
    held = Holding()
    held.append(stored=True)
    held.storage.sick = True
    for _ in range(int(HOUR_S)):
        held.append(stored=False)
        held.pass_time(1)
    assert not held.keeping.done()
    assert len(caplog.records) == 1
    held.storage.sick = False
    held.pass_time(HOUR_S)
    assert not held.keeping.done()
    held.end()


def test_ids_used_beyond_a_lease_end_the_node() -> None:
    held = Holding()
    held.storage.sick = True
    for _ in range(LEASE_MS // 1000 + 1):
        held.append(stored=True)
        held.pass_time(1)
        assert not held.keeping.done()
    held.append(stored=True)
    held.pass_time(LEASE_MS / 1000)
    with pytest.raises(StorageFailed):
        held.loop.run_until_complete(held.keeping)
    held.end()


async def test_a_storage_that_fails_lets_the_node_end(caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage()
    storage.sick = True
    with caplog.at_level(logging.WARNING, node.logger.name):
        await _give_back(storage, LEASE, IdSource(0))  # type: ignore[arg-type]
    assert "not given back" in caplog.text
