"""Limits of the HTTP parser: how long a request's head may take, and how large the head and the trailers may be.

llhttp bounds neither: a client could send headers forever, or one byte a minute. They are checked here, before login.
Whatever is not HTTP is answered here too, in the one error shape.
"""

import asyncio
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from madang.codes import ERRORS
from madang.transports.http.errors import HEADERS as COMMON
from madang.transports.http.errors import encoded_failure
from madang.transports.node import Node

HEAD_S: Final = 5.0  # from the connection to the end of the first head
HEAD_BYTES: Final = 16 * 1024
HEADERS: Final = 100


def _refusal(code: str, phrase: str) -> bytes:
    body = encoded_failure(code)
    fields = {
        **COMMON, "Connection": "close", "Content-Type": "application/json", "Content-Length": str(len(body))
    }  # fmt: skip
    head = [f"HTTP/1.1 {ERRORS[code].http} {phrase}", *(f"{name.lower()}: {value}" for name, value in fields.items())]
    return "\r\n".join([*head, "", ""]).encode() + body


_TOO_LARGE: Final = _refusal("head_too_big", "Request Header Fields Too Large")
_BAD: Final = _refusal("bad_http", "Bad Request")


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with bounds on the head; made for each connection. `bounded_http` binds it to a node."""

    node: Node  # of the class

    def connection_made(self, transport: Any) -> None:
        """Take the socket over. Its first head must be complete within HEAD_S, a later one within twice that."""
        super().connection_made(transport)
        self._in_head = True
        self._seen = True  # the wheel has seen this head unfinished, or will have waited for it long enough
        self._handed_over = False
        self._heads = 0
        self._parsed = 0  # bytes of this head that the parser has reported
        self._raw = 0  # bytes since the head began or, after it, since the last piece of a body
        self.node.wheel.add(self._look, HEAD_S)

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
        """Parse, and count what does not complete anything: a header, a trailer or a chunk's extension may be endless.

        uvicorn's own method loses what follows an upgrade in the same packet, and refuses in plain text.
        """
        in_head, heads, self._body = self._in_head, self._heads, False
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(_BAD)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                if rest := data[upgrade.args[0] :]:
                    cast(asyncio.Protocol, self.transport.get_protocol()).data_received(rest)
        if self._in_head == in_head and self._heads == heads and not self._body:
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
        """Count a piece of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header, without the spaces around its value (RFC 9110, 5.5), unless there are too many."""
        self._count(len(name) + len(value) + 4)
        if len(self.headers) >= HEADERS:
            self._refuse(_TOO_LARGE)
        else:
            super().on_header(name, value.strip(b" \t"))

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > HEAD_BYTES:
            self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._heads += 1
        self._in_head = False
        self._raw = 0
        if self.transport.is_closing():
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        version = self.parser.get_http_version()
        # RFC 9112, 3.2: otherwise two readers may differ. llhttp accepts HTTP/0.9 and 2.0 too.
        if hosts > 1 or (hosts == 0 and version == "1.1") or version not in ("1.0", "1.1"):
            self._refuse(_BAD)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the body. How large the body may be is decided for each route (`envelope.py`)."""
        self._body = True
        self._raw = 0
        super().on_body(body)

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
        if self.parser.get_http_version() == "1.1":
            self._handed_over = True
            super().handle_websocket_upgrade()
            # uvicorn leaves a reference cycle of parser, protocol and request, which only the cycle collector would free.
            del self.parser, self.scope, self.headers, self.flow
        else:
            self._refuse(_BAD)

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def bounded_http(node: Node) -> type[BoundedHttp]:
    """Return the class to hand to uvicorn as `http=`."""
    return type("NodeHttp", (BoundedHttp,), {"node": node})
