"""A WebSocket: from the upgraded socket to messages for the session that its path has chosen.

uvicorn hands over the socket (`ws=`), and the protocol of `websockets` parses. The byte budget, pings, floods of frames and
the end are here; how it is read is in `reader.py`, how it is written to in `subscriber.py`, what messages mean is the
session's.

No task, queue or timer for each socket: replies and events go straight to the transport, whose write buffer is the byte
budget (HIGH_WATER). Over it the rooms stop writing and reading stops too; under LOW_WATER both go on.
"""

import asyncio
import logging
import secrets
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN as PARSING

from madang.core.bounds import MAX_FRAME
from madang.errors import without_frames
from madang.transports.conduct import CONTROLS, FLOODS, HELLO_S
from madang.transports.node import Node
from madang.transports.subscriber import (
    CLOSE_S,
    CLOSING,
    CONNECTING,
    HIGH_WATER,
    LOST,
    LOW_WATER,
    OPEN,
    SLOW_S,
    UNANSWERED_PINGS,
)
from madang.transports.websocket.doors import BinarySession, Door, Doors, Upgrade, WebSocketSession, door_at
from madang.transports.websocket.framing import DEFLATE, framing_for
from madang.transports.websocket.handshake import WebSocketProtocol, credential, respond
from madang.transports.websocket.reader import BINARY, DEFLATED_PIECE, SocketReader

logger = logging.getLogger("madang.websocket")
_quiet = logging.getLogger("madang.websockets")  # the library's own, which would write a line for every bad client
_quiet.setLevel(logging.CRITICAL)


