"""Bad handshakes and requests: the row of the catalogue, what it is, the request, and the status of the answer."""

from typing import Final

from tests import wire
from tests.wire import upgrade

OFFERS: Final = "permessage-deflate; server_max_window_bits=99", "permessage-deflate, " * 50 + "x-none; a=b"


def asked(*headers: str, method: str = "POST", target: str = "/api/guests", body: bytes = b"12345") -> bytes:
    """Build a request with these headers beside Host."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode("latin-1") + body


def chunked(body: bytes) -> bytes:
    """Build a request with a body that is said to be in chunks."""
    return asked("Transfer-Encoding: chunked", body=body)


HANDSHAKES: Final[list[tuple[int, str, bytes, int]]] = [
    *((11, f"offers {offer[:20]}", upgrade(f"Sec-WebSocket-Extensions: {offer}"), 101) for offer in OFFERS),
    (12, "2,000 headers", upgrade(*(f"X-{i}: y" for i in range(2000))), 431),
    (12, "header line of 64 KB", upgrade("X-Long: " + "y" * 65_536), 431),
    (12, "endless header", upgrade("X-Long: " + "y" * 300_000), 431),
    (12, "endless target", upgrade(path="/ws?" + "y" * 300_000), 431),
    (12, "endless trailer", chunked(b"0\r\nX-Long: " + b"y" * 300_000), 431),
    (12, "endless extension of a chunk", chunked(b"1;x=" + b"y" * 300_000), 431),
    (13, "subprotocol with 14k spaces", upgrade("Sec-WebSocket-Protocol: b" + " " * 14_000 + "x"), 431),
    (13, "subprotocol with 30k spaces", upgrade("Sec-WebSocket-Protocol: b" + " " * 30_000 + "x"), 431),
    (13, "subprotocol not ASCII", upgrade("Sec-WebSocket-Protocol: caf\xe9"), 400),
    (14, "no key", upgrade(key=None), 400),
    (14, "key of 3 bytes", upgrade(key="YWJj"), 400),
    (14, "key not base64", upgrade(key="@@@"), 400),
    (14, "two keys", upgrade(f"Sec-WebSocket-Key: {wire.KEY}"), 400),
    (14, "version 8", upgrade(version="8"), 426),
    (14, "no version", upgrade(version=""), 426),
    (14, "POST", upgrade(method="POST"), 405),
    (14, "HTTP/1.0", upgrade(http="1.0"), 400),
    (14, "no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
    (14, "HTTP/0.9", b"GET /livez\r\n\r\n", 400),
    (14, "HTTP/1.2", upgrade(http="1.2"), 400),
    (14, "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (14, "another path", upgrade(path="/ws/x"), 404),
    (14, "a method nobody knows", asked(method="JUNK"), 400),
    (14, "CONNECT", asked(method="CONNECT", target="evil.example:443"), 400),
    (57, "a length and chunks", asked("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    (57, "lengths that differ", asked("Content-Length: 5", "Content-Length: 6"), 400),
    (57, "the same length twice", asked("Content-Length: 5", "Content-Length: 5"), 400),
    *((57, f"length {n}", asked(f"Content-Length: {n}"), 400) for n in ("-1", "+5", "0x5", "5, 5", "1e3", 2**64)),
    *((57, f"transfer encoding {coding!a}", asked(f"Transfer-Encoding: {coding}"), 400)
      for coding in ("xchunked", "chunked, chunked", "chunked, gzip", "\x0bchunked", "chunked\r\nTransfer-Encoding: identity")),
    *((57, f"chunk {body!a}", chunked(body), 400)
      for body in (b"0x5\r\nabcde\r\n0\r\n\r\n", b"-1\r\n\r\n", b"f" * 17 + b"\r\n", b"2\r\nabcd\r\n0\r\n\r\n", b"2\nab\n0\n\n")),
    (57, "two hosts", upgrade("Host: elsewhere"), 400),
    (57, "no host", upgrade().replace(b"Host: localhost\r\n", b""), 400),
    (57, "folded header", upgrade("X-Fold: a\r\n b"), 400),
    (57, "bare line feeds", upgrade().replace(b"\r\n", b"\n"), 400),
    (57, "space before the colon", upgrade("X-Space : a"), 400),
    (57, "no colon", upgrade("X-Space"), 400),
    (57, "no name", upgrade(": a"), 400),
    (57, "NUL in a header", upgrade("X-Nul: a\0b"), 400),
    (57, "CR in a header", upgrade("X-Cr: a\rb"), 400),
    (57, "space in the target", asked(method="GET", target="/li vez"), 400),
    (57, "bytes in the target", asked(method="GET", target="/\xff"), 400),
    *((57, f"a fragment in the target {target}", asked(method="GET", target=target), 400) for target in ("/livez#", "/livez?#x")),
]  # fmt: skip
