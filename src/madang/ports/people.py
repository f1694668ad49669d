"""Where the names of a product's own users are kept, whom its server keys make known. Deletions are in `ports.upkeep`.

A name is one of the profile (`ports.profiles`), which the users themselves may change, too.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from madang.core.people import Person


class PeopleStore(Protocol):
    """Keeps people. Every call is one short transaction, and what it returned is durable."""

    async def put_people(self, people: Sequence[Person], now_ms: int) -> tuple[set[str], set[str]]:
        """Keep people (at most 1,000, each id once), those that are new and new names of others.

        They count as seen now (`ports.upkeep`) if they are new, and a name is that of the profile (`ports.profiles`).

        Returns:
            Who is deleted, of whom nothing is changed; and who was known by another name.
        """

    async def people(self, ids: Collection[str]) -> dict[str, str]:
        """Return the names of those of some users (at most 1,000) who are known and not deleted."""
