"""Leases: node numbers for ids. No two holders of a number ever make the same id.

This does not depend on when a holder learns that it has lost its number, which may be late, as with a process that was
stopped. It depends on the cover: a holder makes ids up to `until_ms` and none beyond before it has renewed, and the next
holder starts above that. So two nodes that both believe they hold a number still make different ids.
"""

from typing import Protocol

import msgspec


class Lease(msgspec.Struct, frozen=True):
    """A node number held until it expires.

    Attributes:
        node: 0 to 1023.
        fence: grows with every acquisition of the number; the holder of a lower one has lost it.
        floor_ms: Unix milliseconds; ids of earlier holders are at or below it. `ids.IdSource` starts above.
        until_ms: Unix milliseconds; ids of this holder are at or below it, until a renewal raises it.
    """

    node: int
    fence: int
    floor_ms: int
    until_ms: int


def covered(floor_ms: int, now_ms: int, ttl_ms: int, used_ms: int = 0) -> int:
    """Return the millisecond up to which a lease taken or renewed now covers ids."""
    return max(floor_ms, now_ms, used_ms) + ttl_ms


class Leases(Protocol):
    """Hands out node numbers.

    Whether a lease has expired is judged by the clock of the store, which all nodes share. `now_ms` is the caller's own, in
    Unix milliseconds: its ids are made by it, so what a lease covers goes by it. Clocks of nodes may differ by any amount.
    """

    async def acquire(self, holder: str, now_ms: int, ttl_ms: int, common: str = "") -> Lease:
        """Lease the lowest free or expired number.

        Raises SetupError when all 1,024 are held. The lease covers ids up to the later of `now_ms` and the floor, plus `ttl_ms`.

        Args:
            common: settings that all holders must have in common. SetupError where another holder stated others; "" states none.
        """

    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        """Return a longer lease: it covers ids up to the later of `now_ms` and `used_ms`, plus `ttl_ms`.

        It covers no fewer ids than the one before. None: another node has taken the number, or it was released; that is
        final. A lease that has expired and that nobody took is prolonged.
        """

    async def release(self, lease: Lease, used_ms: int) -> None:
        """Release the number, noting the newest id's millisecond (0 when none was made). A lost lease is ignored."""

    async def holders(self) -> list[str]:
        """Return the holders of numbers, the nodes of this installation: alive, or dead for less than the TTL."""
