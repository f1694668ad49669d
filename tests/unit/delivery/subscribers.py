"""Subscribers that record: sockets for delivery, without a socket."""

import itertools
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

from madang.core.events import Event, MessageSent, RoomCreated
from madang.core.ids import EPOCH_MS
from madang.delivery.hub import Hub
from madang.delivery.subscription import Subscription
from madang.delivery.turns import Turns
from madang.transports.native.encoding import ENCODINGS, NativeEncoding
from madang.transports.websocket.framing import PLAIN

Frame = dict[str, Any]
HIGH = 256 * 1024
LOW = 32 * 1024
_devices = itertools.count()


def decoded(data: bytes) -> Iterator[Frame]:
    """Yield the JSON of consecutive server frames; fail on anything but whole text frames."""
    at = 0
    while at < len(data):
        first, size = data[at], data[at + 1]
        at += 2
        if size == 126:
            (size,) = struct.unpack_from("!H", data, at)
            at += 2
        elif size == 127:
            (size,) = struct.unpack_from("!Q", data, at)
            at += 8
        assert first == 0x81, "not a whole text frame"
        assert at + size <= len(data), "cut off"
        yield json.loads(data[at : at + size])
        at += size


PLAINLY = ENCODINGS[PLAIN]


class RecordingSubscriber:
    """A subscriber that keeps what it is given. Its socket is full on request, or by a byte budget as a transport has it.

    Args:
        budget: None for a peer that reads everything at once; else nothing is read until `read()` says so, and more
            than `budget` unread bytes pause it, as transports do.
    """

    def __init__(self, hub: Hub, turns: Turns, budget: int | None = None, encoding: NativeEncoding = PLAINLY) -> None:
        self._hub = hub
        self._turns = turns
        self._budget = budget
        self.queued: list[bytes] = []
        self.encoding = encoding
        self.write_now: Callable[[bytes], None] = self._write
        self.device = f"device-{next(_devices)}"
        self.paused = False
        self.closed = False
        self.failed = False
        self.gone = False
        self.subscriptions: dict[str, Subscription] = {}
        self.written: list[bytes] = []  # what the peer has
        self.unread: list[bytes] = []  # what the transport still holds
        self.most_unread = 0
        self.over: list[str] = []  # rooms that ended

    # -- subscriber --------------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self.gone:  # as uvloop does
            raise RuntimeError("the handler is closed")
        if self._budget is None and not self.paused:
            self.written.append(data)
            return
        self.unread.append(data)
        size = sum(map(len, self.unread))
        self.most_unread = max(self.most_unread, size)
        if self._budget is not None and size > self._budget and not self.paused:
            self.pause()

    def queue(self, data: bytes) -> None:
        if self.gone:
            return
        if not self.queued:
            self._turns.flush_at_end(self)
        self.queued.append(data)

    def send(self, data: bytes) -> None:
        self.flush()
        if not self.gone:
            self.write_now(data)

    def flush(self) -> None:
        out, self.queued = self.queued, []
        if out and not self.gone:
            self.write_now(b"".join(out))

    def access_ended(self, room: str) -> None:
        self.over.append(room)
        subscription = self.subscriptions[room]
        self._hub.presence.leave(room, subscription.user, self.device)
        if subscription.until is None:
            del self.subscriptions[room]

    def close_retryable(self) -> None:
        self.failed = True
        self.close()

    # -- the peer's and the transport's side ---------------------------------------------------------------------------

    def pause(self) -> None:
        """Fill the socket."""
        self.paused = True
        self._hub.pause(self)

    def resume(self) -> None:
        """Let the peer read everything, also what would be written at the end of this turn."""
        self.flush()
        self.written += self.unread
        self.unread.clear()
        self.paused = False
        self._hub.resume(self)

    def read(self, size: int) -> None:
        """Let the peer read `size` writes; under the low mark the transport goes on."""
        self.written += self.unread[:size]
        del self.unread[:size]
        if self.paused and sum(map(len, self.unread)) <= LOW:
            self.paused = False
            self._hub.resume(self)

    def close(self) -> None:
        """Lose the connection: writing directly raises from now on."""
        self.closed = True
        self._hub.close(self)
        self.gone = True

    # -- what came -----------------------------------------------------------------------------------------------------

    @property
    def frames(self) -> list[Frame]:
        """Everything the peer has, decoded."""
        return list(decoded(b"".join(self.written)))

    def of(self, *ops: str, room: str | None = None) -> list[Frame]:
        """Return the frames of some kinds, of one room."""
        return [f for f in self.frames if f["op"] in ops and room in (None, f["room"])]

    def seqs(self, room: str) -> list[int]:
        """Return the seqs of a room's event frames, in the order in which they came."""
        return [f["seq"] for f in self.of("event", room=room)]

    def position(self, room: str, joined: int) -> int:
        """Return the position by the rules of the protocol; fail where they are broken, by a hole or a repetition."""
        at = joined
        for f in self.of("event", "skip", "reset", room=room):
            if f["op"] == "event":
                assert f["seq"] == at + 1, f"{f['seq']} after {at}"
                at = f["seq"]
            elif f["op"] == "skip":
                assert f["from"] == at + 1 <= f["to"], f"{f} at {at}"
                at = f["to"]
            else:
                assert f["seq"] > at
                seqs = [event["seq"] for event in f["events"]]
                assert seqs == list(range(f["seq"] - len(seqs) + 1, f["seq"] + 1))
                at = f["seq"]
        return at


def event(room: str, seq: int, type: str = MessageSent.type, user: str = "u-mina", body: bytes | None = None) -> Event:
    """Return an event of a room."""
    if body is None:
        body = b'{"text":"%d"}' % seq if type == MessageSent.type else b"{}"
    return Event(room, seq, seq << 22, type, user, "Mina", EPOCH_MS + seq, body)


def created(room: str) -> Event:
    """Return the first event of a room."""
    return event(room, 1, RoomCreated.type)
