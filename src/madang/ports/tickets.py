"""Which connection tickets were used, on whatever node, so that none is used twice. What a ticket is: `services.tickets`."""

from collections.abc import Sequence
from typing import Final, Protocol

FORGOTTEN_MS: Final = 60_000
"""A used ticket is forgotten so long after its end: by then no node takes it, whatever it thinks of the time."""
MOST: Final = 200
"""Tickets in one call."""


class TicketStore(Protocol):
    """Remembers tickets for as long as they could be shown again."""

    async def use_tickets(self, tickets: Sequence[tuple[str, int]]) -> set[str]:
        """Note tickets as used, and return those that were not used before: each id is returned by one call of all.

        When this returns, they are on disk. Those that ended FORGOTTEN_MS ago, by the database's clock, are forgotten, some in
        each call.

        Args:
            tickets: ids, each once and of 32 characters at most, with the Unix milliseconds of their ends; MOST at most.
        """
