"""The node's number, which its ids carry: taken, kept, given back. What a lease of one promises is `ports.leases`.

Kept every third of its time, and at once when an append needs ids that the lease does not cover: after a leap of the
clock, a sleep of the machine, or a stop of the process that let it run out. Who has lost his number ends; until he knows
it he stores nothing that another's ids could meet, because ids beyond the cover are not given.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from madang.core.ids import IdSource
from madang.errors import SetupError, StorageError, StorageFailed, StorageFull
from madang.ports.leases import Lease, Leases

logger = logging.getLogger("madang.number")

LEASE_MS: Final = 30_000


class Number:
    """A node number that is held. Made by `take_number`.

    Attributes:
        ids: the source of ids that carry it.
    """

    def __init__(self, leases: Leases, lease: Lease, clock_ms: Callable[[], int]) -> None:
        self.ids = IdSource(lease.node, lease.floor_ms, lease.until_ms)
        self._leases = leases
        self._lease = lease
        self._clock_ms = clock_ms
        self._renewing = asyncio.Lock()  # an answer that came late would lower what the database knows to be covered
        self._lost = asyncio.Event()

    async def keep(self) -> None:
        """Hold the number until cancelled. Raises RuntimeError when it is lost.

        A storage that takes no renewal, as on a full disk, ends nothing: it hardly takes events either, reading can go
        on, and what it does take is covered.
        """
        told = False
        while True:
            try:
                async with asyncio.timeout(LEASE_MS / 3000):
                    await self._lost.wait()
                raise RuntimeError("the lease of this node's number was lost")
            except TimeoutError:
                pass
            try:
                await self.prolong()
                told = False
            except StorageError as error:
                if not told and not self._lost.is_set():
                    logger.warning("the lease of this node's number was not prolonged: %s", error)
                told = True

    async def prolong(self) -> None:
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

    async def give_back(self) -> None:
        """Release the number. Where the storage has failed, it is free when the lease has run out."""
        try:
            await self._leases.release(self._lease, self.ids.last_ms)
        except StorageError as error:
            logger.warning("this node's number was not given back: %s", error)


async def take_number(leases: Leases, holder: str, clock_ms: Callable[[], int]) -> Number:
    """Take a number for a node that starts. Raises SetupError."""
    try:
        return Number(leases, await leases.acquire(holder, clock_ms(), LEASE_MS), clock_ms)
    except StorageFull:
        raise SetupError("The disk of the database is full, and a start takes a little room.", "Make room.") from None
    except StorageError as error:
        raise SetupError("The database takes nothing.", "See that its disk is sound.") from error
