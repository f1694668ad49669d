"""Flood limits of one node: per connection, user, room and address. A flooder waits; others do not notice.

Each limit is a bucket (`core.rate`), and a refusal names the longest wait: a turn behind those who were refused before.
Slow mode is a room's own wait per member.
Each of several nodes also charges what was spent on the others: see `shared_limits.py`.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from madang.core import costs
from madang.core.rate import Bucket, Rate
from madang.errors import Limited
from madang.services.buckets import Buckets, give_back_taken, ms, refusal, take
from madang.services.quotas import NO_QUOTAS, QuotaRates, Quotas
from madang.services.work import Work

FLOODED: Final = 25
"""Handshakes: a flooder who has spent the burst of 500 comes back twice a second, not fifty times."""
WRONG_TOKEN: Final = 10
"""Requests, or handshakes: nobody needs to guess more than a few times a second."""
NEGLIGIBLE: Final = 1 / 64
KINDS: Final = ("user", "room", "address", "slow")
"""Limits that hold over all nodes."""
_SLOW: Final = 1000.0  # slow mode counts in milliseconds: this many a second


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The rates in force; 0 per second means no limit."""

    connection: Rate = Rate(50, 200)  # commands of one connection
    user: Rate = Rate(10, 30)  # appends of one user, over all of their connections
    room: Rate = Rate(2000, 4000)  # appends in one room
    address: Rate = Rate(50, 500)  # handshakes and guests of one address
    handshakes: Rate = Rate(1000, 2000)  # of all addresses
    requests: Rate = Rate(100, 500)  # over HTTP, of one address
    sockets_per_address: int = 500
    sockets: int = 50_000
    quotas: QuotaRates = QuotaRates()  # of what stays in the database


UNLIMITED: Final = Rates(
    connection=Rate(0, 0), user=Rate(0, 0), room=Rate(0, 0), address=Rate(0, 0), handshakes=Rate(0, 0),
    requests=Rate(0, 0), sockets_per_address=1_000_000, sockets=1_000_000, quotas=NO_QUOTAS,
)  # fmt: skip


class Spending(msgspec.Struct, frozen=True, array_like=True):
    """What was spent of a limit that all nodes share; `kind` is one of KINDS."""

    kind: str
    key: str
    n: int  # appends or handshakes; of slow mode, milliseconds


