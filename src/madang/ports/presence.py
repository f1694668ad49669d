"""Presence: which users have at least one live device in which room.

Ephemeral, for one node at least, and for the fleet where a shared adapter is used. A device that is not refreshed within
the TTL is gone: that is how a crash ends.
"""

from collections.abc import Sequence
from typing import Protocol


class Presence(Protocol):
    """Counts devices per (room, user) and reports the edges 0 → 1 and 1 → 0. `now` is monotonic seconds of the caller."""

    async def enter(self, room: str, user: str, name: str, device: str, now: float) -> bool:
        """Note a live device; True when it is the user's first in the room. Entering twice counts once, and may bring another name."""

    async def leave(self, room: str, user: str, device: str, now: float) -> bool:
        """Forget a device; True when it was the user's last in the room."""

    async def refresh(self, devices: Sequence[tuple[str, str, str]], now: float) -> list[tuple[str, str, str]]:
        """Keep these (room, user, device) alive; call it more often than the TTL.

        Return those that are not known: swept by another node, or lost by the store. They must enter again.
        """

    async def sweep(self, now: float) -> list[tuple[str, str]]:
        """Forget devices not refreshed within the TTL; return the (room, user) pairs that went offline by it."""

    async def online(self, room: str, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        """Return users online in a room as (id, name), in order of their id, from above `after`; `limit` 1 to 1,000."""

    async def count(self, room: str) -> int:
        """Return how many users are online in a room."""
