"""WebSocket by hand: frames and handshakes as bytes, right or wrong, with no library in the way."""

import asyncio
import base64
import itertools
import json
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.waiting import PATIENCE_S

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY: Final = base64.b64encode(bytes(16)).decode()
MASK: Final = b"\x12\x34\x56\x78"
GONE: Final = 1006  # what RFC 6455 calls a connection that ended with no close frame
_addresses = itertools.cycle(f"127.0.1.{i}" for i in range(1, 255))


def frame(opcode: int, payload: bytes | str = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True) -> bytes:
    """Build a frame as a client sends it; `rsv` is 1, 2, 4 for RSV3, RSV2, RSV1, and their sums."""
    data = payload.encode() if isinstance(payload, str) else payload
    head = bytes([fin << 7 | rsv << 4 | opcode]) + length(len(data), mask=mask)
    if not mask:
        return head + data
    key = (MASK * (len(data) // 4 + 1))[: len(data)]  # as one number: byte by byte took 5 s of all unit tests
    masked = int.from_bytes(data, "big") ^ int.from_bytes(key, "big")
    return head + MASK + masked.to_bytes(len(data), "big")


def length(size: int, *, mask: bool = True) -> bytes:
    """Build the length of a frame's head, whatever follows it."""
    bit = mask << 7
    if size < 126:
        return bytes([bit | size])
    return (
        bytes([bit | 126]) + struct.pack("!H", size) if size < 65_536 else bytes([bit | 127]) + struct.pack("!Q", size)
    )


def close(code: int) -> bytes:
    """Build a close frame."""
    return frame(CLOSE, struct.pack("!H", code))


def upgrade(
    *more: str,
    path: str = "/ws",
    method: str = "GET",
    http: str = "1.1",
    host: str = "localhost",
    key: str | None = KEY,
    version: str = "13",
) -> bytes:
    """Build the request of a handshake; `more` are header lines."""
    lines = [f"{method} {path} HTTP/{http}", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"Sec-WebSocket-Version: {version}"] if version else []
    lines += [f"Sec-WebSocket-Key: {key}"] if key is not None else []
    return "\r\n".join([*lines, *more, "", ""]).encode("latin-1")


class WholeReader(asyncio.StreamReader):
    """A reader that a reset ends as a close does: asyncio's own raises at once, and what came before it would not be read."""

    def set_exception(self, exc: Exception) -> None:
        if isinstance(exc, ConnectionError):
            self.feed_eof()
        else:
            super().set_exception(exc)


class Raw:
    """A TCP connection that can speak WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answers: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    async def send(self, *data: bytes) -> None:
        """Send bytes; a connection that the server has closed is not an error here."""
        try:
            for piece in data:
                self._writer.write(piece)
                await self._writer.drain()
        except ConnectionError:
            pass

    async def status(self, within: float = PATIENCE_S) -> int:
        """Read the head of an HTTP response; gives its status, or 0 if the server closed without one."""
        try:
            async with asyncio.timeout(within):
                head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        first, *lines = head.splitlines()
        self.headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        return int(first.split()[1])

    async def take(self, size: int) -> bytes:
        """Read just that many bytes, such as the body of a response."""
        return await self._reader.readexactly(size)

    async def read(self) -> tuple[int, bytes]:
        """Read a frame of the server's: its opcode and payload."""
        first, data = await self.whole_frame()
        return first & 0x0F, data

    async def whole_frame(self) -> tuple[int, bytes]:
        """Read a frame of the server's: its first byte (FIN, RSV, opcode) and payload. A server masks nothing."""
        first, size = await self._reader.readexactly(2)
        assert size < 0x80, "RFC 6455, 5.1: a server must not mask"
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first, await self._reader.readexactly(size)

    async def ended(self) -> bytes:
        """Read to the end of the stream; gives what came before it."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read()

    def reset(self) -> None:
        """End without a word, with a RST."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def stop_reading(self) -> None:
        """Read nothing more, so that buffers fill up on the way here."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def hang_up(self) -> None:
        """Say with TCP that nothing more comes, and still read."""
        self._writer.write_eof()

    async def tell(self, *commands: dict[str, Any] | str) -> None:
        """Send commands, each one text frame; a string is sent as it is."""
        texts = [c if isinstance(c, str) else json.dumps(c) for c in commands]
        await self.send(b"".join(frame(TEXT, text) for text in texts))

    async def answer(self, n: int | None = None) -> dict[str, Any]:
        """Return the next answer, or the one to `n`; those before it are kept for later."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for i, told in enumerate(self._answers):
                    if n in (None, told.get("n")):
                        return self._answers.pop(i)
                opcode, data = await self.read()
                told = json.loads(data) if opcode == TEXT else {}
                if told.get("op") in ("ok", "error"):
                    self._answers.append(told)

    async def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and read its answer."""
        await self.tell(command)
        return await self.answer(command.get("n"))

    async def closed(self, within: float = PATIENCE_S) -> int:
        """Read to the end; gives the close code, GONE if there was none."""
        try:
            async with asyncio.timeout(within):
                while True:
                    opcode, data = await self.read()
                    if opcode == CLOSE:
                        return struct.unpack("!H", data[:2])[0] if data else 1005
        except (asyncio.IncompleteReadError, ConnectionError):
            return GONE


@asynccontextmanager
async def dialled(port: int, address: str | None = None) -> AsyncIterator[Raw]:
    """Open a TCP connection, from an address of its own so that caps per address are not met by chance."""
    local = (address or next(_addresses), 0)
    loop = asyncio.get_running_loop()
    reader = WholeReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", port, local_addr=local)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def upgraded(port: int, *headers: str, path: str = "/ws", address: str | None = None) -> AsyncIterator[Raw]:
    """Open a WebSocket."""
    async with dialled(port, address) as raw:
        await raw.send(upgrade(*headers, path=path))
        assert await raw.status() == 101
        yield raw


@asynccontextmanager
async def guest(port: int, name: str = "Mallory", rooms: Sequence[str] = ("lobby",)) -> AsyncIterator[Raw]:
    """Open a WebSocket, say hello, and join rooms."""
    async with upgraded(port) as raw:
        assert (await raw.ask(op="hello", n=1, guest=name))["op"] == "ok"
        for room in rooms:
            assert (await raw.ask(op="join", n=2, room=room, limit=0))["op"] == "ok"
        yield raw
