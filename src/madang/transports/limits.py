"""The rates as doors ask for them: of whoever arrives, and of what a connection asks. Services judge both."""

from typing import Protocol

from madang.core.rate import Bucket, Left


class ArrivalLimits(Protocol):
    """How fast those come who are not known yet."""

    def handshake(self, address: str, now: float) -> None:
        """Count a connection of an address. Raise Limited (rate_limited by the address, overloaded by the node)."""

    def flooded(self, address: str, now: float) -> None:
        """Charge an address for a connection that was closed for flooding."""

    def arrival(self, address: str, now: float) -> None:
        """Charge an HTTP request to its address, before anything is done for it. Raise Limited (rate_limited)."""

    def arrivals_left(self, address: str, now: float) -> Left | None:
        """Return how many HTTP requests an address has left; None for any number."""

    def pace(self, address: str, clients: int, now: float) -> float:
        """Return for how many seconds to hold an answer that makes one of an address's clients ask again at once."""

    def wrong_token(self, address: str, now: float) -> None:
        """Charge an address for a token or key that is not valid, as for several requests."""


class CommandLimits(Protocol):
    """How fast commands and requests come, and what they cost beyond one each."""

    @property
    def refill_s(self) -> float:
        """Seconds after which the empty bucket of a connection is full. Whoever owes more has overspent."""

    def requests_left(self, user: str, now: float) -> Left | None:
        """Return how many HTTP requests a user has left; None for any number."""

    def command(self, bucket: Bucket, now: float) -> None:
        """Charge a command to its connection's bucket. Raise Limited (rate_limited)."""

    def large_command(self, bucket: Bucket, size: int, user: str, address: str, now: float) -> None:
        """Charge a command of `costs.BYTES` bytes or more. Raise Limited (rate_limited)."""

    def large_body(self, size: int, user: str, address: str, now: float) -> None:
        """Charge a request's body of `costs.BYTES` bytes or more. Raise Limited (rate_limited)."""

    def took(self, bucket: Bucket | None, seconds: float, size: int, user: str, address: str, now: float) -> None:
        """Charge the processor's time that a command, or a request without a bucket, has taken."""


class AppendLimits(Protocol):
    """How fast users append."""

    def appends_left(self, user: str, now: float) -> Left | None:
        """Return how many appends a user has left; None for any number."""