class Limits:
    """The buckets of one node. `now` is loop time in seconds.

    Args:
        shared: whether what is spent is kept for `spent`, which is then to be called regularly.

    Attributes:
        quotas: limits of what stays in the database, by day.
    """

    def __init__(self, rates: Rates, *, shared: bool = False) -> None:
        self.rates = rates
        self.quotas = Quotas(rates.quotas, shared=shared)
        self._shared = shared
        self._users = Buckets()
        self._rooms = Buckets()
        self._addresses = Buckets()
        self._handshakes = Bucket()
        self._slow = Buckets()
        self._requests = Buckets()
        self._arrivals = Buckets()
        self._work = Work(rates.connection)
        held = (self._users, rates.user), (self._rooms, rates.room), (self._addresses, rates.address)
        self._kinds = dict(zip(KINDS, (*held, (self._slow, Rate(_SLOW, 0))), strict=True))

    @property
    def told(self) -> tuple[Rate, Rate]:
        """The rates that clients are told: of a connection's commands, and of a user's appends."""
        return self.rates.connection, self.rates.user

    def append(
        self, user: str, room: str, now: float, slow_ms: int = 0, *, server: bool = False, address: str = ""
    ) -> None:
        """Charge an append of a user in a room.

        A server key speaks for many, so only the room's rate applies to it. What one limit refuses, none is charged for.

        Args:
            slow_ms: the room's slow mode, if it applies to the user.
            address: whose slow mode it is besides; a guest's, because anybody may be another guest in a moment.

        Raises:
            Limited: rate_limited or slow_mode, with the longest wait.
        """
        rates = self.rates
        if not slow_ms and not rates.user.per_second and not rates.room.per_second:
            return
        asked = [(self._rooms.of(room, now), rates.room, 1)]
        if not server:
            asked.append((self._users.of(user, now), rates.user, 1))
        held: Sequence[str] = ()
        if slow_ms:
            held = _slow_keys(user, room, slow_ms, address)
            asked += [(self._slow.of(key, now), Rate(_SLOW, slow_ms), slow_ms) for key in held]
        waits = [bucket.take(rate, now, n) for bucket, rate, n in asked]  # `take_all`, without its call
        if wait := max(waits):
            give_back_taken(asked, waits)
            if wait in waits[len(asked) - len(held) :]:
                raise Limited("slow_mode", ms(wait))
            bucket, rate, n = asked[waits.index(wait)]
            raise refusal(bucket, rate, now, wait, n)
        if self._shared:
            self._rooms.spend(room, 1)
            if not server:
                self._users.spend(user, 1)
            for key in held:
                self._slow.spend(key, slow_ms)

    def attempt(self, user: str, now: float, *, server: bool = False) -> None:
        """Charge a user for what would append in a room, before it is known whether they may do anything there.

        The room is charged by `in_room` once that is known: a stranger must not spend what its members need.

        Raises:
            Limited: rate_limited.
        """
        if server:
            return
        take(self._users.of(user, now), self.rates.user, now)
        if self._shared:
            self._users.spend(user, 1)

    def in_room(self, room: str, now: float) -> None:
        """Charge a room for an append of a user who was charged by `attempt` (rate_limited)."""
        take(self._rooms.of(room, now), self.rates.room, now)
        if self._shared:
            self._rooms.spend(room, 1)

    def give_back(self, now: float, *, user: str = "", room: str = "") -> None:
        """Undo what an append was charged to its user, its room, or both."""
        for buckets, key, rate in (self._users, user, self.rates.user), (self._rooms, room, self.rates.room):
            if key:
                buckets.of(key, now).give_back(rate)
                if self._shared:
                    buckets.spend(key, -1)

    def give_back_slow(self, user: str, room: str, now: float, slow_ms: int, address: str = "") -> None:
        """Undo the slow mode that `append` charged: nobody has seen a message."""
        for key in _slow_keys(user, room, slow_ms, address):
            self._slow.of(key, now).give_back(Rate(_SLOW, slow_ms), slow_ms)
            if self._shared:
                self._slow.spend(key, -slow_ms)

    def command(self, bucket: Bucket, now: float) -> None:
        """Charge a command to its connection's own bucket (rate_limited)."""
        take(bucket, self.rates.connection, now)

    def request(self, user: str, now: float) -> None:
        """Charge a user's HTTP request: all of them together are held to the rate of one connection (rate_limited)."""
        take(self._requests.of(user, now), self.rates.connection, now)

    @property
    def refill_s(self) -> float:
        """Seconds after which the empty bucket of a connection is full."""
        rate = self.rates.connection
        return rate.burst / rate.per_second if rate.per_second else 0.0

    def large_command(self, bucket: Bucket, size: int, user: str, address: str, now: float) -> None:
        """Charge a command of many bytes to its connection and, beyond one command, to user and address (rate_limited)."""
        extra = costs.of_bytes(size)
        self._work.take(bucket, 1 + extra, extra, user, address, now)

    def large_body(self, size: int, user: str, address: str, now: float) -> None:
        """Charge what the body of a request costs beyond the request, as that of a command (rate_limited)."""
        if extra := costs.of_bytes(size):
            self._work.take(self._requests_of(user, address, now), extra, extra, user, address, now)

    def page(self, bucket: Bucket | None, rows: int, user: str, address: str, now: float) -> None:
        """Charge what a page costs beyond a command, by its rows (rate_limited).

        Args:
            bucket: its connection's; None for an HTTP request.
        """
        if extra := costs.of_rows(rows):
            payer = self._requests_of(user, address, now) if bucket is None else bucket
            self._work.take(payer, extra, extra, user, address, now)

    def page_given_back(self, bucket: Bucket | None, rows: int, user: str, address: str, now: float) -> None:
        """Undo `page` for one that was not read."""
        if extra := costs.of_rows(rows):
            payer = self._requests_of(user, address, now) if bucket is None else bucket
            self._work.give_back(payer, extra, extra, user, address, now)

    def took(self, bucket: Bucket | None, seconds: float, size: int, user: str, address: str, now: float) -> None:
        """Charge the processor's time that a command or request of this size took: what it costs beyond its bytes.

        Args:
            bucket: its connection's; None for an HTTP request.
        """
        if owed := costs.of_time(seconds, size):
            payer = self._requests_of(user, address, now) if bucket is None else bucket
            self._work.owe(payer, owed, user, address, now)

    def _requests_of(self, user: str, address: str, now: float) -> Bucket:
        return self._requests.of(user or f"@{address}", now)

    def flooded(self, address: str, now: float) -> None:
        """Charge an address for a connection that was closed for flooding: otherwise coming back would be free."""
        self._addresses.of(address, now).charge(self.rates.address, now, FLOODED)
        self._spend_address(address, FLOODED)

    def handshake(self, address: str, now: float) -> None:
        """Charge a handshake to its address and to the node.

        Thousands of clients that were disconnected together come back together. If all that are refused were told the
        same wait, they would be refused together again. So each is told a turn behind the one before, and as many come at
        a time as can be let in. What one limit refuses, none is charged for.

        Raises:
            Limited: rate_limited by its address, overloaded by the node, with the time until its turn.
        """
        mine, rates = self._addresses.of(address, now), self.rates
        if wait := mine.take(rates.address, now):
            raise Limited("rate_limited", ms(mine.turn(rates.address, now, wait)))
        if wait := self._handshakes.take(rates.handshakes, now):
            mine.give_back(rates.address)
            raise Limited("overloaded", ms(self._handshakes.turn(rates.handshakes, now, wait)))
        self._spend_address(address, 1)

    def arrival(self, address: str, now: float) -> None:
        """Charge an HTTP request to its address, before anything is done for it (rate_limited)."""
        take(self._arrivals.of(address, now), self.rates.requests, now)

    def wrong_token(self, address: str, now: float) -> None:
        """Charge an address for a token or key that is not valid, as for several requests."""
        self._arrivals.of(address, now).charge(self.rates.requests, now, WRONG_TOKEN - 1)

    def wrong_hello(self, address: str, now: float) -> None:
        """Charge an address for a token that is not valid, shown by a connection."""
        self._addresses.of(address, now).charge(self.rates.address, now, WRONG_TOKEN - 1)
        self._spend_address(address, WRONG_TOKEN - 1)

    def address(self, address: str, now: float) -> None:
        """Charge a new guest to an address (rate_limited)."""
        take(self._addresses.of(address, now), self.rates.address, now)
        self._spend_address(address, 1)

    def address_given_back(self, address: str, now: float) -> None:
        """Undo `address` for a guest who was not made."""
        self._addresses.of(address, now).give_back(self.rates.address)
        self._spend_address(address, -1)

    # -- shared with other nodes ---------------------------------------------------------------------------------------

    def _spend_address(self, address: str, n: int) -> None:
        if self._shared:
            self._addresses.spend(address, n)

    def spent(self, seconds: float, most: int) -> list[Spending]:
        """Return what was spent here since the last call, `seconds` ago: the `most` largest shares of rates, and of quotas.

        A share below a NEGLIGIBLE part of what the rate grants in that time is left out: however many nodes leave it out,
        the rate is exceeded by little.
        """

        def shares(kinds: Mapping[str, tuple[Buckets, Rate]]) -> Iterator[tuple[float, Spending]]:
            for kind, (buckets, rate) in kinds.items():
                for key, n in buckets.take_spent():
                    if rate.per_second and (share := n / rate.per_second) >= seconds * NEGLIGIBLE:
                        yield share, Spending(kind, key, n)

        # One by one: what is spent of a day's quota is a larger share than what is spent of any rate.
        every = (heapq.nlargest(most, shares(kinds), key=_share) for kinds in (self._kinds, self.quotas.kinds))
        return [spent for largest in every for _, spent in largest]

    def charge(self, spent: Spending, now: float) -> None:
        """Charge what was spent on another node. What the bucket does not have, it owes."""
        if (
            kind := self._kinds.get(spent.kind) or self.quotas.kinds.get(spent.kind)
        ) is not None:  # else of another version
            buckets, rate = kind
            if rate.per_second:
                buckets.of(spent.key, now).charge(rate, now, spent.n)


def _share(spent: tuple[float, Spending]) -> float:
    return spent[0]


def _slow_keys(user: str, room: str, slow_ms: int, address: str) -> list[str]:
    """Return whom slow mode in a room is charged to. No user id begins with an @."""
    return [f"{room}/{name}" for name in (user, address and f"@{address}") if slow_ms and name]
