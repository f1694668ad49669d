"""What delivery knows of a connection (`Subscriber`) and of how it is written to (`Encoding`). Transports implement both."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from madang.core.events import Event, seen
from madang.protocol.native import codec
from madang.protocol.native.frames import Frame

if TYPE_CHECKING:
    from madang.delivery.subscription import Subscription


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event of the hot tail.

    `text` is its event frame as JSON, which encodings build on, so that it is encoded once for all of them.
    """

    event: Event
    text: bytes


def encoded(event: Event) -> Entry:
    """Encode an event."""
    return Entry(event, codec.event(event))


def shown(entry: Entry, hidden: int) -> Entry:
    """Return an entry as somebody sees it who sees nothing up to the seq `hidden`."""
    event = seen(entry.event, hidden)
    return entry if event is entry.event else encoded(event)


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

    The transport calls `Hub.pause` and `Hub.resume` when its byte budget is used up and when there is room again.

    uvloop makes one system call per write, so there are three ways to write. `write_now` is the transport's own method
    and goes out at once: for large audiences. `queue` waits for the end of this turn of the loop and goes out joined with
    everything else queued by then, an ack and an event, say. `send` keeps the order with what is queued.
    """

    device: str  # unique per connection, over all nodes
    subscriptions: "dict[str, Subscription]"

    @property
    def write_now(self) -> Callable[[bytes], None]:
        """Writes at once; equal to itself whenever it is asked for."""

    @property
    def paused(self) -> bool:
        """Whether it is over its byte budget."""

    @property
    def closed(self) -> bool:
        """Whether it is too late to follow anything."""

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
