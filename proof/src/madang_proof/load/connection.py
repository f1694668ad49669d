"""A WebSocket client on a plain transport: text frames in and out, and everything that a test wants to do to a socket.

`websockets` parses (sans-I/O). There is no task, queue or timer per connection, and a frame is handed on in the callback
in which its bytes arrived, so that it is noted when it arrived.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Final, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

MAX_BYTES: Final = 16 * 1024 * 1024  # a page of 200 messages with all the text and data they may carry
OPEN_S: Final = 5.0
CLOSE_S: Final = 2.0
GONE: Final = 1006


Make = Callable[[str, Callable[[bytes], None], Callable[[int], None]], "Connection"]
"""Makes a connection of a URL, `on_text` and `on_end`."""


class Connection(asyncio.Protocol):
    """A connection. `on_text` receives each text frame; `on_end` the close code, once, GONE where there was none."""

    def __init__(self, url: str, on_text: Callable[[bytes], None], on_end: Callable[[int], None]) -> None:
        self._protocol = ClientProtocol(parse_uri(url), max_size=MAX_BYTES)
        self._on_text = on_text
        self._on_end = on_end
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._closing: asyncio.TimerHandle | None = None
        self.opened: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.closed = False

    @property
    def speaks(self) -> bool:
        """Whether text can be sent: it is open, and neither side has begun to close it."""
        return self.opened.done() and self._protocol.state is State.OPEN and self._closing is None and not self.closed

    @property
    def port(self) -> int:
        """The local port."""
        assert self._transport is not None
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def send(self, texts: Iterable[bytes]) -> None:
        """Send text frames in one write. Only while it `speaks`."""
        for text in texts:
            self._protocol.send_text(text)
        self._flush()

    def close(self) -> None:
        """Close (1000); the connection ends when the server has answered, or after CLOSE_S."""
        if self.speaks:
            self._protocol.send_close(1000)
            self._flush()
            self._await_end()

    def abort(self) -> None:
        """Abort the connection, whatever is under way."""
        if self._transport is not None and not self.closed:
            self._transport.abort()

    def read_on(self, on: bool) -> None:
        """Stop reading from the socket, or resume."""
        transport = self._transport
        if transport is not None and not self.closed and transport.is_reading() != on:
            transport.resume_reading() if on else transport.pause_reading()

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Hand on the frames that these bytes complete."""
        self._protocol.receive_data(data)
        self._read()

    def eof_received(self) -> None:
        """Note that the server will send no more."""
        self._protocol.receive_eof()
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end."""
        self.closed = True
        if self._closing is not None:
            self._closing.cancel()
        if not self.opened.done():
            self.opened.set_result(False)
        received = self._protocol.close_rcvd
        self._on_end(received.code if received is not None else GONE)

    def _read(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self.opened.set_result(self._protocol.handshake_exc is None)
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()
        if self._protocol.close_expected():
            self._await_end()

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return  # the library answers pings
        self._parts.append(bytes(frame.data))
        if frame.fin:
            text, self._parts = b"".join(self._parts), []
            self._on_text(text)

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def _await_end(self) -> None:
        if self._closing is None and not self.closed:
            self._closing = asyncio.get_running_loop().call_later(CLOSE_S, self.abort)


async def dial(
    url: str,
    on_text: Callable[[bytes], None],
    on_end: Callable[[int], None],
    *,
    small: bool = False,
    make: Make = Connection,
) -> Connection | None:
    """Open a WebSocket; return None if that failed or took longer than OPEN_S.

    `on_end` is called only for a connection that was opened.

    Args:
        small: use a receive buffer of 4 KB, so that the server soon notices when reading stops.
        make: makes the connection.
    """
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    opened = False

    def ended(code: int) -> None:
        if opened:
            on_end(code)

    connection = make(url, on_text, ended)
    try:
        async with asyncio.timeout(OPEN_S):
            if small and not secure:
                await _dial_small(connection, host, port)
            else:
                await loop.create_connection(lambda: connection, host, port, ssl=secure or None)
            opened = await connection.opened
    except (OSError, TimeoutError):
        pass
    if not opened:
        connection.abort()
    return connection if opened and not connection.closed else None


async def _dial_small(connection: Connection, host: str, port: int) -> None:
    raw = socket.socket()
    try:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, (host, port))
        await loop.create_connection(lambda: connection, sock=raw)
    except BaseException:
        raw.close()
        raise
