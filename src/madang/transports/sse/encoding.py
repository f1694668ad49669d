"""How what happens becomes a stream's bytes: an event in a chunk (RFC 9112, 7.1), the same bytes for all who follow a room."""

from collections.abc import Mapping
from typing import Final

from madang.delivery.room import LiveRoom
from madang.delivery.subscriber import Entry
from madang.protocol import sse
from madang.protocol.native.frames import Frame, ResetFrame, SkipFrame
from madang.protocol.offsets import position


class Events:
    """The encoding of all streams of a node (`delivery.subscriber.Encoding`).

    Args:
        rooms: the live rooms.
    """

    def __init__(self, rooms: Mapping[str, LiveRoom]) -> None:
        self._rooms = rooms

    def event(self, entry: Entry) -> bytes:
        event = entry.event
        at = position(event.room, event.seq, self._rooms[event.room].epoch)
        return chunk(sse.event(event.type, entry.text, at))

    def frame(self, frame: Frame) -> bytes:
        at = b""
        if type(frame) is SkipFrame:
            at = position(frame.room, frame.to, self._rooms[frame.room].epoch)
        elif type(frame) is ResetFrame:
            at = position(frame.room, frame.seq, frame.epoch)
        return chunk(sse.frame(frame, at))


def chunk(data: bytes) -> bytes:
    """Return a piece of an answer whose length is not known."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST: Final = b"0\r\n\r\n"
"""Ends the answer."""
