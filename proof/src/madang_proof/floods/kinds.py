"""What heavy neighbours say: each kind of flood, as bytes that are ready for the wire.

Everything here is within the sizes of PROTOCOL.md, "Limits"; how often it is said is not decided here (`pouring.py`).
Frames are masked with zeros, which is a mask like any other: the text is in them as it was encoded, so numbers can be put in cheaply.
"""

import itertools
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

PLAIN_BYTES: Final = 8_100  # of a frame that is not a message: 8,192 are taken
DENSE: Final = b'{"":0},'  # two values in seven bytes; a frame may have 2,048
MESSAGE: Final = "마당 " * 1300  # 3,900 of 4,000 characters, in 9 KB
WORDS: Final = 20  # that a talker says before the flood; a user may send 30 at once
_TEXT: Final = 0x81
_MASKED: Final = 0x80
_COMPRESSED: Final = 0x40
_EMOJIS: Final = tuple(f"r{number}" for number in range(20))  # as many different ones as a message takes

# Every operation but hello, with what makes it a legal one.
OPERATIONS: Final[dict[str, dict[str, object]]] = {
    "join": {"limit": 200}, "leave": {}, "send": {"cid": "large"}, "edit": {"seq": 1}, "delete": {"seq": 1},
    "react": {"seq": 1, "emoji": "x"}, "pin": {"seq": 1}, "history": {"limit": 200}, "pins": {}, "members": {"limit": 200},
    "reactors": {"seq": 1, "emoji": "x"}, "search": {"q": "large", "limit": 200},
    "rooms": {"limit": 200}, "presence": {}, "create": {"title": "Large"}, "direct": {"user": "unobody"}, "change": {"title": "Large"}, "invite": {"uses": 1},
    "invites": {}, "revoke": {"invite": "inv_none"}, "kick": {"user": "unobody"}, "role": {"user": "unobody", "role": "member"},
    "ban": {"user": "unobody"}, "unban": {"user": "unobody"}, "bans": {"limit": 200}, "mute": {"user": "unobody"},
    "unmute": {"user": "unobody"}, "mutes": {"limit": 200}, "audit": {"limit": 200},
    "words": {}, "setwords": {"refuse": ["bad"]}, "report": {"seq": 1}, "reports": {"limit": 200}, "resolve": {"seq": 1},
    "papers": {"limit": 200}, "paper": {"paper": "none"}, "createpaper": {"title": "Large"}, "changepaper": {"paper": "none", "title": "Large"},
    "finish": {"paper": "none"}, "reopen": {"paper": "none"}, "deletepaper": {"paper": "none"}, "openpaper": {"paper": "none"},
    "writepaper": {"paper": "none", "update": "AAA="},
    "showpaper": {"paper": "none", "client": 1, "clock": 1}, "closepaper": {"paper": "none"},
    "versions": {"paper": "none"}, "createversion": {"paper": "none", "title": "Large"}, "restore": {"paper": "none", "version": 1},
    "deleteversion": {"paper": "none", "version": 1},
    "profile": {"name": "Large"}, "typing": {"on": True}, "read": {"seq": 1}, "ping": {},
}  # fmt: skip
Says = Callable[[str], Iterator[bytes]]
"""Yield, for a room and without end, what one socket writes."""


def framed(text: bytes, flags: int = 0) -> bytes:
    """Return a text frame with a mask of zeros."""
    size = len(text)
    if size < 126:
        head = bytes([_TEXT | flags, _MASKED | size])
    else:
        head = bytes([_TEXT | flags, _MASKED | 126]) + struct.pack("!H", size)
    return head + bytes(4) + text


def command(op: str, n: int, room: str, **more: object) -> bytes:
    """Return a command's frame."""
    return framed(json.dumps({"op": op, "n": n, "room": room, **more}, ensure_ascii=False).encode())


