"""The bus over PostgreSQL's LISTEN and NOTIFY: one connection that listens, one that notifies, each renewed when it fails.

A notification is the doorbell, the log is the truth. The server drops what a node is not there to hear, and that is allowed.
What must not happen is to go deaf without knowing. So a connection that ends and a probe that does not come back make the
hub compare its rooms with the log.

There is one channel, whatever `bus_channels` says. The server wakes every listener of the database for every notification
and lets it look at the channel's name, so more channels would save a node little. They would cost the others: notifying
takes a lock of the whole server until it is committed, and with one channel a few payloads carry what all rooms have.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from madang.adapters.bus.envelopes import Forged, Seal
from madang.adapters.bus.outgoing import Ailments, Outgoing, pause
from madang.adapters.bus.postgresql import connecting
from madang.adapters.bus.postgresql.connecting import TROUBLE
from madang.adapters.bus.postgresql.payloads import opened, payloads
from madang.aio import cancelled
from madang.core.events import Event
from madang.errors import SetupError
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Receiver, Signal, Statistics

logger = logging.getLogger("madang.notify")

SUBSCRIBED_S: Final = 1.0
"""How long a room's opening waits for the server. After that it opens without; the hub hears of it when it is done."""
START_S: Final = 15.0
PROBE_EVERY_S: Final = 10.0
PROBE_S: Final = 5.0
PROBE: Final = "probe"
"""Topic of the signals that the buses themselves send and take."""
_NOTIFY: Final = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"  # one transaction, one lock


class NotifyBus:
    """Carries events and signals between the nodes of one installation.

    Args:
        url: of a PostgreSQL database, as the store takes it; the store's own will do.
        secret: the installation's, of which the channel's name and signatures are derived.
        node: this node's name, unique in the fleet.

    Raises:
        SetupError: no such URL.
    """

    def __init__(self, url: str, secret: bytes, node: str) -> None:
        self.statistics = Statistics()
        self._server = connecting.Server(url)
        self._seal = Seal(secret, node)
        self._channel = f"madang_{self._seal.name}"
        self._rooms = {EVERYWHERE}
        self._receiver: Receiver | None = None
        self._outgoing = Outgoing(self.statistics)
        self._ailments = Ailments(logger, f"PostgreSQL at {self._server.place}")
        self._listening = asyncio.Event()
        self._listened = False  # ever
        self._listener: Any = None  # connections of asyncpg, which has no types
        self._notifier: Any = None
        self._probing: dict[str, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def installation(self) -> str:
        """The name that this installation's channel has, and its table."""
        return self._seal.name

    @property
    def local(self) -> bool:
        return False

    async def start(self, receiver: Receiver) -> None:
        await self._server.check()
        self._receiver = receiver
        self._tasks = [asyncio.create_task(part()) for part in (self._listen, self._publish, self._watch)]
        await self._listens(START_S)
        if not await self._echo(START_S):
            await self.stop()
            raise SetupError(
                f"What is notified through {self._server.place} is not heard there.",
                "Let MADANG_BUS name PostgreSQL itself, or a pooler of whole sessions (PgBouncer: pool_mode = session).",
            )

    async def stop(self) -> None:
        self._receiver = None
        await cancelled(self._tasks)
        self._let_go()

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        self._outgoing.publish(events)

    def signal(self, signal: Signal) -> None:
        if len(signal.value) <= MAX_SIGNAL:
            self._outgoing.signal(signal)
        else:
            self.statistics.dropped += 1

    async def _publish(self) -> None:
        """Publish what waits. What gathers while one call is under way goes out with the next: no timer, no task each."""
        failed = 0
        while True:
            events, signals = await self._outgoing.take()
            sent = payloads(self._seal, events, signals)
            try:
                if self._notifier is None or self._notifier.is_closed():  # by a restart of the server, say
                    self._notifier = await self._server.connect()
                await self._notifier.execute(_NOTIFY, self._channel, sent)
                self.statistics.parcels += len(sent)
                self.statistics.published += len(events)
                self._ailments.works("publishing")
                failed = 0
            except TROUBLE as error:  # the other nodes find in the log what they were not told
                self._ailments.fails("publishing", error)
                self.statistics.failures += 1
                self.statistics.dropped += len(events) + len(signals)
                if self._notifier is not None:
                    self._notifier.terminate()
                failed += 1
                await asyncio.sleep(pause(failed))

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, room: str) -> None:
        self._rooms.add(room)
        await self._listens(SUBSCRIBED_S)

    async def unsubscribe(self, room: str) -> None:
        self._rooms.discard(room)

    async def _listens(self, patience_s: float) -> None:
        """Wait until it listens, or no longer; then the hub is told to doubt when it does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._listening.wait()

    async def _listen(self) -> None:
        """Listen; after a failure, again. Whoever was deaf for a moment tells the hub."""
        failed = 0
        while True:
            try:
                self._listener = connection = await self._server.connect()
                ended = asyncio.Event()
                connection.add_termination_listener(lambda _, ended=ended: ended.set())
                await connection.add_listener(self._channel, self._hear)
                self._listening.set()
                self._ailments.works("listening")
                if self._listened and self._receiver is not None:
                    self._receiver.check_soon()
                self._listened = True
                failed = 0
                await ended.wait()
                self._ailments.fails("listening", "the connection has ended")
            except TROUBLE as error:
                self._ailments.fails("listening", error)
            finally:
                self._listening.clear()
                if self._listener is not None:
                    self._listener.terminate()
            self.statistics.failures += 1
            failed += 1
            await asyncio.sleep(pause(failed))

    def _hear(self, connection: object, pid: int, channel: str, payload: object) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        try:
            for room, content in self._seal.open(opened(str(payload)), self._rooms):
                if content.events:
                    self.statistics.received += len(content.events)
                    receiver.receive(content.events)
                if content.head:
                    receiver.heads_seen({room: content.head})
                for signal in content.signals:
                    if signal.topic == PROBE:
                        self._answer(signal.key)
                    else:
                        receiver.signal(signal)
            self._ailments.works("understanding the others")
        except Forged:
            self.statistics.refused += 1
            self._ailments.fails("understanding the others", "what is not of this installation was passed over")

    # -- liveness ------------------------------------------------------------------------------------------------------

    async def probe(self) -> bool:
        return await self._echo(PROBE_S)

    async def _echo(self, patience_s: float) -> bool:
        word = secrets.token_hex(8)
        heard = self._probing[word] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience_s):
                self.signal(Signal(EVERYWHERE, PROBE, word, b"0"))
                await heard
            return True
        except TimeoutError:
            return False
        finally:
            del self._probing[word]

    def _answer(self, word: str) -> None:
        if (heard := self._probing.get(word)) is not None and not heard.done():
            heard.set_result(None)

    async def _watch(self) -> None:
        """Probe now and then; what does not come back was not heard by anybody, so begin anew."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if await self.probe():
                self._ailments.works("probing")
            else:
                self.statistics.failures += 1
                self._ailments.fails("probing", "what this node notifies does not come back; it connects anew")
                self._let_go()

    def _let_go(self) -> None:
        for connection in (self._listener, self._notifier):
            if connection is not None:
                connection.terminate()
