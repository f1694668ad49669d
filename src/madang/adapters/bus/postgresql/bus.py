"""The bus over PostgreSQL's LISTEN and NOTIFY: one connection that listens, one that notifies, each renewed when it fails.

The log is the truth; a notification only says sooner what is in it. The server drops what is notified while a node is
away, and that is allowed. What must not happen is to miss notifications without noticing. So a connection that ends and a
probe that does not come back make the hub compare its rooms with the log.

There is one channel, whatever `bus_channels` says. The server wakes every listener of the database for every notification
and lets it compare the channel's name, so more channels would save a node little. They would cost the others: notifying
takes a lock of the whole server until it commits, and with one channel a few payloads carry what all rooms have.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from madang.adapters.bus.envelopes import Signer, wall_ms
from madang.adapters.bus.incoming import Echo, hand_on
from madang.adapters.bus.outgoing import HealthLog, Outgoing, backoff_s
from madang.adapters.bus.postgresql import connecting
from madang.adapters.bus.postgresql.connecting import UNREACHABLE
from madang.adapters.bus.postgresql.payloads import pack, unpack
from madang.aio import cancelled
from madang.core.events import Event
from madang.core.signing import Keyring
from madang.errors import SetupError
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, BusStatistics, Receiver, Signal

logger = logging.getLogger("madang.notify")

SUBSCRIBED_S: Final = 1.0
"""How long opening a room waits for the server. After that it opens all the same; once listening, the hub checks it."""
START_S: Final = 15.0
PROBE_EVERY_S: Final = 10.0
PROBE_S: Final = 5.0
_NOTIFY: Final = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"  # one transaction, one lock


class NotifyBus:
    """Carries events and signals between the nodes of one installation.

    Args:
        url: of a PostgreSQL database, as the store takes it; it may be the store's own.
        keyring: the installation's; its name is in the channel's.
        node: this node's name, unique in the fleet.
        epoch, clock_ms: see `envelopes.Signer`.

    Raises:
        SetupError: no such URL.
    """

    def __init__(
        self, url: str, keyring: Keyring, node: str, epoch: bytes = b"", clock_ms: Callable[[], int] = wall_ms
    ) -> None:
        self.statistics = BusStatistics()
        self._server = connecting.PostgresqlServer(url)
        self._signer = Signer(keyring, node, epoch, clock_ms)
        self._channel = f"madang_{self._signer.name}"
        self._rooms = {EVERYWHERE}
        self._receiver: Receiver | None = None
        self._outgoing = Outgoing(self.statistics)
        self._health = HealthLog(logger, f"PostgreSQL at {self._server.place}")
        self._listening = asyncio.Event()
        self._has_listened = False
        self._listener: Any = None  # connections of asyncpg, which has no types
        self._notifier: Any = None
        self._echo = Echo(self.signal)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def installation(self) -> str:
        """The name in this installation's channel and table."""
        return self._signer.name

    @property
    def local(self) -> bool:
        return False

    async def start(self, receiver: Receiver) -> None:
        await self._server.check()
        self._receiver = receiver
        self._tasks = [asyncio.create_task(part()) for part in (self._listen, self._publish, self._watch)]
        await self._wait_until_listening(START_S)
        if not await self._echo.comes_back(START_S):
            await self.stop()
            raise SetupError(
                f"Notifications sent through {self._server.place} do not come back.",
                "Let MADANG_BUS name PostgreSQL itself, or a pooler of whole sessions (PgBouncer: pool_mode = session).",
            )

    async def stop(self) -> None:
        self._receiver = None
        await cancelled(self._tasks)
        self._terminate()

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
        failed = 0
        while True:
            events, signals = await self._outgoing.take()
            sent = pack(self._signer, self._channel, events, signals)
            try:
                if self._notifier is None or self._notifier.is_closed():  # by a restart of the server, for example
                    self._notifier = await self._server.connect()
                await self._notifier.execute(_NOTIFY, self._channel, sent)
                self.statistics.envelopes += len(sent)
                self.statistics.published += len(events)
                self._health.recovered("publishing")
                failed = 0
            except UNREACHABLE as error:  # the other nodes will find it in the log
                self._health.failing("publishing", error)
                self.statistics.failures += 1
                self.statistics.dropped += len(events) + len(signals)
                if self._notifier is not None:
                    self._notifier.terminate()
                failed += 1
                await asyncio.sleep(backoff_s(failed))

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, room: str) -> None:
        self._rooms.add(room)
        await self._wait_until_listening(SUBSCRIBED_S)

    async def unsubscribe(self, room: str) -> None:
        self._rooms.discard(room)

    async def _wait_until_listening(self, timeout_s: float) -> None:
        """Wait until it listens, `timeout_s` at most; if it comes later, the hub checks its rooms then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._listening.wait()

    async def _listen(self) -> None:
        """Listen, and connect again after a failure; then the hub is told to check its rooms."""
        failed = 0
        while True:
            try:
                self._listener = connection = await self._server.connect()
                ended = asyncio.Event()
                connection.add_termination_listener(lambda _, ended=ended: ended.set())
                await connection.add_listener(self._channel, self._handle)
                self._listening.set()
                self._health.recovered("listening")
                if self._has_listened and self._receiver is not None:
                    self._receiver.check_soon()
                self._has_listened = True
                failed = 0
                await ended.wait()
                self._health.failing("listening", "the connection has ended")
            except UNREACHABLE as error:
                self._health.failing("listening", error)
            finally:
                self._listening.clear()
                if self._listener is not None:
                    self._listener.terminate()
            self.statistics.failures += 1
            failed += 1
            await asyncio.sleep(backoff_s(failed))

    def _handle(self, connection: object, pid: int, channel: str, payload: object) -> None:
        hand_on(
            lambda: self._signer.unpack(unpack(str(payload)), channel, self._rooms),
            self._receiver, self.statistics, self._health, self._echo,
        )  # fmt: skip

    # -- liveness ------------------------------------------------------------------------------------------------------

    async def probe(self) -> bool:
        return await self._echo.comes_back(PROBE_S)

    async def _watch(self) -> None:
        """Probe every PROBE_EVERY_S; a probe that does not come back means that nobody hears us, so reconnect."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if await self.probe():
                self._health.recovered("probing")
            else:
                self.statistics.failures += 1
                self._health.failing("probing", "what this node notifies does not come back; reconnecting")
                self._terminate()

    def _terminate(self) -> None:
        for connection in (self._listener, self._notifier):
            if connection is not None:
                connection.terminate()
