"""Erasures: what deleted users said, or only their names, is removed from all rooms, a bounded piece at a time.

An erasure is kept in the database, with the place up to which it has come, until it is done: so any node can go on with it, after any
crash, and a piece that is done twice changes nothing. Which node does, and when, is up to `services.erasures`; a deletion asks for
it (`ports.upkeep`).

Of a message that is erased the log keeps what it keeps of one that was deleted (`ports.log`). Of every event of a user the name becomes
empty and a picture goes, and so do their names in bans, mutes, reports and audit trails. Ids and numbering stay.
"""

from collections.abc import Sequence
from typing import Protocol

from madang.core.erasure import Erasure


class Erasures(Protocol):
    """Keeps erasures, and does their pieces. Every call is one short transaction."""

    async def erasure(self, user: str) -> Erasure | None:
        """Return the erasure of a user, standing or done."""

    async def erasures(self, *, after: str = "", limit: int = 50, standing: bool = False) -> Sequence[Erasure]:
        """Return erasures in order of the users, from above `after`; `limit` 1 to 1,000.

        Args:
            standing: only those that are not done.
        """

    async def rooms_with(self, user: str, after: str) -> tuple[Sequence[str], str]:
        """Return rooms whose log has events of a user, in order of their id, from above `after`; and the `after` to go on with, "" at the end.

        It looks into some hundred rooms, so there may be none and still more to come.
        """

    async def erase_names(self, user: str, limit: int) -> int:
        """Remove the name from up to `limit` (1 to 1,000) rows beside the log, and with "erase" the reasons of reports; return how many."""

    async def erase_events(self, user: str, room: str, limit: int) -> int:
        """Erase the next `limit` (1 to 1,000) events of a user in a room, from where the erasure is there, and return how many.

        The oldest come first. What was acked before is among them. 0 at the end, and for a room before the place of the erasure.
        """

    async def room_erased(self, user: str, room: str) -> None:
        """Note that an erasure is done with a room, and with those before it."""

    async def erased(self, user: str, asked_ms: int, now_ms: int) -> None:
        """Note that an erasure is done, unless it was asked for again since."""

    async def forget_erasures(self, before_ms: int) -> int:
        """Forget erasures (at most 1,000) that were done before this time, and return how many."""
