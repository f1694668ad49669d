"""Sockets that carry load: WebSockets of the native protocol, cheap enough that thousands fit into one process.

`websockets` does the handshake, masking and framing (sans-I/O). A socket begins *parsed*: every frame is read, and given
to its listener. Most are then switched to *counting*: what arrives is only searched for markers.

Why counting is sound. The server's frames are not masked (RFC 6455, 5.1) and compression is not offered here, so text is
on the wire as it was encoded. A marker is a key and its value with their quotes. Inside a JSON string quotes are escaped
(RFC 8259, 7), and these messages have no `data`, so a marker is only where a frame has that key. It never spans two
frames, since the head between their texts begins with a byte above 0x7F, which is in no marker. Anything else that might
go wrong, such as a server that fragments frames or writes JSON with spaces, makes the count too low, and the run is then
called incomplete. What counting cannot see is one message doubled and another lost on the same socket; for that there
are the parsed sockets, spread evenly over the others.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.uri import WebSocketURI

MESSAGE: Final = b'"type":"message.sent"'  # once in every message's event, nowhere else
ANSWER: Final = b'"op":"ok"'
REFUSAL: Final = b'"op":"error"'
MAX_FRAME: Final = 16 * 1024 * 1024  # bytes; answers to join hold events
ALIVE_S: Final = 20.0  # a counting socket does not answer pings, so it says unasked that it lives (RFC 6455, 5.5.3)
_quiet: Final = logging.getLogger("madang_proof.measuring.websockets")  # one line per socket is not for people
_quiet.setLevel(logging.CRITICAL)


class Received(msgspec.Struct, gc=False):
    """A frame of the server, as far as measuring needs it (PROTOCOL.md)."""

    op: str
    n: int = 0
    seq: int = 0
    type: str = ""
    text: str = ""
    code: str = ""
    message: str = ""
    token: str = ""
    epoch: str = ""
    to: int = 0
    events: list["Received"] = []


decode: Final = msgspec.json.Decoder(Received).decode
Listener = Callable[["Socket", Received], None]
"""Handles each frame of a parsed socket, in order."""


class NotOpened(Exception):
    """The server refused the handshake; `status` is that of HTTP, 0 for none."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class Socket(asyncio.Protocol):
    """One WebSocket, made by `opened`.

    `messages`, `answers` and `refusals` count what arrived since `count` was called.
    """

    __slots__ = (
        "_listener", "_protocol", "_tail", "_transport", "_up", "answers", "close_code", "counting", "ended", "messages",
        "refusals", "state",
    )  # fmt: skip

    def __init__(self, uri: WebSocketURI, listener: Listener) -> None:
        self._protocol = ClientProtocol(uri, max_size=MAX_FRAME, logger=_quiet)
        self._listener = listener
        self._transport: asyncio.Transport
        self._up: asyncio.Future[None]
        self._tail = b""
        self.counting = False
        self.ended = False
        self.close_code = 0  # as the server said it; unknown for a counting socket
        self.messages = 0
        self.answers = 0
        self.refusals = 0
        self.state: Any = None  # for the listener

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self._up = asyncio.get_running_loop().create_future()
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Read frames, or count them."""
        if not self.counting:
            self._parse(data)
            return
        seam = len(self._tail)
        data = self._tail + data
        # A marker that was whole in the tail has been counted, so look only from where it would reach into the new bytes.
        self.messages += data.count(MESSAGE, max(0, seam - len(MESSAGE) + 1))
        self.answers += data.count(ANSWER, max(0, seam - len(ANSWER) + 1))
        self.refusals += data.count(REFUSAL, max(0, seam - len(REFUSAL) + 1))
        self._tail = data[1 - len(MESSAGE) :]  # the longest of them

    def _parse(self, data: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if type(event) is Frame:
                if event.opcode is Opcode.TEXT:
                    self._listener(self, decode(event.data))
            elif isinstance(event, Response) and not self._up.done():
                self._answer(event)
        self._flush()  # pongs, and the answer to a close
        if protocol.close_rcvd is not None:
            self.close_code = protocol.close_rcvd.code

    def _answer(self, response: Response) -> None:
        problem = self._protocol.handshake_exc
        if problem is None:
            self._up.set_result(None)
        else:
            status = response.status_code if isinstance(problem, InvalidStatus) else 0
            said = (response.body or b"").decode("utf-8", "replace").strip()
            self._up.set_exception(NotOpened(status, f"HTTP {status}: {said}" if status else str(problem)))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the socket has ended."""
        self.ended = True
        if not self._up.done():
            self._up.set_exception(NotOpened(0, str(exc or "the server closed before the handshake was over")))

    # -- for the load --------------------------------------------------------------------------------------------------

    async def up(self) -> None:
        """Wait for the handshake. Raise NotOpened."""
        await self._up

    def send(self, text: bytes) -> None:
        """Send one text frame; do nothing when the socket has ended."""
        if not self.ended:
            self._protocol.send_text(text)
            self._flush()

    def send_alive(self) -> None:
        """Tell the server that the client is alive."""
        if not self.ended:
            self._protocol.send_pong(b"")
            self._flush()

    def count(self) -> None:
        """Count from now on, and parse no more. Only while no message is under way to this socket."""
        self.counting = True
        self._tail = b""
        self.messages = self.answers = self.refusals = 0

    def cut(self) -> None:
        """Disappear without a close, as when a network fails."""
        self.ended = True
        self._transport.abort()

    def close(self) -> None:
        """Close, without waiting for the answer."""
        if not self.ended:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()
            self._transport.close()

    def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data and not self.ended:
            self._transport.write(data)


async def opened(
    uri: WebSocketURI, listener: Listener, tls: ssl.SSLContext | None, timeout_s: float, local: str | None = None
) -> Socket:
    """Open a socket, from the address `local` if given.

    Raises:
        NotOpened: the server did not upgrade it.
        OSError: nothing listens there, or this machine has no sockets left.
        TimeoutError: it took longer than `timeout_s`.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        where = None if local is None else (local, 0)
        _, socket = await loop.create_connection(
            lambda: Socket(uri, listener), uri.host, uri.port, ssl=tls, local_addr=where
        )
        try:
            await socket.up()
        except BaseException:
            socket.cut()
            raise
    return socket
