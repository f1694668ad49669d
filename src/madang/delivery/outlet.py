"""What delivery knows of a socket (an outlet) and of its language (a wire). Transports implement both."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from madang.core.events import Event
from madang.protocol.native import codec


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event of the hot tail with its native text, encoded once."""

    event: Event
    text: bytes


def encoded(event: Event) -> Entry:
    """Encode an event."""
    return Entry(event, codec.event(event))


class Wire(Protocol):
    """A language events are spoken in: codec and framing. One object per language, shared by all its outlets."""

    def event(self, entry: Entry) -> bytes:
        """Frame an event."""

    def notice(self, text: bytes) -> bytes:
        """Frame a notice given as native text."""


class Outlet(Protocol):
    """One socket; nothing here blocks. The transport calls `Hub.pause` and `Following.resume` at its budget's marks.

    uvloop makes one system call per write, so three ways: `write` is the transport's own and goes out at once, for large
    audiences; `put` waits for the end of this turn of the loop and goes out joined with all else put there (an ack and
    an event, say); `say` keeps behind what was put.
    """

    wire: Wire
    write: Callable[[bytes], None]
    device: str  # unique per socket, over all nodes
    paused: bool  # over its byte budget
    closed: bool
    subscriptions: "dict[str, Subscription]"

    def put(self, data: bytes) -> None:
        """Write joined with what else this turn of the loop gives the socket."""

    def say(self, data: bytes) -> None:
        """Write what was put so far, and then this."""

    def flush(self) -> None:
        """Write what was put so far."""

    def ended(self, room: str) -> None:
        """Its user left the room or was kicked; forget the subscription, or let it catch up as far as its `until`."""

    def fail(self) -> None:
        """Close resumably: what this socket lacks could not be read."""


class Subscription:
    """One outlet following one room.

    A live subscription stands wherever its room stands and keeps no position of its own. One that is behind is not
    written to by the room; it catches up from `position`, the newest seq its outlet was given. If its access ends
    meanwhile, it catches up as far as `until`, the seq that ended it, and is then let go. An end at or below `reach`, the
    user's read pointer when he joined (his own member.joined or above it), is of a former membership: a node that was
    behind, or a resume that goes on as frames, brings it later.
    """

    __slots__ = ("catching_up", "live", "name", "outlet", "position", "reach", "role", "until", "user")

    def __init__(self, outlet: Outlet, user: str, name: str, role: str, position: int, reach: int) -> None:
        self.outlet = outlet
        self.user = user
        self.name = name
        self.role = role
        self.live = False
        self.position = position
        self.reach = reach
        self.catching_up = False
        self.until: int | None = None


class Statistics(msgspec.Struct):
    """Counters of the hub; every buffer with what it did when it was full."""

    events: int = 0  # accepted into live rooms
    deliveries: int = 0  # event frames handed to sockets
    writes: int = 0  # write calls that took
    duplicates: int = 0  # events the bus brought again
    gaps: int = 0  # holes filled from the log
    checks: int = 0  # times all live rooms were compared with the log
    log_reads: int = 0  # calls that read events from the log; equal ones at one time are one
    lagging: int = 0  # times a socket was over its byte budget
    resets: int = 0  # times a socket was too far behind to catch up event by event
    ephemeral_dropped: int = 0  # notices not sent for load or size
