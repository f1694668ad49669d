"""What a broker with channels must offer to be a bus: connections that listen and publish. The bus over it is `courier.py`."""

import asyncio
from collections.abc import Collection
from typing import Final, Protocol

from madang.ports.bus import MAX_SIGNAL

LEAST: Final = 2 * MAX_SIGNAL
"""Bytes that a broker must carry in one message: any signal fits."""
CLOSE_S: Final = 1.0
"""How long the end of a connection waits for what is still to be sent."""


class Link(Protocol):
    """One connection to a broker. When it has ended, another one is made.

    Attributes:
        most: bytes of an envelope that the broker carries.
        ended: set once nothing can come or go any more.
        why: the reason, for people.
    """

    most: int
    ended: asyncio.Event
    why: object

    async def listen(self, channels: Collection[str]) -> None:
        """Receive what is published on some channels, and return when the broker has said so."""

    async def ignore(self, channels: Collection[str]) -> None:
        """Receive channels no longer, to which it listens."""

    async def send(self, channel: str, envelope: bytes) -> None:
        """Publish an envelope. Waits while the broker does not take more."""

    async def close(self) -> None:
        """End the connection, also if the broker stands still. May be called again."""


class Taker(Protocol):
    """What a link hands to its bus. Called in the event loop; none of it waits."""

    def deliver(self, channel: str, envelope: bytes) -> None:
        """Handle an envelope that came on a channel."""

    def missed(self, why: object) -> None:
        """Learn that something on its way to this node was dropped."""


class Broker(Protocol):
    """Makes connections to one installation of a broker.

    Attributes:
        name: of the product and the place, as the beginning of a sentence: "NATS at host:4222".
        grant: what to do if nothing that is published comes back.
    """

    name: str
    grant: str

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """What a link raises when it fails."""

    async def inspect(self) -> list[str]:
        """Return sentences on what is risky.

        Raises:
            SetupError: it cannot be reached, or cannot be used.
        """

    async def connect(self, taker: Taker) -> Link:
        """Connect. Raises one of `unreachable`."""
