"""Which channel a room's parcels take, and so who pays for them: Redis, or the nodes (docs/fleet.md says which is for whom).

- `all`: one channel. Redis does least; every node is sent everything and passes over what is not of its rooms.
- `partition`: one of PARTITIONS channels, by the room's name. A node listens to those its rooms are in; rooms that are
  sent to at the same time share a parcel.
- `room`: a channel per room. A node is sent what it needs and no more; Redis keeps a subscription per node and room, and
  gets a message per room.

Every node of a fleet must use the same one. Pattern subscriptions are not used: Redis compares every message with every
pattern.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final
from zlib import crc32

from madang.ports.bus import EVERYWHERE

PARTITIONS: Final = 64


def _all(room: str) -> str:
    return "all"


def _partition(room: str) -> str:
    return f"p{crc32(room.encode()) % PARTITIONS}"


def _room(room: str) -> str:
    return f"r:{room}"


STRATEGIES: Final[dict[str, Callable[[str], str]]] = {"all": _all, "partition": _partition, "room": _room}


class Channels:
    """Counts which channels a node's rooms need.

    Args:
        strategy: one of STRATEGIES.
        prefix: before every name, so that installations that share a server do not hear each other.
    """

    def __init__(self, strategy: str, prefix: str) -> None:
        self._place = STRATEGIES[strategy]
        self._prefix = prefix
        self._users: Counter[str] = Counter()
        self.rooms: set[str] = set()
        self.add(EVERYWHERE)

    def of(self, room: str) -> str:
        """Give the channel of a room, or of what is for every node."""
        return self._prefix + (_all(room) if room == EVERYWHERE else self._place(room))

    @property
    def wanted(self) -> list[str]:
        """The channels that the node's rooms need."""
        return list(self._users)

    def add(self, room: str) -> None:
        """Note a room; its channel is wanted from now on."""
        if room not in self.rooms:
            self.rooms.add(room)
            self._users[self.of(room)] += 1

    def drop(self, room: str) -> str | None:
        """Forget a room; gives the channel that nobody needs any more, if there is one."""
        if room not in self.rooms:
            return None
        self.rooms.discard(room)
        channel = self.of(room)
        self._users[channel] -= 1
        if self._users[channel]:
            return None
        del self._users[channel]
        return channel
