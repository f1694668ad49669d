"""What the client needs of a socket and of time, and both for real: `websockets` and the running loop.

The link knows only the two protocols here, so that tests bring their own network and their own clock.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI

from madang.client.urls import is_loopback, websocket_url

OPEN_S: Final = 10.0
PING_S: Final = 20.0  # a server that answers no ping this long is gone
CLOSE_S: Final = 2.0
MAX_REASON: Final = 200  # characters of a refusal that is not ours
MAX_BYTES: Final = 16 * 1024 * 1024  # a page of 200 messages with all the text and data they may carry


class Closed(Exception):
    """The socket has ended with a close code (1006: without one)."""

    def __init__(self, code: int, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code} {reason}".rstrip())


class NotOpened(Exception):
    """The handshake was refused. `retry_s` is the wait the server named; `never` that trying again is no use."""

    def __init__(self, reason: str, *, never: bool = False, retry_s: float | None = None) -> None:
        self.reason = reason
        self.never = never
        self.retry_s = retry_s
        super().__init__(reason)


class Socket(Protocol):
    """One connection that carries whole text frames, in order. Both directions may be used at once."""

    async def send(self, text: bytes) -> None:
        """Write a frame; waits while the peer does not read (Closed)."""

    async def receive(self) -> bytes:
        """Return the next frame; those from before the end are returned before Closed is raised."""

    async def close(self) -> None:
        """End it, within a few seconds, whatever the peer does."""


Opener = Callable[[str], Awaitable[Socket]]
"""Opens a socket to a URL. Raises NotOpened, OSError or TimeoutError."""


class Clock(Protocol):
    """Time as the client knows it."""

    def now(self) -> float:
        """Return seconds that never fall."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set, or after `seconds`."""


class WebSocket:
    """A socket over the `websockets` library."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: bytes) -> None:
        """See Socket."""
        try:
            await self._connection.send(text, text=True)
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    async def receive(self) -> bytes:
        """See Socket."""
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    async def close(self) -> None:
        """See Socket."""
        await self._connection.close()


def _closed(closed: ConnectionClosed) -> Closed:
    """Only what the server said counts; a code of our own (1009, 1011 for a missing pong) is an accident like 1006."""
    return Closed(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else Closed(1006, "the connection broke")


async def open_websocket(url: str) -> Socket:
    """Open a WebSocket to the native protocol (an Opener). Proxies of the environment are for other machines only."""
    try:
        url = websocket_url(url)
    except ValueError as wrong:
        raise NotOpened(str(wrong), never=True) from None
    try:
        connection = await connect(
            url,
            proxy=None if is_loopback(url) else True,
            compression=None,
            open_timeout=OPEN_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_S,
            max_size=MAX_BYTES,
        )
    except InvalidStatus as refused:
        raise _not_opened(refused) from None
    except (InvalidHandshake, EOFError):
        raise NotOpened("what answers there is not a WebSocket server") from None
    except (InvalidURI, InvalidProxy) as error:
        raise NotOpened(str(error), never=True) from None
    return WebSocket(connection)


def _not_opened(refused: InvalidStatus) -> NotOpened:
    response = refused.response
    said = _sentence(bytes(response.body or b""))
    reason = f"HTTP {response.status_code}" + (f": {said}" if said else "")
    wait = response.headers.get("Retry-After", "")
    never = 400 <= response.status_code < 500 and response.status_code not in (408, 425, 429)
    return NotOpened(reason, never=never, retry_s=float(wait) if wait.isdecimal() else None)


def _sentence(body: bytes) -> str:
    """Return what the body of an error says: the message of ours, or the first line of a short text."""
    with suppress(ValueError, LookupError, TypeError):
        return str(json.loads(body)["error"]["message"])
    first = body.decode("utf-8", "replace").strip().partition("\n")[0]
    return "" if first.startswith(("<", "{")) else first[:MAX_REASON]  # a page, or JSON of somebody else


class SystemClock:
    """The loop's own clock: what `now` tells must have passed when a wait is over, also in a loop of virtual time."""

    def now(self) -> float:
        """See Clock."""
        return asyncio.get_running_loop().time()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """See Clock."""
        try:
            async with asyncio.timeout(max(0.0, seconds) if seconds < float("inf") else None):
                await event.wait()
        except TimeoutError:
            pass
