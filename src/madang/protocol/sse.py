"""Server-sent events (WHATWG HTML, "Server-sent events"): how frames are written in a stream, and the two that only streams have.

The data of an event is its frame as JSON, as on every wire. Its id, where it moves its reader on, is a position
(`protocol.offsets`), with which the reader comes back.
"""

import re
from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.json import Encoder

from madang.codes import CLOSES
from madang.protocol.native.answers import RoomInfo
from madang.protocol.native.frames import Frame

TYPE: Final = "text/event-stream"
HEARTBEAT: Final = b":\n\n"
"""A comment, which readers ignore."""
_BREAK: Final = re.compile(rb"\r\n|\r|\n")
_encode: Final = Encoder().encode


class StartFrame(Frame, frozen=True, kw_only=True, tag="start", gc=False):
    """The stream begins behind `seq`.

    Attributes:
        first: the first seq that there is for the reader, where it is not 1.
    """

    room: RoomInfo
    role: str
    epoch: str
    seq: int
    first: int | UnsetType = UNSET


class EndFrame(Frame, frozen=True, kw_only=True, omit_defaults=True, tag="bye", gc=False):
    """The stream ends, and why: a close code (codes.toml), and what a client does after it."""

    code: int
    reason: str
    reconnect: str
    retry_ms: int | UnsetType = UNSET


def event(name: str, data: bytes, id: bytes = b"") -> bytes:
    """Return an event. What was stored of `data` may have line breaks between its values, which end no event."""
    if b"\n" in data or b"\r" in data:
        data = _BREAK.sub(b"\ndata: ", data)
    head = b"id: %b\n" % id if id else b""
    return b"%bevent: %b\ndata: %b\n\n" % (head, name.encode(), data)


def frame(frame: Frame, id: bytes = b"") -> bytes:
    """Return the event of a frame."""
    return event(str(frame.__struct_config__.tag), _encode(frame), id)


def end(code: int, reason: str, retry_ms: int | None = None) -> bytes:
    """Return the last event of a stream, behind what says when to come back, if that is known."""
    told = UNSET if retry_ms is None else retry_ms
    last = frame(EndFrame(code=code, reason=reason, reconnect=CLOSES[code].reconnect, retry_ms=told))
    return last if retry_ms is None else retry(retry_ms) + last


def retry(ms: int) -> bytes:
    """Return what tells a reader how long to wait before it comes back."""
    return b"retry: %d\n\n" % ms
