"""The lease of the number that this node's ids carry: acquired, kept, released. What a lease promises is `ports.leases`'.

It is renewed three times in its duration, and at once when an append needs ids that it does not cover: after a jump of
the clock, a sleep of the machine, or a stop of the process during which it ran out. A node that has lost its number
stops. Until it learns of that, it stores nothing that could collide with another node's ids, because ids that the lease
does not cover are not handed out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from madang.core.ids import IdSource
from madang.errors import SetupError, StorageError, StorageFailed, StorageFull, Unreachable
from madang.ports.leases import Lease, Leases

T = TypeVar("T")
logger = logging.getLogger("madang.lease")

LEASE_MS: Final = 30_000


class NodeLease:
    """A lease that is held. Made by `acquire`.

    Attributes:
        ids: the source of ids that carry the leased number.
    """

    def __init__(self, leases: Leases, lease: Lease, clock_ms: Callable[[], int]) -> None:
        self.ids = IdSource(lease.node, lease.floor_ms, lease.until_ms)
        self._leases = leases
        self._lease = lease
        self._clock_ms = clock_ms
        self._renewing = asyncio.Lock()  # a late answer would lower what the database knows to be covered
        self._lost = asyncio.Event()

    async def keep(self) -> None:
        """Hold the lease until cancelled. Raise RuntimeError when it is lost.

        A storage that refuses to renew it, because the disk is full, say, ends nothing: it hardly stores events either,
        reading can go on, and what it does store is covered.
        """
        warned = False
        while True:
            try:
                async with asyncio.timeout(LEASE_MS / 3000):
                    await self._lost.wait()
                raise RuntimeError("the lease of this node's number was lost")
            except TimeoutError:
                pass
            try:
                await self.renew()
                warned = False
            except StorageError as error:
                if not warned and not self._lost.is_set():
                    logger.warning("the lease of this node's number was not renewed: %s", error)
                warned = True

    async def renew(self) -> None:
        """Renew the lease now, so that it covers the ids that are needed.

        Raises:
            StorageError: it was not renewed.
        """
        async with self._renewing:
            lease = await self._leases.renew(self._lease, self._clock_ms(), LEASE_MS, self.ids.needed_ms)
            if lease is None:
                self._lost.set()
                raise StorageFailed("Another node has taken this node's number; nothing was stored.")
            self._lease = lease
            self.ids.until_ms = lease.until_ms

    async def release(self) -> None:
        """Release the lease. If the storage fails, the number is free when the lease has run out."""
        try:
            await self._leases.release(self._lease, self.ids.last_ms)
        except StorageError as error:
            logger.warning("the lease of this node's number was not released: %s", error)


async def acquire(leases: Leases, holder: str, clock_ms: Callable[[], int], common: str = "") -> NodeLease:
    """Acquire a lease for a node that starts. Raise SetupError if the database cannot grant it.

    Args:
        common: see `Leases.acquire`.
    """
    try:
        return NodeLease(leases, await leases.acquire(holder, clock_ms(), LEASE_MS, common), clock_ms)
    except StorageFull:
        raise SetupError("The database's disk is full, and a start needs a little space.", "Free some space.") from None
    except StorageError as error:
        raise Unreachable("The database accepts no writes.", "Check that its disk is sound.") from error


async def confirmed(work: Callable[[], Awaitable[T]]) -> T:
    """Do what a start needs of the storage. Raise Unreachable where it does not confirm: it may in a moment."""
    try:
        return await work()
    except StorageFailed as error:
        raise Unreachable("The database does not answer.", "Check that it runs.") from error
