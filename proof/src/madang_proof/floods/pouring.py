"""Pouring: sockets that write a kind of flood at a rate, and come back when they are closed.

One loop writes for all of them in turn, from bytes made beforehand, and looks at what comes only to count it, so that
one core carries 500 sockets and has time left for those who are measured beside them.
"""

import asyncio
import contextlib
import itertools
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final, cast

from madang_proof.floods.kinds import MESSAGE, WORDS, Kind, command, framed

MOST: Final = 2_000.0  # writes a second of all sockets together
MOST_BYTES: Final = 16e6  # and bytes
BACK_S: Final = 1.0  # before a socket that was closed comes back
OPENING_S: Final = 0.004  # between two that connect
PATIENCE_S: Final = 5.0
UNREAD_BUFFER: Final = 4096  # bytes that the kernel takes for a socket that does not read
ROOM: Final = "flood"
_UPGRADE: Final = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
_DEFLATE: Final = (
    "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover; "
    "client_max_window_bits=12\r\n"
)
_CLOSED: Final = re.compile(
    rb"\x88[\x02-\x7d](\x11[\x30-\x4f]|\x03[\xe8-\xf7])"
)  # a close frame: no text has these bytes


def address(number: int, addresses: int, block: int = 0) -> str:
    """Return the loopback address of a socket; other blocks have other addresses, up to 60 of them."""
    place = number % addresses
    return f"127.{10 + 4 * block + place // 62_500}.{place // 250 % 250}.{1 + place % 250}"


class Pourer(asyncio.Protocol):
    """One socket, over one connection or several in turn."""

    def __init__(self, kind: Kind, port: int, number: int, source: str, counted: Counter[str]) -> None:
        self._kind, self._port, self._number, self._source, self._counted = kind, port, number, source, counted
        self._pieces: Iterator[bytes] = iter(())
        self._transport: asyncio.Transport | None = None
        self._up = False  # after the handshake
        self._held = False  # by what the server has not read yet
        self._open = 0  # requests without an answer
        self._closed_at = 0.0
        self._begun = 0

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast(asyncio.Transport, transport)
        self._held, self._open, self._up = False, 0, self._kind.http
        self._pieces = self._kind.says(ROOM)
        self._counted["connections"] += 1
        if self._kind.http:
            if not self._kind.reads:
                self._transport.pause_reading()
            return
        more = _DEFLATE if self._kind.compressed else ""
        self._transport.write(_UPGRADE.format(port=self._port, more=more).encode())

    def _greet(self) -> None:
        assert self._transport is not None
        self._begun += 1
        hello = json.dumps({"op": "hello", "n": 1, "guest": f"Flooder {self._number}"}).encode()
        says = [
            framed(hello),
            command("create", 2, ROOM, title="Flood", access="open"),
            command("join", 3, ROOM, limit=0),
        ]
        if self._number < self._kind.talkers and self._begun == 1:
            says += [command("send", 10 + n, ROOM, cid=f"w{n}", text=MESSAGE) for n in range(WORDS)]
        if self._kind.brief:
            says.append(next(self._pieces))
        self._transport.write(b"".join(says))
        self._up = True
        if not self._kind.reads:
            self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Count what comes."""
        if not self._up:
            if b" 101 " not in data[:16]:
                self._counted["turned away"] += 1
                return
            if self._kind.compressed and b"permessage-deflate" not in data:
                self._counted["not compressed"] += 1
                return
            self._greet()
            return
        if self._kind.http:
            answers = data.count(b"HTTP/1.1 ")
            self._open = max(0, self._open - answers)
            taken = data.count(b"HTTP/1.1 2")
            self._counted["taken"] += taken
            self._counted["refused"] += answers - taken
            return
        self._counted["taken"] += data.count(b'"op":"ok"')
        self._counted["refused"] += data.count(b'"op":"error"')
        if (found := _CLOSED.search(data[-130:])) is not None:
            self._counted[f"closed {int.from_bytes(found[1], 'big')}"] += 1

    def pause_writing(self) -> None:
        """Hold: the server does not read."""
        self._held = True

    def resume_writing(self) -> None:
        """Go on."""
        self._held = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Come back later."""
        self._transport, self._closed_at = None, time.monotonic()
        self._counted["ended"] += 1

    # -- for the loop --------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open a connection, if there is none."""
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        if not self._kind.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD_BUFFER)
        sock.setblocking(False)
        try:
            sock.bind((self._source, 0))
            async with asyncio.timeout(PATIENCE_S):
                await loop.sock_connect(sock, ("127.0.0.1", self._port))
                await loop.create_connection(lambda: self, sock=sock)
        except (OSError, TimeoutError):
            sock.close()
            self._closed_at = time.monotonic()
            self._counted["not connected"] += 1

    @property
    def gone(self) -> bool:
        """Whether it is time to come back."""
        return self._transport is None and time.monotonic() - self._closed_at > (0.2 if self._kind.brief else BACK_S)

    def pour(self) -> None:
        """Write the next piece, unless the socket is held up."""
        transport = self._transport
        if transport is None or not self._up or self._held or transport.is_closing():
            return
        if self._kind.brief:
            transport.close()
            return
        if self._kind.waits and self._open:
            return
        self._open += 1
        self._counted["sent"] += 1
        transport.write(next(self._pieces))

    def close(self) -> None:
        """Disappear."""
        if self._transport is not None:
            self._transport.abort()


async def pour(
    kind: Kind,
    port: int,
    sockets: int,
    addresses: int,
    counted: Counter[str],
    opened: asyncio.Event,
    *,
    block: int = 0,
    rate: float | None = None,
) -> None:
    """Flood until cancelled. `opened` is set when each socket has tried to connect."""
    piece = max(len(text) for text in itertools.islice(kind.says(ROOM), 8))
    each = min(rate or kind.rate, kind.rate)
    together = min(each * sockets, MOST, MOST_BYTES / piece)
    pourers = [Pourer(kind, port, number, address(number, addresses, block), counted) for number in range(sockets)]
    pouring = asyncio.create_task(_pour(pourers, together))
    try:
        while True:
            for pourer in pourers:
                if pourer.gone:
                    await pourer.connect()
                    await asyncio.sleep(OPENING_S)
            opened.set()
            await asyncio.sleep(0.05)
    finally:
        pouring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pouring
        for pourer in pourers:
            pourer.close()


async def _pour(pourers: list[Pourer], rate: float) -> None:
    """Let the sockets write in turn. What is late is left out: a generator that was held up does not make up for it."""
    turn, due = itertools.cycle(pourers), time.monotonic()
    while True:
        now = time.monotonic()
        due = max(due, now - 0.05)
        while due <= now:
            next(turn).pour()
            due += 1 / rate
        await asyncio.sleep(max(0.002, due - time.monotonic()))
