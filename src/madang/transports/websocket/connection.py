"""The WebSocket gateway: from the upgraded socket to text frames for the session.

uvicorn hands over the socket (`ws=`), `websockets.ServerProtocol` parses. Pings, byte budget and close are here; what
commands mean is the session's.

No task, queue or timer per socket: replies and events go straight to the transport, whose write buffer is the byte
budget (HIGH_WATER). Over it the rooms stop writing and reading stops too; under LOW_WATER both go on.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from madang.delivery.subscription import Subscription
from madang.protocol.native.frames import ByeFrame
from madang.transports.native.operations import OPERATIONS
from madang.transports.native.session import MAX_FRAME, Session
from madang.transports.node import Node
from madang.transports.websocket.framing import DEFLATE, PLAIN, NativeEncoding, encoding_for
from madang.transports.websocket.handshake import refusal

logger = logging.getLogger("madang.websocket")
_quiet = logging.getLogger("madang.websockets")  # the library's own; one line per bad client is ours to write
_quiet.setLevel(logging.CRITICAL)

HIGH_WATER: Final = 256 * 1024  # bytes unsent at which a socket is behind
LOW_WATER: Final = 32 * 1024
HELLO_S: Final = 10.0
SLOW_S: Final = 30.0  # a socket that stays behind this long is closed; it resumes when it can
CLOSE_S: Final = 5.0  # for the peer to finish closing
SILENT_PINGS: Final = 2  # unanswered, and the peer is taken for dead
LATE: Final = 16 * 1024  # bytes looked at after the connection was closed
SLICE: Final = 4096  # bytes parsed before looking whether they closed the connection: 680 of the smallest frames
FRAGMENTS: Final = 256  # frames of one message
FLOODS: Final = frozenset({4400, 4429})
CONTROLS: Final = 50  # pings and pongs between two looks of the wheel


class Connection(asyncio.Protocol):
    """One WebSocket. Made by uvicorn per upgrade; `gateway` binds it to a node."""

    node: Node  # set by gateway()
    write_now: Callable[[bytes], None]  # the transport's own, so that a delivery is one call

    __slots__ = (
        "_alive", "_controls", "_fragments", "_gone", "_out", "_patience", "_paused_at", "_protocol", "_reading",
        "_server_state", "_silent", "address", "closed", "device", "encoding", "paused", "session", "subscriptions", "transport", "write_now",
    )  # fmt: skip

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        extensions = [DEFLATE] if self.node.compression else None
        self._protocol = ServerProtocol(extensions=extensions, max_size=MAX_FRAME, logger=_quiet)
        self._server_state = server_state
        self.transport: asyncio.Transport
        self._fragments: list[bytes] | None = None
        self._out: list[bytes] = []
        self._alive = True
        self._silent = 0
        self._controls = 0
        self._paused_at = 0.0
        self._gone = False
        self._patience = LATE
        self._reading = True
        self.address = ""
        self.paused = False
        self.closed = False
        self.device = ""
        self.encoding: NativeEncoding = PLAIN
        self.subscriptions: dict[str, Subscription] = {}
        self.session: Session | None = None

    # -- from uvicorn and the loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket over."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods, not by its class
        self.transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self.write_now = self.transport.write
        self._server_state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._server_state.connections.discard(self)
        self._gone = True
        self.closed = True
        if self.session is not None:
            self.session.ended()
            self.node.hub.close(self)
            self.node.admission.leave(self.address)

    def data_received(self, data: bytes) -> None:
        """Parse what came; answer pings and closes; give text to the session."""
        self._alive = True
        if len(data) <= SLICE and not self.closed:
            self._parse(data)
            return
        for start in range(0, len(data), SLICE):
            piece = data[start : start + SLICE]
            if self.closed:  # the peer may finish closing, and what was under way may come; a flood may not
                self._patience -= len(piece)
                if self._patience < 0:
                    return
            self._parse(piece)

    def _parse(self, data: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        if protocol.writes and protocol.state is OPEN:
            self._flush()  # pongs, before what the rest of the packet asks for; a close waits for what was asked before it
        for event in protocol.events_received():
            if type(event) is Frame:
                if event.opcode is Opcode.TEXT and event.fin and not self.closed:
                    cast(Session, self.session).receive(cast(bytes, event.data))  # frames follow the handshake
                else:
                    self._frame(event)
            elif isinstance(event, Request):
                self._handshake(event)
        if protocol.writes:
            self._flush()

    def eof_received(self) -> bool:
        """The peer has said its last."""
        self._protocol.receive_eof()
        self._flush()
        return False

    def pause_writing(self) -> None:
        """The byte budget is used up: stop writing events, and stop reading what would need answers."""
        self.paused = True
        self._paused_at = self.node.turns.time()
        self.transport.pause_reading()
        self.node.hub.pause(self)

    def resume_writing(self) -> None:
        """There is room again: read on, and catch up."""
        self.paused = False
        if self.closed:
            return
        if self._reading:
            self.transport.resume_reading()
        if self.session is not None:
            self.session.go_on()
        self.node.hub.resume(self)

    def read_on(self, on: bool) -> None:
        """Stop reading for the session's sake, or go on."""
        self._reading = on
        if self.closed or self.paused:
            return
        if on:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def shutdown(self) -> None:
        """End for a restart: tell when to come back, jittered, and close resumably. Called by uvicorn at SIGTERM."""
        if self.session is not None and not self.closed:
            retry_ms = 100 + secrets.randbelow(2000)
            self.send(self.encoding.frame(ByeFrame(reason="restart", retry_ms=retry_ms)))
        self.close(CloseCode.SERVICE_RESTART, "restart")

    # -- out (as a subscriber of delivery) -----------------------------------------------------------------------------

    def queue(self, data: bytes) -> None:
        """Write at the end of this turn of the loop, joined with what else is queued; nothing follows a close."""
        if self.closed:
            return
        if not self._out:
            self.node.turns.flush_at_end(self)
        self._out.append(data)

    def send(self, data: bytes) -> None:
        """Write what is queued, then this."""
        if self._gone:
            return
        if self._out:
            self.flush()
        self.write_now(data)

    def flush(self) -> None:
        """Write what is queued."""
        out, self._out = self._out, []
        if self._gone:
            return
        if len(out) == 1:
            self.write_now(out[0])
        elif out:
            self.write_now(b"".join(out))

    # -- handshake -----------------------------------------------------------------------------------------------------

    def _handshake(self, request: Request) -> None:
        if self._protocol.close_expected():
            return  # what stood behind the head in its packet was no frame, and the parser has given up
        node, peer = self.node, self.transport.get_extra_info("peername")
        self.address = node.admission.address(peer, request.headers.get_all("X-Forwarded-For"))
        response = refusal(self._protocol, request, node.admission, self.address, node.turns.time())
        response = response or self._protocol.accept(request)
        if response.status_code != 101:
            self._protocol.send_response(response)
            self._flush()
            return
        node.admission.enter(self.address)
        self.device = secrets.token_hex(8)
        self.encoding = encoding_for(self._protocol.extensions)
        self.session = Session(node, self, OPERATIONS)
        self._protocol.send_response(response)
        request.headers.clear()  # the parser keeps the request for good: 2 KB per socket
        node.wheel.add(self._tick, min(HELLO_S, node.ping_s))

    # -- frames and closing --------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame) -> None:
        """Handle what is not a whole text message."""
        if self.closed or self.session is None:
            return
        if frame.opcode in (Opcode.PING, Opcode.PONG):
            self._controls += 1
            if self._controls > CONTROLS:
                self.close(4429, "flood")
        elif frame.opcode is Opcode.CLOSE:
            self._close_by_and_by()
        elif frame.opcode is Opcode.BINARY:
            self.close(CloseCode.UNSUPPORTED_DATA, "text only")
        else:
            self._fragment(frame)

    def _fragment(self, frame: Frame) -> None:
        fragments = self._fragments = self._fragments or []
        fragments.append(bytes(frame.data))
        if len(fragments) > FRAGMENTS:
            self.close(CloseCode.POLICY_VIOLATION, "too many fragments")
        elif frame.fin:
            self._fragments = None
            assert self.session is not None
            self.session.receive(b"".join(fragments))

    def _flush(self) -> None:
        """Write what the protocol has to say; an empty piece is its end of stream."""
        pieces = self._protocol.data_to_send()
        if data := b"".join(pieces):
            self.send(data)
        if pieces and not pieces[-1]:
            self._close_by_and_by()
            self.transport.close()

    def close(self, code: int, reason: str) -> None:
        """Close after what has been written; what the client still sends is not looked at."""
        if self.closed:
            return
        if code in FLOODS:
            self.node.admission.flooded(self.address, self.node.turns.time())
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            for data in self._protocol.data_to_send():
                self.send(data)
        self._close_by_and_by()

    def _close_by_and_by(self) -> None:
        """Follow nothing any more, and let go of the socket even if the peer never reads the rest."""
        if not self.closed:
            self.closed = True
            self.node.hub.close(self)
            self.node.wheel.add(self._end, CLOSE_S)
            if not self._reading and not self.paused and not self._gone:
                self.transport.resume_reading()  # for the peer's part of the closing

    def _end(self) -> None:
        if not self._gone:
            self.transport.abort()

    def close_retryable(self) -> None:
        """Close resumably: what this socket lacks could not be read."""
        self.close(CloseCode.TRY_AGAIN_LATER, "storage")

    def access_ended(self, room: str) -> None:
        """Its user left the room or was kicked."""
        subscription = self.subscriptions[room]
        self.node.hub.presence.leave(room, subscription.user, self.device)
        if subscription.until is None:
            del self.subscriptions[room]

    def _tick(self) -> float | None:
        """The wheel's look: hello in time, reading at all, still there. Gives when to look again."""
        if self.closed:
            return None
        if self.session is None or self.session.user is None:
            rest = HELLO_S - self.node.ping_s
            if rest > 0 and not self._silent:
                self._silent = 1  # looked once
                return rest
            self.close(4408, "hello timeout")
            return None
        self._controls = 0
        if self.paused:
            if self.node.turns.time() - self._paused_at >= SLOW_S:
                self.close(4409, "too slow")
                self.transport.abort()
                return None
            return 5.0
        self._silent = 0 if self._alive or not self._reading else self._silent + 1
        if self._silent >= SILENT_PINGS:
            self.transport.abort()
            return None
        self._alive = False
        self._protocol.send_ping(b"")
        self._flush()
        return self.node.ping_s


def gateway(node: Node) -> type[Connection]:
    """Make the class to hand to uvicorn as `ws=`."""
    return type("Gateway", (Connection,), {"node": node, "__slots__": ()})
