"""Bad commands: the row of the catalogue, what is sent after hello and join, and the code of the error.

And bad names, each of them for a hello of its own: all are `bad_name`.
"""

import json
from typing import Any, Final

from tests.integration.bad_input.frames import HELLO


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
NO_SEQS: Final[list[Any]] = [2**53 + 2, 1.5, True, {}, [], "1", None]
NO_TARGETS: Final[list[Any]] = [2**60, 1.5, True, {}, [], "1", -1]
NO_STRINGS: Final[list[Any]] = [{"$ne": None}, {"query": {}}, 1]
COMMANDS: Final[list[tuple[int, str, str, Any]]] = [
    *((25, f"{text} is not a command", text, "bad_json") for text in ("hello", "[]", "1", "null", '"x"', "", "\ufeff{}")),
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
    *((29, f"seq {seq}", command("edit", seq=seq, text="x"), "bad_field") for seq in NO_SEQS),
    *((29, f"reply_to {seq}", send(text="x", reply_to=seq), "bad_field") for seq in NO_TARGETS),
    *((30, f"{value} for a string", command("join", room=value), "bad_field") for value in NO_STRINGS),
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
    *((37, f"{op} of {id!a}", command(op, user=id), "bad_field") for op in ("ban", "direct") for id in ("\x9b31m", "u\u202e", "\u2066u")),
    *((37, f"mention of {id!a}", send(text="x", mentions=[id]), "bad_field") for id in ("\x9b31m", "u\u202e", "\u2028")),
    *((38, f"title of {title[0]!a}", command("create", room="t38", title=title), "bad_name") for title in ("\ufdfa" * 41, "x" * 41, "p\u0430ul")),
    *((40, f"create {id!a}", command("create", room=id), ("bad_field", "bad_text")) for id in ROOM_IDS),
    *((40, f"join {id!a}", command("join", room=id), ("bad_field", "bad_text", "not_found")) for id in ROOM_IDS),
    *((41, f"limit {limit}", command("history", limit=limit), "bad_field") for limit in (-1, 0, 201, 10**9, "0x10", 1.5)),
    (41, "before and after", command("history", before=1, after=5), "bad_field"),
    (41, "before 2^53 + 2", command("history", before=2**53 + 2), "bad_field"),
    *((45, f"room {id!a}", command("join", room=id), ("not_found", "bad_field")) for id in ("' OR 1=1 --", "%", "_", "lobb_")),
    (52, "20 KB of data", send(data="x" * 20_000), "too_big"),
    (52, "1,500 keys of data", send(data={f"k{i}": i for i in range(1500)}), "too_big"),
    (52, "2,100 values of data", send(data=[0] * 2100), "too_big"),
    *((52, f"9 KB of {op}", command(op, x="x" * 9000), "too_big") for op in ("ping", "history", "react", "typing", "create")),
    (52, "9 KB of nothing in a send", send(text="x", x="x" * 9000), "too_big"),
    (52, "text of 4,001 characters", send(text="x" * 4001), "too_big"),
    (52, "51 mentions", send(text="x", mentions=["u"] * 51), "bad_field"),
    (52, "title of 401 characters", command("create", room="t52", title="x" * 401), "bad_field"),
    (60, "role of the server's own", command("role", user="madang", role="owner"), "forbidden"),
    (60, "kicking the server", command("kick", user="madang"), "forbidden"),
]  # fmt: skip

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
        for name in ("\ufdfa" * 41, "\ufdfa" * 300, "x" * 41, "", "   ", "\u0301", "z" + "\u0301" * 9, "\u0344" * 8)
    ),
]
