"""What carries a client's packets: a WebSocket's connection, or polls (`polling.py`). It may change once, by an upgrade."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol


class Carrier(Protocol):
    """Writes frames in order, as a socket does (`transports.socket`)."""

    paused: bool

    @property
    def write_now(self) -> Callable[[bytes], None]:
        """Writes at once."""

    @property
    def closed(self) -> bool:
        """Whether it is too late to write."""

    def queue(self, data: bytes) -> None:
        """Write at the end of this turn of the loop, joined with what else is queued."""

    def send(self, data: bytes) -> None:
        """Write what is queued, then this."""

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Write what is queued, then these, without copying them."""

    def flush(self) -> None:
        """Write what is queued."""

    def read_on(self, on: bool) -> None:
        """Read on, or stop reading until told to."""

    async def drained(self, coming: int = 0) -> None:
        """Wait until what is unsent is little, or leaves room for what is coming; or until the end."""

    def close(self, code: int, reason: str) -> None:
        """Close after what has been written."""


def _drop(data: bytes) -> None:
    """Write nothing."""


class Gone:
    """In place of what has carried a client: the two would hold each other until the cycle collector comes, which is rarely."""

    def __init__(self) -> None:
        self.paused = False
        self.closed = True

    write_now = queue = send = staticmethod(_drop)

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Write nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def read_on(self, on: bool) -> None:
        """Do nothing."""

    async def drained(self, coming: int = 0) -> None:
        """Do not wait."""

    def close(self, code: int, reason: str) -> None:
        """Do nothing."""


GONE: Final = Gone()
