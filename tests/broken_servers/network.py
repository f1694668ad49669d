"""Protections against slow clients, broken connections and crowds, each switched off."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, Final

from madang.adapters.sql import leases
from madang.delivery.reader import LogReader
from madang.delivery.tail import HotTail
from madang.ports.leases import Lease
from madang.transports.websocket import connection as websocket
from madang.transports.websocket.connection import Connection
from madang.transports.websocket.handshake import WebSocketProtocol


def no_budget() -> None:
    """A socket may have any number of bytes unsent."""
    websocket.HIGH_WATER, websocket.LOW_WATER = 1 << 30, 1 << 29  # type: ignore[attr-defined]


def no_pings() -> None:
    """No client is pinged."""
    WebSocketProtocol.send_ping = lambda self, data: None  # type: ignore[method-assign]
    websocket.UNANSWERED_PINGS = 1 << 30  # type: ignore[attr-defined]


def no_bye() -> None:
    """Who is connected when the server ends is not told when to come back."""
    Connection.shutdown = lambda self: self.close(1012, "restart")  # type: ignore[method-assign]


def keeps_files() -> None:
    """A connection that ends leaves a file open."""
    made = Connection.connection_made
    kept = []

    def connection_made(self: Connection, transport: asyncio.BaseTransport) -> None:
        kept.append(os.dup(transport.get_extra_info("socket").fileno()))
        made(self, transport)

    Connection.connection_made = connection_made  # type: ignore[method-assign]


def half_frames() -> None:
    """What came of a frame whose connection broke is taken for the whole."""
    received, lost = Connection.data_received, Connection.connection_lost
    parts: dict[int, bytes] = {}

    def noted(self: Connection, data: bytes) -> None:
        if self.session is not None:
            part = parts.get(id(self), b"") + data
            while len(part) >= (end := _end(part)):
                part = part[end:]
            parts[id(self)] = part
        received(self, data)

    def taken(self: Connection, exc: Exception | None) -> None:
        part = parts.pop(id(self), b"")
        at = 8 if part[1:2] and part[1] & 0x7F == 126 else 6
        if len(part) > at and self.session is not None and self.session.is_open:
            text = bytes(byte ^ part[at - 4 + (i & 3)] for i, byte in enumerate(part[at:]))
            self.session.receive(text + b'"}')
        lost(self, exc)

    Connection.data_received = noted  # type: ignore[method-assign]
    Connection.connection_lost = taken  # type: ignore[method-assign]


def _end(data: bytes) -> int:
    """Where the first of a client's frames ends."""
    size = data[1] & 0x7F if len(data) > 1 else 0
    return 8 + int.from_bytes(data[2:4], "big") if size == 126 else 6 + size


def read_for_each() -> None:
    """The log is read for everybody who comes back."""
    LogReader.read = lambda self, room, after: self._read(room, after)  # type: ignore[method-assign]
    HotTail.lengthen = lambda self, events, asked_at: None  # type: ignore[method-assign]


def strict_lease() -> None:
    """A lease that has lapsed is lost, even if nobody took the number."""

    def renew(c: Any, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        expires_ms = c.exec_driver_sql(f"SELECT expires_ms FROM leases WHERE node = {lease.node}").scalar_one()
        return plain(c, lease, now_ms, ttl_ms, used_ms) if expires_ms > now_ms else None

    plain = leases.renew
    leases.renew = renew


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    f.__name__.replace("_", "-"): f
    for f in (no_budget, no_pings, no_bye, keeps_files, half_frames, read_for_each, strict_lease)
}
