"""What HTTP must keep before uvicorn's own parser has a request: a time and a size for its head.

llhttp bounds neither: a client may send headers for ever, or one byte a minute. Checked here, before login.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from madang.transports.app import App

HEAD_S: Final = 5.0  # from the connection to the end of the first head
HEAD_BYTES: Final = 16 * 1024
HEADERS: Final = 100
_END: Final = b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large" + _END
_BAD: Final = b"HTTP/1.1 400 Bad Request" + _END


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with bounds on the head; made per connection. `guarded` binds it to a node."""

    gate_app: App  # set by guarded()

    def connection_made(self, transport: Any) -> None:
        """Take the socket; its first head must be whole within HEAD_S."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._heads = 0
        self.gate_app.wheel.add(self._late, HEAD_S)

    def _late(self) -> None:
        if not self._heads and not self.transport.is_closing():
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that is not whole yet."""
        self._head_bytes += len(data)
        heads = self._heads
        super().data_received(data)
        if self._heads > heads:
            self._head_bytes = 0
        elif self._in_head and self._head_bytes > HEAD_BYTES:
            self._refuse(_TOO_LARGE)

    _in_head = True

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, if there are not too many already."""
        if len(self.headers) < HEADERS:
            super().on_header(name, value)
        elif len(self.headers) == HEADERS:
            self.headers.append((b"", b""))
            self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._heads += 1
        self._in_head = False
        if self.transport.is_closing():
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (
            hosts == 0 and self.parser.get_http_version() == "1.1"
        ):  # RFC 9112, 3.2: else two readers may differ
            self._refuse(_BAD)
        else:
            super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the socket over, unless its head was refused; HTTP/1.0 has no upgrades (RFC 6455, 4.1)."""
        if self.transport.is_closing():
            return
        if self.parser.get_http_version() == "1.1":
            super().handle_websocket_upgrade()
            # uvicorn leaves parser, protocol and request in a ring that only the cycle collector would undo.
            del self.parser, self.scope, self.headers, self.flow
        else:
            self._refuse(_BAD)

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()


def guarded(app: App) -> type[GuardedHttp]:
    """Make the class to hand to uvicorn as `http=`."""
    return type("Guarded", (GuardedHttp,), {"gate_app": app})
