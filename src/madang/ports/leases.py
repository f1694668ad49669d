"""Leases: node numbers for ids. No holder gives out an id that another holder of the number has given out or may give out.

What keeps this is not the time of day when somebody learns that he has lost his number, which he may learn late, like a
process that was stopped. It is the cover: a holder gives out ids up to `until_ms` and no further before he has renewed,
and the next holder starts above that. So two who believe that they hold a number still give out different ids.
"""

from typing import Protocol

import msgspec


class Lease(msgspec.Struct, frozen=True):
    """A node number held until it expires.

    Attributes:
        node: 0 to 1023.
        fence: grows with every acquisition of the number; who holds a lower one has lost it.
        floor_ms: Unix milliseconds; ids of earlier holders lie at or below. `ids.IdSource` starts above.
        until_ms: Unix milliseconds; ids of this holder lie at or below, until a renewal raises it.
    """

    node: int
    fence: int
    floor_ms: int
    until_ms: int


def covered(floor_ms: int, now_ms: int, ttl_ms: int, used_ms: int = 0) -> int:
    """Give the millisecond up to which a lease taken or renewed now covers ids."""
    return max(floor_ms, now_ms, used_ms) + ttl_ms


class Leases(Protocol):
    """Hands out node numbers. Times are Unix milliseconds, given by the caller; clocks may differ by less than the TTL."""

    async def acquire(self, holder: str, now_ms: int, ttl_ms: int) -> Lease:
        """Take the lowest free or expired number. Raises SetupError when all 1,024 are held.

        It covers ids up to the later of `now_ms` and the floor, plus `ttl_ms`.
        """

    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        """Return a longer lease: it covers ids up to the later of `now_ms` and `used_ms`, plus `ttl_ms`.

        It covers no fewer ids than the one before. None: another node has taken the number, or it was released; that is
        final. A lease that has expired and that nobody took is prolonged.
        """

    async def release(self, lease: Lease, used_ms: int) -> None:
        """Give the number back, noting the newest id's millisecond (0 when none was made). A lost lease is passed over."""

    async def holders(self, now_ms: int) -> list[str]:
        """Give those who hold a number, and so are nodes of this installation: alive, or dead for less than the TTL."""
