"""Connection tickets: each lets one connection in, within TICKET_S, in place of the token that it was made with.

For clients that shall have no token: a page is given a ticket by the server that it came from. A ticket is signed, so that
making one stores nothing and any node knows it; that it was used is a row in the database, which all nodes share. So it
is used once, whatever nodes it is shown to, whether they hear each other or not. A bus could not promise that, and a ticket that
only the node which made it may take would be of no use behind a balancer. Tickets shown at the same time are noted
together, in one transaction.

A ticket grants what the token granted: the same user, until the same time, and it ends as that does. It is not a token, and none
comes of it. Times are of the database's clock, as nodes' own clocks may differ by more than a ticket lasts.
"""

import re
import secrets
from collections.abc import Sequence
from itertools import count
from typing import Any, Final, NamedTuple

import jwt
import msgspec
from jwt.types import Options

from madang.aio import Batcher
from madang.core.metrics import Metric
from madang.core.signing import Keyring
from madang.errors import Refused
from madang.ports.tickets import MOST, TicketStore
from madang.services.tokens import Access

TICKET_S: Final = 30
_PREFIX: Final = "tkt_"
_AUDIENCE: Final = "madang/ticket"
_WRITTEN: Final = re.compile(
    r"tkt_([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"
)  # as `tokens`
_ALGORITHM: Final = "HS256"
# Its end is in milliseconds, of a clock that PyJWT does not know.
_CHECKS: Final[Options] = {"require": ["aud", "jti"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}


class Ticket(NamedTuple):
    """A ticket, and the milliseconds until it ends."""

    text: str
    expires_ms: int


class _Shown(NamedTuple):
    """One showing of a ticket: two of the same ticket are two."""

    id: str
    until_ms: int
    number: int


class Tickets:
    """Makes tickets and takes them.

    Attributes:
        used: how many were taken here.
        refused: how many were shown that were not tickets, over, or used before.
    """

    def __init__(self, keyring: Keyring, store: TicketStore) -> None:
        self._keyring = keyring
        self._store = store
        self._notes: Batcher[_Shown, bool] = Batcher(self._note, MOST)
        self._numbers = count()
        self.used = 0
        self.refused = 0

    def metrics(self) -> list[Metric]:
        """Return what was shown here."""
        help = "Connection tickets shown, by what became of them."
        return [
            Metric("counter", "madang_tickets", help, n, ("outcome", outcome))
            for outcome, n in (("used", self.used), ("refused", self.refused))
        ]

    def make(self, access: Access, now: float) -> Ticket:
        """Return a ticket for what a token grants. It does not outlast that.

        Args:
            now: Unix seconds, as `Access.until` counts.
        """
        lasts_ms = max(0, min(TICKET_S * 1000, int((access.until - now) * 1000)))
        bare = msgspec.structs.replace(access, token="", user=msgspec.structs.replace(access.user, address=""))
        claims = {
            "aud": _AUDIENCE,
            "jti": secrets.token_urlsafe(16),
            "until_ms": self._keyring.now_ms() + lasts_ms,
            "access": msgspec.to_builtins(bare),
        }
        key = self._keyring.current()
        return Ticket(_PREFIX + jwt.encode(claims, key.for_tickets(), _ALGORITHM, {"kid": key.id}), lasts_ms)

    async def take(self, text: str, address: str) -> Access:
        """Return what a ticket grants, once: who shows it comes from `address`. There is no token in it.

        Raises:
            Refused: bad_token, whatever is wrong with it.
            StorageError: it may have been used or not.
        """
        try:
            id, until_ms, access = self._read(text)
        except (jwt.PyJWTError, msgspec.ValidationError, KeyError, ValueError, RecursionError):
            id, until_ms, access = "", 0, None
        if access is None or not await self._notes.get(_Shown(id, until_ms, next(self._numbers))):
            self.refused += 1
            raise Refused("bad_token", "The ticket is not valid, has expired, or was used before.")
        self.used += 1
        return msgspec.structs.replace(access, user=msgspec.structs.replace(access.user, address=address))

    def _read(self, text: str) -> tuple[str, int, Access | None]:
        """Return the id of a ticket, its end, and what it grants; None where it is not written as one, or is over."""
        if (written := _WRITTEN.fullmatch(text)) is None:
            return "", 0, None
        kid = jwt.get_unverified_header(written[1])["kid"]
        key = next((key for key in self._keyring.keys if key.id == kid), None)
        if key is None:
            return "", 0, None
        claims: dict[str, Any] = jwt.decode(
            written[1], key.for_tickets(), [_ALGORITHM], audience=_AUDIENCE, options=_CHECKS
        )
        until_ms = int(claims["until_ms"])
        if until_ms <= self._keyring.now_ms():
            return "", 0, None
        return str(claims["jti"]), until_ms, msgspec.convert(claims["access"], Access)

    async def _note(self, shown: Sequence[_Shown]) -> dict[_Shown, bool]:
        """Note that tickets are used. Of several who show the same one, the first is let in, if anybody is."""
        first: dict[str, _Shown] = {}
        for each in shown:
            first.setdefault(each.id, each)
        new = await self._store.use_tickets([(each.id, each.until_ms) for each in first.values()])
        return {first[id]: True for id in new}
