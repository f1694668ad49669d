"""Text of the native protocol from the client's side: commands out, frames in. Bytes and structs only.

A frame is read twice: its head says what it is, then the decoder of that kind reads the rest. Unknown fields, kinds
and types are let pass, so that an older client understands a newer server.
"""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from madang.client.events import KNOWN, Event, OtherEvent
from madang.errors import Limited, MadangError, Refused
from madang.protocol.native.commands import Command

T = TypeVar("T")


class RoomInfo(Struct, frozen=True, kw_only=True):
    """A room's settings."""

    id: str
    title: str = ""
    access: str = "open"
    slow_ms: int = 0


class Head(Struct, gc=False):
    """What tells frames apart. `n` is 0 in frames that answer nothing, `type` is an event's."""

    op: str
    n: int = 0
    room: str | RoomInfo = ""
    type: str = ""

    @property
    def room_id(self) -> str:
        """The room that a pushed frame is about (in an answer to join, `room` is its settings)."""
        return self.room if isinstance(self.room, str) else ""


class User(Struct, frozen=True):
    """Who one is on this server."""

    id: str
    name: str


class Server(Struct, frozen=True, kw_only=True):
    """What the server says about itself: limits in bytes, characters, items and milliseconds."""

    name: str = ""
    version: str = ""
    v: int = 1
    ack: str = ""
    max_frame: int = 64 * 1024
    max_text: int = 4000
    max_rooms: int = 0
    resume_events: int = 0
    ping_ms: int = 0


class Welcome(Struct, frozen=True):
    """Answer to hello."""

    user: User
    token: str
    server: Server


class Joined(Struct, frozen=True, kw_only=True):
    """Answer to join; `events` are event frames."""

    room: RoomInfo
    role: str
    seq: int
    epoch: str
    read_seq: int = 0
    reset: bool = False
    events: list[Raw] = []


class ResetFrame(Struct, frozen=True):
    """The server gave up bringing us what we missed event by event."""

    epoch: str
    seq: int
    events: list[Raw]


class Span(Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """A skip: events `first` to `last` are left out."""

    first: int
    last: int


class Lag(Struct, frozen=True, rename={"since": "from"}):
    """A behind: events after `since`, up to `seq`, follow at our own speed."""

    seq: int
    since: int


class TypingFrame(Struct, frozen=True):
    """Who types and who has stopped."""

    on: dict[str, str] = {}
    off: list[str] = []


class ReadFrame(Struct, frozen=True):
    """Read pointers that moved."""

    readers: dict[str, int]


class PresenceFrame(Struct, frozen=True):
    """Who came and went; large rooms name only how many are here."""

    count: int
    online: dict[str, str] = {}
    offline: list[str] = []


class Bye(Struct, frozen=True):
    """The server is about to close, and says when to come back."""

    reason: str = ""
    retry_ms: int = 0


class ErrorFrame(Struct, frozen=True):
    """A refusal."""

    code: str
    message: str = ""
    retry_ms: int | None = None

    def exception(self) -> MadangError:
        """Make it an exception; a newer server may use codes that this client does not know."""
        message = self.message or self.code or "Refused without a word."
        if self.retry_ms is not None:
            return Limited(self.code, self.retry_ms, message)
        return Refused(self.code, message)


_head: Final = msgspec.json.Decoder(Head).decode
_events: Final = {type: msgspec.json.Decoder(kind).decode for type, kind in KNOWN.items()}
_decoders: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}
_HEAD_FIELDS: Final = frozenset({"op", *Event.__struct_fields__, "type"})


def head(text: bytes) -> Head:
    """Read what a frame is.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _head(text)


def decode(text: bytes, kind: type[T]) -> T:
    """Read a frame as `kind` (msgspec.MsgspecError)."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(text)  # type: ignore[no-any-return]


def event(text: bytes, type: str) -> Event:
    """Read an event frame (msgspec.MsgspecError)."""
    decoder = _events.get(type)
    if decoder is not None:
        return decoder(text)
    fields = msgspec.json.decode(text, type=dict[str, Any])
    common = msgspec.convert(fields, Event)
    body = {name: value for name, value in fields.items() if name not in _HEAD_FIELDS}
    parts = {name: getattr(common, name) for name in Event.__struct_fields__}
    return OtherEvent(**parts, kind=type, fields=body)


def events(texts: list[Raw]) -> list[Event]:
    """Read the events inside an answer."""
    return [event(bytes(text), _head(text).type) for text in texts]


def encode(command: Command) -> bytes:
    """Write a command; what stands at its default is left out.

    Raises:
        Refused: bad_text, for what has no UTF-8 (lone surrogates).
    """
    defaults = dict(zip(reversed(command.__struct_fields__), reversed(command.__struct_defaults__), strict=False))
    fields: dict[str, Any] = {"op": command.__struct_config__.tag}
    for name in command.__struct_fields__:
        value = getattr(command, name)
        if name not in defaults or value != defaults[name]:
            fields[name] = value
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:
        raise Refused("bad_text") from None
