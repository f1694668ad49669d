"""Where profiles are kept (`core.profiles`), and who was renamed lately. Every call is one short transaction."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from madang.core.profiles import Profile


class Named(msgspec.Struct, frozen=True):
    """A user who got another name; `at_ms` is Unix milliseconds by the store's clock."""

    at_ms: int
    user: str
    name: str


class Said(msgspec.Struct, frozen=True):
    """What an issuer's token says of its user; None for nothing that could be shown, "" for no picture."""

    user: str
    name: str | None
    picture: str | None
    until_ms: int  # when the token ends, in Unix milliseconds


class ProfileStore(Protocol):
    """Keeps profiles beside what is known of users (`ports.upkeep`), and forgets them with it."""

    async def profile(self, user: str) -> Profile:
        """Return a user's profile, which is empty where nothing is kept. One key look-up."""

    async def set_profile(
        self, user: str, *, name: str | None = None, picture: str | None = None, locale: str | None = None
    ) -> Profile:
        """Replace what is given, and return the whole profile. A user of whom nothing was known is known from now on.

        The name is that of their account, too, if they have one (`ports.accounts`).

        Of a user who was deleted nothing is kept.
        """

    async def named_after(self, after: tuple[int, str], limit: int) -> list[Named]:
        """Return users by when they got the name that they have, above (at_ms, user); `limit` 1 to 1,000.

        One may appear up to a few seconds later than its time says.
        """

    async def keep_said(self, said: Sequence[Said]) -> set[str]:
        """Keep what tokens say of users (at most 1,000, each once).

        Where a token that ends as late or later has said something else, it is left as that says.

        Returns:
            Those who were known already, and are called or shown otherwise by this.
        """

    async def joined(self, user: str, *, after: str = "", limit: int = 100) -> Sequence[str]:
        """Return the rooms that a user is a member of, in order of their id, from above `after`; `limit` 1 to 1,000."""
