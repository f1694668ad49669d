"""A node holds its number: it ends when another has it, and not because the storage cannot say so for a while."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest

from madang.core.ids import id_ms
from madang.errors import LeaseExceeded, SetupError, StorageFailed, StorageFull
from madang.node.lease import LEASE_MS, NodeLease, acquire, logger
from madang.ports.leases import Lease, covered
from madang.testing import VirtualLoop

HOUR_S = 3600.0


class Storage:
    """Leases alone, which may be sick, or have been taken."""

    def __init__(self) -> None:
        self.sick: type[Exception] | None = None
        self.taken = False
        self.renewals = 0
        self.released_ms = 0

    async def acquire(self, holder: str, now_ms: int, ttl_ms: int, common: str = "") -> Lease:
        if self.sick:
            raise self.sick
        return Lease(0, 1, 0, covered(0, now_ms, ttl_ms))

    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        if self.sick:
            raise self.sick
        self.renewals += 1
        until_ms = max(covered(lease.floor_ms, now_ms, ttl_ms, used_ms), lease.until_ms)
        return None if self.taken else msgspec.structs.replace(lease, until_ms=until_ms)

    async def release(self, lease: Lease, used_ms: int) -> None:
        if self.sick:
            raise self.sick
        self.released_ms = used_ms

    async def holders(self) -> list[str]:
        return []


class Holding:
    """A number that is kept, in virtual time."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.storage = Storage()
        self.leap_ms = 1_795_000_000_000
        self.lease: NodeLease = self.do(acquire(self.storage, "n", self.clock_ms))
        self.keeping = self.loop.create_task(self.lease.keep())

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def clock_ms(self) -> int:
        return self.loop.clock_ms() + self.leap_ms

    def pass_time(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    def id(self) -> int:
        return id_ms(self.lease.ids.next(self.clock_ms()))

    def end(self) -> None:
        self.keeping.cancel()
        self.do(asyncio.wait([self.keeping]))
        self.loop.close()


@pytest.fixture
def held() -> Any:
    held = Holding()
    yield held
    held.end()


def test_a_number_is_kept_for_as_long_as_the_node_lives(held: Holding) -> None:
    for _ in range(60):
        held.pass_time(HOUR_S / 60)
        assert held.id() == held.clock_ms()
    assert held.storage.renewals == HOUR_S // (LEASE_MS / 3000)


def test_a_number_that_another_took_ends_the_node(held: Holding) -> None:
    held.storage.taken = True
    with pytest.raises(RuntimeError, match="lost"):
        held.do(held.keeping)


def test_a_storage_that_fails_leaves_the_readers_their_node(held: Holding, caplog: pytest.LogCaptureFixture) -> None:
    """As on a full disk: ids end with the cover, the node does not; and the storage may get well."""
    held.storage.sick = StorageFull
    for second in range(int(HOUR_S)):
        if second <= LEASE_MS // 1000:
            held.id()
        else:
            with pytest.raises(LeaseExceeded):
                held.id()
        held.pass_time(1)
    assert not held.keeping.done()
    assert len(caplog.records) == 1
    held.storage.sick = None
    held.pass_time(LEASE_MS / 1000)
    assert held.id() == held.clock_ms()
    assert not held.keeping.done()


def test_an_id_after_a_leap_of_the_clock_needs_a_renewal_and_no_wait(held: Holding) -> None:
    held.leap_ms += 8 * 3_600_000  # a laptop that slept
    with pytest.raises(LeaseExceeded):
        held.id()
    held.do(held.lease.renew())
    assert held.id() == held.clock_ms()


def test_an_id_above_a_room_of_a_faster_node_needs_a_renewal_and_no_wait(held: Holding) -> None:
    ids, newest = held.lease.ids, held.clock_ms() + 60_000 - 1_704_067_200_000 << 22
    with pytest.raises(LeaseExceeded):
        ids.next(held.clock_ms(), above=newest)
    held.do(held.lease.renew())
    assert ids.next(held.clock_ms(), above=newest) > newest


def test_who_learns_of_the_loss_by_a_send_ends_at_once(held: Holding) -> None:
    """A process that was stopped for longer than its lease: the first send after that asks, and is refused."""
    held.pass_time(1)
    held.storage.taken = True
    with pytest.raises(StorageFailed, match="taken"):
        held.do(held.lease.renew())
    began = held.loop.time()
    with pytest.raises(RuntimeError, match="lost"):
        held.do(held.keeping)
    assert held.loop.time() == began


def test_what_was_used_is_told_when_the_number_is_given_back(held: Holding) -> None:
    used = held.id()
    held.pass_time(5)
    held.do(held.lease.release())
    assert held.storage.released_ms == used


async def test_a_storage_that_fails_lets_the_node_end(caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage()
    lease = await acquire(storage, "n", lambda: 0)
    storage.sick = StorageFailed
    with caplog.at_level(logging.WARNING, logger.name):
        await lease.release()
    assert "not released" in caplog.text


@pytest.mark.parametrize(("error", "problem"), [(StorageFull, "disk is full"), (StorageFailed, "accepts no writes")])
async def test_a_storage_that_takes_nothing_is_told_at_the_start(error: type[Exception], problem: str) -> None:
    storage = Storage()
    storage.sick = error
    with pytest.raises(SetupError, match=problem):
        await acquire(storage, "n", lambda: 0)
