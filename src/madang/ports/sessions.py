"""Who is connected to this node, as services may ask and say. Transports keep it. Every call is done when it returns."""

from collections.abc import Collection, Container, Iterable
from typing import Protocol


class OpenSessions(Protocol):
    """The connections of a node that speak for somebody. That one of them cannot be closed keeps none of the others open."""

    def users(self) -> Iterable[str]:
        """Return the users of all connections, one as often as they have connections."""

    def makers(self) -> Collection[str]:
        """Return the server keys by whose tokens connections speak."""

    def end(self, user: str) -> None:
        """Close the connections of a user, whose access was taken away."""

    def disconnect(self, user: str) -> None:
        """Close the connections of a user, who may come back."""

    def rename(self, user: str, name: str) -> None:
        """Let the connections of a user speak by another name."""

    def sign_out(self, sessions: Container[str]) -> None:
        """Close the connections that came with a token of these sessions of accounts."""

    def end_made_by(self, keys: Container[str]) -> None:
        """Close the connections whose token was made by one of these server keys."""

    def end_signed_by(self, keys: Container[str]) -> None:
        """Close the connections whose token was signed by one of these keys."""
