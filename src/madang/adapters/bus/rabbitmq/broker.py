"""Connections to RabbitMQ: two at a time, one that listens and one that publishes, to a node of the cluster that answers.

Two, because a node that is short of memory or disk stops reading from whoever publishes, and then what is bound and heard
must go on. Nothing is confirmed or acknowledged: the log has it. The library above the driver (aio-pika) is not used: what it
adds is to connect again silently, and the bus must know.
"""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from pamqp.common import FieldValue

from madang.adapters import network
from madang.adapters.bus.links import CLOSE_S, Taker
from madang.adapters.bus.rabbitmq.urls import target
from madang.errors import SetupError, Unreachable, plain_reason

logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # its warnings repeat what our errors say

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0
"""A broker that is silent for this long counts as gone."""
MOST: Final = 4 * 2**20
"""Bytes of an envelope; RabbitMQ takes 16 MB and more."""
QUEUE: Final[dict[str, FieldValue]] = {
    "x-max-length": 4_096,
    "x-max-length-bytes": 16 * 2**20,
    "x-overflow": "drop-head",
}
"""What waits for a node in the broker; above it the oldest is dropped, and the node finds it in the log."""
UNREACHABLE: Final = (AMQPError, OSError, TimeoutError, RuntimeError, EOFError)
"""What an unreachable broker raises."""
_GRANT: Final = (
    "Give its user the rights to configure, write and read madang.*, and look at the log of RabbitMQ: while it is short of "
    "memory or disk, it takes nothing that is published."
)


class RabbitBroker:
    """RabbitMQ, as a URL names it; see `urls.py`. Nothing is connected yet. `links.Broker` is its contract.

    Args:
        exchange: the name of what all nodes publish to; their queues' names begin with it.

    Raises:
        SetupError: it is not a URL of RabbitMQ.
    """

    unreachable: tuple[type[Exception], ...] = UNREACHABLE
    grant = _GRANT

    def __init__(self, url: str, exchange: str) -> None:
        self._target = target(url)
        self._exchange = exchange
        self._turn = 0
        self.name = f"RabbitMQ at {','.join(self._target.places)}"

    async def inspect(self) -> list[str]:
        trouble: Exception | None = None
        for _ in self._target.urls:
            try:
                link = await self._open(_Nobody())
            except UNREACHABLE as error:
                trouble = error
                self._turn += 1
            else:
                await link.close()
                return []
        raise self._judged(trouble) from trouble

    def _judged(self, error: Exception | None) -> SetupError:
        said = " ".join(str(error).split()) or "no answer"
        if isinstance(error, AuthenticationError | ProbableAuthenticationError):
            return SetupError(f"{self.name} does not let us in.", "Correct user and password.")
        if isinstance(error, InvalidFrameError):  # the answer to the name of a virtual host; why it is so, is not told
            return SetupError(
                f"{self.name} does not let this user use that virtual host, or there is none.", "Correct MADANG_BUS."
            )
        if isinstance(error, ChannelAccessRefused):
            return SetupError(f"{self.name} does not let us do what the bus needs ({said}).", _GRANT)
        cause = error if error is None or error.__cause__ is None else error.__cause__
        said = plain_reason(cause) if isinstance(cause, OSError) and cause.errno else said
        is_passing = error is not None and network.is_passing(error)
        return (Unreachable if is_passing else SetupError)(
            f"{self.name} does not answer ({said}).", "Check MADANG_BUS, and that the server runs."
        )

    async def connect(self, taker: Taker) -> "RabbitLink":
        """Connect to a node, and after a connection has ended or failed to the next one."""
        self._turn += 1
        return await self._open(taker)

    async def _open(self, taker: Taker) -> "RabbitLink":
        link = RabbitLink(taker, self._exchange)
        try:
            await link.open(self._target.urls[self._turn % len(self._target.urls)], self._target.secure)
        except BaseException:
            await link.close()
            raise
        return link


