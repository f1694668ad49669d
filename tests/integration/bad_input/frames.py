"""Bad frames: the row of the catalogue, what is sent after the handshake and before hello, and the close code."""

import json
from typing import Any, Final

from tests import wire
from tests.wire import BINARY, CONTINUATION, PING, PONG, TEXT, frame

HELLO: Final = '{"op":"hello","n":1,"guest":"Mallory"}'

FRAMES: Final[list[tuple[int, str, bytes, Any]]] = [
    (1, "unmasked text", frame(TEXT, HELLO, mask=False), 1002),
    (1, "unmasked close", frame(wire.CLOSE, b"\x03\xe8", mask=False), 1002),
    (2, "RSV1 without deflate", frame(TEXT, HELLO, rsv=4), 1002),
    (2, "RSV2", frame(TEXT, HELLO, rsv=2), 1002),
    (2, "RSV3", frame(TEXT, HELLO, rsv=1), 1002),
    *((3, f"opcode {opcode:#x}", frame(opcode), 1002) for opcode in (*range(0x3, 0x8), *range(0xB, 0x10))),
    (4, "ping of 126 bytes", frame(PING, bytes(126)), 1002),
    (4, "fragmented ping", frame(PING, b"a", fin=False), 1002),
    (4, "fragmented close", frame(wire.CLOSE, b"\x03\xe8", fin=False), 1002),
    (5, "continuation first", frame(CONTINUATION, HELLO), 1002),
    (5, "text inside a fragmented text", frame(TEXT, "{", fin=False) + frame(TEXT, HELLO), 1002),
    (5, "continuation after a whole text", frame(TEXT, HELLO) + frame(CONTINUATION, "}"), 1002),
    (6, "not UTF-8", frame(TEXT, b'{"op":"\xff"}'), 1007),
    (6, "UTF-8 of a surrogate", frame(TEXT, b'"\xed\xa0\x80"'), 1007),
    (6, "overlong UTF-8", frame(TEXT, b'"\xc0\xaf"'), 1007),
    (6, "not UTF-8, in fragments", frame(TEXT, b'"\xe2', fin=False) + frame(CONTINUATION, b'\x28\xa1"'), 1007),
    (6, "UTF-8 that ends early", frame(TEXT, b'"\xe2\x82'), 1007),
    *((7, f"close code {code}", wire.close(code), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 65535)),
    (7, "close body of one byte", frame(wire.CLOSE, b"\x03"), 1002),
    (7, "close reason not UTF-8", frame(wire.CLOSE, b"\x03\xe8\xff"), 1007),
    (8, "frame of max + 1 bytes", frame(TEXT, "x" * 65_537), 1009),
    (8, "length of 2^63 - 1", bytes([0x81]) + wire.length(2**63 - 1), 1009),
    (8, "length of 2^64 - 1", bytes([0x81]) + wire.length(2**64 - 1), (1002, 1009)),
    (8, "fragments of max + 1 bytes", frame(TEXT, "x" * 40_000, fin=False) + frame(CONTINUATION, "x" * 40_000), 1009),
    (9, "10,000 empty fragments", frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 10_000, (1008, 1009)),
    (10, "deflate bomb, not negotiated", frame(TEXT, bytes(60_000), rsv=4), 1002),
    (52, "a megabyte", frame(TEXT, json.dumps({"op": "create", "room": "yard", "title": "x" * 2**20})), 1009),
    (56, "binary", frame(BINARY, HELLO), 1003),
    (56, "binary, in fragments", frame(BINARY, "{", fin=False) + frame(CONTINUATION, "}"), 1003),
    (17, "ping flood", frame(PING, b"x") * 200, 4429),
    (17, "pong flood", frame(PONG) * 200, 4429),
    (25, "20 frames that are not JSON", frame(TEXT, "[]") * 20, 4400),
    (31, "20 commands before hello", frame(TEXT, '{"op":"ping","n":1}') * 20, 4400),
]
