"""The bus over Redis pub/sub: signed envelopes, over a `ServerConnection` to each server.

Pub/sub drops what is published while a node is away, and what a node reads too slowly. That is allowed: the log is the
truth. What must not happen is to miss messages without noticing. So a connection that ends, a channel that was confirmed
late and a probe that does not come back all make the hub compare its rooms with the log.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from madang.adapters.bus.channels import PARTITIONS
from madang.adapters.bus.envelopes import Signer, by_room, wall_ms
from madang.adapters.bus.incoming import hand_on
from madang.adapters.bus.outgoing import HealthLog, backoff_s
from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.channels import Channels
from madang.adapters.bus.redis.connecting import UNREACHABLE
from madang.adapters.bus.redis.inspection import inspect
from madang.adapters.bus.redis.server_connection import TRIES, Envelope, ServerConnection
from madang.adapters.bus.redis.servers import Servers, servers
from madang.aio import cancelled
from madang.core.events import Event
from madang.core.signing import Keyring
from madang.errors import Unreachable
from madang.ports.bus import BusStatistics, Receiver, Signal

logger = logging.getLogger("madang.redis")

REFRESH_S: Final = 5.0
"""How often the topology is read when nothing says that it has changed."""


class RedisBus:
    """Carries events and signals between the nodes of one installation.

    Args:
        url: see `connecting`.
        strategy: one of `channels.STRATEGIES`; the same on every node.
        keyring: the installation's; its name is in all channels.
        node: this node's name, unique in the fleet.
        epoch, clock_ms: see `envelopes.Signer`.
    """

    def __init__(
        self,
        url: str,
        strategy: str,
        keyring: Keyring,
        node: str,
        epoch: bytes = b"",
        clock_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.statistics = BusStatistics()
        self._url = url
        self._node = node
        self._servers: Servers = servers(url)
        self._signer = Signer(keyring, node, epoch, clock_ms)
        self._channels = Channels(strategy, f"madang:{self._signer.name}:")
        self._receiver: Receiver | None = None
        self._connections: dict[str, ServerConnection] = {}
        self._by_partition: list[ServerConnection | None] = [None] * PARTITIONS
        self._requeued: list[Envelope] = []  # could not be sent where they were
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._health = HealthLog(logger, f"Redis at {connecting.place(url)}")

    @property
    def installation(self) -> str:
        """The name that this installation's keys and channels begin with."""
        return self._signer.name

    @property
    def local(self) -> bool:
        return False

    async def start(self, receiver: Receiver) -> None:
        for warning in await inspect(self._url):
            logger.warning("%s", warning)
        self._receiver = receiver
        try:
            found = await self._servers.topology()
        except UNREACHABLE as error:
            where = connecting.place(self._url)
            raise Unreachable(
                f"Redis at {where} does not answer ({connecting.why_unreachable(error)}).",
                "Check MADANG_BUS, and that the server runs.",
            ) from error
        await self._assign(found)
        await asyncio.gather(*(connection.listening() for connection in self._connections.values()))
        self._tasks = [asyncio.create_task(self._route())]

    async def stop(self) -> None:
        self._receiver = None
        await cancelled(self._tasks)
        self._by_partition = [None] * PARTITIONS
        for connection in self._connections.values():
            await connection.stop()
        await self._servers.close()

    async def probe(self) -> bool:
        answered = await asyncio.gather(*(connection.probe() for connection in self._connections.values()))
        return all(answered) and None not in self._by_partition

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        by_connection: dict[ServerConnection, list[Event]] = {}
        for event in events:
            connection = self._by_partition[self._channels.partition(event.room)]
            if connection is not None:
                by_connection.setdefault(connection, []).append(event)
            else:
                self.statistics.dropped += 1
        for connection, some in by_connection.items():
            connection.publish(some)

    def signal(self, signal: Signal) -> None:
        if (connection := self._by_partition[self._channels.partition(signal.room)]) is not None:
            connection.signal(signal)
        else:
            self.statistics.dropped += 1

    def pack(self, events: Sequence[Event], signals: Sequence[Signal]) -> list[Envelope]:
        return [
            Envelope(
                self._channels.partition(next(iter(rooms))), channel, self._signer.pack(rooms, channel),
                sum(len(content.events) for content in rooms.values()),
                sum(len(content.signals) for content in rooms.values()),
            )
            for channel, rooms in self._channels.sort(by_room(events, signals)).items()
        ]  # fmt: skip

    def requeue(self, envelopes: Iterable[Envelope]) -> None:
        for envelope in envelopes:
            if envelope.tries < TRIES and self._receiver is not None:
                self._requeued.append(envelope)
            else:  # the other nodes will find it in the log
                self.statistics.dropped += envelope.events + envelope.signals
        self._changed.set()

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, room: str) -> None:
        channels = self._channels.add(room)
        if (connection := self._by_partition[self._channels.partition(room)]) is not None:
            await connection.subscribe(channels)

    async def unsubscribe(self, room: str) -> None:
        channels = self._channels.drop(room)
        if (connection := self._by_partition[self._channels.partition(room)]) is not None:
            await connection.unsubscribe(channels)

    def check_soon(self) -> None:
        if self._receiver is not None:
            self._receiver.check_soon()

    def deliver(self, channel: str, envelope: bytes) -> None:
        hand_on(
            lambda: self._signer.unpack(envelope, channel, self._channels.rooms),
            self._receiver, self.statistics, self._health,
        )  # fmt: skip

    # -- topology -----------------------------------------------------------------------------------------------------

    def topology_changed(self) -> None:
        self._changed.set()

    async def _route(self) -> None:
        """Read the topology when it may have changed, and every REFRESH_S; send on what was requeued."""
        failed = 0
        while True:
            try:
                async with asyncio.timeout(REFRESH_S):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            try:
                await self._assign(await self._servers.topology())
                failed = 0
                self._health.recovered("reading the topology")
            except UNREACHABLE as error:
                failed += 1
                self._health.failing("reading the topology", error)
            requeued, self._requeued = self._requeued, []
            for envelope in requeued:
                if (connection := self._by_partition[envelope.partition]) is not None:
                    connection.resend([envelope])
                else:
                    self.requeue([envelope._replace(tries=envelope.tries + 1)])
            await asyncio.sleep(backoff_s(failed + 1))

    async def _assign(self, found: dict[str, list[int]]) -> None:
        """Assign partitions to the servers' connections; open connections to new servers, close those without any."""
        ended = [each for name, each in self._connections.items() if each.partition not in found.get(name, ())]
        self._connections = {name: each for name, each in self._connections.items() if each not in ended}
        opened = []
        for name, partitions in found.items():
            if name not in self._connections:
                self._connections[name] = self._connect(name, partitions[-1])
                opened.append(self._connections[name])
        by_partition = {number: self._connections[name] for name, numbers in found.items() for number in numbers}
        moved = []
        for partition, before in enumerate(self._by_partition):
            now = self._by_partition[partition] = by_partition.get(partition)
            if now is not before:
                wanted = self._channels.wanted(partition)
                if before is not None and before not in ended:
                    moved.append((before, wanted))
                if now is not None:
                    now.want(wanted)
        for connection in opened:
            connection.start()
        for connection, channels in moved:
            await connection.unsubscribe(channels)
        for connection in self._connections.values():
            await connection.renew()
        for connection in ended:
            self.requeue(await connection.stop())

    def _connect(self, name: str, partition: int) -> ServerConnection:
        probes = self._channels.special(partition, f"probe:{self._node}")
        return ServerConnection(
            self._servers.client(name), self, name, partition, probes,
            sharded=self._servers.sharded, statistics=self.statistics,
        )  # fmt: skip