class Connection(SocketReader, asyncio.Protocol):
    """One WebSocket. Made by uvicorn for each upgrade; `gateway` binds it to a node and its doors."""

    doors: Doors  # of the class, as `node` is

    __slots__ = (
        "_controls", "_door", "_drained", "_hello_s", "_paused_at", "_pings", "_place", "_server_state",
    )  # fmt: skip

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        extensions = [DEFLATE] if self.node.compression else None
        super().__init__(WebSocketProtocol(extensions=extensions, max_size=MAX_FRAME, logger=_quiet))
        self._server_state = server_state
        self._door: Door | None = None
        self._pings = 0  # sent since the client was last heard
        self._controls = 0
        self._drained: asyncio.Future[None] | None = None  # who waits for it
        self._paused_at = 0.0
        self._hello_s = HELLO_S  # left for hello, beyond the time until the wheel's next look
        self._place: str | None = None  # for whom the listener counts this connection

    # -- called by uvicorn and the loop --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket over."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods, not by its class
        self.transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self.write_now = self.transport.write
        self._server_state.connections.add(self)  # type: ignore[arg-type]

    def take_place(self, place: str) -> None:
        """Keep the place among the listener's connections that the HTTP connection had."""
        self._place = place

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything: the socket is gone.

        Rings are cut, so that nothing is left to the cycle collector, which comes rarely: three storms of 10,000 reconnects
        left 23 MB behind, each more. WebSocketSession and connection know each other; the parser has a generator of one of its own
        methods, and the errors it keeps know the frames they came through.
        """
        self._server_state.connections.discard(self)
        self.state = LOST
        self._drop_backlog()
        if self._place is not None:
            self.node.gate.connections.leave(self._place)
        if self.session is not None:
            self.node.hub.close(self.session.subscriber)
        self._end_session()
        if self._door is not None:
            self.node.admission.leave(self.address)
        self.node.wheel.drop(self._look)
        self._go_on_waiting()
        self._fragments = None
        vars(self._protocol).clear()

    def data_received(self, data: bytes) -> None:
        """Parse what came; answer pings and closes; give messages to the session."""
        self._pings = 0
        if self.state is CONNECTING or (
            len(data) <= self._short and self._backlog is None and self.state is not CLOSING
        ):
            self._parse(data)
        else:
            self._keep(data)

    def eof_received(self) -> bool:
        """End: the client sends nothing more."""
        self._protocol.receive_eof()
        self._flush_protocol()
        return False

    def pause_writing(self) -> None:
        """Stop writing events, and reading what would need answers: the byte budget is used up."""
        self.paused = True
        self._paused_at = self.node.turns.time()
        self._read_or_not()
        if self.session is not None:
            self.node.hub.pause(self.session.subscriber)

    def resume_writing(self) -> None:
        """Read on and catch up: there is room again."""
        self.paused = False
        self._read_or_not()
        if self._drained is None:
            self._catch_up()
        else:  # the page that waits comes first: events would take its room again and again
            self.transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
            self._go_on_waiting()
            self.node.turns.next_turn(self._catch_up)

    def _catch_up(self) -> None:
        if self.state is OPEN and not self.paused:
            session = cast(WebSocketSession, self.session)
            session.go_on()
            self.node.hub.resume(session.subscriber)

    async def drained(self, coming: int = 0) -> None:
        """Wait until at most LOW_WATER is unsent, or the byte budget has room for what is coming; or until the end.

        While it waits, the socket counts as one that is over its byte budget: what does not read in time is closed.
        """
        while self.state is OPEN and not self.transport.is_closing():
            unsent = self.transport.get_write_buffer_size()
            if unsent <= LOW_WATER or (coming and unsent + coming <= HIGH_WATER):
                return
            self._drained = asyncio.get_running_loop().create_future()
            self.transport.set_write_buffer_limits(LOW_WATER, LOW_WATER)  # pauses, as it is above
            await self._drained

    def _go_on_waiting(self) -> None:
        """Let `drained` look again."""
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None

    def shutdown(self) -> None:
        """End for a restart: tell when to come back, jittered, and close resumably. Called by uvicorn at SIGTERM."""
        if self.state is OPEN:
            cast(WebSocketSession, self.session).announce_restart(100 + secrets.randbelow(2000))
        self.close(CloseCode.SERVICE_RESTART, "restart")

    # -- what was parsed -----------------------------------------------------------------------------------------------

    def _handshake(self, request: Request) -> None:
        if self._protocol.close_expected():
            return  # what stood behind the head in its packet was not a frame, and the parser has given up
        node, headers = self.node, request.headers
        peer = self.transport.get_extra_info("peername")
        self.address = node.admission.address(peer, headers.get_all("X-Forwarded-For"))
        door = door_at(self.doors, request.path)
        response = respond(self._protocol, request, door, node.admission, self.address, node.turns.time())
        if self._protocol.handshake_exc is not None:
            without_frames(self._protocol.handshake_exc)  # the request keeps it
        accepted = response.status_code == 101
        self._protocol.send_response(response)
        self._flush_protocol()
        if door is not None and accepted:
            shown = credential(headers) if door.subprotocol else ""
            headers.clear()  # the parser keeps the request for good: 2 KB for each socket
            self._open(door, request.path, shown)

    def _open(self, door: Door, target: str, shown: str) -> None:
        node, protocol = self.node, self._protocol
        protocol.max_message_size = door.max_message
        if protocol.extensions:
            self._piece = DEFLATED_PIECE
        self.device = secrets.token_hex(8)
        self.state = OPEN
        self.session = door.open(self, Upgrade(target, framing_for(protocol.extensions), shown))
        self.encoding = self.session.encoding
        self._door = door
        node.admission.enter(self.address)
        node.wheel.add(self._look, self._wait_for_hello())

    def _frame(self, frame: Frame) -> None:
        """Handle what is not a whole text message."""
        if self.state is not OPEN:
            return
        opcode = frame.opcode
        if opcode in (Opcode.PING, Opcode.PONG):
            self._controls += 1
            if self._controls > CONTROLS:
                cast(WebSocketSession, self.session).end(4429, "flood")
        elif opcode is Opcode.CLOSE:
            self._closing()
        elif opcode is BINARY and not cast(Door, self._door).binary:
            self.close(CloseCode.UNSUPPORTED_DATA, "text only")
        elif opcode is BINARY and frame.fin:
            cast(BinarySession, self.session).receive_binary(bytes(frame.data))
        else:
            self._fragment(frame)

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self, code: int, reason: str) -> None:
        """Close after what has been written. What the client still sends is not handled."""
        if self.closed:
            return
        if code in FLOODS:
            self.node.admission.flooded(self.address, self.node.turns.time())
        if self._protocol.state is PARSING:
            self._protocol.send_close(code, reason)
            for data in self._protocol.data_to_send():
                self._write(data)
        self._closing()

    def close_retryable(self) -> None:
        """Close with a code that invites the client to resume: what this connection lacks could not be read."""
        self.close(CloseCode.TRY_AGAIN_LATER, "storage")

    def _closing(self) -> None:
        """Follow nothing any longer, end the session, and let go of the socket even if the peer never reads the rest."""
        if not self.closed:
            self.state = CLOSING
            self._go_on_waiting()
            if self.session is not None:
                self.node.hub.close(self.session.subscriber)
            self.node.turns.next_turn(self._end_session)  # what came before the close has begun by then
            self.node.wheel.drop(self._look)
            self.node.wheel.add(self._look, CLOSE_S)
            self._read_or_not()

    def _end_session(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.ended()

    def _flush_protocol(self) -> None:
        """Write what the protocol has to say; an empty piece is its end of stream."""
        pieces = self._protocol.data_to_send()
        if data := b"".join(pieces):
            self._write(data)
        if pieces and not pieces[-1]:
            failed = self.state is OPEN and self._protocol.close_sent is not None and self._protocol.close_rcvd is None
            self._closing()
            if failed:
                # Closing with bytes unread would reset the connection, and the close code would be lost on its way: of
                # 300 clients that sent 1 MB in a frame, 22 to 50 did not learn why. What still comes is dropped unread.
                self.transport.write_eof()
            else:
                self.transport.close()

    # -- called by the timing wheel ------------------------------------------------------------------------------------

    def _look(self) -> float | None:
        """See how things stand. Return when to look again, if at all; a connection is on the wheel only once."""
        if self.state is CLOSING:
            self.transport.abort()
        elif self.state is OPEN:
            if cast(WebSocketSession, self.session).is_open:
                return self._tick()
            if self._hello_s:
                return self._wait_for_hello()
            self.close(4408, "hello timeout")
        return None

    def _wait_for_hello(self) -> float:
        """Return the seconds until the next look, no longer than between two pings.

        Otherwise a peer that greets just after a look, and falls silent, would get its first ping when HELLO_S is over.
        """
        wait_s = min(self._hello_s, max(1.0, round(self.node.ping_s)))  # in turns of the wheel, so that they add up
        self._hello_s -= wait_s
        return wait_s

    def _tick(self) -> float | None:
        """See whether the peer may stay, reads at all and is still there. Return when to look again, if at all."""
        self._controls = 0
        left_s = cast(WebSocketSession, self.session).left_s
        if left_s <= 0:
            self.close(4401, "token expired")
            return None
        if self.paused:
            if self.node.turns.time() - self._paused_at >= SLOW_S:
                self.close(cast(Door, self._door).slow, "too slow")
                self.transport.abort()
                return None
            return min(5.0, left_s)
        if not self._session_reads or self._backlog is not None:  # pongs may have come, and are not read
            self._pings = 0
        if self._pings >= UNANSWERED_PINGS:
            self.transport.abort()
            return None
        cast(WebSocketSession, self.session).remind()
        self._pings += 1
        self._protocol.send_ping(b"")
        self._flush_protocol()
        return min(self.node.ping_s, left_s)


def gateway(node: Node, doors: Doors) -> type[Connection]:
    """Return the class to hand to uvicorn as `ws=`."""
    return type("Gateway", (Connection,), {"node": node, "doors": doors, "__slots__": ()})
