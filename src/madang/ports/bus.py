"""The bus between nodes. The log is the truth, so the bus may lose, repeat and reorder without harm.

What it must not do: block the caller, grow without bound, or alter what it carries.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from madang.core.events import Event
from madang.core.metrics import Metric, counters

EVERYWHERE: Final = ""
"""The room of signals for every node, whatever its rooms. No real room has this name."""
MAX_SIGNAL: Final = 4096
"""Bytes of a signal's value: what every broker carries in one piece. Longer ones may be dropped."""


class Signal(msgspec.Struct, frozen=True):
    """An ephemeral notice for a room on every node: the last value per (room, topic, key) wins, and any may be lost.

    Attributes:
        room: a room's id, or EVERYWHERE.
        topic: "typing", "read", "reports" or "presence"; signals EVERYWHERE have topics of their own.
        key: whose value it is: an id of a user, node or room, never a client's words.
        value: JSON text of the value, at most MAX_SIGNAL bytes.
    """

    room: str
    topic: str
    key: str
    value: bytes


_METRICS: Final = {
    "published": ("madang_bus_published", "Events sent to the broker."),
    "envelopes": ("madang_bus_envelopes", "Messages that carried events and signals."),
    "received": ("madang_bus_received", "Events of this node's rooms that came from other nodes."),
    "dropped": ("madang_bus_dropped", "Events and signals not sent: too many waited, or sending them failed."),
    "refused": (
        "madang_bus_refused",
        "Messages ignored: of another installation, come before, or older than a minute.",
    ),
    "failures": (
        "madang_bus_failures",
        "Connections to the broker lost, probes that were not returned, and times that what came was dropped.",
    ),
}


class BusStatistics(msgspec.Struct):
    """Counters of a bus, since the process began."""

    published: int = 0
    envelopes: int = 0
    received: int = 0
    dropped: int = 0
    refused: int = 0
    failures: int = 0

    def metrics(self) -> list[Metric]:
        """Return the counters as metrics."""
        return counters(self, _METRICS)


class Receiver(Protocol):
    """What a node hands to the bus. Called in the event loop; must not block."""

    def receive(self, events: Sequence[Event]) -> None:
        """Accept events of rooms that this node subscribes to, in any order, perhaps repeated."""

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        """Learn up to which seq the logs of some rooms reach. The node reads there what it lacks of its own rooms."""

    def signal(self, signal: Signal) -> None:
        """Accept an ephemeral notice."""

    def check_soon(self) -> None:
        """Learn that anything may have been lost on the way: check the log soon."""


class Bus(Protocol):
    """Carries events and signals from one node to the others.

    An event too large for the broker is not lost: its seq is announced, and the log has it.
    """

    statistics: BusStatistics

    @property
    def local(self) -> bool:
        """True when no other node can be reached: the publisher's own delivery is all there is."""

    async def start(self, receiver: Receiver) -> None:
        """Connect, and deliver to `receiver` from now on: signals EVERYWHERE, and what is subscribed.

        Raises:
            SetupError: the server cannot be reached or used.
        """

    async def stop(self) -> None:
        """Disconnect. Nothing is delivered after it returns."""

    async def subscribe(self, room: str) -> None:
        """Deliver this room's events, heads and signals. What is published after it returns arrives here.

        It returns within a second or so even while the server cannot be reached; then the receiver's `check_soon` is called
        once the subscription is in place.
        """

    async def unsubscribe(self, room: str) -> None:
        """Stop delivering this room; something late may still arrive."""

    def publish(self, events: Sequence[Event]) -> None:
        """Send committed events to the other nodes. Returns at once; when the outgoing buffer is full, the oldest are dropped.

        The publisher delivers to its own sockets itself; whether its own events return to it does not matter.
        """

    def signal(self, signal: Signal) -> None:
        """Send an ephemeral notice to the other nodes; first to be dropped.

        A signal EVERYWHERE returns to its sender too, on the same way as everything: that is how a node knows that it can be
        heard, and can hear. Such signals are dropped only when sending fails: their sender bounds their keys.
        """

    async def probe(self) -> bool:
        """Send something through the publish path and wait for its return (at most 5 s). False: reconnect and resync."""
