"""Connections to NATS: one at a time, to any server of the cluster that answers.

The client's own reconnecting is not used: it retries silently, and gives up. The bus connects again by itself, and tells
the hub what it may have missed.
"""

import asyncio
import random
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error, SlowConsumerError

from madang.adapters import network
from madang.adapters.bus.links import CLOSE_S, LEAST, Taker
from madang.adapters.bus.nats.urls import target
from madang.errors import SetupError, Unreachable, plain_reason

T = TypeVar("T")

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0
"""A server that is silent for this long counts as gone."""
WAITING: Final = 4_096
WAITING_BYTES: Final = 16 * 2**20
"""Messages of one subject that wait in this node, and their bytes; above it new ones are dropped, and the log is read."""
SMALL: Final = 64 * 1024
"""Bytes: the largest message of the default settings fits."""
UNREACHABLE: Final = (Error, OSError, TimeoutError, RuntimeError, AssertionError)
"""What an unreachable server raises. The client asserts that it has a connection."""
_GRANT: Final = "Give it a user that may publish and subscribe to madang.>, and look at the log of NATS."
_NOT_LET_IN: Final = ("authorization", "authentication", "nkey", "jwt")  # words of NATS's errors


class NatsBroker:
    """NATS, as a URL names it; see `urls.py`. Nothing is connected yet. `links.Broker` is its contract.

    Raises:
        SetupError: it is not a URL of NATS.
    """

    unreachable: tuple[type[Exception], ...] = UNREACHABLE
    grant = _GRANT

    def __init__(self, url: str) -> None:
        self._target = target(url)
        self._places = list(self._target.places)  # and those that a server has told of; the first is tried next
        self._tried = False
        self.name = f"NATS at {','.join(self._places)}"

    async def inspect(self) -> list[str]:
        try:
            link = await self._any(_Nobody())
        except UNREACHABLE as error:
            said = str(error).removeprefix("nats: ") or "no answer"
            if any(word in said.lower() for word in _NOT_LET_IN):
                raise SetupError(f"{self.name} does not let us in ({said}).", "Correct user and password.") from error
            is_passing = network.is_passing(error) and not isinstance(error, Error)
            said = plain_reason(error) if isinstance(error, OSError) else said
            raise (Unreachable if is_passing else SetupError)(
                f"{self.name} does not answer ({said}).", "Check MADANG_BUS, and that the server runs."
            ) from error
        await link.close()
        if link.most < LEAST:
            raise SetupError(
                f"{self.name} carries no message above {link.most} bytes (max_payload).", f"Set it to {SMALL} or more."
            )
        if link.most < SMALL:
            return [
                f"max_payload is {link.most} bytes; a larger message is only announced, and other nodes read it "
                "in the database."
            ]
        return []

    async def connect(self, taker: Taker) -> "NatsLink":
        """Connect to the first server of the URL; after a connection has ended or failed, to the next one that is known."""
        if self._tried:
            self._places.append(self._places.pop(0))
        self._tried = True
        return await self._open(taker)

    async def _open(self, taker: Taker) -> "NatsLink":
        link = NatsLink(taker)
        try:
            await link.open(self._places[0], self._target.keys, self._target.secure)
        except BaseException:
            await link.close()
            raise
        known = {*self._target.places, *link.others()}
        new = list(known.difference(self._places))
        self._places = [place for place in self._places if place in known] + random.sample(new, len(new))
        return link

    async def _any(self, taker: Taker) -> "NatsLink":
        """Connect to the first server that answers; raise what the last one did."""
        for _ in self._target.places[1:]:
            with suppress(*UNREACHABLE):
                return await self._open(taker)
            self._places.append(self._places.pop(0))
        return await self._open(taker)


