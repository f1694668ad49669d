"""Issuers: whom the operator trusts to say who a user is, by tokens of their own. Which, and by which keys, is their adapter's."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from madang.core.metrics import Metric


class Vouched(msgspec.Struct, frozen=True):
    """What an issuer's token says, once that is proved.

    Attributes:
        issuer: its name in the settings.
        subject: what it calls the user; never empty, and never another user's.
        name: as users see it; not checked.
        until: Unix second at which the token expires, before any leeway.
        picture: a URL, not checked; None where it says nothing about that.
        rooms: that its holder may join, invite-only ones among them; valid ids.
    """

    issuer: str
    subject: str
    name: str
    until: float
    picture: str | None = None
    rooms: frozenset[str] = frozenset()


class Issuers(Protocol):
    """Checks tokens. Whatever is wrong with one, it is `bad_token`; nothing of a token gets into logs, errors or metrics."""

    def verify(self, token: str) -> Vouched | None:
        """Return what a token says, without waiting; None where that needs a key that is not known yet, and may be soon.

        Raises:
            Refused: bad_token.
            Limited: overloaded, where the keys were not available a moment ago.
        """

    async def fetch(self, token: str) -> Vouched:
        """Return what a token says, after its issuer was asked for new keys: a few seconds at most, and rarely.

        Raises:
            Refused, Limited: as `verify`.
        """

    async def run(self) -> None:
        """Ask for new keys from time to time, until cancelled."""

    def metrics(self) -> Sequence[Metric]:
        """Return what is known of keys."""
