"""Frames: lengths, masks, reserved bits and opcodes, packets (RFC 6455, 5.2 to 5.4)."""

import struct
from typing import Final

from madang.core.bounds import MAX_FRAME
from tests.conformance.cases import Case, answers, echo, pieces, sized, slices, text
from tests.wire import BINARY, CONTINUATION, MASK, PING, TEXT, frame, length


def headed(head: bytes, payload: bytes, key: bytes = MASK) -> bytes:
    """Put a head of our own making before a masked payload."""
    return head + key + bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))


SMALL: Final = echo(1)
SIZES: Final = (30, 124, 125, 126, 127, 128, 255, 256, 4095, 4096, 4097, 65_534, 65_535, 65_536)
KEYS: Final = (bytes(4), b"\xff\xff\xff\xff", b"\x00\x00\x00\x01", b"{{{{", b"\x80\x00\x00\x80", b"\x01\x02\x04\x08")
ALL: Final = b"".join(pieces(echo(1), 5, 9)) + frame(PING, b"abc") + text(2)

LENGTHS: Final = [
    *(Case("5.2", f"text of {size} bytes", (frame(TEXT, sized(1, size)),), answers(size)) for size in SIZES),
    Case("5.2", "text of 0 bytes", (frame(TEXT),), ("bad_json",)),
    Case("5.2", "more than is taken", (frame(TEXT, sized(1, MAX_FRAME + 1)),), close=1009),
    Case("5.2", "1 MiB announced", (bytes([0x81]) + length(2**20) + MASK,), close=1009),
    Case("5.2", "2^63 - 1 bytes announced", (bytes([0x81]) + length(2**63 - 1) + MASK,), close=1009),
    Case("5.2", "2^63 announced, a bit too many", (bytes([0x81]) + length(2**63) + MASK,), close=(1002, 1009)),
    # The shortest form must be used (5.2). Peers take longer ones all the same, and so do we; none may be misread.
    Case("5.2", "small length in 16 bits", (headed(b"\x81\xfe" + struct.pack("!H", len(SMALL)), SMALL),), (1,)),
    Case("5.2", "small length in 64 bits", (headed(b"\x81\xff" + struct.pack("!Q", len(SMALL)), SMALL),), (1,)),
    Case("5.2", "126 in 64 bits", (headed(b"\x81\xff" + struct.pack("!Q", 126), sized(1, 126)),), (1,)),
    Case("5.5", "ping, its length in 16 bits", (headed(b"\x89\xfe\x00\x03", b"abc"),), pongs=(b"abc",)),
    Case("5.5", "ping, its length in 64 bits", (headed(b"\x89\xff" + struct.pack("!Q", 3), b"abc"),), pongs=(b"abc",)),
]

MASKS: Final = [
    *(Case("5.3", f"mask {key.hex()}", (headed(bytes([0x81, 0x80 | len(SMALL)]), SMALL, key),), (1,)) for key in KEYS),
    Case("5.3", "zero mask, 65,536 bytes", (headed(bytes([0x81]) + length(65_536), sized(1, 65_536), bytes(4)),), answers(65_536)),
    Case("5.1", "unmasked text", (frame(TEXT, SMALL, mask=False),), close=1002),
    Case("5.1", "unmasked, empty", (frame(TEXT, mask=False),), close=1002),
    Case("5.1", "unmasked ping", (frame(PING, b"x", mask=False),), close=1002),
    Case("5.1", "unmasked continuation", (frame(TEXT, b"{", fin=False), frame(CONTINUATION, b"}", mask=False)), close=1002),
    Case("5.1", "the second unmasked", (text(1) + frame(TEXT, echo(2), mask=False),), (1,), close=1002),
]  # fmt: skip

RESERVED: Final = [
    *(Case("5.2", f"reserved bits {bits:03b} on text", (text(1, rsv=bits),), close=1002) for bits in range(1, 8)),
    *(Case("5.2", f"reserved bits {bits:03b} on ping", (frame(PING, rsv=bits),), close=1002) for bits in (1, 2, 4)),
    Case("5.2", "reserved bit on close", (frame(0x8, b"\x03\xe8", rsv=4),), close=1002),
    Case("5.2", "reserved bit on the second frame", (text(1) + text(2, rsv=2),), (1,), close=1002),
    Case("5.2", "reserved bit on a continuation",
         (frame(TEXT, SMALL[:5], fin=False) + frame(CONTINUATION, SMALL[5:], rsv=4),), close=1002),
    *(Case("5.2", f"opcode {code:#x}", (frame(code, b"x"),), close=1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    Case("5.2", "opcode 0x3 within a message", (frame(TEXT, b"{", fin=False) + frame(3),), close=1002),
    Case("5.2", "opcode 0xb, empty, behind a text", (text(1) + frame(11),), (1,), close=1002),
]  # fmt: skip

TYPES: Final = [
    Case("7.4.1", "binary, which this server does not take", (frame(BINARY, SMALL),), close=1003),
    Case("7.4.1", "empty binary", (frame(BINARY),), close=1003),
    Case("7.4.1", "binary in fragments", (frame(BINARY, b"{", fin=False) + frame(CONTINUATION, b"}"),), close=1003),
]

PACKETS: Final = [
    Case("5.2", "byte by byte", slices(ALL), (1, 2), (b"abc",)),
    Case("5.2", "in writes of 7 bytes", slices(ALL, 7), (1, 2), (b"abc",)),
    Case("5.2", "65,536 bytes in writes of 997", slices(frame(TEXT, sized(1, 65_536)), 997), answers(65_536)),
    Case("5.2", "100 frames in one packet", (b"".join(text(n) for n in range(1, 101)),), tuple(range(1, 101))),
    Case("5.2", "frames of every kind in one packet", (ALL * 10,), (1, 2) * 10, (b"abc",) * 10),
    Case("5.2", "head and mask in two packets", (text(1)[:2], text(1)[2:6], text(1)[6:]), (1,)),
]

CASES: Final = {"length": LENGTHS, "mask": MASKS, "reserved": RESERVED, "type": TYPES, "packet": PACKETS}
