"""Framing of what is sent: RFC 6455 text frames of native text, made once for all sockets that speak it.

With permessage-deflate a second wire serves the sockets that negotiated it: server_no_context_takeover makes a
compressed frame the same for all of them. 12 bits and memLevel 5 hold 64 KiB instead of 316 KiB per deflater.
"""

from collections.abc import Sequence
from typing import Final

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

from madang.delivery.subscriber import Entry, Wire

WINDOW_BITS: Final = 12


def frame(text: bytes) -> bytes:
    """Frame one text message, unmasked, as a server sends it."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class PlainWire:
    """Native text in plain frames."""

    def event(self, entry: Entry) -> bytes:
        """Frame an event."""
        return frame(entry.text)

    def notice(self, text: bytes) -> bytes:
        """Frame a notice."""
        return frame(text)


class DeflatedWire:
    """Native text in compressed frames, each complete in itself."""

    def __init__(self) -> None:
        self._deflate = PerMessageDeflate(False, True, WINDOW_BITS, WINDOW_BITS, {"memLevel": 5})

    def event(self, entry: Entry) -> bytes:
        """Frame an event."""
        return self.notice(entry.text)

    def notice(self, text: bytes) -> bytes:
        """Frame a notice."""
        return Frame(Opcode.TEXT, text).serialize(mask=False, extensions=[self._deflate])


def wire_for(extensions: Sequence[Extension]) -> Wire:
    """Give the wire for what was negotiated. A peer with a window smaller than ours is written to uncompressed."""
    for extension in extensions:
        if isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits >= WINDOW_BITS:
            return DEFLATED
    return PLAIN


PLAIN = PlainWire()
DEFLATED = DeflatedWire()
DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=WINDOW_BITS,
    client_max_window_bits=WINDOW_BITS,
    compress_settings={"memLevel": 5},
    require_client_max_window_bits=False,
)
