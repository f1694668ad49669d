"""How fast passwords may be tried: from one address, for one login, and for one login from one address.

Nobody can lock another out: from an address where the login's password was right lately, tries from elsewhere do not count.
A login that nobody has is held to the same rates. Those whose password is right pay for nothing but their address.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from madang.core.rate import Bucket, Rate
from madang.errors import Limited
from madang.services.buckets import Buckets, ms, take_all

KNOWN: Final = 20_000
"""Logins and addresses that were right together; above that those known first are forgotten."""


class SignInLimits:
    """The buckets of one node. `now` is loop time in seconds.

    Args:
        address: the rate of tries from one address.
        login: the rate of those for one login, from wherever.
        pair: the rate of those for one login from one address.
        shared: whether what is spent is noted for other nodes.

    Attributes:
        kinds: what nodes tell each other of, by the name that they tell it under.
        buckets: all of them.
    """

    def __init__(self, address: Rate, login: Rate, pair: Rate, *, shared: bool = False) -> None:
        self._rates = address, login, pair
        self._shared = shared
        self._addresses, self._logins, self._pairs = Buckets(), Buckets(), Buckets()
        self._known: dict[str, None] = {}
        self.kinds: Mapping[str, tuple[Buckets, Rate]] = {
            "sign_in": (self._addresses, address),
            "login": (self._logins, login),
        }
        self.buckets = (self._addresses, self._logins, self._pairs)

    def attempt(self, login: str, address: str, now: float) -> None:
        """Charge a try of a password, or none of it (rate_limited)."""
        flows = self._flows(login, address, now)
        waits = take_all([(bucket, rate, 1) for _, _, bucket, rate in flows], now)
        if wait := max(waits):
            raise Limited("rate_limited", ms(wait))
        self._spend(flows, 1)

    def right(self, login: str, address: str, now: float) -> None:
        """Undo `attempt`, but for the address, for a password that was right."""
        flows = [flow for flow in self._flows(login, address, now) if flow[0] is not self._addresses]
        for _, _, bucket, rate in flows:
            bucket.give_back(rate)
        self._spend(flows, -1)
        self._known[self._pair(login, address)] = None
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def _flows(self, login: str, address: str, now: float) -> list[tuple[Buckets, str, Bucket, Rate]]:
        of_address, of_login, of_pair = self._rates
        pair = self._pair(login, address)
        flows = [(self._addresses, address, of_address), (self._pairs, pair, of_pair)]
        if pair not in self._known:
            flows.append((self._logins, _short(login), of_login))
        return [(buckets, key, buckets.of(key, now), rate) for buckets, key, rate in flows]

    def _spend(self, flows: list[tuple[Buckets, str, Bucket, Rate]], n: int) -> None:
        if self._shared:
            for buckets, key, _, _ in flows:
                if buckets is not self._pairs:
                    buckets.spend(key, n)

    @staticmethod
    def _pair(login: str, address: str) -> str:
        return f"{_short(login)} {address}"


def _short(login: str) -> str:
    """Return what stands for a login in memory and on the bus."""
    return hashlib.blake2b(login.encode(), digest_size=8).hexdigest()
