"""The pulse: nodes tell each other, a few times a second, that they live, and up to where they have written the rooms.

The bus may lose the last event of a room, and nothing that comes later would tell of the hole; a node may die between
commit and publish; a connection may be dead without saying so. With the pulse, what one node has committed is found on the
others within a second all the same. What is not heard is never guessed: the hub looks into the log (`hub.doubt`).

- A beat takes the way of every event. It has a running number, and the heads of the rooms written since the last one. A
  node that lacks something of them reads it. A number that is missing means heads that are missing: it looks.
- A node that does not hear its own beats is deaf: it looks, again and again, until it hears them.
- A node that holds a number (`ports.leases`) and is not heard may be dead, or cut off and writing: the others look, until
  it is heard, has said goodbye or has lost its number.

An idle fleet of 10 nodes sends 40 small messages a second, each heard by 10. A single node (`bus.local`) sends none.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from madang.core.events import Event
from madang.delivery.hub import Hub
from madang.errors import StorageError
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Bus, Signal
from madang.ports.bus import Statistics as Traffic

logger = logging.getLogger("madang.pulse")

TOPIC: Final = "beat"
BEAT_S: Final = 0.25
SILENCE_S: Final = 0.7
"""Without a beat: nearly three. More than what a busy loop is late, less than what people are promised."""
GRACE_S: Final = 0.1
"""For events that a beat has overtaken on their way."""
ASK_S: Final = 5.0
"""Between two looks at who holds a number."""
LEAVE_S: Final = 1.0
"""How long a node that goes waits for its last beat to come back."""
PARTS: Final = 64
"""Beats that one turn takes at most, of about 100 heads each; heads beyond go with the next."""
WAITING: Final = 20_000
"""Heads that wait to be told; above that all go, and a number is left out, so that the others look."""
_HEAD: Final = 16  # bytes of a head in JSON besides the room's id
_BEAT: Final = 64  # bytes of a beat besides its heads


class _Beat(msgspec.Struct, array_like=True):
    """What a beat says. Later versions may add fields behind these."""

    number: int  # 1 is a node's first
    heads: dict[str, int]  # room -> newest seq that this node has committed there
    leaving: bool = False


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Beat).decode


class Statistics(msgspec.Struct):
    """Counters of the pulse."""

    beats: int = 0  # sent
    heard: int = 0  # of other nodes
    missed: int = 0  # of other nodes, by the gaps in their numbers
    deaf_s: float = 0.0  # seconds this node has spent without hearing itself


class Peer(msgspec.Struct):
    """Another node.

    Attributes:
        since, heard: loop time of its first and its last beat.
    """

    since: float
    heard: float
    number: int
    silent: bool = False


class Pulse:
    """The beats of one node, and what it knows of the others.

    Args:
        node: its name, as the holder of its number.
        holders: gives the names of all who hold a number.

    Attributes:
        peers: the nodes that have been heard, by name: alive, or silent and perhaps alive.
    """

    def __init__(self, node: str, hub: Hub, bus: Bus, holders: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._node = node
        self._hub = hub
        self._bus = bus
        self._holders = holders
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._heads: dict[str, int] = {}
        self._listed: set[str] = set()
        self._strangers: set[str] = set()  # hold a number, and have not been heard since it was looked at before
        self._heard_itself = 0.0
        self._left: asyncio.Future[None] = self._loop.create_future()
        self._running = False
        self.deaf = False
        self.peers: dict[str, Peer] = {}
        self.statistics = Statistics()
        hub.everywhere[TOPIC] = self.hear

    @property
    def traffic(self) -> Traffic:
        """What the bus has counted."""
        return self._bus.statistics

    @property
    def unheard(self) -> list[str]:
        """The nodes that may be alive and are not heard."""
        return sorted({*self._strangers, *(name for name, peer in self.peers.items() if peer.silent)})

    # -- out -----------------------------------------------------------------------------------------------------------

    def note(self, events: Sequence[Event]) -> None:
        """Note what this node has committed, in order per room: the next beat tells of it."""
        if not self._bus.local:
            heads = self._heads
            for event in events:
                heads[event.room] = event.seq

    async def leave(self) -> None:
        """Say goodbye, behind all that was published, and see it out: what comes back has gone to the others, too."""
        if not self._bus.local:
            self._tell(leaving=True)
            await asyncio.wait([self._left], timeout=LEAVE_S)

    def _tell(self, leaving: bool = False) -> None:
        if len(self._heads) > WAITING:
            self._heads.clear()
            self._number += 1  # which nobody will hear
        for _ in range(PARTS):
            self._number += 1
            said = _encode(_Beat(self._number, self._portion(), leaving))
            self._bus.signal(Signal(EVERYWHERE, TOPIC, f"{self._node}/{self._number % PARTS}", said))
            self.statistics.beats += 1
            if not self._heads:
                break

    def _portion(self) -> dict[str, int]:
        """Take as many heads as one signal carries, the oldest first."""
        portion: dict[str, int] = {}
        size = _BEAT
        for room, seq in self._heads.items():
            size += len(room) + _HEAD
            if size > MAX_SIGNAL:
                break
            portion[room] = seq
        for room in portion:
            del self._heads[room]
        return portion

    # -- in ------------------------------------------------------------------------------------------------------------

    def hear(self, signal: Signal) -> None:
        """Take a beat, one's own or another's."""
        now = self._loop.time()
        name = signal.key.rpartition("/")[0]
        beat = _decode(signal.value)
        if name == self._node:
            self._heard_itself = now
            if beat.leaving and not self._left.done():
                self._left.set_result(None)
            return
        self.statistics.heard += 1
        peer = self.peers.get(name)
        if peer is None:
            peer = self.peers[name] = Peer(now, now, beat.number - 1)
            if beat.number > 1:
                self._hub.doubt()
            self._strangers.discard(name)
            logger.info("node %s is heard", name)
        peer.heard = now
        if peer.silent:
            peer.silent = False
            logger.info("node %s is heard again", name)
        if beat.number > peer.number:
            if missed := beat.number - peer.number - 1:
                self.statistics.missed += missed
                self._hub.doubt()
            peer.number = beat.number
        if beat.heads:
            self._loop.call_later(GRACE_S, self._announced, beat.heads)
        if beat.leaving:
            del self.peers[name]
            logger.info("node %s has left", name)

    def _announced(self, heads: Mapping[str, int]) -> None:
        if self._running:
            self._hub.announced(heads)

    # -- judging -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Beat and judge until cancelled. A single node has nobody to do it for."""
        if self._bus.local:
            return
        self._running = True
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self._beat())
                parts.create_task(self._ask())
        finally:
            self._running = False

    async def _beat(self) -> None:
        self._heard_itself = last = self._loop.time()
        late = False
        while True:
            self._tell()
            await asyncio.sleep(BEAT_S)
            now = self._loop.time()
            was_late, late = late, now - last >= 2 * BEAT_S
            if was_late or not late:  # else this node stood still, and hears what waits for it before it judges
                self._judge(now, now - last)
            last = now

    def _judge(self, now: float, passed_s: float) -> None:
        deaf = now - self._heard_itself > SILENCE_S
        if deaf is not self.deaf:
            self.deaf = deaf
            if deaf:
                logger.warning("the bus does not bring back what this node says: it looks into the log until it does")
            else:
                logger.info("the bus brings back again what this node says")
                for peer in self.peers.values():
                    peer.heard = now  # their beats are about to come, too
        if deaf:
            self.statistics.deaf_s += passed_s
        for name, peer in self.peers.items():
            if not peer.silent and now - peer.heard > SILENCE_S and not deaf:
                peer.silent = True
                logger.warning("node %s is not heard: what it may have written is looked for in the log", name)
        if deaf or self.unheard:
            self._hub.doubt()

    async def _ask(self) -> None:
        """Look now and then who holds a number: who is silent and holds none is gone; who holds one and is not heard is not."""
        while True:
            await asyncio.sleep(ASK_S)
            silent = {name for name, peer in self.peers.items() if peer.silent}
            try:
                holders = {name for name in await self._holders() if name != self._node}
            except StorageError:
                continue
            for name in silent - holders:
                if name in self.peers and self.peers[name].silent:  # still
                    del self.peers[name]
                    logger.info("node %s is gone", name)
            self._strangers = (holders & self._listed) - self.peers.keys()
            self._listed = holders
