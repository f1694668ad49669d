"""A connection over the Socket.IO door, for a client that speaks the native protocol: the words are the same, in other packets.

As a stock client does, it keeps its `pid` and the offset of the last event, and brings both when it connects again. Where the
server gives the session back, joins that ask to go on in rooms of that session are answered here, from the client's own
position, so that whatever is then missing, doubled or swapped shows against it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Raw

from madang_proof.load.connection import Connection

PATH: Final = "/socket.io/"
QUERY: Final = "EIO=4&transport=websocket"
RECOVERED: Final = "sessions recovered"
_MARK: Final = (
    0  # the ack id of a ping behind which nothing of a recovery is told any longer; calls are numbered from 1
)
_ACK: Final = re.compile(rb"43(\d+)(.*)", re.DOTALL)
_encode: Final = msgspec.json.Encoder().encode
_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_parts: Final = msgspec.json.Decoder(list[Raw]).decode
_text: Final = msgspec.json.Decoder(str).decode


class Kept:
    """What a client keeps of its session from one connection to the next.

    Attributes:
        hello: the fields of the answer to it, as JSON.
        joined: rooms that the session follows: their last join was answered ok.
        unsure: rooms whose last join was not, so that the session may follow them.
    """

    def __init__(self, counted: Counter[str]) -> None:
        self.counted = counted
        self.pid = ""
        self.offset = ""
        self.hello = b""
        self.joined: set[str] = set()
        self.unsure: set[str] = set()

    def connection(self, url: str, on_text: Callable[[bytes], None], on_end: Callable[[int], None]) -> Connection:
        """Return a connection that goes on with the session, at the server whose native protocol is at `url`."""
        return SocketIo(url, on_text, on_end, self)

    def forget(self) -> None:
        """Begin another session next time."""
        self.pid = ""


class SocketIo(Connection):
    """One connection. It takes native commands as text, and hands on native frames as text."""

    def __init__(self, url: str, on_text: Callable[[bytes], None], on_end: Callable[[int], None], kept: Kept) -> None:
        super().__init__(urlunsplit((*urlsplit(url)[:2], PATH, QUERY, "")), self._heard, on_end)
        self._tell = on_text
        self._kept = kept
        self._begun = False  # the server has told of its limits, and waits to hear who one is
        self._hello: dict[str, Any] | None = None  # until it is answered
        self._pid = ""
        self._waiting: list[dict[str, Any]] = []  # commands behind it
        self._joins: dict[int, str] = {}  # rooms of joins that were sent, by number
        self._resumed: dict[str, dict[str, Any]] = {}  # joins that the recovery answers
        self._unheard: set[str] = set()  # rooms whose events mean nothing to the client until it has joined them

    def send(self, texts: Iterable[bytes]) -> None:
        """Send native commands in one write. Those behind a hello wait for its answer."""
        commands = [_object(text) for text in texts]
        if commands and commands[0]["op"] == "hello":
            self._hello, *commands = commands
            self._connect()
        if self._hello is None:
            super().send([self._packet(command) for command in commands])
        else:
            self._waiting += commands

    def _connect(self) -> None:
        if self._begun and self._hello is not None:
            who = {name: value for name, value in self._hello.items() if name not in ("op", "n")}
            back = {"pid": self._kept.pid, "offset": self._kept.offset} if self._kept.pid else {}
            self._say([b"40" + _encode(who | back)])

    def _packet(self, command: dict[str, Any]) -> bytes:
        op, n = command.pop("op"), command.pop("n")
        if op == "join":
            self._joins[n] = room = command["room"]
            self._kept.joined.discard(room)
            self._kept.unsure.add(room)
        return b"42%d" % n + _encode([op, command])

    # -- what the server sends -----------------------------------------------------------------------------------------

    def _heard(self, packet: bytes) -> None:
        try:
            self._read_packet(packet)
        except (msgspec.MsgspecError, ValueError, TypeError, KeyError):
            self._tell(packet)  # not a frame, either

    def _read_packet(self, packet: bytes) -> None:
        kind = packet[:2]
        if packet == b"2":
            self._say([b"3"])
        elif kind == b"42":
            self._event(*_parts(packet[2:]))
        elif ack := _ACK.fullmatch(packet):
            (answer,) = _parts(ack[2])
            self._acked(int(ack[1]), bytes(answer))
        elif kind == b"40":
            self._connected(**_object(packet[2:]))
        elif kind == b"44" and self._hello is not None:
            self._answer(self._hello["n"], _encode(_object(packet[2:])["data"]), "error")
        elif kind == b"0{":
            self._begun = True
            self._connect()
        elif packet != b"41":
            raise ValueError

    def _event(self, name: Raw, fields: Raw, offset: Raw) -> None:
        self._kept.offset = _text(offset)
        event, text = _text(name), bytes(fields)
        if event == "hello":
            self._kept.pid, self._kept.hello = self._pid, text
            self._greeted()
        elif event == "error" and (lost := self._lost(_object(text))) is not None:
            self._answer(lost["n"], text, "error")
        else:
            self._go_on()
            if not (self._unheard and _object(text).get("room") in self._unheard):
                self._hand_on(b'{"op":"%s"' % (b"event" if "." in event else event.encode()), text)

    def _acked(self, n: int, answer: bytes) -> None:
        self._go_on()
        if n == _MARK:
            return
        refused = answer.startswith(b'{"error":')
        if (room := self._joins.pop(n, None)) is not None:
            self._unheard.discard(room)
            if not refused:
                self._kept.joined.add(room)
                self._kept.unsure.discard(room)
        self._answer(n, _encode(_object(answer)["error"]) if refused else answer, "error" if refused else "ok")

    # -- recovery ------------------------------------------------------------------------------------------------------

    def _connected(self, sid: str, pid: str) -> None:
        kept, self._pid = self._kept, pid
        if pid != kept.pid:
            kept.forget()
            kept.joined.clear()
            kept.unsure.clear()
            return  # its hello follows
        kept.counted[RECOVERED] += 1
        joins = {each["room"]: each for each in self._waiting if each["op"] == "join"}
        self._resumed = {room: join for room, join in joins.items() if room in kept.joined and "since" in join}
        self._waiting = [each for each in self._waiting if each not in self._resumed.values()]
        self._waiting.append({"op": "ping", "n": _MARK})
        self._unheard = (kept.joined | kept.unsure) - self._resumed.keys()
        self._greeted()

    def _lost(self, problem: dict[str, Any]) -> dict[str, Any] | None:
        """Return the join that is refused by an error, if the error is about a room that cannot be followed again."""
        join = self._resumed.pop(problem.get("room", ""), None) if problem.get("event") == "join" else None
        if join is not None:
            self._kept.joined.discard(join["room"])
        return join

    def _go_on(self) -> None:
        """Answer the joins of rooms that are followed again: by now the server would have told of any other."""
        resumed, self._resumed = self._resumed, {}
        for room, join in resumed.items():
            self._answer(join["n"], _encode({"room": room, "seq": join["since"], "epoch": join["epoch"]}))

    def _greeted(self) -> None:
        hello, waiting = self._hello, self._waiting
        self._hello, self._waiting = None, []
        if hello is not None:
            self._answer(hello["n"], self._kept.hello)
        self._say(self._packet(command) for command in waiting)

    def _say(self, packets: Iterable[bytes]) -> None:
        """Answer what was read, unless the end has begun meanwhile."""
        if self.speaks:
            super().send(packets)

    def _answer(self, n: int, fields: bytes, op: str = "ok") -> None:
        self._hand_on(b'{"op":"%s","n":%d' % (op.encode(), n), fields)

    def _hand_on(self, head: bytes, fields: bytes) -> None:
        self._tell(head + b"}" if fields == b"{}" else head + b"," + fields[1:])
