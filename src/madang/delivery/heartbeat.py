"""Heartbeats: several times a second each node says that it is alive and which rooms it has written, up to which seq.

The bus may lose a room's last event, and nothing that comes later would reveal the hole; a node may die between commit
and publish; a connection may be dead without saying so. Heartbeats make sure that what one node has committed is found
by the others within a second all the same. Nothing is guessed: when in doubt, the hub checks the log (`Hub.check_soon`).

- Heartbeats take the same way as events. Each has a running number and the heads of the rooms written since the last
  one. A node that lacks some of those events reads them. A missing number means missing heads: the node checks its log.
- A node that does not receive its own heartbeats is deaf: it checks the log again and again until it receives them.
- A node that holds a lease (`ports.leases`) and is silent may be dead, or cut off and still writing: the others keep
  checking the log until it is heard again, says goodbye or loses its lease.

An idle fleet of 10 nodes sends 40 small messages a second, each received by 10. A single node (`bus.local`) sends none.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from madang.core.events import Event
from madang.core.metrics import Metric, counters
from madang.delivery.hub import Hub
from madang.errors import StorageError
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Bus, Signal

logger = logging.getLogger("madang.heartbeat")

TOPIC: Final = "beat"
INTERVAL_S: Final = 0.25
SILENCE_S: Final = 0.7
"""Without a heartbeat: nearly three intervals. More than a busy loop is late, less than what users are promised."""
GRACE_S: Final = 0.1
"""For events that a heartbeat has overtaken on the way."""
ASK_S: Final = 1.0
"""Between two queries for the holders of leases: so long may a node be there without being noticed, if it is never heard."""
UNHEARD_S: Final = 5.0
"""A holder of a lease that was not heard for this long, since it was first seen, is reported: a start takes less."""
LEAVE_S: Final = 1.0
"""How long a node that leaves waits for its last heartbeat to come back."""
PARTS: Final = 64
"""Most heartbeats sent at one time, with about 100 heads each; the remaining heads go with the next."""
WAITING: Final = 20_000
"""Most heads that wait to be sent; above that all are dropped and a number is skipped, so that the others check."""
_HEAD_BYTES: Final = 16  # of one head in JSON, besides the room's id
_EMPTY_BYTES: Final = 64  # of a heartbeat without heads


class _Message(msgspec.Struct, array_like=True):
    """What a heartbeat carries. Later versions may append fields."""

    number: int  # a node's first is 1
    heads: dict[str, int]  # room -> newest seq that this node has committed there
    leaving: bool = False


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Message).decode


_METRICS: Final = {
    "sent": ("madang_heartbeats", "Heartbeats sent to the other nodes."),
    "received": ("madang_heartbeats_received", "Heartbeats of other nodes that were received."),
    "missed": ("madang_heartbeats_missed", "Heartbeats of other nodes that were not, by the gaps in their numbers."),
    "deaf_s": ("madang_bus_deaf_seconds", "Time in which the bus did not return this node's heartbeats."),
}


class HeartbeatStatistics(msgspec.Struct):
    """Counters of the heartbeats."""

    sent: int = 0
    received: int = 0
    missed: int = 0
    deaf_s: float = 0.0


class Peer(msgspec.Struct):
    """Another node.

    Attributes:
        since, heard: loop time of its first and its last heartbeat.
    """

    since: float
    heard: float
    number: int
    silent: bool = False


class Heartbeat:
    """The heartbeats of one node, and what it knows of the others.

    Args:
        node: its name, as the holder of its lease.
        holders: returns the names of all nodes that hold a lease.

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
        self._suspects: dict[str, float] = {}  # hold a lease and were never heard -> since when
        self._leavers: set[str] = set()  # have said goodbye, and hold a lease for a moment more
        self._unheard: set[str] = set()  # suspects for longer than a start takes; reported
        self._heard_itself = 0.0
        self._left: asyncio.Future[None] = self._loop.create_future()
        self._running = False
        self.deaf = False
        self.peers: dict[str, Peer] = {}
        self.statistics = HeartbeatStatistics()
        hub.on_signal(TOPIC, self.receive)

    @property
    def unheard(self) -> list[str]:
        """The nodes that may be alive and are not heard, those that may be starting left out."""
        return sorted({*self._unheard, *(name for name, peer in self.peers.items() if peer.silent)})

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        heard = sum(not peer.silent for peer in self.peers.values())
        unheard = len(self.unheard)
        return [
            Metric("gauge", "madang_nodes", "Nodes that are heard on the bus, this one included.", heard + 1),
            Metric("gauge", "madang_nodes_unheard", "Nodes that may be alive and are not heard.", unheard),
            Metric("gauge", "madang_bus_deaf", "1 while the bus does not return this node's heartbeats.", self.deaf),
            *counters(self.statistics, _METRICS),
        ]

    # -- out -----------------------------------------------------------------------------------------------------------

    def note(self, events: Sequence[Event]) -> None:
        """Note what this node has committed, in order per room, for the next heartbeat."""
        if not self._bus.local:
            heads = self._heads
            for event in events:
                heads[event.room] = event.seq

    async def leave(self) -> None:
        """Say goodbye after all that was published, and wait until it comes back: then the others have it, too."""
        if not self._bus.local:
            self._send(leaving=True)
            await asyncio.wait([self._left], timeout=LEAVE_S)

    def _send(self, leaving: bool = False) -> None:
        if len(self._heads) > WAITING:
            self._heads.clear()
            self._number += 1  # skipped: the others will miss it
        for _ in range(PARTS):
            self._number += 1
            value = _encode(_Message(self._number, self._portion(), leaving))
            self._bus.signal(Signal(EVERYWHERE, TOPIC, f"{self._node}/{self._number % PARTS}", value))
            self.statistics.sent += 1
            if not self._heads:
                break

    def _portion(self) -> dict[str, int]:
        """Take as many heads as one signal can carry, the oldest first."""
        portion: dict[str, int] = {}
        size = _EMPTY_BYTES
        for room, seq in self._heads.items():
            size += len(room) + _HEAD_BYTES
            if size > MAX_SIGNAL:
                break
            portion[room] = seq
        for room in portion:
            del self._heads[room]
        return portion

    # -- in ------------------------------------------------------------------------------------------------------------

    def receive(self, signal: Signal) -> None:
        """Handle a heartbeat, this node's own or another's."""
        now = self._loop.time()
        name = signal.key.rpartition("/")[0]
        message = _decode(signal.value)
        if name == self._node:
            self._heard_itself = now
            if message.leaving and not self._left.done():
                self._left.set_result(None)
            return
        self.statistics.received += 1
        peer = self.peers.get(name)
        if peer is None:
            peer = self.peers[name] = Peer(now, now, message.number - 1)
            if message.number > 1:
                self._hub.check_soon()
            self._suspects.pop(name, None)
            self._unheard.discard(name)
            logger.info("node %s is heard", name)
        peer.heard = now
        if peer.silent:
            peer.silent = False
            logger.info("node %s is heard again", name)
        if message.number > peer.number:
            if missed := message.number - peer.number - 1:
                self.statistics.missed += missed
                self._hub.check_soon()
            peer.number = message.number
        if message.heads:
            self._loop.call_later(GRACE_S, self._pass_on, message.heads)
        if message.leaving:
            del self.peers[name]
            self._leavers.add(name)
            logger.info("node %s has left", name)

    def _pass_on(self, heads: Mapping[str, int]) -> None:
        if self._running:
            self._hub.heads_seen(heads)

    # -- judging -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send heartbeats and judge those of others until cancelled. A single node has no others."""
        if self._bus.local:
            return
        self._running = True
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self._keep_sending())
                parts.create_task(self._keep_asking())
        finally:
            self._running = False

    async def _keep_sending(self) -> None:
        self._heard_itself = last = self._loop.time()
        late = False
        while True:
            self._send()
            await asyncio.sleep(INTERVAL_S)
            now = self._loop.time()
            was_late, late = late, now - last >= 2 * INTERVAL_S
            # A node that stood still receives what waits for it before it judges, unless it is late every time.
            if was_late or not late:
                self._judge(now, now - last)
            last = now

    def _judge(self, now: float, passed_s: float) -> None:
        deaf = now - self._heard_itself > SILENCE_S
        if deaf is not self.deaf:
            self.deaf = deaf
            if deaf:
                logger.warning("the bus does not return this node's heartbeats: checking the log until it does")
            else:
                logger.info("the bus returns this node's heartbeats again")
                for peer in self.peers.values():
                    peer.heard = now  # their heartbeats are about to arrive, too
        if deaf:
            self.statistics.deaf_s += passed_s
        for name, peer in self.peers.items():
            if not peer.silent and now - peer.heard > SILENCE_S and not deaf:
                peer.silent = True
                logger.warning("node %s is not heard: checking the log for what it may have written", name)
        if deaf or self._suspects or self.unheard:
            self._hub.check_soon()

    async def _keep_asking(self) -> None:
        """Query the holders of leases: a silent node without a lease is gone, one that holds a lease may be alive."""
        while True:
            await asyncio.sleep(ASK_S)
            now = self._loop.time()
            silent = {name for name, peer in self.peers.items() if peer.silent}
            try:
                holders = {name for name in await self._holders() if name != self._node}
            except StorageError:
                continue
            for name in silent - holders:
                if name in self.peers and self.peers[name].silent:  # still
                    del self.peers[name]
                    logger.info("node %s is gone", name)
            self._leavers &= holders
            never = holders - self.peers.keys() - self._leavers
            self._suspects = {name: self._suspects.get(name, now) for name in never}
            unheard = {name for name, since in self._suspects.items() if now - since >= UNHEARD_S}
            for name in sorted(unheard - self._unheard):
                logger.error(
                    "node %s uses this database and was never heard: what is said there arrives here late. "
                    "Set MADANG_BUS to the same server on every node (docs/guides/fleet.md)", name,
                )  # fmt: skip
            for name in sorted(self._unheard - unheard - self.peers.keys()):
                logger.info("node %s, which was never heard, is gone", name)
            self._unheard = unheard
