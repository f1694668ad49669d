"""Leases: node numbers for ids. Two nodes never hold one number at a time, and no holder reuses a former holder's ids."""

from typing import Protocol

import msgspec


class Lease(msgspec.Struct, frozen=True):
    """A node number held until it expires.

    Attributes:
        node: 0 to 1023.
        fence: grows with every acquisition of the number; who holds a lower one has lost it.
        floor_ms: Unix milliseconds; ids of earlier holders lie at or below. `ids.IdSource` starts above.
    """

    node: int
    fence: int
    floor_ms: int


class Leases(Protocol):
    """Hands out node numbers. Times are Unix milliseconds, given by the caller; clocks may differ by less than the TTL."""

    async def acquire(self, holder: str, now_ms: int, ttl_ms: int) -> Lease:
        """Take the lowest free or expired number. Raises SetupError when all 1,024 are held.

        Until the first renewal ids may be given out up to the later of `now_ms` and the floor, plus `ttl_ms`.
        """

    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> bool:
        """Prolong, and note that ids up to the later of `now_ms` and `used_ms`, plus `ttl_ms`, may be given out till then.

        False: another has taken the number, or it was given back; give out no more ids. A lease that has expired and
        that nobody took is prolonged.
        """

    async def release(self, lease: Lease, used_ms: int) -> None:
        """Give the number back, noting the newest id's millisecond (0 when none was made). A lost lease is passed over."""

    async def holders(self, now_ms: int) -> list[str]:
        """Give those who hold a number, and so are nodes of this installation: alive, or dead for less than the TTL."""
