"""The catalogue of bad input, as tables: the number of the row, what is sent, and what the server answers."""

import json
from typing import Any, Final

import pytest

from tests import wire
from tests.wire import BINARY, CONTINUATION, PING, PONG, TEXT, frame, upgrade

HELLO: Final = '{"op":"hello","n":1,"guest":"Mallory"}'


def cases(table: list[tuple[Any, ...]]) -> list[Any]:
    """A table's rows as parameters, named by row and what they send."""
    return [pytest.param(*rest, id=f"{row}-{what!a}") for row, what, *rest in table]


# -- frames: what is sent after the handshake, before hello, and the close code ------------------------------------------

FRAMES: Final = [
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
    (25, "20 frames that are no JSON", frame(TEXT, "[]") * 20, 4400),
    (31, "20 commands before hello", frame(TEXT, '{"op":"ping","n":1}') * 20, 4400),
]


# -- commands: what is sent after hello and join, and the code of the error ----------------------------------------------


def send(cid: str = "c-1", **fields: Any) -> str:
    return json.dumps({"op": "send", "n": 5, "room": "lobby", "cid": cid, **fields}, ensure_ascii=False)


def command(op: str, **fields: Any) -> str:
    return json.dumps({"op": op, "n": 5, "room": "lobby", **fields}, ensure_ascii=False)


ROOM_IDS: Final = (
    "a/../b",
    "x*",
    ">",
    "a.b",
    "a b",
    "a\r\nb",
    "{tag}",
    "[ab]?",
    "",
    "A",
    "é",
    "x" * 65,
    "%00",
    "'; DROP TABLE rooms;--",
)
COMMANDS: Final = [
    *((25, f"{text} is no command", text, "bad_json") for text in ("hello", "[]", "1", "null", '"x"', "", "\ufeff{}")),
    (26, "60,000 brackets", "[" * 60_000, "bad_json"),
    (26, "60,000 brackets inside", '{"op":"ping","x":' + "[" * 60_000, "bad_json"),
    (26, "17 levels", '{"op":"ping","x":' + "[" * 16 + "]" * 16 + "}", "bad_json"),
    (26, "4,400 digits", '{"op":"ping","n":' + "9" * 4400 + "}", "bad_json"),
    *((26, text, f'{{"op":"ping","x":{text}}}', "bad_json") for text in ("NaN", "Infinity", "-Infinity", "1e999")),
    (27, "a key twice", '{"op":"join","room":"a","room":"lobby"}', "bad_json"),
    (27, "a key twice, once escaped", '{"op":"join","room":"a","\\u0072oom":"lobby"}', "bad_json"),
    (27, "a key twice, deep in data", send(data=0).replace("0}", '{"a":[{"b":1,"b":2}]}}'), "bad_json"),
    (28, "lone surrogate", send(text="X").replace("X", "\\ud800"), "bad_text"),
    (28, "NUL", send(text="X").replace("X", "\\u0000"), "bad_text"),
    (28, "NUL in a cid", send(cid="X", text="x").replace("X", "\\u0000"), "bad_text"),
    (28, "NUL in data", send(data="X").replace("X", "\\u0000"), "bad_text"),
    (28, "U+FFFE", send(text="\ufffe"), "bad_text"),
    *((29, f"seq {seq}", command("edit", seq=seq, text="x"), "bad_field") for seq in (2**53 + 2, 1.5, True, {}, [], "1", None)),
    *((29, f"reply_to {seq}", send(text="x", reply_to=seq), "bad_field") for seq in (2**60, 1.5, True, {}, [], "1", -1)),
    *((30, f"{value} for a string", command("join", room=value), "bad_field") for value in ({"$ne": None}, {"query": {}}, 1)),
    (30, "object for text", send(text={"$gt": ""}), "bad_field"),
    (30, "object for a user id", command("kick", user={"$ne": None}), "bad_field"),
    (31, "unknown operation", command("dance"), "unknown_op"),
    (31, "no operation", '{"n":5}', "unknown_op"),
    (31, "send before join", command("send", room="elsewhere", cid="c", text="x"), "not_member"),
    *((31, f"{op} before join", command(op, room="elsewhere"), "not_member") for op in ("history", "members", "pins", "presence")),
    *((31, f"{op} before join", command(op, room="elsewhere", seq=1), "not_member") for op in ("delete", "pin", "read")),
    (31, "second hello", HELLO, "hello_twice"),
    *((33, f"cid of {size} characters", send(cid="c" * size, text="x"), "bad_field") for size in (0, 65, 10_000)),
    (33, "no cid", command("send", text="x"), "bad_field"),
    *((35, f"text {text!a}", send(text=text), "empty") for text in ("", " \t\n", "\u200b\u2060\ufeff", "\u0301\u0302", "\u3164")),
    (36, "3,999 combining marks", send(text="z" + "\u0300\u0316" * 1999), "bad_text"),
    (36, "16,001 combining marks", send(text="z" + "\u0300" * 16_000), "too_big"),
    *((37, f"title {title!a}", command("create", room="t37", title=title), "bad_name") for title in ("a\u202eb", "\u2066a\u2069", "a\x07b")),
    *((38, f"title of {title[0]!a}", command("create", room="t38", title=title), "bad_name") for title in ("\ufdfa" * 3, "x" * 41, "p\u0430ul")),
    *((40, f"create {id!a}", command("create", room=id), ("bad_field", "bad_text")) for id in ROOM_IDS),
    *((40, f"join {id!a}", command("join", room=id), ("bad_field", "bad_text", "not_found")) for id in ROOM_IDS),
    *((41, f"limit {limit}", command("history", limit=limit), "bad_field") for limit in (-1, 0, 201, 10**9, "0x10", 1.5)),
    (41, "before and after", command("history", before=1, after=5), "bad_field"),
    (41, "before 2^53 + 2", command("history", before=2**53 + 2), "bad_field"),
    *((45, f"room {id!a}", command("join", room=id), ("not_found", "bad_field")) for id in ("' OR 1=1 --", "%", "_", "lobb_")),
    (52, "20 KB of data", send(data="x" * 20_000), "too_big"),
    (52, "1,500 keys of data", send(data={f"k{i}": i for i in range(1500)}), "too_big"),
    (52, "text of 4,001 characters", send(text="x" * 4001), "too_big"),
    (52, "51 mentions", send(text="x", mentions=["u"] * 51), "bad_field"),
    (52, "title of 401 characters", command("create", room="t52", title="x" * 401), "bad_field"),
    (60, "role of the server's own", command("role", user="madang", role="owner"), "forbidden"),
    (60, "kicking the server", command("kick", user="madang"), "forbidden"),
]  # fmt: skip


