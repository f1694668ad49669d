"""Who follows rooms for a Socket.IO client, and how far it is in each, because each event that it gets says so.

While it follows one room, the bytes that all get are right for it, and nothing is done for it but to keep where the offset is
(`protocol.offsets`). Otherwise its own offset is put behind each event.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from madang.delivery.subscription import BEHIND, Subscription
from madang.protocol import offsets
from madang.protocol.socketio import codec
from madang.transports.node import Node
from madang.transports.socketio.carrier import Carrier
from madang.transports.socketio.encoding import KEPT, Events, Placed, Ready, Unplaced, offset_at, placed
from madang.transports.websocket.framing import PLAIN

SMALL: Final = 512  # bytes of what is kept whole for its offset; of more, its end


class Follower(ABC):
    """Writes to one client over what carries it at the moment (`delivery.subscriber.Subscriber`).

    Attributes:
        encoding: that of all Socket.IO clients.
    """

    __slots__ = (
        "_alone", "_beside", "_closed", "_ended", "_held", "_last", "_positions", "_reads", "_write", "carrier", "device", "encoding",
        "node", "subscriptions",
    )  # fmt: skip

    def __init__(self, node: Node, encoding: Events, carrier: Carrier) -> None:
        self.node = node
        self.encoding = encoding
        self.carrier = carrier
        self.device = secrets.token_hex(8)
        self.subscriptions: dict[str, Subscription] = {}
        self._write = carrier.write_now
        self._positions: dict[
            bytes, bytes
        ] = {}  # the parts of its offset, by room; those of rooms it has left go later
        self._beside: tuple[bytes, bytes] | None = None  # a room, and what follows its part at the end of an event
        self._last: bytes | None = None  # what was written last, with the offset in it, while it follows one room
        self._alone = False  # so that the offset in what all get is its own
        self._ended: dict[bytes, int] = {}  # rooms that it has left, up to a seq that is still to be written to it
        self._held = False  # rooms do not write to it yet: it is being put back where it was
        self._closed = False
        self._reads = True

    # -- what it follows -----------------------------------------------------------------------------------------------

    def follows(self, room: str, seq: int, epoch: str) -> None:
        """Note from where the client follows a room from now on."""
        self._settle()
        name = room.encode()
        self._positions[name] = offsets.position(room, seq, epoch)
        self._beside = None
        self._ended.pop(name, None)
        self._prune()

    def access_ended(self, room: str) -> None:
        """Forget the subscription, or let it catch up to its `until`: the user left the room or was kicked.

        The offset has the room until the client is told: if it is cut off before, it comes back and learns that it may not.
        """
        subscription, live = self.subscriptions[room], self.node.hub.rooms[room]
        self.node.hub.access_ended(room, subscription.user, self.device)
        self._settle()
        self._ended[room.encode()] = live.sealed if subscription.until is None else subscription.until
        self._alone = False
        if subscription.until is None:
            del self.subscriptions[room]

    def _prune(self) -> None:
        """Forget how far it is in rooms that it follows no longer, and see whether it follows just one."""
        if len(self._positions) != len(self.subscriptions):
            kept = {*map(str.encode, self.subscriptions), *self._ended}
            self._positions = {room: part for room, part in self._positions.items() if room in kept}
            self._beside = None
        self._alone = len(self._positions) == 1 and not self._ended

    def _settle(self) -> None:
        """Note how far it is by what was written last."""
        if self._last is not None:
            part, self._last = self._last[offset_at(self._last) : -len(codec.END)], None
            self._positions[offsets.room_of(part)] = part
            self._beside = None

    def offset(self) -> bytes:
        """Return how far it is in all rooms that it follows."""
        self._settle()
        self._prune()
        return offsets.joined(self._positions.values())

    def hold(self) -> None:
        """Let rooms wait that it follows from now on, until `release`."""
        self._held = True

    def release(self) -> None:
        """Let rooms write, from where it is in each: behind what is written in this turn."""
        self._held = False
        for name, subscription in self.subscriptions.items():
            if subscription.standing is BEHIND and (room := self.node.hub.rooms.get(name)) is not None:
                self.node.hub.catching_up.start(room, subscription)

    def unfollow(self) -> None:
        """Follow nothing any longer."""
        self._held = False
        self.node.hub.close(self)
        self._positions.clear()
        self._beside = None
        self._last = None
        self._ended.clear()
        self._alone = False

    # -- what is written (`delivery.subscriber.Subscriber`) ------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """Whether rooms must not write: it is over its byte budget, or not put back yet."""
        return self._held or self.carrier.paused

    @property
    def closed(self) -> bool:
        """Whether it is too late to follow or write anything."""
        return self._closed or self.carrier.closed

    def write_now(self, data: bytes) -> None:
        """Write at once, with the client's own offset."""
        self._write(self._own(data))

    def queue(self, data: bytes) -> None:
        """Write at the end of this turn of the loop, likewise."""
        if data and not self._closed:
            self.carrier.queue(self._own(data))

    def send(self, data: bytes) -> None:
        """Write what is queued, then this, likewise."""
        if data and not self._closed:
            self.carrier.send(self._own(data))

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Write what is queued, then these, which bring no offset."""
        if pieces and not self._closed:
            self.carrier.send_pieces(pieces)

    def flush(self) -> None:
        """Write what is queued."""
        self.carrier.flush()

    async def drained(self, coming: int = 0) -> None:
        """Wait until what is unsent is little, or leaves room for what is coming; or until the end."""
        await self.carrier.drained(coming)

    def read_on(self, on: bool) -> None:
        """Read on, or stop reading until told to."""
        self._reads = on
        self.carrier.read_on(on)

    def _own(self, data: bytes) -> bytes:
        """Return frames with the client's own offset."""
        kind = type(data)
        if kind is bytes and self._alone:
            self._last = data if len(data) <= SMALL else data[-KEPT:]
            return data
        if kind is Ready:
            return data
        if kind is Unplaced:
            return placed(data, self.offset())
        self._settle()
        self._prune()
        events = self.encoding.taken_apart(data)
        return self._moved(events[0]) if len(events) == 1 else b"".join(map(self._moved, events))

    def _moved(self, event: Placed) -> bytes:
        """Move on by an event, and return it with the offset behind it: its own part, and those of the other rooms."""
        text, part, room = event
        if room in self._ended and offsets.seq_of(part) >= self._ended[room]:
            del self._ended[room]
            self._positions.pop(room, None)
            self._beside = None
        if room not in self._positions:
            return placed(text[: -len(part)], offsets.joined(self._positions.values()))
        self._positions[room] = part
        if self._beside is None or self._beside[0] != room:
            others = [each for name, each in self._positions.items() if name != room]
            self._beside = room, b"".join([offsets.BETWEEN + each for each in others]) + codec.END
        return PLAIN.text(text + self._beside[1])

    @abstractmethod
    def close_retryable(self) -> None:
        """Close so that the client comes back: what this connection lacks could not be read."""
