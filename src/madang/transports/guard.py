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
        """Take the socket; its first head must be whole within HEAD_S, a later one within twice that."""
        super().connection_made(transport)
        self._in_head = True
        self._seen = True  # the wheel has seen this head unfinished, or will have waited for it long enough
        self._handed_over = False
        self._heads = 0
        self._parsed = 0  # bytes of this head that the parser has told of
        self._raw = 0  # bytes that came since it began
        self.gate_app.wheel.add(self._look, HEAD_S)

    def _look(self) -> float | None:
        if self._handed_over or self.transport.is_closing():
            return None
        if self._in_head:
            if self._seen:
                self.transport.abort()
                return None
            self._seen = True
        return HEAD_S

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that is not whole yet: a header may be endless, and the parser tells of whole ones."""
        in_head, heads = self._in_head, self._heads
        super().data_received(data)
        if in_head and self._in_head and self._heads == heads:
            self._raw += len(data)
            if self._raw > HEAD_BYTES:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._heads:
            self._seen = False
        self._in_head = True
        self._parsed = self._raw = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, if there are not too many already."""
        self._count(len(name) + len(value) + 4)
        if len(self.headers) >= HEADERS:
            self._refuse(_TOO_LARGE)
        else:
            super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > HEAD_BYTES:
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
            self._handed_over = True
            super().handle_websocket_upgrade()
            # uvicorn leaves parser, protocol and request in a ring that only the cycle collector would undo.
            del self.parser, self.scope, self.headers, self.flow
        else:
            self._refuse(_BAD)

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def guarded(app: App) -> type[GuardedHttp]:
    """Make the class to hand to uvicorn as `http=`."""
    return type("Guarded", (GuardedHttp,), {"gate_app": app})