class NatsLink:
    """A connection to one server. `links.Link` is its contract.

    Attributes:
        most: bytes of a message that the server carries.
        ended: set once nothing can come or go any more.
        why: the last thing that went wrong.
    """

    def __init__(self, taker: Taker) -> None:
        self.most = 0
        self.ended = asyncio.Event()
        self.why: object = "the connection has ended"
        self._taker = taker
        self._client = _Client()
        self._subscriptions: dict[str, Subscription] = {}

    async def open(self, place: str, keys: dict[str, Any], secure: Any) -> None:
        """Connect. Raises one of UNREACHABLE."""
        if secure is not None:
            keys = keys | {"tls": secure}
        self._client.secure = secure is not None
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._client.connect(
                    [f"nats://{place}"], name="madang", allow_reconnect=False, max_reconnect_attempts=1,
                    reconnect_time_wait=0, connect_timeout=int(CONNECT_S), flush_timeout=ANSWER_S,
                    error_cb=self._failed, closed_cb=self._closed, lame_duck_mode_cb=self._retires, **keys,
                )  # fmt: skip
        except Error as error:
            if isinstance(self.why, Exception) and not isinstance(self.why, Error):
                raise self.why from error  # "no servers available" says less
            raise
        self.most = self._client.max_payload

    def others(self) -> list[str]:
        """Return the places of the servers of the same cluster, as this one tells them."""
        return [server.netloc for server in self._client.discovered_servers]

    async def listen(self, channels: Collection[str]) -> None:
        for channel in channels:
            self._subscriptions[channel] = await self._client.subscribe(
                channel, cb=self._handle, pending_msgs_limit=WAITING, pending_bytes_limit=WAITING_BYTES
            )
        await _whole(self._client.flush(timeout=int(ANSWER_S)))

    async def ignore(self, channels: Collection[str]) -> None:
        for channel in channels:
            await self._subscriptions.pop(channel).unsubscribe()

    async def send(self, channel: str, envelope: bytes) -> None:
        async with asyncio.timeout(ANSWER_S):
            await self._client.publish(channel, envelope)

    async def close(self) -> None:
        self.ended.set()
        try:
            if self._client.is_connected:
                with suppress(*UNREACHABLE):
                    async with asyncio.timeout(CLOSE_S):
                        await _whole(self._client.flush(timeout=int(CLOSE_S)))
        finally:
            with suppress(*UNREACHABLE):
                await _whole(self._client.close())

    async def _handle(self, message: Msg) -> None:
        self._taker.deliver(message.subject, message.data)

    async def _failed(self, error: Exception) -> None:
        self.why = error
        if isinstance(error, SlowConsumerError):
            self._taker.missed("messages came faster than this node took them")

    async def _closed(self) -> None:
        self.ended.set()

    async def _retires(self) -> None:
        """The server stops soon, in lame duck mode: go to another, if there is one."""
        if self.others():
            self.why = "the server retires (lame duck mode)"
            self.ended.set()


async def _whole(call: Coroutine[Any, Any, T]) -> T:
    """Make a call of the client to its end, also if the caller is cancelled.

    The client's reader ends by an exception at the answer to a question whose asker is gone, and then hears nothing more.
    """
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # retrieved, if nobody waits any more
    return await asyncio.shield(task)


class _Client(Client):
    """The library's client, which must not wait for a server that is gone, nor speak without TLS where we asked for it."""

    secure = False

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        # The library would wait until the server has taken what is left, or for an end that is not told where TLS was
        # refused; and if the connection is lost meanwhile, it has not cancelled its tasks and called nobody back.
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()
        self._transport = None
        await super()._close(status, do_cbs)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        # The server says whether it wants TLS, before it is proven to be the server.
        if initial_connection and self.secure:
            self._server_info["tls_required"] = True
        await super()._process_info(info, initial_connection)


class _Nobody:
    """Takes what comes while a server is inspected, which is nothing."""

    def deliver(self, channel: str, envelope: bytes) -> None:
        """Pass over."""

    def missed(self, why: object) -> None:
        """Pass over."""
