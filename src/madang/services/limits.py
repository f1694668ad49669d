"""Flood limits of one node: per connection, user, room and address. A flooder waits; his neighbours do not notice.

Each limit is one bucket (`core.limits`); the answer names the longest wait. Slow mode is a room's own wait per member.
"""

from typing import Final

import msgspec

from madang.core.limits import Bucket, Rate
from madang.errors import Limited

_PRUNE: Final = 10_000  # buckets kept before full ones are forgotten


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The rates in force; 0 per second means no limit."""

    connection: Rate = Rate(50, 200)  # commands of one connection
    user: Rate = Rate(10, 30)  # appends of one user, over all of his connections
    room: Rate = Rate(2000, 4000)  # appends in one room
    address: Rate = Rate(50, 500)  # handshakes and guests of one address
    sockets_per_address: int = 500
    sockets: int = 50_000


UNLIMITED: Final = Rates(
    connection=Rate(0, 0), user=Rate(0, 0), room=Rate(0, 0), address=Rate(0, 0),
    sockets_per_address=1_000_000, sockets=1_000_000,
)  # fmt: skip


class Limits:
    """The buckets of one node. `now` is loop time in seconds."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self._users: dict[str, Bucket] = {}
        self._rooms: dict[str, Bucket] = {}
        self._addresses: dict[str, Bucket] = {}
        self._slow: dict[str, Bucket] = {}
        self._requests: dict[str, Bucket] = {}

    def append(self, user: str, room: str, now: float, slow_ms: int = 0, *, server: bool = False) -> None:
        """Count an append of a user in a room; `slow_ms` is the room's slow mode where it applies to him.

        A server key speaks for many, so the room's rate alone holds it.

        Raises:
            Limited: rate_limited or slow_mode, with the wait.
        """
        rates = self.rates
        if not slow_ms and not rates.user.per_second and not rates.room.per_second:
            return
        if not server and (wait := _bucket(self._users, user, now).take(rates.user, now)):
            raise Limited("rate_limited", _ms(wait))
        if wait := _bucket(self._rooms, room, now).take(rates.room, now):
            raise Limited("rate_limited", _ms(wait))
        if slow_ms and (wait := _bucket(self._slow, f"{room}/{user}", now).take(Rate(1000 / slow_ms, 1), now)):
            raise Limited("slow_mode", _ms(wait))

    def command(self, bucket: Bucket, now: float) -> None:
        """Count a command in its connection's own bucket (rate_limited)."""
        if wait := bucket.take(self.rates.connection, now):
            raise Limited("rate_limited", _ms(wait))

    def request(self, user: str, now: float) -> None:
        """Count a user's HTTP request: all of them together are held to the rate of one connection (rate_limited)."""
        if wait := _bucket(self._requests, user, now).take(self.rates.connection, now):
            raise Limited("rate_limited", _ms(wait))

    def address(self, address: str, now: float) -> None:
        """Count a handshake or a new guest of an address (rate_limited)."""
        if wait := _bucket(self._addresses, address, now).take(self.rates.address, now):
            raise Limited("rate_limited", _ms(wait))


def _bucket(buckets: dict[str, Bucket], key: str, now: float) -> Bucket:
    bucket = buckets.get(key)
    if bucket is None:
        if len(buckets) >= _PRUNE:
            for idle in [k for k, b in buckets.items() if b.idle(now)]:
                del buckets[idle]
        bucket = buckets[key] = Bucket()
    return bucket


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000) + 1)
