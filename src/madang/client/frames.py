"""Text of the native protocol from the client's side: commands out, frames in. Bytes and structs only.

A frame is read twice: its head says what it is, then the decoder of its type (`protocol.native.frames`) reads the rest.
Unknown fields, kinds and types are let pass, so that an older client understands a newer server.
"""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from madang.client.events import KNOWN, Event, OtherEvent
from madang.errors import Limited, MadangError, Refused
from madang.protocol.native.answers import ErrorAnswer, RoomInfo
from madang.protocol.native.commands import Command

T = TypeVar("T")


class FrameHead(Struct, gc=False):
    """What tells frames apart. `n` is 0 in frames that answer nothing, `type` is an event's."""

    op: str
    n: int = 0
    room: str | RoomInfo = ""
    type: str = ""

    @property
    def room_id(self) -> str:
        """The room that a pushed frame is about (in an answer to join, `room` is its settings)."""
        return self.room if isinstance(self.room, str) else ""


def refusal(error: ErrorAnswer) -> MadangError:
    """Return an error as an exception; a newer server may use codes that this client does not know."""
    message = error.message or error.code or "Refused without a word."
    if error.retry_ms is not None:
        return Limited(error.code, error.retry_ms, message)
    return Refused(error.code, message)


_head: Final = msgspec.json.Decoder(FrameHead).decode
_texts: Final = msgspec.json.Decoder(list[Raw]).decode
_events: Final = {type: msgspec.json.Decoder(kind).decode for type, kind in KNOWN.items()}
_decoders: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}
_HEAD_FIELDS: Final = frozenset({"op", *Event.__struct_fields__, "type"})


def head(text: bytes) -> FrameHead:
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


def events(array: Raw) -> list[Event]:
    """Read the event frames inside an answer or a reset (msgspec.MsgspecError)."""
    return [event(bytes(text), _head(text).type) for text in _texts(array)]


def encode(command: Command) -> bytes:
    """Encode a command; fields at their default are left out.

    Raises:
        Refused: bad_text, for what has no UTF-8 (lone surrogates).
    """
    defaults = dict(zip(reversed(command.__struct_fields__), reversed(command.__struct_defaults__), strict=False))
    fields: dict[str, Any] = {"op": command.__struct_config__.tag}
    for name, written in zip(command.__struct_fields__, command.__struct_encode_fields__, strict=True):
        value = getattr(command, name)
        if name not in defaults or value != defaults[name]:
            fields[written] = value
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:
        raise Refused("bad_text") from None
