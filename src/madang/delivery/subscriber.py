"""What delivery knows of a connection (`Subscriber`) and of how it is written to (`Encoding`). Transports implement both."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from madang.core.events import Event
from madang.protocol.native import codec
from madang.protocol.native.frames import Frame


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event of the hot tail.

    `text` is its event frame as JSON, which encodings build on, so that it is encoded once for all of them.
    """

    event: Event
    text: bytes


def encoded(event: Event) -> Entry:
    """Encode an event."""
    return Entry(event, codec.event(event))


class Encoding(Protocol):
    """How what happens becomes bytes: codec and framing. One object per kind, shared by all subscribers of that kind.

    So that audiences can be told apart by it, an encoding is hashable, and equal only to itself.
    """

    def event(self, entry: Entry) -> bytes:
        """Return what is written for an event."""

    def frame(self, frame: Frame) -> bytes:
        """Return what is written for any other frame."""


class Subscriber(Protocol):
    """One connection that may follow rooms. Nothing here blocks.

    The transport calls `Hub.pause` and `Following.resume` when its byte budget is used up and when there is room again.

    uvloop makes one system call per write, so there are three ways to write. `write_now` is the transport's own method
    and goes out at once: for large audiences. `queue` waits for the end of this turn of the loop and goes out joined with
    everything else queued by then, an ack and an event, say. `send` keeps the order with what is queued.
    """

    write_now: Callable[[bytes], None]
    device: str  # unique per connection, over all nodes
    paused: bool  # over its byte budget
    closed: bool
    subscriptions: "dict[str, Subscription]"

    @property
    def encoding(self) -> Encoding:
        """How this connection is written to; fixed once it is open."""

    def queue(self, data: bytes) -> None:
        """Write at the end of this turn of the loop, joined with what else is queued."""

    def send(self, data: bytes) -> None:
        """Write what is queued, then this."""

    def flush(self) -> None:
        """Write what is queued."""

    def access_ended(self, room: str) -> None:
        """Forget the subscription, or let it catch up to its `until`: the user left the room or was kicked."""

    def close_retryable(self) -> None:
        """Close with a code that invites the client to resume: what this connection lacks could not be read."""


class Subscription:
    """One subscriber that follows one room.

    A live subscription stands wherever its room stands and keeps no position of its own. One that is behind is not
    written to by the room; it catches up from `position`, the newest seq its subscriber was given. If its access ends
    meanwhile, it catches up as far as `until`, the seq that ended it, and is then let go. An end at or below `reach`, the
    user's read pointer when he joined (his own member.joined or above it), is of a former membership: a node that was
    behind, or a resume that goes on as frames, brings it later.
    """

    __slots__ = ("catching_up", "live", "name", "position", "reach", "role", "subscriber", "until", "user")

    def __init__(self, subscriber: Subscriber, user: str, name: str, role: str, position: int, reach: int) -> None:
        self.subscriber = subscriber
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
