"""Framing of messages (RFC 6455), whatever they say: made once for all sockets that are framed alike.

With permessage-deflate a second framing serves the sockets that negotiated it: server_no_context_takeover makes a
compressed frame the same for all of them. 12 bits and memLevel 5 hold 64 KiB instead of 316 KiB per deflater.
"""

import struct
from collections.abc import Sequence
from typing import Final, Protocol

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

WINDOW_BITS: Final = 12
_MEDIUM: Final = struct.Struct("!BBH").pack
_LARGE: Final = struct.Struct("!BBQ").pack


class Framing(Protocol):
    """How a message becomes the bytes of a frame. Hashable, and equal only to itself."""

    def text(self, data: bytes) -> bytes:
        """Return the frame of a text message."""

    def pieces(self, *texts: bytes) -> Sequence[bytes]:
        """Return the frame of a text message in pieces to be written one behind the other; large ones are not copied."""

    def binary(self, data: bytes) -> bytes:
        """Return the frame of a binary message."""


class PlainFraming:
    """Frames as they are, unmasked, as a server sends them."""

    def pieces(self, *texts: bytes) -> Sequence[bytes]:
        return _head(sum(map(len, texts))), *texts

    def text(self, data: bytes) -> bytes:
        return _head(len(data)) + data

    def binary(self, data: bytes) -> bytes:
        return Frame(Opcode.BINARY, data).serialize(mask=False)


class DeflatedFraming:
    """Compressed frames, each complete in itself."""

    def __init__(self) -> None:
        self._extensions: list[Extension] = [PerMessageDeflate(False, True, WINDOW_BITS, WINDOW_BITS, {"memLevel": 5})]

    def pieces(self, *texts: bytes) -> Sequence[bytes]:
        return (self.text(b"".join(texts)),)

    def text(self, data: bytes) -> bytes:
        return Frame(Opcode.TEXT, data).serialize(mask=False, extensions=self._extensions)

    def binary(self, data: bytes) -> bytes:
        return Frame(Opcode.BINARY, data).serialize(mask=False, extensions=self._extensions)


def _head(size: int) -> bytes:
    """Return the head of a whole, unmasked text frame (RFC 6455, 5.2).

    The library makes one only together with a copy of the text, in 1.0 µs instead of 0.25: every event and every ack is framed.
    """
    if size < 126:
        return bytes((0x81, size))
    return _MEDIUM(0x81, 126, size) if size < 1 << 16 else _LARGE(0x81, 127, size)


def framing_for(extensions: Sequence[Extension]) -> Framing:
    """Return the framing for what was negotiated. A peer with a window smaller than ours is written to uncompressed."""
    for extension in extensions:
        if isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits >= WINDOW_BITS:
            return DEFLATED
    return PLAIN


PLAIN: Final = PlainFraming()
DEFLATED: Final = DeflatedFraming()
DEFLATE: Final = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=WINDOW_BITS,
    client_max_window_bits=WINDOW_BITS,
    compress_settings={"memLevel": 5},
    require_client_max_window_bits=False,
)