class RabbitLink:
    """The connections to one node of RabbitMQ. `links.Link` is its contract.

    Attributes:
        most: bytes of an envelope that it carries.
        ended: set once nothing can come or go any more.
        why: the last thing that went wrong.
    """

    most = MOST

    def __init__(self, taker: Taker, exchange: str) -> None:
        self.ended = asyncio.Event()
        self.why: object = "the connection has ended"
        self._taker = taker
        self._exchange = exchange
        self._queue = f"{exchange}.{secrets.token_hex(8)}"
        self._connections: list[aiormq.Connection] = []
        self._sockets: list[asyncio.StreamWriter] = []
        self._listening: AbstractChannel | None = None
        self._publishing: AbstractChannel | None = None

    async def open(self, url: str, secure: ssl.SSLContext | None) -> None:
        """Connect, and make what is needed. Raises one of UNREACHABLE."""
        with _lost():
            async with asyncio.timeout(CONNECT_S):
                self._publishing = await self._channel(url, secure)
                listening = self._listening = await self._channel(url, secure)
                await listening.exchange_declare(self._exchange, exchange_type="direct")
                await listening.queue_declare(self._queue, exclusive=True, auto_delete=True, arguments=QUEUE)
                await listening.basic_consume(self._queue, self._handle, no_ack=True, exclusive=True)

    async def _channel(self, url: str, secure: ssl.SSLContext | None) -> AbstractChannel:
        factory = TCPTransportFactory() if secure is None else TLSTransportFactory()
        connection = aiormq.Connection(url, context=secure, transport_factory=_Remembering(factory, self._sockets))
        self._connections.append(connection)
        await connection.connect()
        channel = await connection.channel(publisher_confirms=False)
        for each in (connection, channel):
            each.closing.add_done_callback(self._closed)
        return channel

    async def listen(self, channels: Collection[str]) -> None:
        assert self._listening is not None
        if not channels:
            return
        *others, last = channels
        with _lost():
            for channel in others:  # in order: whoever has bound the last has bound all
                await self._listening.queue_bind(self._queue, self._exchange, channel, nowait=True, timeout=ANSWER_S)
            await self._listening.queue_bind(self._queue, self._exchange, last, timeout=ANSWER_S)

    async def ignore(self, channels: Collection[str]) -> None:
        assert self._listening is not None
        with _lost():
            for channel in channels:
                await self._listening.queue_unbind(self._queue, self._exchange, channel, timeout=ANSWER_S)

    async def send(self, channel: str, envelope: bytes) -> None:
        assert self._publishing is not None
        with _lost():
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._connections[0].ready()
            except TimeoutError:
                raise ConnectionRefusedError("it is short of memory or disk, and takes nothing") from None
            await self._publishing.basic_publish(
                envelope, exchange=self._exchange, routing_key=channel, timeout=ANSWER_S
            )

    async def close(self) -> None:
        self.ended.set()
        try:
            for connection in self._connections:
                with suppress(*UNREACHABLE), _lost():
                    await connection.close(timeout=CLOSE_S)
        finally:
            for socket in self._sockets:
                socket.transport.abort()

    async def _handle(self, message: DeliveredMessage) -> None:
        self._taker.deliver(message.routing_key or "", bytes(message.body))

    def _closed(self, closing: "asyncio.Future[Any]") -> None:
        if not closing.cancelled() and (error := closing.exception()) is not None:
            self.why = error
        self.ended.set()


class _Remembering(TransportFactory):
    """Makes sockets, and remembers them: a broker that stands still takes no farewell."""

    def __init__(self, factory: TransportFactory, sockets: list[asyncio.StreamWriter]) -> None:
        self._factory = factory
        self._sockets = sockets

    async def create(self, url: Any, **more: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self._factory.create(url, **more)
        self._sockets.append(writer)
        return reader, writer


@contextmanager
def _lost() -> Iterator[None]:
    """Raise ConnectionResetError where the driver cancels who waits for a connection that has ended."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectionResetError("the connection has ended") from None


class _Nobody:
    """Takes what comes while a broker is inspected, which is nothing."""

    def deliver(self, channel: str, envelope: bytes) -> None:
        """Pass over."""

    def missed(self, why: object) -> None:
        """Pass over."""
