"""What a session may ask of its connection, whatever carries that: a WebSocket, or another transport."""

from collections.abc import Sequence
from typing import Protocol

from madang.delivery.subscriber import Subscriber


class Socket(Subscriber, Protocol):
    """What a session may ask of its connection, beyond what delivery may."""

    address: str  # what the client is counted by

    def close(self, code: int, reason: str) -> None:
        """Close after what has been written. What the client still sends is not handled."""

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Write what is queued, then these, without copying them."""

    async def drained(self, coming: int = 0) -> None:
        """Wait until what is unsent is little, or leaves room for what is coming; or until the connection ends."""

    def read_on(self, on: bool) -> None:
        """Read on, or stop reading until told to."""
