"""How native frames become bytes: the codec's JSON in text messages, framed as the connection has agreed."""

from typing import Final

from madang.delivery.subscriber import Entry
from madang.protocol.native import codec
from madang.protocol.native.frames import Frame
from madang.transports.websocket.framing import DEFLATED, PLAIN, Framing


class NativeEncoding:
    """Native text in one kind of framing. `text` and `pieces` are the framing's own."""

    __slots__ = ("pieces", "text")

    def __init__(self, framing: Framing) -> None:
        self.text = framing.text
        self.pieces = framing.pieces

    def event(self, entry: Entry) -> bytes:
        return self.text(entry.text)

    def frame(self, frame: Frame) -> bytes:
        return self.text(codec.frame(frame))


ENCODINGS: Final[dict[Framing, NativeEncoding]] = {framing: NativeEncoding(framing) for framing in (PLAIN, DEFLATED)}
"""The encoding for each framing, shared by all connections that have agreed on it."""
