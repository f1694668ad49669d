"""Opening handshakes: what is asked, and what must be answered (RFC 6455, 4.1 to 4.4; RFC 7692, 7.1, for compression)."""

import base64
from typing import Final, NamedTuple

from tests.wire import KEY, upgrade


class Handshake(NamedTuple):
    """A request, and the status of its answer (or one of these)."""

    section: str
    what: str
    request: bytes
    status: int | tuple[int, ...] = 101


class Offer(NamedTuple):
    """Offers of compression, and what a server that compresses must answer; "" where it must decline."""

    what: str
    offers: tuple[str, ...]
    accepted: str


def spelt(*lines: str) -> bytes:
    """Build a request of just these lines, without a body."""
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


GET: Final = "GET /ws HTTP/1.1"
HOST: Final = "Host: localhost"
ASKED: Final = ("Upgrade: websocket", "Connection: Upgrade")
KEYED: Final = (f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")
LONG_KEY: Final = base64.b64encode(bytes(17)).decode()
OTHER_KEY: Final = base64.b64encode(bytes(range(240, 256))).decode()

TAKEN: Final = [
    Handshake("4.1", "as in the RFC", upgrade()),
    Handshake("4.1", "another key", upgrade(key=OTHER_KEY)),
    Handshake("4.2.1", "names in capitals", spelt(GET, *(line.partition(":")[0].upper() + ":" + line.partition(":")[2]
              for line in (HOST, *ASKED, *KEYED)))),
    Handshake("4.2.1", "names in small letters", spelt(GET, *(line.partition(":")[0].lower() + ":" + line.partition(":")[2]
              for line in (HOST, *ASKED, *KEYED)))),
    Handshake("4.2.1", "values in other letters", spelt(GET, HOST, "Upgrade: WebSocket", "Connection: uPGRADE", *KEYED)),
    Handshake("4.2.1", "keep-alive, Upgrade", spelt(GET, HOST, ASKED[0], "Connection: keep-alive, Upgrade", *KEYED)),
    Handshake("4.2.1", "Upgrade,keep-alive", spelt(GET, HOST, ASKED[0], "Connection: Upgrade,keep-alive", *KEYED)),
    Handshake("4.2.1", "two Connection headers", spelt(GET, HOST, ASKED[0], "Connection: keep-alive", ASKED[1], *KEYED)),
    Handshake("4.2.1", "two Connection headers, Upgrade first", spelt(GET, HOST, *ASKED, "Connection: keep-alive", *KEYED)),
    Handshake("4.2.1", "spaces and tabs around values", spelt(GET, HOST, "Upgrade: \t websocket \t", "Connection:Upgrade",
              f"Sec-WebSocket-Key:   {KEY}  ", "Sec-WebSocket-Version:\t13")),
    Handshake("4.2.1", "headers the other way round", spelt(GET, *reversed((HOST, *ASKED, *KEYED)))),
    Handshake("4.1", "host with a port", upgrade(host="chat.example:8400")),
    Handshake("4.1", "host by IPv6", upgrade(host="[::1]:8400")),
    Handshake("4.1", "host by IPv4", upgrade(host="127.0.0.1")),
    Handshake("4.1", "empty host", upgrade(host="")),
    Handshake("4.2.1", "a query", upgrade(path="/ws?v=1&room=lobby")),
    Handshake("4.2.1", "absolute target", upgrade(path="http://localhost/ws"), (101, 404)),
    Handshake("4.1", "no origin", upgrade()),
    Handshake("10.2", "its own origin", upgrade("Origin: http://localhost")),
    Handshake("4.1", "a subprotocol this server does not speak", upgrade("Sec-WebSocket-Protocol: chat")),
    Handshake("4.1", "two headers of subprotocols", upgrade("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat")),
    Handshake("9.1", "an extension this server does not know", upgrade("Sec-WebSocket-Extensions: x-mux; a=1, x-none")),
    Handshake("9.1", "compression, which is off", upgrade("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")),
    Handshake("9.1", "extensions that are not a list", upgrade("Sec-WebSocket-Extensions: permessage-deflate; ="), (101, 400)),
    Handshake("4.1", "cookies and other headers", upgrade("Cookie: a=b; c=d", "User-Agent: x", "Pragma: no-cache", "DNT: 1")),
    Handshake("4.1", "50 headers", upgrade(*(f"X-{n}: y" for n in range(50)))),
]  # fmt: skip

REFUSED: Final = [
    Handshake("4.2.1", "POST", upgrade(method="POST"), (400, 404, 405)),
    Handshake("4.2.1", "HTTP/1.0", upgrade(http="1.0"), (400, 404)),
    Handshake("4.2.1", "no host", spelt(GET, *ASKED, *KEYED), 400),
    Handshake("4.2.1", "two hosts", upgrade("Host: elsewhere"), 400),
    Handshake("4.2.1", "no Upgrade", spelt(GET, HOST, ASKED[1], *KEYED), (400, 404, 426)),
    Handshake("4.2.1", "Upgrade to something else", spelt(GET, HOST, "Upgrade: h2c", ASKED[1], *KEYED), (400, 404, 426)),
    Handshake("4.2.1", "no Connection", spelt(GET, HOST, ASKED[0], *KEYED), (400, 404, 426)),
    Handshake("4.2.1", "Connection: close", spelt(GET, HOST, ASKED[0], "Connection: close", *KEYED), (400, 404, 426)),
    Handshake("4.2.1", "no key", upgrade(key=None), 400),
    Handshake("4.2.1", "empty key", upgrade(key=""), 400),
    Handshake("4.2.1", "key of 3 bytes", upgrade(key="YWJj"), 400),
    Handshake("4.2.1", "key of 17 bytes", upgrade(key=LONG_KEY), 400),
    Handshake("4.2.1", "key that is not base64", upgrade(key="@" * 24), 400),
    Handshake("11.3.1", "two keys", upgrade(f"Sec-WebSocket-Key: {KEY}"), 400),
    *(Handshake("4.4", f"version {version}", upgrade(version=version), (400, 426)) for version in ("0", "8", "12", "14", "x", "13, 8")),
    Handshake("4.4", "no version", upgrade(version=""), (400, 426)),
    Handshake("4.2.2", "another path", upgrade(path="/socket"), 404),
    Handshake("10.2", "a foreign origin", upgrade("Origin: https://evil.example"), 403),
]  # fmt: skip

_BOTH: Final = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits="

OFFERS: Final = [
    Offer("bare", ("permessage-deflate",), _BOTH + "12"),
    Offer("client window, any", ("permessage-deflate; client_max_window_bits",), _BOTH + "12; client_max_window_bits=12"),
    Offer("client window 10", ("permessage-deflate; client_max_window_bits=10",), _BOTH + "12; client_max_window_bits=10"),
    Offer("client window 15", ("permessage-deflate; client_max_window_bits=15",), _BOTH + "12; client_max_window_bits=12"),
    Offer("server window 9", ("permessage-deflate; server_max_window_bits=9",), _BOTH + "9"),
    Offer("server window 15", ("permessage-deflate; server_max_window_bits=15",), _BOTH + "12"),
    Offer("server window in quotes", ('permessage-deflate; server_max_window_bits="10"',), _BOTH + "10"),
    Offer("no context takeover", ("permessage-deflate; server_no_context_takeover; client_no_context_takeover",), _BOTH + "12"),
    Offer("spaces", ("permessage-deflate ;  client_max_window_bits=11  ",), _BOTH + "12; client_max_window_bits=11"),
    Offer("the second is sound", ("permessage-deflate; server_max_window_bits=99, permessage-deflate",), _BOTH + "12"),
    Offer("in two headers", ("x-none", "permessage-deflate"), _BOTH + "12"),
    Offer("twice, taken once", ("permessage-deflate, permessage-deflate",), _BOTH + "12"),
    Offer("server window 8", ("permessage-deflate; server_max_window_bits=8",), ""),
    Offer("server window 7", ("permessage-deflate; server_max_window_bits=7",), ""),
    Offer("server window 16", ("permessage-deflate; server_max_window_bits=16",), ""),
    Offer("server window 010", ("permessage-deflate; server_max_window_bits=010",), ""),
    Offer("server window without a value", ("permessage-deflate; server_max_window_bits",), ""),
    Offer("client window 99", ("permessage-deflate; client_max_window_bits=99",), ""),
    Offer("a value where there is none", ("permessage-deflate; server_no_context_takeover=1",), ""),
    Offer("a parameter twice", ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=11",), ""),
    Offer("a parameter nobody knows", ("permessage-deflate; x=1",), ""),
    Offer("another extension", ("x-webkit-deflate-frame",), ""),
    Offer("none", (), ""),
]  # fmt: skip
