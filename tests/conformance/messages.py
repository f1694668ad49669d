"""Messages: control frames, fragments and UTF-8 (RFC 6455, 5.4 to 5.6 and 8.1)."""

from typing import Final

from madang.core.bounds import MAX_FRAME
from tests.conformance.cases import Case, answers, echo, pieces, sized, slices, text
from tests.wire import CLOSE, CONTINUATION, PING, PONG, TEXT, frame

SMALL: Final = echo(1)
FRAGMENTS: Final = 256
PINGS: Final = 50  # this server's bound

PINGED: Final = [
    Case("5.5.2", "empty ping", (frame(PING),), pongs=(b"",)),
    Case("5.5.2", "ping with text", (frame(PING, "Hello"),), pongs=(b"Hello",)),
    Case("5.5.2", "ping with bytes that are not UTF-8", (frame(PING, b"\x00\xff\xfe\xed\xa0\x80"),), pongs=(b"\x00\xff\xfe\xed\xa0\x80",)),
    Case("5.5.2", "ping of 125 bytes", (frame(PING, b"\xfe" * 125),), pongs=(b"\xfe" * 125,)),
    Case("5.5.2", "ping of 125 bytes, byte by byte", slices(frame(PING, b"\xfe" * 125)), pongs=(b"\xfe" * 125,)),
    Case("5.5", "ping of 126 bytes", (frame(PING, b"\xfe" * 126),), close=1002),
    Case("5.5", "ping of 65,536 bytes", (frame(PING, b"\xfe" * 65_536),), close=1002),
    Case("5.5", "ping in fragments", (frame(PING, b"a", fin=False) + frame(CONTINUATION, b"b"),), close=1002),
    Case("5.5.2", "pings of one packet, each answered", (b"".join(frame(PING, f"{n}") for n in range(PINGS - 1)),),
         pongs=tuple(f"{n}".encode() for n in range(PINGS - 1))),
    Case("5.5.2", "10 pings and 10 commands in turns", (b"".join(frame(PING, f"{n}") + text(n) for n in range(10)),),
         tuple(range(10)), tuple(f"{n}".encode() for n in range(10))),
    Case("5.5.3", "unsolicited pong", (frame(PONG),)),
    Case("5.5.3", "unsolicited pong with text, then a ping", (frame(PONG, "x") + frame(PING, "y"),), pongs=(b"y",)),
    Case("5.5", "pong of 126 bytes", (frame(PONG, bytes(126)),), close=1002),
    Case("5.5", "pong in fragments", (frame(PONG, b"a", fin=False),), close=1002),
    Case("10.4", "more pings than this server answers", (frame(PING, b"x") * (PINGS + 1),), pongs=None, close=4429),
]  # fmt: skip


def many(count: int) -> bytes:
    """Frame a command in that many fragments, most of them empty."""
    empty = frame(CONTINUATION, fin=False) * (count - 2)
    return frame(TEXT, SMALL[:9], fin=False) + empty + frame(CONTINUATION, SMALL[9:])


def between(control: bytes, cut: int = 10) -> bytes:
    """Put control frames between the two fragments of a command."""
    first, second = pieces(SMALL, cut)
    return first + control + second


FRAGMENTED: Final = [
    Case("5.4", "two fragments", (b"".join(pieces(SMALL, 10)),), (1,)),
    Case("5.4", "two fragments, two packets", tuple(pieces(SMALL, 10)), (1,)),
    Case("5.4", "a fragment per byte", (b"".join(pieces(SMALL, *range(1, len(SMALL)))),), (1,)),
    Case("5.4", "a fragment per byte, byte by byte", slices(b"".join(pieces(SMALL, *range(1, len(SMALL))))), (1,)),
    Case("5.4", "all fragments empty", (frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) + frame(CONTINUATION),), ("bad_json",)),
    Case("5.4", "empty first and last", (frame(TEXT, fin=False) + frame(CONTINUATION, SMALL, fin=False) + frame(CONTINUATION),), (1,)),
    *(Case("5.4", f"{count} fragments", (many(count),), (1,)) for count in (3, 16, 255, FRAGMENTS)),
    Case("10.4", "257 fragments, more than this server takes", (many(FRAGMENTS + 1),), close=1008),
    Case("10.4", "2,000 empty fragments without an end", (frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 2000,), close=1008),
    Case("10.4", "65,536 bytes in 16 fragments", (b"".join(pieces(sized(1, MAX_FRAME), *range(4096, MAX_FRAME, 4096))),),
         answers(MAX_FRAME)),
    Case("10.4", "65,537 bytes in two fragments", (b"".join(pieces(sized(1, MAX_FRAME + 1), MAX_FRAME)),), close=1009),
    Case("5.4", "ping between fragments", (between(frame(PING, "now")),), (1,), (b"now",)),
    Case("5.4", "ping between fragments, byte by byte", slices(between(frame(PING, "now"))), (1,), (b"now",)),
    Case("5.4", "20 pings between fragments", (between(b"".join(frame(PING, f"{n}") for n in range(20))),), (1,),
         tuple(f"{n}".encode() for n in range(20))),
    Case("5.4", "pong between fragments", (between(frame(PONG, "x")),), (1,)),
    Case("5.4", "a whole text between fragments", (between(text(2)),), close=1002),
    Case("5.4", "another first fragment", (frame(TEXT, SMALL, fin=False) + frame(TEXT, SMALL, fin=False),), close=1002),
    Case("5.4", "continuation of nothing", (frame(CONTINUATION, SMALL),), close=1002),
    Case("5.4", "continuation of nothing, without an end", (frame(CONTINUATION, SMALL, fin=False),), close=1002),
    Case("5.4", "continuation behind a whole text", (text(1) + frame(CONTINUATION, SMALL),), (1,), close=1002),
    Case("5.4", "continuation behind a whole message in fragments",
         (b"".join(pieces(SMALL, 10)) + frame(CONTINUATION, b"x", fin=False),), (1,), close=1002),
    Case("5.4", "two messages in fragments", (b"".join(pieces(SMALL, 10)) + b"".join(pieces(echo(2), 3, 11)),), (1, 2)),
    # A peer may close amid a message, and the code of the answer is ours to choose (5.5.1): the parser says 1002.
    Case("5.4", "fragments and a close between", (between(frame(CLOSE, b"\x03\xe8")),), close=(1000, 1002)),
]  # fmt: skip

