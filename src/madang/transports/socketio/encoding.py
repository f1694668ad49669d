"""How what happens becomes packets for Socket.IO clients: framed once, the same bytes for all who follow a room.

The offset at the end of each event is right for a client that follows this room alone. Who follows others, too, and what carries
no WebSocket frames, take the bytes apart again (`packets`), which costs them and nobody else.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from madang.delivery.room import LiveRoom
from madang.delivery.subscriber import Entry
from madang.protocol import offsets
from madang.protocol.native.frames import Frame, ResetFrame, SkipFrame
from madang.protocol.socketio import codec
from madang.transports.websocket.framing import PLAIN

_TWO, _EIGHT = 126, 127  # lengths that say how many bytes the length itself has (RFC 6455, 5.2)


class Ready(bytes):
    """Frames that bring no offset, or the client's own already."""

    __slots__ = ()


class Unplaced(bytes):
    """A packet up to its offset, which is another for each client."""

    __slots__ = ()


class Placed(NamedTuple):
    """An event as all get it.

    Attributes:
        text: its packet up to the end of its offset, behind which others may follow.
        part: its offset, which is of one room.
    """

    text: bytes
    part: bytes
    room: bytes


class Events:
    """The encoding of all Socket.IO clients of a node (`delivery.subscriber.Encoding`).

    Args:
        rooms: the live rooms.
    """

    def __init__(self, rooms: Mapping[str, LiveRoom]) -> None:
        self._rooms = rooms
        self._frames = b""
        self._taken_apart: tuple[Placed, ...] = ()

    def event(self, entry: Entry) -> bytes:
        event = entry.event
        part = offsets.position(event.room, event.seq, self._rooms[event.room].epoch)
        return PLAIN.text(codec.event(event, entry.text, part))

    def frame(self, frame: Frame) -> bytes:
        text = codec.frame(frame)
        if type(frame) is SkipFrame:
            return placed(text, offsets.position(frame.room, frame.to, self._rooms[frame.room].epoch))
        if type(frame) is ResetFrame:
            return placed(text, offsets.position(frame.room, frame.seq, frame.epoch))
        return Unplaced(text)

    def taken_apart(self, frames: bytes) -> tuple[Placed, ...]:
        """Return the events in frames. All who follow other rooms, too, are written the same frames one after the other: it is done once."""
        if frames is not self._frames:
            self._frames, self._taken_apart = frames, tuple(map(_taken_apart, packets(frames)))
        return self._taken_apart


def placed(text: bytes, offset: bytes) -> bytes:
    """Return the frame of a packet with its offset."""
    return PLAIN.text(text + offset + codec.END)


def ready(*packets: bytes) -> Ready:
    """Return the frames of whole packets."""
    return Ready(b"".join(map(PLAIN.text, packets)))


def packets(frames: bytes) -> Iterator[bytes]:
    """Yield the packets in frames of ours, which are whole and unmasked."""
    at, end = 0, len(frames)
    while at < end:
        size = frames[at + 1]
        at += 2
        if size >= _TWO:
            wide = 2 if size == _TWO else 8
            size = int.from_bytes(frames[at : at + wide], "big")
            at += wide
        yield frames[at : at + size]
        at += size


def _taken_apart(packet: bytes) -> Placed:
    text = packet[: -len(codec.END)]
    part = text[offset_at(packet) :]
    return Placed(text, part, offsets.room_of(part))


def offset_at(packet: bytes) -> int:
    """Return where the offset of an event begins."""
    return packet.rindex(b'"', 0, -len(codec.END)) + 1


KEPT: Final = 160
"""Bytes at the end of an event that hold its offset, where it is about one room: a room's name, a seq and an epoch."""