def filled(op: str, room: str, unit: bytes, size: int, **more: object) -> bytes:
    """Return a command's text with a field that servers ignore, of as many units as fit into `size` bytes."""
    text = json.dumps({"op": op, "n": 7, "room": room, **more}, ensure_ascii=False).encode()[:-1] + b',"pad":['
    return text + unit * ((size - len(text) - 3) // len(unit)) + b"0]}"


def _large(room: str) -> Iterator[bytes]:
    texts = []
    for op, more in OPERATIONS.items():
        own = {**more, "text": MESSAGE} if op in ("send", "edit") else more
        size = PLAIN_BYTES + (len(MESSAGE.encode()) if op in ("send", "edit") else 0)
        where = "elsewhere" if op == "leave" else room  # whoever has left is refused the rest
        texts.append(framed(filled(op, where, b'"%s",' % (b"x" * 1000), size, **own)))
    return itertools.cycle(texts)


def _dense(room: str) -> Iterator[bytes]:
    return itertools.cycle(
        [
            framed(filled(op, room, DENSE, 7_000, **OPERATIONS[op]))
            for op in ("ping", "read", "typing", "react", "history")
        ]
    )


def _compressed(room: str) -> Iterator[bytes]:
    pieces = []
    for unit in (DENSE, b'"%s",' % (b"x" * 1000)):
        packer = zlib.compressobj(9, zlib.DEFLATED, -12)
        packed = packer.compress(filled("ping", room, unit, 7_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
        pieces.append(framed(packed[:-4], _COMPRESSED))
    return itertools.cycle(pieces)


def _messages(room: str) -> Iterator[bytes]:
    for n in itertools.count(100):
        yield command("send", n, room, cid=f"c{n}", text=MESSAGE)


def _history(room: str) -> Iterator[bytes]:
    return itertools.cycle([command("history", 7, room, limit=200), command("history", 8, room, limit=200, before=150)])


def _members(room: str) -> Iterator[bytes]:
    return itertools.cycle([command("members", 7, room, limit=200), command("presence", 8, room)])


def _reactions(room: str) -> Iterator[bytes]:
    for n in itertools.count():
        emoji, seq = _EMOJIS[n % len(_EMOJIS)], 2 + n // 40 % WORDS
        yield command("react", 7, room, seq=seq, emoji=emoji, on=n // 20 % 2 == 0)
        if n % 10 == 9:
            yield command("history", 8, room, limit=200)


def _comings(room: str) -> Iterator[bytes]:
    return itertools.cycle([command("leave", 7, room), command("join", 8, room, limit=200)])


def _get(path: str, token: str = "") -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n".encode()


def _same(request: bytes) -> Says:
    return lambda _room: itertools.cycle([request])


def _tokens(room: str) -> Iterator[bytes]:
    for n in itertools.count():
        yield _get(f"/api/rooms/{room}/messages?limit=200", f"eyJhbGciOiJIUzI1NiJ9.{n:08d}{'x' * 200}.c2ln")


def _slow_body(_room: str) -> Iterator[bytes]:
    yield b"POST /api/guests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8000\r\n\r\n"
    yield from itertools.repeat(b" ")


@dataclass(frozen=True)
class Kind:
    """A kind of flood.

    Attributes:
        rate: what one socket writes a second, at most.
        http: over HTTP; otherwise over WebSocket, after hello and a join of one room.
        reads: whether answers are taken.
        brief: each connection is closed after what it has written once.
        waits: the next is written only after the answer to the one before.
        talkers: of the sockets, who say something worth reading before the flood.
        compressed: with permessage-deflate, which a server must have switched on.
    """

    title: str
    says: Says
    rate: float = 48.0  # commands of a connection: 50 a second are allowed
    http: bool = False
    reads: bool = True
    brief: bool = False
    waits: bool = False
    talkers: int = 8
    compressed: bool = False


_PAGE: Final = _get("/openapi.json")
KINDS: Final[dict[str, Kind]] = {
    "large": Kind("frames of every operation, as large as it may be", _large),
    "dense": Kind("frames of many small objects", _dense),
    "compressed": Kind("the same, compressed", _compressed, compressed=True),
    "messages": Kind("messages of 9 KB to one room", _messages),
    "history": Kind("pages of history", _history),
    "members": Kind("pages of members", _members),
    "unread": Kind("pages of history that nobody takes", _history, reads=False),
    "reactions": Kind("reactions in a room of few messages, and its pages", _reactions, talkers=1),
    "comings": Kind("joins and leaves", _comings),
    "connects": Kind("connections that say hello, join and go", _members, rate=4.0, brief=True),
    "http-pages": Kind("`GET /openapi.json` again and again", _same(_PAGE), http=True, waits=True),
    "http-tokens": Kind("wrong tokens", _tokens, http=True, waits=True),
    "http-bodies": Kind("bodies of requests, a byte a second", _slow_body, rate=1.0, http=True),
    "http-unread": Kind(
        "`GET /openapi.json` whose answer nobody takes", _same(_PAGE), rate=8.0, http=True, reads=False
    ),
    "http-pipelined": Kind("32 requests in one write", _same(_PAGE * 32), rate=8.0, http=True),
}
