"""Encodings of what is sent: native text in RFC 6455 text frames, made once for all sockets that speak it.

With permessage-deflate a second encoding serves the sockets that negotiated it: server_no_context_takeover makes a
compressed frame the same for all of them. 12 bits and memLevel 5 hold 64 KiB instead of 316 KiB per deflater.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

from madang.delivery.subscriber import Encoding, Entry
from madang.protocol.native import codec
from madang.protocol.native.frames import Frame as NativeFrame

WINDOW_BITS: Final = 12


def frame(text: bytes) -> bytes:
    """Frame one text message, unmasked, as a server sends it."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class NativeEncoding(Encoding, Protocol):
    """Native text, however it is framed."""

    def text(self, text: bytes) -> bytes:
        """Return what is written for native text: an answer, say."""


class PlainEncoding:
    """Native text in plain frames."""

    def event(self, entry: Entry) -> bytes:
        return frame(entry.text)

    def frame(self, native: NativeFrame) -> bytes:
        return frame(codec.frame(native))

    def text(self, text: bytes) -> bytes:
        return frame(text)


class DeflatedEncoding:
    """Native text in compressed frames, each complete in itself."""

    def __init__(self) -> None:
        self._deflate = PerMessageDeflate(False, True, WINDOW_BITS, WINDOW_BITS, {"memLevel": 5})

    def event(self, entry: Entry) -> bytes:
        return self.text(entry.text)

    def frame(self, native: NativeFrame) -> bytes:
        return self.text(codec.frame(native))

    def text(self, text: bytes) -> bytes:
        return Frame(Opcode.TEXT, text).serialize(mask=False, extensions=[self._deflate])


def encoding_for(extensions: Sequence[Extension]) -> NativeEncoding:
    """Return the encoding for what was negotiated. A peer with a window smaller than ours is written to uncompressed."""
    for extension in extensions:
        if isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits >= WINDOW_BITS:
            return DEFLATED
    return PLAIN


PLAIN = PlainEncoding()
DEFLATED = DeflatedEncoding()
DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=WINDOW_BITS,
    client_max_window_bits=WINDOW_BITS,
    compress_settings={"memLevel": 5},
    require_client_max_window_bits=False,
)
