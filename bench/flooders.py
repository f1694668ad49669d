"""Flooders: people who do too much of one thing, whatever they are told. `python -m bench.flooders KIND PORT ROOM SECONDS`.

Prints a line when it begins, and in the end what became of it, as JSON. A process of its own, at the lowest priority, so
that it takes nothing from those that are measured; every flooder has an address of its own, since limits per address are
not what is measured here.
"""

import itertools
import json
import logging
import os
import select
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

RATE: Final = 1000.0  # commands a second of one flooder
BACK_S: Final = 1.0  # before one that was closed comes back, unless it is stubborn
PATIENCE_S: Final = 5.0
_quiet: Final = logging.getLogger("bench.flooders")
_quiet.setLevel(logging.CRITICAL)
BIG: Final = 60_000  # characters; a frame may have 65,536 bytes


def _send(room: str, n: int) -> dict[str, object]:
    return {"op": "send", "n": n, "room": room, "cid": f"f{n}", "text": "buy this"}


def _words(room: str) -> Iterator[str]:
    for n in itertools.count(100):
        yield json.dumps(_send(room, n))


def _big_words(room: str) -> Iterator[str]:
    for n in itertools.count(100):
        yield json.dumps({**_send(room, n), "text": "x" * BIG})


def _garbage(_room: str) -> Iterator[str]:
    for n in itertools.count():
        yield f"{{{{ nonsense {n}"


def _restless(room: str) -> Iterator[str]:
    for n in itertools.count(100, 4):
        yield json.dumps({"op": "leave", "n": n, "room": room})
        yield json.dumps({"op": "join", "n": n + 1, "room": room})
        yield json.dumps({"op": "typing", "n": n + 2, "room": room, "on": True})
        yield json.dumps({"op": "typing", "n": n + 3, "room": room, "on": False})


def _questions(room: str) -> Iterator[str]:
    for n in itertools.count(100):
        yield json.dumps({"op": "history", "n": n, "room": room, "limit": 200})


@dataclass(frozen=True)
class Kind:
    """A way of flooding."""

    title: str
    says: Callable[[str], Iterator[str]] = _words
    people: int = 1
    elsewhere: bool = False  # in a room of their own
    stubborn: bool = False  # back at once after a close, as a new guest
    rate: float = RATE
    rest: bool = False  # over HTTP


KINDS: Final = {
    "same-room": Kind("one, in the same room"),
    "other-room": Kind("one, in another room", elsewhere=True),
    "five": Kind("five, in the same room", people=5),
    "stubborn": Kind("one who comes back at once when closed, as somebody else", stubborn=True),
    "flat-out": Kind("one as fast as it goes, back at once when closed", stubborn=True, rate=float("inf")),
    "big-frames": Kind("one with frames of 60 KB, back at once when closed", says=_big_words, stubborn=True),
    "garbage": Kind("one with garbage, back at once when closed", says=_garbage, stubborn=True),
    "restless": Kind("one who joins, leaves and types", says=_restless, stubborn=True),
    "questions": Kind("one who asks for history, back at once when closed", says=_questions, stubborn=True),
    "rest": Kind("one over REST", rest=True),
}