# -- names: a hello each, and the code of the error ----------------------------------------------------------------------

NAMES: Final = [
    *(
        (37, name)
        for name in ("a\u202eb", "\u2066a\u2069", "a\u200bb", "a\u200fb", "a\0b".replace("\0", "\x07"), "ad\u3164min")
    ),
    *(
        (38, name)
        for name in ("\u0430dmin", "admin", "ADM1N", "\uff41\uff44\uff4d\uff49\uff4e", "adm\u0131n", "p\u0430ul")
    ),
    *(
        (38, name)
        for name in ("\ufdfa" * 3, "\ufdfa" * 300, "x" * 41, "", "   ", "\u0301", "z" + "\u0301" * 9, "\u0344" * 8)
    ),
]


# -- handshakes: the request, and the status of the answer (0: closed without one) ----------------------------------------

OFFERS: Final = "permessage-deflate; server_max_window_bits=99", "permessage-deflate, " * 50 + "x-none; a=b"
HANDSHAKES: Final = [
    *((11, f"offers {offer[:20]}", upgrade(f"Sec-WebSocket-Extensions: {offer}"), (101,)) for offer in OFFERS),
    (12, "2,000 headers", upgrade(*(f"X-{i}: y" for i in range(2000))), (431, 400)),
    (12, "header line of 64 KB", upgrade("X-Long: " + "y" * 65_536), (431, 400)),
    (12, "endless header", upgrade("X-Long: " + "y" * 300_000), (431, 400, 0)),
    (12, "endless target", upgrade(path="/ws?" + "y" * 300_000), (431, 414, 400, 0)),
    (13, "subprotocol with 14k spaces", upgrade("Sec-WebSocket-Protocol: b" + " " * 14_000 + "x"), (400, 431)),
    (13, "subprotocol with 30k spaces", upgrade("Sec-WebSocket-Protocol: b" + " " * 30_000 + "x"), (400, 431)),
    (13, "subprotocol not ASCII", upgrade("Sec-WebSocket-Protocol: caf\xe9"), (400,)),
    (14, "no key", upgrade(key=None), (400,)),
    (14, "key of 3 bytes", upgrade(key="YWJj"), (400,)),
    (14, "key not base64", upgrade(key="@@@"), (400,)),
    (14, "two keys", upgrade(f"Sec-WebSocket-Key: {wire.KEY}"), (400,)),
    (14, "version 8", upgrade(version="8"), (400, 426)),
    (14, "no version", upgrade(version=""), (400, 426)),
    (14, "POST", upgrade(method="POST"), (400, 404, 405, 426)),
    (14, "HTTP/1.0", upgrade(http="1.0"), (400, 404, 426)),
    (14, "no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), (400, 0)),
    (14, "another path", upgrade(path="/ws/x"), (404, 403)),
    (57, "two lengths", b"POST /api/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    (57, "lengths that differ", b"POST /api/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456", (400,)),
    (57, "two hosts", upgrade("Host: elsewhere"), (400,)),
    (57, "folded header", upgrade("X-Fold: a\r\n b"), (400,)),
    (57, "bare line feeds", upgrade().replace(b"\r\n", b"\n"), (400,)),
    (57, "space before the colon", upgrade("X-Space : a"), (400,)),
]  # fmt: skip
