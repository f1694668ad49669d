"""What speaks at a path of the WebSocket server: the session a connection is given, and what it may be sent.

The connection knows sockets and frames; what messages mean is its session's. So a new protocol over WebSockets is a
`WebSocketSession` and a `Door` to it, and nothing here changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from madang.core.bounds import MAX_FRAME
from madang.delivery.subscriber import Encoding, Subscriber
from madang.errors import MadangError
from madang.transports.socket import Socket
from madang.transports.websocket.framing import Framing


class WebSocketSession(Protocol):
    """One connection's side of a conversation, whatever its language."""

    @property
    def encoding(self) -> Encoding:
        """How events are written to this connection; fixed."""

    @property
    def subscriber(self) -> Subscriber:
        """Who follows rooms over this connection: the connection itself, unless what follows outlives it."""

    @property
    def is_open(self) -> bool:
        """Whether the client has said who it is; it has `HELLO_S` to do so."""

    @property
    def left_s(self) -> float:
        """Seconds that are left of the client's right to speak, once the session is open; infinity where it has no end."""

    def remind(self) -> None:
        """Tell the client that its right to speak ends soon, if it does. Called between pings, once the session is open."""

    def receive(self, text: bytes) -> None:
        """Handle a text message, or keep it until there is room."""

    def go_on(self) -> None:
        """Handle what was kept: the socket has room again."""

    def announce_restart(self, retry_ms: int) -> None:
        """Tell the client that the node restarts, and when to come back. The connection closes next."""

    def end(self, code: int, reason: str) -> None:
        """Handle nothing more, and close once what is under way has been answered."""

    def ended(self) -> None:
        """Let go of everything: the connection has closed, or is gone. Called once."""


class BinarySession(WebSocketSession, Protocol):
    """A session that takes binary messages, too."""

    def receive_binary(self, data: bytes) -> None:
        """Handle a binary message, or keep it until there is room."""


class Upgrade(NamedTuple):
    """What a client asked for, and what was agreed."""

    target: str  # path and query
    framing: Framing
    credential: str = ""  # of the header Authorization, or of a subprotocol


@dataclass(frozen=True, slots=True)
class Door:
    """A way in.

    Attributes:
        open: makes the session of a connection that has just been accepted.
        binary: whether its sessions take binary messages (`BinarySession`); otherwise one ends the connection.
        max_message: bytes a message may have.
        subprotocol: what is agreed on, if the client offers it; then the client may say who it is in the handshake.
        slow: the code with which who reads too slowly is closed.
        judge: returns what a request to this target, from this address, is refused with, if it is.
    """

    open: Callable[[Socket, Upgrade], WebSocketSession]
    binary: bool = False
    max_message: int = MAX_FRAME
    subprotocol: str = ""
    slow: int = 4409
    judge: Callable[[str, str], MadangError | None] = lambda target, address: None


Doors = Mapping[str, Door]
"""By path. A key that ends with `/*` is for every path with one more segment."""


def door_at(doors: Doors, target: str) -> Door | None:
    """Return the door at a request's target, if there is one. Paths are compared as they are written."""
    path = target.partition("?")[0]
    return doors.get(path) or doors.get(f"{path[: path.rfind('/') + 1]}*")
