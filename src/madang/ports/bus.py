"""The bus: a courier between nodes. The log is the truth, so the bus may lose, repeat and reorder without harm.

What it must not do: block the caller, grow without bound, or alter what it carries.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from madang.core.events import Event

EVERYWHERE: Final = ""
"""The room of signals that are for every node, whatever its rooms. No room of people has this name."""
MAX_SIGNAL: Final = 4096
"""Bytes of a signal's value: what every broker carries in one piece. Longer ones may be dropped."""


class Signal(msgspec.Struct, frozen=True):
    """An ephemeral notice for a room on every node: last value per (room, topic, key) wins, any may be lost.

    Attributes:
        room: a room's id, or EVERYWHERE.
        topic: "typing", "read" or "presence"; what nodes tell each other EVERYWHERE has topics of its own.
        key: whose value it is; the server's own user ids and nodes, never a client's words.
        value: JSON text of the value, at most MAX_SIGNAL bytes.
    """

    room: str
    topic: str
    key: str
    value: bytes


class Statistics(msgspec.Struct):
    """Counters of a bus, since the process began."""

    published: int = 0  # events given to the broker
    envelopes: int = 0  # messages they and the signals went out in
    dropped: int = 0  # events and signals left out because too many waited, or because sending them failed
    received: int = 0  # events of this node's rooms that came from other nodes
    refused: int = 0  # messages passed over because they are not of this installation
    failures: int = 0  # connections lost, and probes that did not come back


class Receiver(Protocol):
    """What a node hands to the bus. Called in the event loop; must not block."""

    def receive(self, events: Sequence[Event]) -> None:
        """Take events of rooms this node subscribes, in any order, perhaps again."""

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        """Learn up to which seq the log of some rooms reaches. What the node lacks of those it serves, it reads there."""

    def signal(self, signal: Signal) -> None:
        """Take an ephemeral notice."""

    def check_soon(self) -> None:
        """Learn that anything may have been lost on the way: the log is to be looked at soon."""


class Bus(Protocol):
    """Carries events and signals from one node to the others.

    An event that is too large for what carries it is not lost for that: its seq is announced, and the log has it.
    """

    statistics: Statistics

    @property
    def local(self) -> bool:
        """True when no other node can be reached: the publisher's own delivery is all there is."""

    async def start(self, receiver: Receiver) -> None:
        """Connect, and deliver to `receiver` from now on: signals EVERYWHERE, and what is subscribed.

        Raises:
            SetupError: the server cannot be reached, or not be used.
        """

    async def stop(self) -> None:
        """Let go. Delivers nothing after it returns."""

    async def subscribe(self, room: str) -> None:
        """Deliver this room's events, heads and signals. When it returns, what is published from now on is on its way here.

        While the server cannot be reached it returns all the same, within a second or so, and the receiver's `check_soon`
        follows when it is listened to.
        """

    async def unsubscribe(self, room: str) -> None:
        """Stop delivering this room; something late may still come."""

    def publish(self, events: Sequence[Event]) -> None:
        """Send committed events to the other nodes. Returns at once; when the outgoing buffer is full, the oldest go.

        The publisher delivers to its own sockets itself; whether its own events come back to it does not matter.
        """

    def signal(self, signal: Signal) -> None:
        """Send an ephemeral notice to the other nodes; first to be dropped.

        One that is for EVERYWHERE comes back to its sender too, by the way that everything takes: that is how a node knows
        that it is heard, and hears. Such ones are dropped only when sending fails: their sender bounds their keys.
        """

    async def probe(self) -> bool:
        """Send something through the publish path and wait for it to come back (at most 5 s). False: rebuild and resync."""
