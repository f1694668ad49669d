"""A socket as delivery knows it: its state, what it follows, and the three ways of writing to it.

Nothing here knows of frames. The transport's write buffer is the byte budget: what is written is counted there.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

from madang.delivery.subscriber import Encoding
from madang.delivery.subscription import Subscription
from madang.memory import hold
from madang.transports.node import Node

HIGH_WATER: Final = 256 * 1024  # bytes unsent at which a socket is behind
LOW_WATER: Final = 32 * 1024
SLOW_S: Final = 30.0  # a socket that stays behind this long is closed; it resumes when it can
CLOSE_S: Final = 5.0  # for the peer to finish closing
UNANSWERED_PINGS: Final = 2  # after which the peer is taken for dead
COUNTED: Final = 16 * 1024
"""Bytes for one socket alone, from which on they count among the node's buffers until it has them."""


class SocketState(Enum):
    """The state of a connection. It only moves forward."""

    CONNECTING = auto()  # the handshake has not been answered
    OPEN = auto()  # messages go both ways
    CLOSING = auto()  # a side has closed: nothing is followed, handled or queued
    LOST = auto()  # the socket is gone


CONNECTING, OPEN, CLOSING, LOST = SocketState  # looked up on the class, a member takes as long as a call


class SocketSubscriber(ABC):
    """Writes to one socket, in order (`delivery.subscriber.Subscriber`)."""

    node: Node  # of the class, for each node
    transport: asyncio.Transport
    write_now: Callable[[bytes], None]  # the transport's own, so that a delivery is one call
    encoding: Encoding  # once it is open

    __slots__ = ("_queued", "device", "encoding", "paused", "state", "subscriptions", "transport", "write_now")

    def __init__(self) -> None:
        self.state = CONNECTING
        self.paused = False  # the byte budget is used up
        self.device = ""
        self.subscriptions: dict[str, Subscription] = {}
        self._queued: list[bytes] = []

    @property
    def closed(self) -> bool:
        """Whether it is too late to follow or queue anything."""
        return self.state is CLOSING or self.state is LOST

    def queue(self, data: bytes) -> None:
        """Write at the end of this turn of the loop, joined with what else is queued. Nothing follows a close."""
        if self.state is not OPEN:
            return
        if not self._queued:
            self.node.turns.flush_at_end(self)
        self._queued.append(data)

    def send(self, data: bytes) -> None:
        """Write what is queued, then this. Nothing follows a close."""
        if self.state is OPEN:
            self._write(data)

    def _write(self, data: bytes) -> None:
        """Write what is queued, then this, even behind a close: what is the connection's own."""
        if self.state is LOST:
            return
        if self._queued:
            self.flush()
        self.write_now(data if len(data) < COUNTED else hold(self.node.memory, "answers", data))

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Write what is queued, then these, without copying them: sockets with the same page hold one object."""
        if self.state is not OPEN:
            return
        if self._queued:
            self.flush()
        self.transport.writelines(pieces)

    def flush(self) -> None:
        """Write what is queued."""
        queued, self._queued = self._queued, []
        if self.state is LOST:
            return
        if len(queued) == 1:
            self.write_now(queued[0])
        elif queued:
            self.write_now(b"".join(queued))

    def access_ended(self, room: str) -> None:
        """Forget the subscription, or let it catch up to its `until`: the user left the room or was kicked."""
        subscription = self.subscriptions[room]
        self.node.hub.access_ended(room, subscription.user, self.device)
        if subscription.until is None:
            del self.subscriptions[room]

    @abstractmethod
    def close_retryable(self) -> None:
        """Close with a code that invites the client to resume: what this connection lacks could not be read."""
