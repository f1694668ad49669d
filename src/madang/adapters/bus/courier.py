"""A bus over one connection to a broker that has channels: what NATS and RabbitMQ have in common.

How a connection is made, and what a channel is there, is up to the broker's adapter. A broker drops what is published while
a node is away, and what a node reads too slowly. That is allowed: the log is the truth. What must not happen is to miss
messages without noticing. So a connection that ends, a channel that was confirmed late, something dropped and a probe that
does not come back all make the hub compare its rooms with the log.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

from madang.adapters.bus.channels import Channels
from madang.adapters.bus.envelopes import Signer, by_room
from madang.adapters.bus.incoming import Echo, hand_on
from madang.adapters.bus.links import Broker, Link
from madang.adapters.bus.options import BusOptions
from madang.adapters.bus.outgoing import HealthLog, Outgoing, backoff_s
from madang.adapters.bus.packing import ENVELOPE, split
from madang.aio import cancelled
from madang.core.events import Event
from madang.errors import SetupError
from madang.ports.bus import MAX_SIGNAL, BusStatistics, Receiver, Signal

SUBSCRIBED_S: Final = 1.0
"""How long opening a room waits for the broker. After that it opens all the same; once subscribed, the hub checks it."""
START_S: Final = 15.0
PROBE_EVERY_S: Final = 2.0
PROBE_S: Final = 5.0
TRIES: Final = 5
"""Connections over which sending something is tried, before it is left to the log."""


class CourierBus:
    """Carries events and signals between the nodes of one installation.

    Args:
        broker: makes the connections.
        prefix: what the names of its channels begin with, before the name of the installation.
        logger: the adapter's.
    """

    def __init__(self, broker: Broker, prefix: str, options: BusOptions, logger: logging.Logger) -> None:
        self.statistics = BusStatistics()
        self._broker = broker
        self._signer = Signer(options.keyring, options.node, options.epoch, options.clock_ms)
        self._channels = Channels(options.channels, f"{prefix}{self._signer.name}.")
        self._logger = logger
        self._health = HealthLog(logger, broker.name)
        self._outgoing = Outgoing(self.statistics)
        self._receiver: Receiver | None = None
        self._link: Link | None = None
        self._linked = asyncio.Event()
        self._has_listened = False
        self._confirmed: set[str] = set()
        self._asked: dict[str, bool] = {}  # channels to listen to, or no longer
        self._asking = asyncio.Event()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._echo = Echo(self.signal)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def local(self) -> bool:
        return False

    async def start(self, receiver: Receiver) -> None:
        for warning in await self._broker.inspect():
            self._logger.warning("%s: %s", self._broker.name, warning)
        self._receiver = receiver
        self._tasks = [asyncio.create_task(part()) for part in (self._serve, self._publish, self._watch)]
        if not await self._echo.comes_back(START_S):
            await self.stop()
            raise SetupError(f"What is published through {self._broker.name} does not come back.", self._broker.grant)

    async def stop(self) -> None:
        self._receiver = None
        await cancelled(self._tasks)

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        self._outgoing.publish(events)

    def signal(self, signal: Signal) -> None:
        if len(signal.value) <= MAX_SIGNAL:
            self._outgoing.signal(signal)
        else:
            self.statistics.dropped += 1

    async def _publish(self) -> None:
        """Publish what waits. What gathers during one call goes out with the next: no timer, no task for each."""
        while True:
            events, signals = await self._outgoing.take()
            for _ in range(TRIES):
                await self._linked.wait()
                if (link := self._link) is not None and await self._send(link, events, signals):
                    break
            else:  # the other nodes will find it in the log
                self.statistics.dropped += len(events) + len(signals)

    async def _send(self, link: Link, events: Sequence[Event], signals: Sequence[Signal]) -> bool:
        """Publish over a link; return False if that fails, which ends the link."""
        most = link.most - ENVELOPE - len(self._signer.node.encode())
        try:
            for channel, rooms in self._channels.sort(by_room(events, signals)).items():
                for some in split(rooms, most):
                    await link.send(channel, self._signer.pack(some, channel))
                    self.statistics.envelopes += 1
        except self._broker.unreachable as error:
            self._health.failing("publishing", error)
            if link is self._link:  # another may have taken its place meanwhile
                self._link = None
                self._linked.clear()
            await link.close()
            return False
        self.statistics.published += len(events)
        self._health.recovered("publishing")
        return True

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, room: str) -> None:
        missing = [channel for channel in self._channels.add(room) if channel not in self._confirmed]
        if not missing:
            return
        self._ask(missing, wanted=True)
        loop = asyncio.get_running_loop()
        awaited = {channel: self._awaited.setdefault(channel, loop.create_future()) for channel in missing}
        await asyncio.wait(awaited.values(), timeout=SUBSCRIBED_S)
        for channel, future in awaited.items():
            if not future.done() and self._awaited.get(channel) is future:
                del self._awaited[channel]

    async def unsubscribe(self, room: str) -> None:
        self._ask(self._channels.drop(room), wanted=False)

    def _ask(self, channels: Iterable[str], *, wanted: bool) -> None:
        for channel in channels:
            self._asked[channel] = wanted
            self._confirmed.discard(channel)
        self._asking.set()

    async def _serve(self) -> None:
        """Listen, and connect again after a failure; then the hub is told to check its rooms."""
        failed = 0
        while True:
            link: Link | None = None
            try:
                link = await self._broker.connect(self)
                self._asked.clear()
                listening = self._channels.all_wanted()
                await link.listen(listening)
                self._link = link
                self._linked.set()
                self._confirm(listening)
                self._has_listened = True
                self._health.recovered("listening")
                failed = 0
                await self._follow(link, listening)
                self._health.failing("listening", link.why)
            except self._broker.unreachable as error:
                self._health.failing("listening", error)
            finally:
                self._link = None
                self._linked.clear()
                self._confirmed.clear()
                if link is not None:
                    await link.close()
            self.statistics.failures += 1
            failed += 1
            await asyncio.sleep(backoff_s(failed))

    async def _follow(self, link: Link, listening: set[str]) -> None:
        """Listen to what is asked for, one change after the other, until the link ends."""
        ended = asyncio.ensure_future(link.ended.wait())
        try:
            while not ended.done():
                asking = asyncio.ensure_future(self._asking.wait())
                try:
                    await asyncio.wait([asking, ended], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    asking.cancel()
                self._asking.clear()
                asked, self._asked = self._asked, {}
                wanted = {channel for channel, is_wanted in asked.items() if is_wanted}
                if unneeded := (asked.keys() - wanted) & listening:
                    await link.ignore(unneeded)
                    listening -= unneeded
                if new := wanted - listening:
                    await link.listen(new)
                    listening |= new
                self._confirm(wanted)
        finally:
            ended.cancel()

    def _confirm(self, channels: Collection[str]) -> None:
        """Note that channels are listened to. For one that nobody waits for, the hub checks its rooms: it was interrupted."""
        late = False
        for channel in channels:
            if self._asked.get(channel) is not False:
                self._confirmed.add(channel)
            awaited = self._awaited.pop(channel, None)
            if awaited is None or awaited.done():
                late = True
            else:
                awaited.set_result(None)
        if late and self._has_listened and self._receiver is not None:
            self._receiver.check_soon()

    def deliver(self, channel: str, envelope: bytes) -> None:
        hand_on(
            lambda: self._signer.unpack(envelope, channel, self._channels.rooms),
            self._receiver, self.statistics, self._health, self._echo,
        )  # fmt: skip

    def missed(self, why: object) -> None:
        self.statistics.failures += 1
        self._health.failing("keeping up", why)
        if self._receiver is not None:
            self._receiver.check_soon()

    # -- liveness ------------------------------------------------------------------------------------------------------

    async def probe(self) -> bool:
        return await self._echo.comes_back(PROBE_S)

    async def _watch(self) -> None:
        """Probe every PROBE_EVERY_S; a probe that does not come back means that nobody hears us, so reconnect."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            link = self._link
            if await self.probe():
                self._health.recovered("probing")
                self._health.recovered("keeping up")
            elif link is not None and link is self._link:
                self.statistics.failures += 1
                self._health.failing("probing", "what this node publishes does not come back; reconnecting")
                with suppress(*self._broker.unreachable):
                    await link.close()
