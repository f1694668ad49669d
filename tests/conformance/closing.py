"""Closing: codes, reasons, and who says what after it (RFC 6455, 5.5.1 and 7)."""

import struct
from typing import Final

from tests.conformance.cases import Case, echo, slices, text
from tests.wire import CLOSE, PING, TEXT, close, frame

VALID: Final = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
INVALID: Final = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)


def reasoned(reason: str | bytes, code: int = 1000) -> bytes:
    """Build a close frame with a reason."""
    return frame(CLOSE, struct.pack("!H", code) + (reason.encode() if isinstance(reason, str) else reason))


CODES: Final = [
    *(Case("7.4", f"code {code}", (close(code),), close=code) for code in VALID),
    *(Case("7.4", f"code {code}, which nobody may send", (close(code),), close=1002) for code in INVALID),
    Case("5.5.1", "no code", (frame(CLOSE),), close=1005),
    Case("5.5.1", "half a code", (frame(CLOSE, b"\x03"),), close=1002),
    *(Case("5.5.1", f"reason of {size} bytes", (reasoned("x" * size),), close=1000) for size in (0, 1, 122, 123)),
    Case("5.5", "reason of 124 bytes", (reasoned("x" * 124),), close=1002),
    Case("5.5.1", "reason in Korean", (reasoned("안녕히 계세요"),), close=1000),
    Case("5.5.1", "reason cut inside a character", (reasoned("안녕".encode()[:-1]),), close=1007),
    Case("5.5.1", "reason with a surrogate", (reasoned(b"\xed\xa0\x80"),), close=1007),
    Case("5.5", "close in fragments", (frame(CLOSE, b"\x03\xe8", fin=False),), close=1002),
]

BEHIND: Final = [
    Case("5.5.1", "text behind a close", (close(1000) + text(1),), close=1000),
    Case("5.5.1", "ping behind a close", (close(1000) + frame(PING, "x"),), close=1000),
    Case("5.5.1", "rubbish behind a close", (close(1000) + b"\xff" * 500,), close=1000),
    Case("5.5.1", "close behind a close", (close(1000) + close(1001),), close=1000),
    Case("5.5.1", "200 KB behind a close", (close(1000) + frame(TEXT, b"x" * 1000) * 200,), close=1000),
    Case("5.5.1", "text before a close", (text(1) + close(1000),), (1,), close=1000),
    Case("5.5.1", "ping before a close", (frame(PING, "x") + close(1000),), pongs=(b"x",), close=1000),
    Case("5.5.1", "close byte by byte", slices(reasoned("bye")), close=1000),
    Case("5.4", "close within a message", (frame(TEXT, echo(1), fin=False) + close(1000),), close=(1000, 1002)),
    Case("7.1.7", "text behind what failed", (frame(3) + text(1),), close=1002),
    Case("7.1.7", "ping behind what failed", (text(1, rsv=1) + frame(PING, "x") + text(2),), close=1002),
    Case("7.1.7", "text behind what is not UTF-8", (frame(TEXT, b'"\xff"') + text(1),), close=1007),
]

CASES: Final = {"code": CODES, "behind": BEHIND}
