"""The bus over Redis pub/sub: parcels, signed, go to and come from each server by a line of its own.

Pub/sub drops what a node is not there to hear, and what it hears too slowly. That is allowed: the log is the truth. What
must not happen is to go deaf without knowing. So a connection that ends, a channel that was confirmed late and a probe
that does not come back all make the hub compare its rooms with the log.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

from madang.adapters.bus.envelopes import Content, Forged, Seal
from madang.adapters.bus.outgoing import Ailments, pause
from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.channels import PARTITIONS, Channels
from madang.adapters.bus.redis.connecting import TROUBLE
from madang.adapters.bus.redis.inspection import inspect
from madang.adapters.bus.redis.line import TRIES, Line, Parcel
from madang.adapters.bus.redis.servers import Servers, servers
from madang.aio import cancelled
from madang.core.events import Event
from madang.errors import SetupError
from madang.ports.bus import Receiver, Signal, Statistics

logger = logging.getLogger("madang.redis")

LOOK_EVERY_S: Final = 5.0
"""How often it is asked who carries what, when nothing else tells that it has changed."""


class RedisBus:
    """Carries events and signals between the nodes of one installation.

    Args:
        url: see `connecting`.
        strategy: one of `channels.STRATEGIES`; the same on every node.
        secret: the installation's, of which channel names and signatures are derived.
        node: this node's name, unique in the fleet.
    """

    def __init__(self, url: str, strategy: str, secret: bytes, node: str) -> None:
        self.statistics = Statistics()
        self._url = url
        self._node = node
        self._servers: Servers = servers(url)
        self._seal = Seal(secret, node)
        self._channels = Channels(strategy, f"madang:{self._seal.name}:")
        self._receiver: Receiver | None = None
        self._lines: dict[str, Line] = {}
        self._carriers: list[Line | None] = [None] * PARTITIONS
        self._returned: list[Parcel] = []  # could not be sent where they were
        self._astray = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ailments = Ailments(logger, f"Redis at {connecting.place(url)}")

    @property
    def installation(self) -> str:
        """The name that this installation's keys and channels begin with."""
        return self._seal.name

    @property
    def local(self) -> bool:
        return False

    async def start(self, receiver: Receiver) -> None:
        for doubt in await inspect(self._url):
            logger.warning("%s", doubt)
        self._receiver = receiver
        try:
            found = await self._servers.look()
        except TROUBLE as error:
            where = connecting.place(self._url)
            raise SetupError(
                f"Redis at {where} does not answer ({error}).", "Check MADANG_BUS, and that it runs."
            ) from error
        await self._assign(found)
        await asyncio.gather(*(line.listening() for line in self._lines.values()))
        self._tasks = [asyncio.create_task(self._route())]

    async def stop(self) -> None:
        self._receiver = None
        await cancelled(self._tasks)
        self._carriers = [None] * PARTITIONS
        for line in self._lines.values():
            await line.stop()
        await self._servers.close()

    async def probe(self) -> bool:
        heard = await asyncio.gather(*(line.probe() for line in self._lines.values()))
        return all(heard) and None not in self._carriers

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        by_line: dict[Line, list[Event]] = {}
        for event in events:
            line = self._carriers[self._channels.partition(event.room)]
            if line is not None:
                by_line.setdefault(line, []).append(event)
            else:
                self.statistics.dropped += 1
        for line, some in by_line.items():
            line.publish(some)

    def signal(self, signal: Signal) -> None:
        if (line := self._carriers[self._channels.partition(signal.room)]) is not None:
            line.signal(signal)
        else:
            self.statistics.dropped += 1

    def pack(self, events: Sequence[Event], signals: Sequence[Signal]) -> list[Parcel]:
        contents: dict[str, Content] = {}
        for event in events:
            contents.setdefault(event.room, Content([], [])).events.append(event)
        for signal in signals:
            contents.setdefault(signal.room, Content([], [])).signals.append(signal)
        return [
            Parcel(
                self._channels.partition(next(iter(rooms))), channel, self._seal.pack(rooms),
                sum(len(content.events) for content in rooms.values()),
                sum(len(content.signals) for content in rooms.values()),
            )
            for channel, rooms in self._channels.sort(contents).items()
        ]  # fmt: skip

    def again(self, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            if parcel.tries < TRIES and self._receiver is not None:
                self._returned.append(parcel)
            else:  # the other nodes find in the log what they were not told
                self.statistics.dropped += parcel.events + parcel.signals
        self._astray.set()

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, room: str) -> None:
        channels = self._channels.add(room)
        if (line := self._carriers[self._channels.partition(room)]) is not None:
            await line.subscribe(channels)

    async def unsubscribe(self, room: str) -> None:
        channels = self._channels.drop(room)
        if (line := self._carriers[self._channels.partition(room)]) is not None:
            await line.unsubscribe(channels)

    def check_soon(self) -> None:
        if self._receiver is not None:
            self._receiver.check_soon()

    def deliver(self, parcel: bytes) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        try:
            for _, content in self._seal.open(parcel, self._channels.rooms):
                if content.events:
                    self.statistics.received += len(content.events)
                    receiver.receive(content.events)
                for signal in content.signals:
                    receiver.signal(signal)
            self._ailments.works("understanding the others")
        except Forged:
            self.statistics.refused += 1
            self._ailments.fails(
                "understanding the others", "a parcel that is not of this installation was passed over"
            )

    # -- which server carries what -------------------------------------------------------------------------------------

    def astray(self) -> None:
        self._astray.set()

    async def _route(self) -> None:
        """Look who carries what whenever something went astray, and now and then; send on what was returned."""
        failed = 0
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._astray.wait()
            except TimeoutError:
                pass
            self._astray.clear()
            try:
                await self._assign(await self._servers.look())
                failed = 0
                self._ailments.works("finding who carries what")
            except TROUBLE as error:
                failed += 1
                self._ailments.fails("finding who carries what", error)
            returned, self._returned = self._returned, []
            for parcel in returned:
                if (line := self._carriers[parcel.partition]) is not None:
                    line.resend([parcel])
                else:
                    self.again([parcel._replace(tries=parcel.tries + 1)])
            await asyncio.sleep(pause(failed + 1))

    async def _assign(self, found: dict[str, list[int]]) -> None:
        """Give each server's line its partitions; begin lines to new servers, end those to servers that carry nothing."""
        ended = [line for name, line in self._lines.items() if line.home not in found.get(name, ())]
        self._lines = {name: line for name, line in self._lines.items() if line not in ended}
        begun = []
        for name, partitions in found.items():
            if name not in self._lines:
                self._lines[name] = self._line(name, partitions[-1])
                begun.append(self._lines[name])
        carriers = {partition: self._lines[name] for name, partitions in found.items() for partition in partitions}
        moved = []
        for partition, before in enumerate(self._carriers):
            now = self._carriers[partition] = carriers.get(partition)
            if now is not before:
                wanted = self._channels.wanted(partition)
                if before is not None and before not in ended:
                    moved.append((before, wanted))
                if now is not None:
                    now.want(wanted)
        for line in begun:
            line.start()
        for line, channels in moved:
            await line.unsubscribe(channels)
        for line in self._lines.values():
            await line.renew()
        for line in ended:
            self.again(await line.stop())

    def _line(self, name: str, home: int) -> Line:
        probes = self._channels.special(home, f"probe:{self._node}")
        sharded = self._servers.sharded
        return Line(self._servers.client(name), self, name, home, probes, sharded=sharded, statistics=self.statistics)
