"""Frames of the server as PROTOCOL.md describes them, decoded independently of the server's own code.

One struct for all frames: fields that a frame does not have keep their defaults. Where a name means different things in
different frames (`room` is a room id in events, and an object in the answer to join), it is `Any`.
"""

from typing import Any, Final

import msgspec


class EventFrame(msgspec.Struct, gc=False):
    """An event frame, by itself or in the answer to a join."""

    room: str
    seq: int
    type: str
    id: str
    user: str
    text: str = ""
    target: int = 0
    member: str = ""
    deleted: bool = False


class MessageRow(msgspec.Struct, gc=False):
    """A message on a page of history."""

    seq: int
    id: str
    user: str
    text: str = ""
    edited_at: str = ""
    deleted: bool = False
    room: str = ""  # of one that was found


class RoomRow(msgspec.Struct, gc=False):
    """One row of the user's list of rooms."""

    room: str
    seq: int
    read_seq: int
    unread: int


class Frame(msgspec.Struct, gc=False):
    """Any frame but an event."""

    op: str
    n: int = 0
    room: Any = ""
    seq: int = 0
    epoch: str = ""
    id: str = ""
    ack: str = ""
    duplicate: bool = False
    unchanged: bool = False
    reset: bool = False
    read_seq: int = 0
    code: str = ""
    retry_ms: int = 0
    first: int = msgspec.field(default=0, name="from")
    last: int = msgspec.field(default=0, name="to")
    user: Any = None
    token: str = ""
    invite: str = ""
    server: dict[str, Any] = {}
    events: list[EventFrame] = []
    messages: list[MessageRow] = []
    rooms: list[RoomRow] = []
    users: dict[str, str] = {}
    count: int = 0
    more: bool = False
    complete: bool = False


_frame: Final = msgspec.json.Decoder(Frame).decode
_event: Final = msgspec.json.Decoder(EventFrame).decode
_EVENT: Final = b'{"op":"event",'


def decode(text: bytes) -> Frame | EventFrame:
    """Decode a frame of the server.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the text is not a frame.
    """
    if text.startswith(_EVENT):
        return _event(text)
    frame = _frame(text)
    return _event(text) if frame.op == "event" else frame
