"""F35: thousands of clients that were cut off together come back together, within a second.

They come from many addresses, as people do, and keep to what the server tells them: who is turned away waits as long as
Retry-After says, and a little more by chance. All are back in bounded time, and who had stayed is served meanwhile.
"""

import asyncio
import random
import resource
from collections import Counter
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from madang.proving.faults.companion import Companion, accompanied, metric, until
from madang.proving.faults.fault import ANYWHERE, Broken
from madang.proving.faults.probe import Probe, probing
from madang.proving.stage import Stage

MISSED: Final = 250  # events to resume over: more than a room keeps in memory, so that the log must be read
PER_ADDRESS: Final = 10
WITHIN_S: Final = 1.0  # in which all come back
FILES: Final = 500  # open files besides those of the clients
TICK_S: Final = 0.1  # between two messages of who had stayed
LONGEST_S: Final = 2.0  # wait after a connection that was not even refused
_encode: Final = msgspec.json.Encoder().encode


class Storm:
    """Cut many clients of one room off, and let them come back at once.

    Args:
        count: how many of them.
        back_s: seconds until all must be back.
    """

    name = "storm"
    number = "F35"
    title = "let many clients come back within a second"
    needs = ANYWHERE

    def __init__(self, count: int = 300, back_s: float = 20.0) -> None:
        self._count = count
        self._back_s = back_s

    def missing(self) -> str | None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        return None if most >= self._count + FILES else f"Only {most} files may be open (ulimit -Hn)."

    async def strike(self, stage: Stage, dice: random.Random) -> str:
        soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < self._count + FILES:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._count + FILES, most))
        async with probing(stage.server) as probe, accompanied(probe, stage.server.direct_url) as stayed:
            crowd = _Crowd(stage.server.direct_url, probe, stayed.epoch, self._count, dice)
            try:
                return await self._strike(stage, stayed, crowd)
            finally:
                crowd.end()

    async def _strike(self, stage: Stage, stayed: Companion, crowd: "_Crowd") -> str:
        server, loop = stage.server, asyncio.get_running_loop()
        crowd.come(spread_s=self._count / 1000)
        await until(lambda: crowd.back, "everybody before the storm", self._back_s + self._count / 500)
        crowd.cut()
        await stayed.say(MISSED, "missed")
        reads, away = await metric(server, "madang_log_reads_total"), await metric(server, "madang_turned_away_total")
        begun = loop.time()
        crowd.come(spread_s=WITHIN_S)
        said, slowest = 0, 0.0
        while not crowd.back:
            if loop.time() - begun > self._back_s:
                raise Broken(f"{crowd.missing} of {self._count} were not back within {self._back_s:.0f} s.")
            sent = loop.time()
            await stayed.say(1, f"meanwhile-{said}")
            slowest, said = max(slowest, loop.time() - sent), said + 1
            await asyncio.sleep(TICK_S)
        took = loop.time() - begun
        if hole := stayed.hole():
            raise Broken(f"For who had stayed, {hole}.")
        if crowd.odd:
            raise Broken(f"Among those who came back: {dict(crowd.odd)}.")
        reads = await metric(server, "madang_log_reads_total") - reads
        if reads > 50 + self._count / 10:
            raise Broken(f"The log was read {reads:.0f} times for {self._count} who came back to one room.")
        away = await metric(server, "madang_turned_away_total") - away
        return (
            f"{self._count} were back after {took:.1f} s, {away:.0f} turned away on the way, {reads:.0f} reads of the log; "
            f"slowest ack meanwhile {slowest:.1f} s"
        )


class _Crowd:
    """The clients. One of them is a user's device like all the others."""

    def __init__(self, url: str, probe: Probe, epoch: str, count: int, dice: random.Random) -> None:
        self.url = url
        self.dice = dice
        self.odd: Counter[str] = Counter()
        hello = {"op": "hello", "n": 1, "token": probe.token}
        join = {"op": "join", "n": 2, "room": probe.room, "since": 1, "epoch": epoch}
        self.first = _encode(hello), _encode(join)
        self.clients = [_Client(self, f"127.0.{10 + i // 250}.{1 + i % 250}") for i in range(count // PER_ADDRESS + 1)]
        self.clients = [_Client(self, self.clients[i // PER_ADDRESS].address) for i in range(count)]
        self._open = True

    @property
    def missing(self) -> int:
        return sum(not client.back for client in self.clients)

    @property
    def back(self) -> bool:
        return not self.missing

    def come(self, spread_s: float) -> None:
        for client in self.clients:
            client.come_in(self.dice.uniform(0, spread_s))

    def cut(self) -> None:
        for client in self.clients:
            client.leave()

    def end(self) -> None:
        self._open = False
        self.cut()

    @property
    def open(self) -> bool:
        return self._open


class _Client:
    """One client: comes until it is back."""

    def __init__(self, crowd: _Crowd, address: str) -> None:
        self.crowd = crowd
        self.address = address
        self.back = False
        self._tries = 0
        self._visit: _Visit | None = None
        self._due: asyncio.TimerHandle | None = None
        self._dialling: asyncio.Task[None] | None = None

    def come_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.call_later(seconds, self._come)

    def _come(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        parts = urlsplit(self.crowd.url)
        visit = _Visit(self)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: visit, parts.hostname or "", parts.port or 80, local_addr=(self.address, 0)
            )
        except OSError:
            self.refused(None)

    def entered(self, visit: "_Visit") -> None:
        self._visit = visit
        self._tries = 0
        self.back = True

    def refused(self, wait: float | None) -> None:
        """Come again: when told, or after a wait that doubles; either way not all at the same moment."""
        self.back, self._visit = False, None
        if self.crowd.open and self._due is not None:
            self._tries += 1
            jitter = self.crowd.dice.uniform(0, min(LONGEST_S, 0.1 * 2**self._tries))
            self.come_in((wait or 0.0) + jitter)

    def leave(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._dialling is not None:
            self._dialling.cancel()
        if self._visit is not None:
            self._visit.transport.abort()
        self.back, self._visit = False, None


class _Visit(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._protocol = ClientProtocol(parse_uri(client.crowd.url), max_size=None)
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
        if self._client._visit is self or not self._welcome:
            self._client.refused(self._wait)

    def _read(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                if self._protocol.handshake_exc is None:
                    for text in self._client.crowd.first:
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
            self._client.crowd.odd[f"HTTP {response.status_code}"] += 1
        elif self._wait == 0:
            self._client.crowd.odd[f"{response.status_code} without Retry-After"] += 1

    def _take(self, data: Any) -> None:
        """Look at the first bytes only: an answer to join may hold thousands of events."""
        head = bytes(data[:400])
        if head.startswith((b'{"op":"ok","n":2,', b'{"n":2,"op":"ok"')):
            self._welcome = True
            self._client.entered(self)
        elif b'"error"' in head:
            self._client.crowd.odd[head.decode(errors="replace")] += 1
            self.transport.abort()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data and not self.transport.is_closing():
                self.transport.write(data)
