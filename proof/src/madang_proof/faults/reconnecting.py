"""Clients that connect, are cut off, and reconnect: any number, from many addresses, each as light as possible.

They do as the server says: a client that is turned away waits as long as Retry-After says, and a random time more. Why
they reconnect, and how soon all must be back, is in `storm.py`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from madang_proof.faults.probe import Probe

PER_ADDRESS: Final = 10
LONGEST_S: Final = 2.0  # longest wait after a connection that was not even refused
_encode: Final = msgspec.json.Encoder().encode


class ReconnectingClients:
    """The clients, all of one user."""

    def __init__(self, urls: Sequence[str], probe: Probe, epoch: str, count: int, dice: random.Random) -> None:
        self.urls = urls  # each client connects to one, and to the next one when it is turned away
        self.dice = dice
        self.anomalies: Counter[str] = Counter()
        hello = {"op": "hello", "n": 1, "token": probe.token}
        join = {"op": "join", "n": 2, "room": probe.room, "since": 1, "epoch": epoch}
        self.first = _encode(hello), _encode(join)
        self.all = [_Client(self, _address(number // PER_ADDRESS), number) for number in range(count)]
        self._open = True

    @property
    def missing(self) -> int:
        return sum(not client.back for client in self.all)

    @property
    def back(self) -> bool:
        return not self.missing

    def connect(self, spread_s: float) -> None:
        for client in self.all:
            client.connect_in(self.dice.uniform(0, spread_s))

    def disconnect(self) -> None:
        for client in self.all:
            client.leave()

    def close(self) -> None:
        self._open = False
        self.disconnect()

    @property
    def open(self) -> bool:
        return self._open


def _address(number: int) -> str:
    return f"127.0.{10 + number // 250}.{1 + number % 250}"


class _Client:
    """One client: connects until it is back."""

    def __init__(self, owner: ReconnectingClients, address: str, number: int) -> None:
        self.owner = owner
        self.address = address
        self.back = False
        self._tries = 0
        self._turn = number
        self._connection: _ClientConnection | None = None
        self._due: asyncio.TimerHandle | None = None
        self._dialling: asyncio.Task[None] | None = None

    def connect_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.call_later(seconds, self._connect)

    def _connect(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        self._turn += 1
        url = self.owner.urls[self._turn % len(self.owner.urls)]
        parts = urlsplit(url)
        connection = _ClientConnection(self, url)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection, parts.hostname or "", parts.port or 80, local_addr=(self.address, 0)
            )
        except OSError:
            self.refused(None)

    def welcomed(self, connection: "_ClientConnection") -> None:
        self._connection = connection
        self._tries = 0
        self.back = True

    def refused(self, wait: float | None) -> None:
        """Reconnect: when told, or after a wait that doubles; either way clients spread out."""
        self.back, self._connection = False, None
        if self.owner.open and self._due is not None:
            self._tries += 1
            jitter = self.owner.dice.uniform(0, min(LONGEST_S, 0.1 * 2**self._tries))
            self.connect_in((wait or 0.0) + jitter)

    def leave(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._dialling is not None:
            self._dialling.cancel()
        if self._connection is not None:
            self._connection.transport.abort()
        self.back, self._connection = False, None


class _ClientConnection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, client: _Client, url: str) -> None:
        self._client = client
        self._protocol = ClientProtocol(parse_uri(url), max_size=None)
        self._wait: float | None = None
        self._welcome = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._read()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._client._connection is self or not self._welcome:
            self._client.refused(self._wait)

    def _read(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                if self._protocol.handshake_exc is None:
                    for text in self._client.owner.first:
                        self._protocol.send_text(text)
                else:
                    self._wait = float(event.headers.get("Retry-After", "0"))
                    self._judge(event)
                    self.transport.abort()
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT and not self._welcome:
                self._take(event.data)
        self._flush()

    def _judge(self, response: Response) -> None:
        if response.status_code not in (429, 503):
            self._client.owner.anomalies[f"HTTP {response.status_code}"] += 1
        elif self._wait == 0:
            self._client.owner.anomalies[f"{response.status_code} without Retry-After"] += 1

    def _take(self, data: Any) -> None:
        """Look only at the first bytes: an answer to join may hold thousands of events."""
        head = bytes(data[:400])
        if head.startswith((b'{"op":"ok","n":2,', b'{"n":2,"op":"ok"')):
            self._welcome = True
            self._client.welcomed(self)
        elif b'"error"' in head:
            self._client.owner.anomalies[head.decode(errors="replace")] += 1
            self.transport.abort()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data and not self.transport.is_closing():
                self.transport.write(data)
