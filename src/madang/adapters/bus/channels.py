"""Which channel a room's envelopes take, and so who pays for them: the broker, or the nodes.

What a channel is depends on the broker: a channel of Redis, a subject of NATS, a routing key of RabbitMQ.

docs/reference/buses.md says which suits whom.

- `all`: one channel. The broker does least; every node receives everything and ignores rooms that it does not serve.
- `partition`: one of PARTITIONS channels, by a hash of the room's id. A node listens to the partitions of its rooms; rooms
  that are sent to at the same time share an envelope.
- `room`: a channel per room. A node receives what it needs and no more; the broker keeps a subscription per node and room, and
  handles a message per room.
- `adaptive`: a node listens to both, and the sender decides per envelope. Small content shares the partition's channel; a
  room with much content, or alone in its envelope, takes its own, so that nodes without it pay nothing.

Every node of a fleet must use the same strategy. Pattern subscriptions are not used: Redis compares every message with
every pattern.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple
from zlib import crc32

from madang.adapters.bus.envelopes import Content
from madang.ports.bus import EVERYWHERE

PARTITIONS: Final = 64
OWN_BYTES: Final = 4096
"""From this size on, a room takes its own channel (`adaptive`). One more message costs the broker (Redis) and each node that wants it some
50 µs together; bytes that a node does not want cost it about 2 µs per KB to receive and verify, and there are several nodes."""


class _Strategy(NamedTuple):
    shared: bool  # a node listens to the partitions of its rooms
    own: bool  # a node listens to each of its rooms
    partitions: int


STRATEGIES: Final = {
    "all": _Strategy(shared=True, own=False, partitions=1),
    "partition": _Strategy(shared=True, own=False, partitions=PARTITIONS),
    "room": _Strategy(shared=False, own=True, partitions=PARTITIONS),
    "adaptive": _Strategy(shared=True, own=True, partitions=PARTITIONS),
}


def partition(room: str, count: int = PARTITIONS) -> int:
    """Return the partition of a room."""
    return crc32(room.encode()) % count


class Channels:
    """Keeps count of the channels that a node's rooms need.

    Args:
        strategy: one of STRATEGIES.
        prefix: of every name, so that installations that share a broker do not receive each other's messages.
    """

    def __init__(self, strategy: str, prefix: str) -> None:
        self._strategy = STRATEGIES[strategy]
        self.prefix = prefix
        self._users: list[Counter[str]] = [Counter() for _ in range(PARTITIONS)]
        self.rooms: set[str] = set()
        self.add(EVERYWHERE)

    def partition(self, room: str) -> int:
        """Return the partition of a room, or of what is for every node."""
        return 0 if room == EVERYWHERE else partition(room, self._strategy.partitions)

    def of(self, room: str) -> list[str]:
        """Return the channels that a node listens to for a room, or for what is for every node."""
        shared, own, _ = self._strategy
        if room == EVERYWHERE:
            # A channel that carries everything carries this too; otherwise it must not bring a partition's envelopes along.
            return [self._shared(0) if self._strategy.partitions == 1 else self._own(room)]
        return [self._shared(self.partition(room))] * shared + [self._own(room)] * own

    def wanted(self, partition: int) -> list[str]:
        """Return the channels of a partition that the node's rooms need."""
        return list(self._users[partition])

    def add(self, room: str) -> list[str]:
        """Add a room, and return its channels, which are needed from now on."""
        channels = self.of(room)
        if room not in self.rooms:
            self.rooms.add(room)
            self._users[self.partition(room)].update(channels)
        return channels

    def drop(self, room: str) -> list[str]:
        """Drop a room, and return the channels that no room needs any more."""
        if room not in self.rooms:
            return []
        self.rooms.discard(room)
        users = self._users[self.partition(room)]
        channels = self.of(room)
        users.subtract(channels)
        unneeded = [channel for channel in channels if not users[channel]]
        for channel in unneeded:
            del users[channel]
        return unneeded

    def sort(self, contents: Mapping[str, Content]) -> dict[str, dict[str, Content]]:
        """Sort the rooms' contents into envelopes by channel; each content goes into exactly one."""
        both = self._strategy.shared and self._strategy.own
        envelopes: dict[str, dict[str, Content]] = {}
        for room, content in contents.items():
            channels = self.of(room)
            takes_own = both and _size(content) >= OWN_BYTES
            envelopes.setdefault(channels[-1 if takes_own else 0], {})[room] = content
        if both:
            for channel in [channel for channel, rooms in envelopes.items() if len(rooms) == 1]:
                (room,) = envelopes[channel]
                envelopes[self._own(room)] = envelopes.pop(channel)
        return envelopes

    def all_wanted(self) -> set[str]:
        """Return all channels that the node's rooms need."""
        return {channel for users in self._users for channel in users}

    # Names of rooms are lower-case letters, digits, "-" and "_", so each is one word in any broker's syntax.

    def _shared(self, partition: int) -> str:
        return f"{self.prefix}{partition}"

    def _own(self, room: str) -> str:
        return f"{self._shared(self.partition(room))}.{room}" if room != EVERYWHERE else f"{self.prefix}everywhere"


def _size(content: Content) -> int:
    return sum(len(event.body) for event in content.events) + sum(len(signal.value) for signal in content.signals)
