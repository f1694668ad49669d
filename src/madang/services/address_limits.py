"""How fast those come who are not known yet: connections, requests and new guests of one address, and of all together."""

from collections.abc import Mapping
from typing import Final

from madang.core.rate import Bucket, Left, Rate, left
from madang.errors import Limited
from madang.services.buckets import Buckets, ms, take

FLOODED: Final = 25
"""Handshakes: a flooder who has spent the burst of 500 comes back twice a second, not fifty times."""
PACE_S: Final = 5.0
"""The longest that a poll is held: 500 clients of one address that poll need that long for a request each, at 100 a second."""
WRONG_TOKEN: Final = 10
"""Requests, or handshakes: nobody needs to guess more than a few times a second."""


class AddressLimits:
    """The buckets of one node. `now` is loop time in seconds.

    Args:
        address: the rate of handshakes and guests of one address.
        handshakes: the rate of those of all addresses.
        requests: the rate of requests of one address.
        shared: whether what is spent is noted for other nodes.

    Attributes:
        kinds: what nodes tell each other of, by the name that they tell it under.
        buckets: all that are kept by address.
    """

    def __init__(self, address: Rate, handshakes: Rate, requests: Rate, *, shared: bool = False) -> None:
        self._address = address
        self._handshake = handshakes
        self._request = requests
        self._shared = shared
        self._addresses = Buckets()
        self._handshakes = Bucket()
        self._arrivals = Buckets()
        self.kinds: Mapping[str, tuple[Buckets, Rate]] = {"address": (self._addresses, address)}
        self.buckets = (self._addresses, self._arrivals)

    def handshake(self, address: str, now: float) -> None:
        """Charge a handshake to its address and to the node.

        Thousands of clients that were disconnected together come back together. If all that are refused were told the
        same wait, they would be refused together again. So each is told a turn behind the one before, and as many come at
        a time as can be let in. What one limit refuses, none is charged for.

        Raises:
            Limited: rate_limited by its address, overloaded by the node, with the time until its turn.
        """
        mine = self._addresses.of(address, now)
        if wait := mine.take(self._address, now):
            raise Limited("rate_limited", ms(mine.turn(self._address, now, wait)))
        if wait := self._handshakes.take(self._handshake, now):
            mine.give_back(self._address)
            raise Limited("overloaded", ms(self._handshakes.turn(self._handshake, now, wait)))
        self._spend(address, 1)

    def flooded(self, address: str, now: float) -> None:
        """Charge an address for a connection that was closed for flooding: otherwise coming back would be free."""
        self._addresses.of(address, now).charge(self._address, now, FLOODED)
        self._spend(address, FLOODED)

    def arrival(self, address: str, now: float) -> None:
        """Charge an HTTP request to its address, before anything is done for it (rate_limited)."""
        take(self._arrivals.of(address, now), self._request, now)

    def arrivals_left(self, address: str, now: float) -> Left | None:
        """Return how many HTTP requests an address has left; None for any number."""
        return left(self._arrivals.get(address), self._request, now)

    def pace(self, address: str, clients: int, now: float) -> float:
        """Return how long to hold an answer that makes its client ask again at once: seconds, 0.0 while there is plenty.

        Clients behind one address share its requests. Were all polls answered at once, a lively room would use these up, and
        polls would be refused, which libraries take for a broken connection. So from half of the burst on an answer is
        held the longer, the less is left: at a quarter of it, for as long as it takes to earn a request for each client.

        Args:
            clients: how many share the requests, at least about.
        """
        bucket, rate = self._arrivals.get(address), self._request
        if bucket is None or not rate.per_second:
            return 0.0
        scarce = 1 - 2 * bucket.left(rate, now) / rate.burst
        return min(PACE_S, 2 * scarce * clients / rate.per_second) if scarce > 0 else 0.0

    def wrong_token(self, address: str, now: float) -> None:
        """Charge an address for a token or key that is not valid, as for several requests."""
        self._arrivals.of(address, now).charge(self._request, now, WRONG_TOKEN - 1)

    def wrong_hello(self, address: str, now: float) -> None:
        """Charge an address for a token that is not valid, shown by a connection."""
        self._addresses.of(address, now).charge(self._address, now, WRONG_TOKEN - 1)
        self._spend(address, WRONG_TOKEN - 1)

    def guest(self, address: str, now: float) -> None:
        """Charge a new guest to an address (rate_limited)."""
        take(self._addresses.of(address, now), self._address, now)
        self._spend(address, 1)

    def give_back_guest(self, address: str, now: float) -> None:
        """Undo `guest` for a guest who was not made."""
        self._addresses.of(address, now).give_back(self._address)
        self._spend(address, -1)

    def _spend(self, address: str, n: int) -> None:
        if self._shared:
            self._addresses.spend(address, n)
