"""How fast commands and requests come, and what they cost beyond one each: bytes, rows and the processor's time.

What a command costs is in `core.costs`, and who pays for it besides its connection in `work.py`.
"""

from madang.core import costs
from madang.core.rate import Bucket, Left, Rate, left
from madang.services.buckets import Buckets, take
from madang.services.work import Work


class CommandLimits:
    """The buckets of one node. `now` is loop time in seconds.

    Args:
        connection: the rate of the commands of one connection, and of all of one user's requests.

    Attributes:
        buckets: all but those of connections, which have their own.
    """

    def __init__(self, connection: Rate) -> None:
        self._connection = connection
        self._requests = Buckets()
        self._work = Work(connection)
        self.buckets = (self._requests, *self._work.buckets)

    def command(self, bucket: Bucket, now: float) -> None:
        """Charge a command to its connection's own bucket (rate_limited)."""
        take(bucket, self._connection, now)

    def request(self, user: str, now: float) -> None:
        """Charge a user's HTTP request: all of them together are held to the rate of one connection (rate_limited)."""
        take(self._requests.of(user, now), self._connection, now)

    def requests_left(self, user: str, now: float) -> Left | None:
        """Return how many HTTP requests a user has left; None for any number."""
        return left(self._requests.get(user), self._connection, now)

    @property
    def refill_s(self) -> float:
        """Seconds after which the empty bucket of a connection is full."""
        rate = self._connection
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
