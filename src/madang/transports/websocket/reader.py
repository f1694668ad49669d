"""How a WebSocket is read: what came, in pieces and in turns with other sockets, up to whole messages for the session.

A packet larger than a piece is parsed a piece at a time (`transports.shares`), and nothing more is read meanwhile. What
comes after the close is parsed for the peer's part of it, up to a bound. Control frames, the handshake and the end are
the connection's.
"""

from abc import abstractmethod
from typing import Final, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN as PARSING
from websockets.server import ServerProtocol

from madang.transports.subscriber import CLOSING, LOST, OPEN, SocketSubscriber
from madang.transports.websocket.doors import BinarySession, WebSocketSession
from madang.transports.websocket.whole_texts import between_messages, whole_text

LATE: Final = 16 * 1024  # bytes parsed after the connection has closed
LINGER: Final = 8 * 1024 * 1024  # bytes dropped for a peer that sends on after the close, before it is cut off
PIECE: Final = 1024  # bytes parsed at a time: 170 of the smallest frames
DEFLATED_PIECE: Final = 256  # likewise, of what may become 1,030 times as much
FRAGMENTS: Final = 256  # frames of one message
TEXT, BINARY = Opcode.TEXT, Opcode.BINARY


class _Fragments:
    """A message that arrives in several frames."""

    __slots__ = ("binary", "pieces")

    def __init__(self, binary: bool) -> None:
        self.binary = binary
        self.pieces: list[bytes] = []


class SocketReader(SocketSubscriber):
    """Reads one socket, as far as the session and the byte budget allow it.

    Attributes:
        address: whose turns it takes; known from the handshake on.
        session: while it is open, and until the turn after it closes.
    """

    __slots__ = (
        "_backlog",
        "_between",
        "_fragments",
        "_late",
        "_piece",
        "_protocol",
        "_session_reads",
        "_short",
        "_waits",
        "address",
        "session",
    )

    def __init__(self, protocol: ServerProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._fragments: _Fragments | None = None
        self._backlog: bytearray | None = None  # came, and is not parsed yet
        self._between = False  # nothing of a message is with the parser
        self._piece = PIECE
        self._short = 0  # bytes handled at once, without a turn: a piece, once the client has said who it is
        self._waits = False  # for a turn to parse it
        self._session_reads = True  # the session wants what the client sends
        self._late = 0  # bytes that came after the close
        self.address = ""
        self.session: WebSocketSession | None = None

    def read_on(self, on: bool) -> None:
        """Read on, or stop reading until told to: the session can take more, or cannot."""
        self._session_reads = on
        self._read_or_not()

    def _read_or_not(self) -> None:
        """Read while the byte budget allows it and the session wants to; when closing, for the peer's part of it."""
        if self.state is LOST or self.transport.is_closing():
            return
        if self._may_read() and self._backlog is None:
            self.transport.resume_reading()
            return
        self.transport.pause_reading()
        if self._backlog is not None and self._may_read() and not self._waits:
            self._waits = True
            self.node.shares.enter(self.address, self)

    def _may_read(self) -> bool:
        return not self.paused and (self._session_reads or self.state is CLOSING)

    # -- what came at once, a piece at a time --------------------------------------------------------------------------

    def _keep(self, data: bytes) -> None:
        """Keep what came for this turn and the next ones."""
        if self._backlog is not None:
            self._backlog += data
            self.node.memory.take("input", len(data))
            return
        if self.state is CLOSING:
            self._hear_out(data)
            return
        self._backlog = bytearray(data)
        if not self.node.memory.try_take("input", len(data)):
            self.node.memory.take("input", len(data))
            self.close(CloseCode.TRY_AGAIN_LATER, self.node.memory.refusal("input").code)
        self.node.shares.at_once(self._next_piece)
        self._read_or_not()

    def work(self) -> bool:
        """Parse a piece of what waits; return whether there is another that may be parsed now (`transports.shares`)."""
        self._waits = self._next_piece()
        if not self._waits:
            self._read_or_not()
        return self._waits

    def _next_piece(self) -> bool:
        backlog = self._backlog
        if backlog is None:
            return False
        if self.state is CLOSING:
            self._drop_backlog()
            self._hear_out(bytes(backlog))
            return False
        piece = bytes(backlog[: self._piece])
        del backlog[: self._piece]
        self.node.memory.free("input", len(piece))
        self._parse(piece)
        if not backlog:
            self._drop_backlog()
        if not self._short and self.state is OPEN and cast(WebSocketSession, self.session).is_open:
            self._short = self._piece
        return self._backlog is not None and self._may_read()

    def _drop_backlog(self) -> None:
        if self._backlog is not None:
            self.node.memory.free("input", len(self._backlog))
            self._backlog = None

    def _hear_out(self, data: bytes) -> None:
        """Let the peer finish closing; what was under way may come, a flood may not."""
        for start in range(0, len(data), self._piece):
            piece = data[start : start + self._piece]
            self._late += len(piece)
            if self._late > LATE:
                self._late += len(data) - start - len(piece)
                if self._late > LINGER:
                    self.transport.abort()
                return
            self._parse(piece)

    def _parse(self, data: bytes) -> None:
        protocol = self._protocol
        if self._between and self.state is OPEN:
            text = whole_text(data, protocol.max_message_size)  # type: ignore[arg-type]  # OPEN has one
            if text is not None:
                self.session.receive(text)  # type: ignore[union-attr]  # as it has a session
                return
        protocol.receive_data(data)
        if protocol.writes and protocol.state is PARSING:
            self._flush_protocol()  # pongs, before what the rest of the packet asks for; a close waits behind that
        for event in protocol.events_received():
            if type(event) is Frame:
                if event.opcode is TEXT and event.fin and self.state is OPEN:
                    self.session.receive(event.data)  # type: ignore[union-attr,arg-type]  # OPEN has one; parsed to bytes
                else:
                    self._frame(event)
            elif isinstance(event, Request):
                self._handshake(event)
        if protocol.writes:
            self._flush_protocol()
        self._between = protocol.state is PARSING and between_messages(protocol)

    def _fragment(self, frame: Frame) -> None:
        message = self._fragments = self._fragments or _Fragments(frame.opcode is BINARY)
        message.pieces.append(bytes(frame.data))
        if len(message.pieces) > FRAGMENTS:
            self.close(CloseCode.POLICY_VIOLATION, "too many fragments")
        elif frame.fin:
            self._fragments = None
            whole = b"".join(message.pieces)
            if message.binary:
                cast(BinarySession, self.session).receive_binary(whole)
            else:
                cast(WebSocketSession, self.session).receive(whole)

    # -- what the connection does with it ------------------------------------------------------------------------------

    @abstractmethod
    def _handshake(self, request: Request) -> None:
        """Answer the opening handshake."""

    @abstractmethod
    def _frame(self, frame: Frame) -> None:
        """Handle what is not a whole text message."""

    @abstractmethod
    def _flush_protocol(self) -> None:
        """Write what the protocol has to say."""

    @abstractmethod
    def close(self, code: int, reason: str) -> None:
        """Close after what has been written."""
