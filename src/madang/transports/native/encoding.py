"""How native frames become bytes: the codec's JSON in text messages, framed as the connection has agreed."""

from collections.abc import Sequence
from typing import Final, Protocol

from madang.delivery.subscriber import Encoding, Entry
from madang.errors import MadangError
from madang.protocol.native import codec
from madang.protocol.native.answers import Answer
from madang.protocol.native.frames import Frame
from madang.services.pages import MessagePage
from madang.transports.websocket.framing import DEFLATED, PLAIN, Framing


class SessionEncoding(Encoding, Protocol):
    """How all that a session says becomes bytes for its socket."""

    def answer(self, n: int, answer: Answer) -> bytes:
        """Return what is written for the answer to the command numbered `n`."""

    def page(self, n: int, page: MessagePage) -> Sequence[bytes]:
        """Return the same for a page of messages, in pieces: its middle is the same object for all who asked for it."""

    def error(self, n: int | None, problem: MadangError) -> bytes:
        """Return what is written for a refusal; without `n` if the command's could not be read."""


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

    def answer(self, n: int, answer: Answer) -> bytes:
        return self.text(codec.answer(n, answer))

    def error(self, n: int | None, problem: MadangError) -> bytes:
        return self.text(codec.error(n, problem))

    def page(self, n: int, page: MessagePage) -> Sequence[bytes]:
        return self.pieces(*codec.shared_answer(n, page.messages, page.more, page.seq, page.newer))


ENCODINGS: Final[dict[Framing, NativeEncoding]] = {framing: NativeEncoding(framing) for framing in (PLAIN, DEFLATED)}
"""The encoding for each framing, shared by all connections that have agreed on it."""