class Flooder:
    """One of them, with a connection that it opens again and again."""

    def __init__(self, kind: Kind, port: int, room: str, number: int, counted: Counter[str]) -> None:
        self._kind, self._port, self._number, self._counted = kind, port, number, counted
        self._room = f"{room}-elsewhere-{number}" if kind.elsewhere else room
        self._begun = 0

    def flood(self, until: float) -> None:
        """Flood until that moment, of time.monotonic."""
        while time.monotonic() < until:
            self._begun += 1
            try:
                with socket.create_connection(
                    ("127.0.0.1", self._port), PATIENCE_S, source_address=(f"127.0.2.{10 + self._number}", 0)
                ) as sock:
                    (self._rest if self._kind.rest else self._talk)(sock, until)
            except OSError:
                self._counted["cut off"] += 1
            if not self._kind.stubborn:
                time.sleep(min(BACK_S, max(0.0, until - time.monotonic())))

    def _talk(self, sock: socket.socket, until: float) -> None:
        protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{self._port}/ws"), logger=_quiet)
        protocol.send_request(protocol.connect())
        sock.sendall(b"".join(protocol.data_to_send()))
        while not protocol.events_received():
            if not (data := sock.recv(4096)):
                return
            protocol.receive_data(data)
        if protocol.handshake_exc:
            self._counted["handshakes refused"] += 1
            time.sleep(0.02)
            return
        self._counted["connections"] += 1
        hello = [
            {"op": "hello", "n": 1, "guest": f"Flooder {self._number}"},
            {"op": "create", "n": 2, "room": self._room, "title": "flood", "access": "open"},
            {"op": "join", "n": 3, "room": self._room, "limit": 0},
        ]

        def hear(data: bytes) -> bool:
            protocol.receive_data(data) if data else protocol.receive_eof()
            for event in protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    self._counted["refused"] += event.data.startswith(b'{"op":"error"')
                    self._counted["taken"] += event.data.endswith(b'"ack":"stored"}')
            if protocol.close_rcvd is not None:
                self._counted[f"closed {protocol.close_rcvd.code}"] += 1
            return bool(data) and protocol.close_rcvd is None

        texts = itertools.chain(map(json.dumps, hello), self._kind.says(self._room))
        self._pour(sock, until, (_framed(text) for text in texts), hear)

    def _rest(self, sock: socket.socket, until: float) -> None:
        body = json.dumps({"name": "Flooder"})
        sock.sendall(_request("/api/guests", body))
        answer = b""
        while b"}}" not in answer and not answer.endswith(b"}"):
            if not (data := sock.recv(4096)):
                return
            answer += data
        token = json.loads(answer.partition(b"\r\n\r\n")[2])["token"]
        join = _request(f"/api/rooms/{self._room}/members/me", "", token, "PUT")
        sock.sendall(join)
        self._counted["connections"] += 1
        texts = (json.dumps({"cid": f"f{n}", "text": "buy this"}) for n in itertools.count())

        def hear(data: bytes) -> bool:
            self._counted["refused"] += data.count(b"HTTP/1.1 429")
            self._counted["taken"] += data.count(b"HTTP/1.1 200") + data.count(b"HTTP/1.1 201")
            return bool(data)

        where = f"/api/rooms/{self._room}/messages"
        self._pour(sock, until, (_request(where, text, token) for text in texts), hear)

    def _pour(self, sock: socket.socket, until: float, pieces: Iterator[bytes], hear: Callable[[bytes], bool]) -> None:
        """Send at the rate until the server has enough. One that is no longer read waits, and then goes on at the rate."""
        began, sent = time.monotonic(), 0
        sock.setblocking(False)
        rest = b""
        while (now := time.monotonic()) < until:
            due = began + sent / self._kind.rate
            readable, writable, _ = select.select(
                [sock], [sock] if rest or due <= now else [], [], max(0, min(due - now, 0.1))
            )
            if readable and not hear(sock.recv(1 << 16)):
                return
            if writable:
                if not rest:
                    rest, sent = next(pieces), sent + 1
                    self._counted["sent"] += 1
                rest = rest[sock.send(rest) :]
                if now - due > 0.1:
                    began += now - due


def _framed(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


def _request(path: str, body: str, token: str = "", method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json"] if body else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", body]).encode()


def main() -> None:
    """Flood for some seconds."""
    name, port, room, seconds = sys.argv[1:]
    os.nice(19)
    kind = KINDS[name]
    counted: Counter[str] = Counter()
    until = time.monotonic() + float(seconds)
    people = [Flooder(kind, int(port), room, number, counted) for number in range(kind.people)]
    threads = [threading.Thread(target=person.flood, args=(until,)) for person in people]
    print("flooding", flush=True)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(counted))


if __name__ == "__main__":
    main()
