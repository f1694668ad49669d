"""One connection through the proxy: two sockets, and a pipe in each direction with the conditions it meets.

Bytes swallowed by a cut are gone; what is halted or delayed arrives late, whole and in order. `proxy.py` decides which
links exist and which conditions they meet.
"""

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol, cast

QUEUED: Final = 256 * 1024  # bytes of one direction that wait for their time before its source is no longer read
HIGH_WATER: Final = 64 * 1024  # bytes that a slow reader leaves unread, likewise
TEAR_S: Final = 0.02  # between the last part of a frame and the reset, so that the peer has read the part
_ABRUPT: Final = struct.pack("ii", 1, 0)  # SO_LINGER for no time: closing sends a reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What happens to the bytes of one direction of a connection."""

    cut: bool = False  # they vanish, as do ends and resets; the socket stays open
    halted: bool = False  # they are not read, so the sender notices
    sliced: bool = False  # they are written one by one, one per turn of the event loop
    latency_s: float = 0.0
    jitter_s: float = 0.0  # added to the latency, at most; order is kept
    bytes_per_s: float = 0.0  # 0 for no limit


NORMAL: Final = Conditions()


class Host(Protocol):
    """The owner of a link."""

    def came(self, link: "Link") -> None:
        """Handle a client that has connected: connect the link to a server."""

    def asked(self, link: "Link", data: bytes) -> None:
        """Handle bytes from the client, before they pass."""

    def went(self, link: "Link") -> None:
        """Handle the end of both sockets."""

    def opened(self) -> None:
        """Handle a socket that was opened."""

    def closed(self) -> None:
        """Handle a socket that was closed."""

    def jitter(self) -> float:
        """Draw a number from 0 to 1."""


class Link:
    """A client's connection and the connection to its server."""

    _count = 0

    def __init__(self, host: Host) -> None:
        Link._count += 1
        self.number = Link._count
        self.target = -1  # index among the proxy's targets, once it is known
        self.port = 0  # the client's own
        self.host = host
        self.client = _End(self)
        self.server = _End(self)
        self.up = _Pipe(self, self.client, self.server)
        self.down = _Pipe(self, self.server, self.client)
        self.client.out, self.client.into = self.up, self.down
        self.server.out, self.server.into = self.down, self.up
        self.torn = False

    def made(self, end: "_End") -> None:
        if end is self.client:
            self.host.came(self)
        elif self.client.open:
            self.up.begin()
        else:
            end.reset()

    def tear(self) -> None:
        """Reset the link a moment later; what arrives meanwhile is dropped."""
        if not self.torn:
            self.torn = True
            asyncio.get_running_loop().call_later(TEAR_S, self.reset)

    def reset(self) -> None:
        self.torn = True
        for end in (self.client, self.server):
            end.reset()
        self._forget()

    def close(self) -> None:
        """Close both sockets; what was written still goes out."""
        for end in (self.client, self.server):
            if end.open:
                end.transport.close()

    def lost(self, end: "_End", error: Exception | None) -> None:
        """Handle the end of one socket; the other learns of it unless the direction there is cut."""
        other = self.server if end is self.client else self.client
        if not other.open:
            self._forget()
        elif end.out.conditions.cut and not self.torn:
            end.out.lost = True
        elif error is not None:
            self.reset()
        else:
            end.out.finish()

    def _forget(self) -> None:
        if not (self.client.open or self.server.open):
            self.host.went(self)


