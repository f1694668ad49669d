"""Compressed messages, where the operator has switched compression on (RFC 7692, 6 and 7.2)."""

import zlib
from typing import Final

from madang.core.bounds import MAX_FRAME
from tests.conformance.cases import Case, answers, echo, sized
from tests.wire import CLOSE, CONTINUATION, PING, TEXT, frame

RSV1: Final = 4
TAIL: Final = b"\x00\x00\xff\xff"
CHANCE: Final = bytes(33 + (n * n * 31 + n * 7 + n // 97) % 90 for n in range(8000)).translate(None, b'"\\')


def squeezed(payload: bytes, bits: int = 12, flush: int = zlib.Z_SYNC_FLUSH, level: int = 6) -> bytes:
    """Compress a message as 7.2.1 says: one block or more, without the last four bytes of the flush."""
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -bits)
    return (squeeze.compress(payload) + squeeze.flush(flush)).removesuffix(TAIL)


def two_blocks(payload: bytes) -> bytes:
    """Compress a message in two blocks."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -12)
    first = squeeze.compress(payload[:20]) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    return first + (squeeze.compress(payload[20:]) + squeeze.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def carried_over(payload: bytes) -> bytes:
    """Compress a message that leans on one before it, which the server was told nothing of."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -12)
    squeeze.compress(payload)
    squeeze.flush(zlib.Z_SYNC_FLUSH)
    return (squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def tight(payload: bytes) -> bytes:
    """Frame a message, compressed."""
    return frame(TEXT, squeezed(payload), rsv=RSV1)


def torn(payload: bytes, *cuts: int) -> list[bytes]:
    """Frame a compressed message in fragments."""
    data = squeezed(payload)
    borders = [0, *cuts, len(data)]
    count = len(borders) - 1
    return [
        frame(
            TEXT if n == 0 else CONTINUATION,
            data[borders[n] : borders[n + 1]],
            fin=n == count - 1,
            rsv=0 if n else RSV1,
        )
        for n in range(count)
    ]


BOMB: Final = squeezed(bytes(60 * 2**20), level=9)
HALF: Final = len(BOMB) // 2

CASES: Final = [
    Case("7.2.2", "a compressed command", (tight(echo(1)),), (1,)),
    Case("6", "one that is not, although it might", (frame(TEXT, echo(1)),), (1,)),
    Case("6", "both in turns", ((tight(echo(1)) + frame(TEXT, echo(2))) * 5,), (1, 2) * 5),
    Case("7.2.2", "100 in one packet", (b"".join(tight(echo(n)) for n in range(100)),), tuple(range(100))),
    Case("7.2.3.6", "empty message", (frame(TEXT, b"\x00", rsv=RSV1),), ("bad_json",)),
    Case("7.2.3.6", "no byte at all", (frame(TEXT, b"", rsv=RSV1),), ("bad_json",)),
    Case("7.2.3.3", "stored, not compressed", (frame(TEXT, squeezed(echo(1), level=0), rsv=RSV1),), (1,)),
    Case("7.2.3.4", "last block marked as last", (frame(TEXT, squeezed(echo(1), flush=zlib.Z_FINISH), rsv=RSV1),), (1,)),
    Case("7.2.3.5", "two blocks", (frame(TEXT, two_blocks(echo(1, b"y" * 50)), rsv=RSV1),), (1,)),
    Case("7.2.1", "with the four bytes that are left out", (frame(TEXT, squeezed(echo(1)) + TAIL, rsv=RSV1),), (1,)),
    Case("6.1", "two fragments, marked on the first", (b"".join(torn(echo(1), 9)),), (1,)),
    Case("6.1", "a fragment per byte", (b"".join(torn(echo(1), *range(1, len(squeezed(echo(1))))),),), (1,)),
    Case("6.1", "ping between fragments", (frame(PING, "x").join(torn(echo(1), 9)),), (1,), (b"x",)),
    Case("6.1", "an empty last fragment", (frame(TEXT, squeezed(echo(1)), fin=False, rsv=RSV1) + frame(CONTINUATION),), (1,)),
    Case("6.1", "marked on the second too", (torn(echo(1), 9)[0] + frame(CONTINUATION, b"x", rsv=RSV1),), close=1002),
    Case("6.1", "marked on the second alone", (frame(TEXT, b"{", fin=False) + frame(CONTINUATION, b"}", rsv=RSV1),), close=1002),
    Case("6.1", "marked on a ping", (frame(PING, b"x", rsv=RSV1),), close=1002),
    Case("6.1", "marked on a close", (frame(CLOSE, b"\x03\xe8", rsv=RSV1),), close=1002),
    Case("6.1", "RSV2 beside it", (frame(TEXT, squeezed(echo(1)), rsv=RSV1 | 2),), close=1002),
    Case("7.2.2", "no blocks", (frame(TEXT, b"\xff" * 20, rsv=RSV1),), close=(1002, 1007)),
    Case("7.2.2", "plain text said to be compressed", (frame(TEXT, echo(1), rsv=RSV1),), close=(1002, 1007)),
    Case("7.2.2", "cut off in mid-block", (frame(TEXT, squeezed(CHANCE)[:-40], rsv=RSV1),), close=(1002, 1007, 1009)),
    Case("7.2.3.2", "leaning on a message that is not there", (frame(TEXT, carried_over(echo(1, CHANCE[:500])), rsv=RSV1),),
         close=(1002, 1007)),
    Case("8.1", "not UTF-8 once it is inflated", (tight(echo(1, b"\xed\xa0\x80")),), close=1007),
    Case("10.4", "65,536 bytes once inflated", (tight(sized(1, MAX_FRAME)),), answers(MAX_FRAME)),
    Case("10.4", "65,537 bytes once inflated", (tight(sized(1, MAX_FRAME + 1)),), close=1009),
    Case("10.4", "60 MiB in 60 KB", (frame(TEXT, BOMB, rsv=RSV1),), close=1009),
    Case("10.4", "60 MiB in two fragments",
         (frame(TEXT, BOMB[:HALF], fin=False, rsv=RSV1) + frame(CONTINUATION, BOMB[HALF:]),), close=1009),
]  # fmt: skip