SOUND: Final = {
    "U+0020": b"\x20", "U+007F": b"\x7f", "U+0080": b"\xc2\x80", "U+07FF": b"\xdf\xbf", "U+0800": b"\xe0\xa0\x80",
    "U+0FFF": b"\xe0\xbf\xbf", "U+D7FF": b"\xed\x9f\xbf", "U+E000": b"\xee\x80\x80", "U+FEFF": b"\xef\xbb\xbf",
    "U+FFFD": b"\xef\xbf\xbd", "U+FFFE": b"\xef\xbf\xbe", "U+FFFF": b"\xef\xbf\xbf", "U+10000": b"\xf0\x90\x80\x80",
    "U+1FFFF": b"\xf0\x9f\xbf\xbf", "U+10FFFD": b"\xf4\x8f\xbf\xbd", "U+10FFFF": b"\xf4\x8f\xbf\xbf",
    "Greek": "κόσμε".encode(), "Korean": "마당에서 이야기해요".encode(), "a family": "👨‍👩‍👧‍👦".encode(),
}  # fmt: skip

BROKEN: Final = {
    "U+110000": b"\xf4\x90\x80\x80", "U+1FFFFF": b"\xf7\xbf\xbf\xbf", "5 bytes": b"\xf8\x88\x80\x80\x80",
    "6 bytes": b"\xfc\x84\x80\x80\x80\x80", "0xfe": b"\xfe", "0xff": b"\xff", "0xfe and 0xff": b"\xfe\xfe\xff\xff",
    "continuation alone": b"\x80", "last continuation alone": b"\xbf", "7 continuations": b"\x80\xbf" * 3 + b"\x80",
    "all continuations": bytes(range(0x80, 0xC0)), "all starts of 2": b"".join(bytes([b, 0x20]) for b in range(0xC0, 0xE0)),
    "all starts of 3": b"".join(bytes([b, 0x20]) for b in range(0xE0, 0xF0)),
    "all starts of 4": b"".join(bytes([b, 0x20]) for b in range(0xF0, 0xF8)),
    "2 bytes cut": b"\xc3", "3 bytes cut": b"\xe2\x82", "4 bytes cut": b"\xf0\x9f\x98", "cut, then sound": b"\xf0\x9fabc",
    "overlong /, 2": b"\xc0\xaf", "overlong /, 3": b"\xe0\x80\xaf", "overlong /, 4": b"\xf0\x80\x80\xaf",
    "overlong U+7F": b"\xc1\xbf", "overlong U+7FF": b"\xe0\x9f\xbf", "overlong U+FFFF": b"\xf0\x8f\xbf\xbf",
    "overlong NUL": b"\xc0\x80", "U+D800": b"\xed\xa0\x80", "U+DB7F": b"\xed\xad\xbf", "U+DB80": b"\xed\xae\x80",
    "U+DC00": b"\xed\xb0\x80", "U+DFFF": b"\xed\xbf\xbf", "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
}  # fmt: skip

EURO: Final = echo(1, "€".encode())
AT: Final = EURO.index(b"\xe2")
TORN: Final = echo(1, b"\xe2\x28\xa1")

UTF8: Final = [
    *(Case("8.1", f"{name}", (frame(TEXT, echo(1, octets)),), (1,)) for name, octets in SOUND.items()),
    Case("8.1", "all of these", (frame(TEXT, echo(1, b"".join(SOUND.values()))),), (1,)),
    Case("8.1", "all of these, a fragment per byte",
         (b"".join(pieces(echo(1, b"".join(SOUND.values())), *range(1, len(echo(1, b"".join(SOUND.values()))), 1))),), (1,)),
    *(Case("8.1", f"not {name}", (frame(TEXT, echo(1, octets)),), close=1007) for name, octets in BROKEN.items()),
    Case("8.1", "no JSON and no UTF-8", (frame(TEXT, b"\xff"),), close=1007),
    Case("8.1", "sound text, and no UTF-8 behind it", (frame(TEXT, SMALL + b"\xc0"),), close=1007),
    Case("8.1", "no UTF-8 in the second message", (text(1) + frame(TEXT, b'"\xff"'),), (1,), close=1007),
    *(Case("8.1", f"€ cut before byte {n}", (b"".join(pieces(EURO, AT + n)),), (1,)) for n in (1, 2)),
    Case("8.1", "€ cut in three, pings between", (frame(PING).join(pieces(EURO, AT + 1, AT + 2)),), (1,), (b"", b"")),
    Case("8.1", "broken at the border of fragments", (b"".join(pieces(TORN, AT + 1)),), close=1007),
    Case("8.1", "broken in the first of three fragments", (b"".join(pieces(echo(1, b"\xff"), AT + 1, AT + 2)),), close=1007),
    Case("8.1", "cut off by the end of the message", (b"".join(pieces(b'{"op":"\xe2\x82', 3)),), close=1007),
    Case("5.5.1", "no UTF-8 in the reason of a close", (frame(CLOSE, b"\x03\xe8\xff"),), close=1007),
]  # fmt: skip

CASES: Final = {"ping": PINGED, "fragment": FRAGMENTED, "utf8": UTF8}