class _End(asyncio.Protocol):
    """One socket: what it receives goes into `out`, what it sends comes from `into`."""

    out: "_Pipe"
    into: "_Pipe"

    def __init__(self, link: Link) -> None:
        self._link = link
        self.transport: asyncio.Transport
        self.open = False
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(HIGH_WATER)
        self.open = True
        self._link.host.opened()
        self._link.made(self)

    def data_received(self, data: bytes) -> None:
        self.out.push(data)

    def eof_received(self) -> bool:
        self.out.finish()
        return True  # the other direction may go on

    def pause_writing(self) -> None:
        self.into.choke(True)

    def resume_writing(self) -> None:
        self.into.choke(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._count_out()
        self._link.lost(self, exc)

    def reset(self) -> None:
        if self.open:
            self.open = False
            # uvloop does not report the end of a socket that is aborted while `create_connection` is being cancelled.
            self._count_out()
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
            self.transport.abort()

    def _count_out(self) -> None:
        if not self.gone:
            self.gone = True
            self._link.host.closed()


class _Pipe:
    """One direction of a link. An empty chunk in the queue stands for the end."""

    __slots__ = (
        "_choked",
        "_due",
        "_link",
        "_queue",
        "_sink",
        "_source",
        "_timer",
        "conditions",
        "fuse",
        "lost",
        "over",
        "queued",
    )  # fmt: skip

    def __init__(self, link: Link, source: _End, sink: _End) -> None:
        self._link = link
        self._source = source
        self._sink = sink
        self._queue: deque[tuple[float, bytes]] = deque()  # loop time at which they are due, bytes
        self.queued = 0
        self._due = 0.0
        self._timer: asyncio.Handle | None = None
        self._choked = False
        self.conditions = NORMAL
        self.lost = False
        self.over = False  # the end has passed
        self.fuse: int | None = None  # bytes that still pass before the link is reset

    def begin(self) -> None:
        """The sink is connected: write what arrived before."""
        self._release()

    def push(self, data: bytes) -> None:
        """Accept bytes of the source."""
        if self._link.torn:
            return
        if self is self._link.up:
            self._link.host.asked(self._link, data)
        if self.fuse is not None:
            if len(data) > self.fuse:
                self._pass(data[: self.fuse])
                self._link.tear()
                return
            self.fuse -= len(data)
        self._pass(data)

    def finish(self) -> None:
        """Accept the end of the source."""
        self._pass(b"")

    def _pass(self, data: bytes) -> None:
        conditions = self.conditions
        if conditions.cut or self._sink.gone:
            self.lost = True
        elif conditions is NORMAL and not self._queue and self._sink.open:
            self._write(data)
        else:
            now = asyncio.get_running_loop().time()
            due = now + conditions.latency_s + conditions.jitter_s * self._link.host.jitter()
            if conditions.bytes_per_s:
                due = max(due, self._due) + len(data) / conditions.bytes_per_s
            self._due = due
            self._queue.append((due, data))  # a chunk that is due early still waits for those before it
            self.queued += len(data)
            self.gate()
            self._release()

    def _write(self, data: bytes) -> None:
        sink = self._sink
        if not sink.open or sink.transport.is_closing():
            return
        if data:
            sink.transport.write(data)
            return
        self.over = True
        if (sink.into.over and sink.out.over) or not self._source.open:
            self._link.close()
        else:
            sink.transport.write_eof()

    def _release(self) -> None:
        """Write what is due, and schedule the rest."""
        if self._timer is not None or not (self._sink.open or self._sink.gone):
            return
        loop = asyncio.get_running_loop()
        now, sliced = loop.time(), self.conditions.sliced
        queue = self._queue
        while queue and queue[0][0] <= now:
            due, data = queue.popleft()
            if sliced and len(data) > 1:
                queue.appendleft((due, data[1:]))
                data = data[:1]
            self.queued -= len(data)
            self._write(data)
            if sliced:
                break
        if queue:
            self._timer = loop.call_at(queue[0][0], self._again) if queue[0][0] > now else loop.call_soon(self._again)
        self.gate()

    def _again(self) -> None:
        self._timer = None
        self._release()

    def change(self, conditions: Conditions) -> None:
        """Change the conditions; what waits is due at once."""
        if conditions == self.conditions:
            return
        self.conditions = (
            NORMAL if conditions == NORMAL else conditions
        )  # so that `is` is enough to find that there are none
        self._queue = deque((0.0, data) for _, data in self._queue)
        self._due = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if conditions.cut and self._queue:
            self.lost = True
            self._queue.clear()
            self.queued = 0
        self._release()

    def choke(self, choked: bool) -> None:
        """Note that the sink's buffer is full, or has room again."""
        self._choked = choked
        self.gate()

    def gate(self) -> None:
        """Read the source, or pause reading it."""
        source = self._source
        if not source.open or self._sink.gone:
            return
        if self.conditions.halted or self._choked or self.queued >= QUEUED:
            source.transport.pause_reading()
        else:
            source.transport.resume_reading()
