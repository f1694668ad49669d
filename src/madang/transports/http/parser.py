"""The bounds of an HTTP connection: its heads, its bodies, requests that wait behind others, and answers nobody takes.

llhttp bounds nothing of a head, uvicorn neither how many requests wait nor how long an answer does. All of it is bounded
here, before login, and what a head itself can be refused for is asked of the gate (`gate.py`) before anything is done for
it. Whatever is not HTTP is answered here too, in the one error shape.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from madang.errors import MadangError
from madang.transports.connections import OF_ALL, Connections
from madang.transports.http.errors import encoded_refusal, refusing
from madang.transports.http.gate import Gate
from madang.transports.shares import Shares

HEAD_S: Final = 5  # from the connection, or its first byte, to the end of a head
BODY_S: Final = 15  # from there to the end of the body; a route that reads one waits for less (`schemas.py`)
TAKE_S: Final = 30  # for the client to take what was written, as long as a WebSocket may be behind
REFUSAL_S: Final = 2  # for a head to come to which only "too many connections" will be answered
HEAD_BYTES: Final = 16 * 1024
HEADERS: Final = 100
PIPELINED: Final = 8  # requests that wait behind the one that is being answered, and those in one more slice
SLICE: Final = 1024  # bytes parsed before looking how many wait: 40 of the shortest requests
HELD: Final = 64 * 1024
"""Bytes not parsed while that many wait. A client that sends more is answered what waits, and closed."""
DRAIN_S: Final = 2  # for answers under way when the node stops: less than it waits before it logs what it cuts off
LOOK_S: Final = 1.0
IDLE_S: Final = 5  # between two requests
PROXY_IDLE_S: Final = 75
"""The same, of a trusted proxy. It must be the proxy that closes: a POST that meets a connection which we close is answered 502.
nginx keeps idle ones for 60 s where it is told to keep any, and so does ingress-nginx, which always does."""


HAND_OVER: Final = "madang.hand_over"
"""The ASGI message, behind the head of an answer, that has something else write the rest: `to`, a `Successor`."""


class Successor(Protocol):
    """What goes on with a connection behind the head of an answer: the protocol of its transport from then on."""

    def take_over(self, transport: Any, let_go: Callable[[], None]) -> None:
        """Go on. It calls `let_go` when the socket is gone, and has `shutdown` for a restart, as protocols of uvicorn have."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with bounds; made for each connection. `bounded_http` binds it to a gate."""

    gate: Gate  # of the class

    # -- called by the loop --------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Take the socket over, or, when there are too many, keep it just long enough to say so."""
        super().connection_made(transport)
        self._asgi = self.app
        self._in_head = True
        self._in_body = False
        self._handed_over = False
        self._running: RequestResponseCycle | None = None
        self._body_ends: RequestResponseCycle | None = None  # whose body has not come yet
        self._held = b""
        self._came = b""  # and waits for a turn
        self._waits = False
        self._heads = 0
        self._parsed = 0  # bytes of this head that the parser has reported
        self._raw = 0  # bytes since the head began or, after it, since the last piece of a body
        self._seconds = HEAD_S  # left for what the client has begun to send
        self._untaken = 0  # seconds that something has been unsent
        gate = self.gate
        self.address = gate.admission.address(transport.get_extra_info("peername"), ())
        self._direct = not gate.admission.trusts(transport.get_extra_info("peername"))
        self.place = self.address if self._direct else OF_ALL
        self.timeout_keep_alive = IDLE_S if self._direct else PROXY_IDLE_S
        self._counted = gate.connections.enter(self.place)
        if self._counted:
            gate.connections.rests(self, self.place)
        elif gate.connections.spare:
            gate.connections.spare -= 1
            self._seconds = REFUSAL_S
        else:
            self._handed_over = True  # there is nothing to leave
            transport.abort()
            return
        gate.wheel.add(self._look, LOOK_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything. What is being answered goes on to its end, and writes nothing more."""
        for cycle in (self._running, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        self._held = self._came = b""
        self._leave()
        super().connection_lost(exc)
        self._running = self._body_ends = None
        self.cycle = None  # type: ignore[assignment]  # one that never began refers to this: a ring
        self._unset_keepalive_if_required()  # uvicorn leaves the timer of a connection that was reset to run out
        self.gate.wheel.drop(self._look)

    def give_way(self) -> None:
        """Close at once, to make room: nothing is under way here."""
        self._leave()
        self.transport.close()

    def _leave(self) -> None:
        if self._handed_over:
            return
        self._handed_over = True
        connections = self.gate.connections
        if self._counted:
            connections.works(self, self.place)
            connections.leave(self.place)
        else:
            connections.spare += 1

    def _look(self) -> float | None:
        """End what takes too long. Called every second until the connection is lost or has become a WebSocket."""
        if self._handed_over:
            return None
        if self._seconds:
            self._seconds -= 1
            if not self._seconds:
                self._reset()
                return None
        self._untaken = self._untaken + 1 if self.transport.get_write_buffer_size() else 0
        if self._untaken > TAKE_S:
            self._reset()
            return None
        return LOOK_S

    def shutdown(self) -> None:
        """End for a restart: rested, at once; answering, when the answer is taken, for which there is DRAIN_S."""
        super().shutdown()
        self.gate.wheel.add(self._reset, DRAIN_S)

    def _reset(self) -> None:
        """End at once. What the kernel has unsent would keep its memory until the peer reads, so it is dropped, too."""
        if self._handed_over:
            return
        if (sock := self.transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse when it is the address's turn; until then nothing more is read."""
        self._came = self._came + data if self._came else data
        if self._waits or self.gate.shares.at_once(self._take_up):
            return
        self._waits = True
        self.flow.pause_reading()
        self.gate.shares.enter(self.address, self)

    def work(self) -> bool:
        """Parse what came meanwhile (`transports.shares`)."""
        self._waits = False
        if not self._handed_over and not self.transport.is_closing():
            self.flow.resume_reading()
            self._take_up()
        return False

    def _take_up(self) -> None:
        """Parse, as far as there is room for requests."""
        data, self._came = self._came, b""
        self._unset_keepalive_if_required()
        if self._held:
            data = self._held + data
        self._parse(data)
        if not self._seconds and self._running is None and not self._handed_over:
            self._seconds = HEAD_S  # empty lines are not a head, and would keep a connection open

    def _parse(self, data: bytes) -> None:
        at = 0
        while at < len(data) and not self.transport.is_closing():
            if len(self.pipeline) >= PIPELINED:
                self._hold(data[at:])
                return
            piece = data[at : at + SLICE] if len(data) - at > SLICE else data[at:]
            at += len(piece)
            if (end := self._feed(piece)) is not None:
                if rest := piece[end:] + data[at:]:
                    cast(asyncio.Protocol, self.transport.get_protocol()).data_received(rest)
                return
        self._held = b""

    def _hold(self, data: bytes) -> None:
        """Keep what cannot be parsed now; of a client that sends ever more, nothing."""
        self.flow.pause_reading()
        self._seconds = 0
        if len(data) > HELD:
            data = b""
            self.pipeline[0][0].keep_alive = False  # the newest is first; it closes
        self._held = data

    def _feed(self, data: bytes) -> int | None:
        """Parse one piece. Return where the rest begins if it has become a WebSocket.

        What does not complete anything is counted: a header, a trailer or a chunk's extension may be endless. uvicorn's own
        method loses what follows an upgrade in the same packet, and refuses in plain text.
        """
        in_head, heads, self._body = self._in_head, self._heads, False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(MadangError("bad_http"))
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return cast(int, upgrade.args[0])
        if self._in_head == in_head and self._heads == heads and not self._body:
            self._raw += len(data)
            if self._raw > HEAD_BYTES:
                self._refuse(MadangError("head_too_big"))
        return None

    # -- called by the parser ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._counted:
            self._seconds = HEAD_S
        self._in_head = True
        self._parsed = self._raw = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a piece of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header, without the spaces around its value (RFC 9110, 5.5), unless there are too many."""
        self._count(len(name) + len(value) + 4)
        if len(self.headers) >= HEADERS:
            self._refuse(MadangError("head_too_big"))
        else:
            super().on_header(name, value.strip(b" \t"))

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > HEAD_BYTES:
            self._refuse(MadangError("head_too_big"))

    def on_headers_complete(self) -> None:
        """A head is complete: judge it, and hand it on with a refusal in place of the application if it is refused."""
        self._heads += 1
        self._in_head = False
        self._in_body = True
        self._raw = 0
        if self.transport.is_closing():
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        version = self.parser.get_http_version()
        # RFC 9112, 3.2: otherwise two readers may differ. llhttp accepts a fragment, and HTTP/0.9 and 2.0, too.
        if hosts > 1 or (hosts == 0 and version == "1.1") or version not in ("1.0", "1.1") or b"#" in self.url:
            self._refuse(MadangError("bad_http"))
            return
        upgrades = self.parser.should_upgrade() and self._should_upgrade()
        served = self.gate.is_served(self.headers)
        refused = self._judge(charged=not (upgrades or served))
        if self._counted:
            self.gate.connections.works(self, self.place)
        if upgrades:
            self._seconds = 0
            if refused is not None:
                self._refuse(refused)
            else:
                super().on_headers_complete()
            return
        app = self._asgi
        if refused is not None:
            more = self.gate.left(self.address) if refused.code == "rate_limited" else {}
            app = self.gate.around(refusing(refused, closes=not self._counted, more=more))
        app = partial(_handing_over, self.transport, app)
        self.app = app if served else partial(_metered, self.gate.shares, app)
        self._seconds = BODY_S
        super().on_headers_complete()
        # An answer that is begun before the body has come ends the connection: otherwise a body that never ends would keep it.
        if self.cycle.keep_alive:
            self.cycle.keep_alive = False
            self._body_ends = self.cycle

    def _judge(self, charged: bool) -> MadangError | None:
        """Return what the request is refused for, if it is; and count its connection for whom a proxy says it is."""
        if not self._counted:
            return self.gate.turned_away()
        if not self._direct:
            forwarded = [value.decode("latin-1") for name, value in self.headers if name == b"x-forwarded-for"]
            self.address = self.gate.admission.address(self.transport.get_extra_info("peername"), forwarded)
            if not self.gate.connections.move(self.place, self.address):
                return self.gate.turned_away()
            self.place = self.address
        return self.gate.judge(self.address, self.headers, charged)

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the body. How large the body may be is decided for each route (`bounded_app.py`)."""
        self._body = True
        self._raw = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete: the connection may be kept."""
        self._seconds = 0
        self._in_body = False
        if self._body_ends is not None:
            if not self._body_ends.response_started:
                self._body_ends.keep_alive = True
            self._body_ends = None
        super().on_message_complete()

    # -- requests and their answers ------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin to answer when it is the address's turn."""
        self._running = cycle
        self.gate.shares.begin(self.address, partial(self._begin, super()._start_asgi_task, cycle, app))

    def _begin(self, start: Callable[..., None], cycle: RequestResponseCycle, app: Any) -> None:
        if not cycle.disconnected:
            start(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request, here or in what is held, or rest."""
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self._held and len(self.pipeline) < PIPELINED:
            held, self._held = self._held, b""
            self._seconds = HEAD_S if self._in_head else BODY_S if self._in_body else 0
            self._parse(held)
        if self._held:
            self.flow.pause_reading()
        if self._running is not None and self._running.response_complete:
            self._running = None
            if not self._handed_over and self._counted:
                if not self._direct and self.place:
                    self.gate.connections.move(self.place, OF_ALL)
                    self.place = OF_ALL
                self.gate.connections.rests(self, self.place)

    def _get_upgrade(self) -> bytes | None:
        """Return what is asked for by all Connection headers together (RFC 9110, 5.3); uvicorn reads only the last."""
        values: dict[bytes, bytes] = {}
        for name, value in self.headers:
            if name in (b"connection", b"upgrade"):
                values[name] = values[name] + b"," + value if name in values else value
        tokens = {token.strip().lower() for token in values.get(b"connection", b"").split(b",")}
        return values.get(b"upgrade", b"").lower() if b"upgrade" in tokens else None

    def handle_websocket_upgrade(self) -> None:
        """Hand the socket over, unless its head was refused; HTTP/1.0 has no upgrades (RFC 6455, 4.1)."""
        if self.transport.is_closing():
            return
        answering = self._running is not None and not self._running.response_complete
        if self.parser.get_http_version() == "1.1" and not answering:
            self._handed_over = True
            self.gate.wheel.drop(self._look)
            super().handle_websocket_upgrade()
            cast(Any, self.transport.get_protocol()).take_place(self.place)
            # uvicorn leaves a reference cycle of parser, protocol and request, which only the cycle collector would free.
            del self.parser, self.scope, self.headers, self.flow
        else:
            self._refuse(MadangError("bad_http"))

    def hand_over(self, to: Successor) -> None:
        """Have something else write the rest of the answer that is begun. What waits behind it is not answered."""
        if self.transport.is_closing() or self._running is None:
            return
        self._running.disconnected = True  # uvicorn has nothing more to do with it
        self._handed_over = True
        self.gate.wheel.drop(self._look)
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        self.flow.resume_reading()
        self.connections.discard(self)
        self.connections.add(to)  # type: ignore[arg-type]
        self.transport.set_protocol(cast(asyncio.Protocol, to))
        to.take_over(self.transport, partial(_let_go, self.gate.connections, self.place, self.connections, to))
        self._running = self._body_ends = None
        # As for a WebSocket: parser, protocol and request are a ring, which only the cycle collector would free.
        del self.parser, self.scope, self.headers, self.flow, self.cycle

    def _refuse(self, error: MadangError) -> None:
        if not self.transport.is_closing():
            self.transport.write(encoded_refusal(error))
            self.transport.close()


async def _metered(shares: Shares, app: Any, *asgi: Any) -> None:
    # Not a method: a connection that refers to itself is freed by the cycle collector alone.
    await shares.metered(app(*asgi))


async def _handing_over(transport: asyncio.Transport, app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Serve an application whose answers may be handed over (HAND_OVER)."""

    async def sent(message: Any) -> None:
        if message["type"] != HAND_OVER:
            await send(message)
        elif not transport.is_closing():
            cast(BoundedHttp, transport.get_protocol()).hand_over(message["to"])

    await app(scope, receive, sent)


def _let_go(connections: Connections, place: str, of_server: set[Any], protocol: Successor) -> None:
    connections.leave(place)
    of_server.discard(protocol)


def bounded_http(gate: Gate) -> type[BoundedHttp]:
    """Return the class to hand to uvicorn as `http=`."""
    return type("GatedHttp", (BoundedHttp,), {"gate": gate})
