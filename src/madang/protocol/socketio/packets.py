"""Socket.IO 5: what a client says, packet by packet. One with attachments is whole when they have come, and kept until then."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from madang.core.bounds import MAX_FRAME
from madang.protocol.socketio.engine import BrokenProtocol
from madang.protocol.socketio.library import socketio

MAX_ATTACHMENTS: Final = 10  # of one packet; their bytes count with it, and all are at most MAX_FRAME
MAIN: Final = "/"
# The library takes any digit of Unicode, and a "-" behind what has no attachments.
_WRITTEN: Final = re.compile(
    r"(?:[0-4]|[56][0-9]{1,2}-)(?P<namespace>/[^,]{0,255}(?:,|\Z))?(?P<id>[0-9]{1,15})?(?:[\[{].*)?", re.DOTALL
)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_events: Final = msgspec.json.Decoder(list[Raw]).decode
_name: Final = msgspec.json.Decoder(str).decode


class _AsText:
    """In place of a JSON library: the data of a packet stays text."""

    @staticmethod
    def loads(text: str) -> str:
        return text


class _Packet(socketio.Packet):  # type: ignore[misc]  # has no types
    json = _AsText


class Connect(NamedTuple):
    """A client wants to connect to a namespace, and says who it is."""

    namespace: str
    auth: str  # JSON of an object, or empty


class Event(NamedTuple):
    """A client emits an event.

    Attributes:
        id: by which it is acknowledged; None if nobody waits for that.
        binary: it came with attachments.
    """

    name: str
    arguments: Sequence[Raw]
    id: int | None
    binary: bool = False


class Disconnect(NamedTuple):
    """A client leaves the namespace."""


Said = Connect | Event | Disconnect


class Receiver:
    """Reads the packets of one connection. Nothing of a packet is kept but attachments that are still to come."""

    __slots__ = ("_due", "_event", "_size")

    def __init__(self) -> None:
        self._event: Event | None = None  # whose attachments are due; none for an ack that nobody waits for
        self._due = 0
        self._size = 0

    def text(self, text: str) -> Said | None:
        """Return what a packet says; None for one that says nothing, or not yet. Raise BrokenProtocol if it is none."""
        if self._due:
            raise BrokenProtocol("text where an attachment is due")
        if (written := _WRITTEN.fullmatch(text)) is None:
            raise BrokenProtocol("no packet of Socket.IO")
        try:
            packet = _Packet(encoded_packet=text)
        except ValueError:
            raise BrokenProtocol("no packet of Socket.IO") from None
        namespace = (written["namespace"] or MAIN).rstrip(",")
        kind, data, id = packet.packet_type, packet.data or "", packet.id
        if kind == socketio.CONNECT:
            if id is not None or data[:1] == "[":
                raise BrokenProtocol("no packet to connect")
            return Connect(namespace, data)
        if kind == socketio.DISCONNECT:
            if id is not None or data:
                raise BrokenProtocol("no packet to disconnect")
            return Disconnect() if namespace == MAIN else None
        if namespace != MAIN or kind == socketio.CONNECT_ERROR:
            raise BrokenProtocol("not connected there")
        if kind in (socketio.BINARY_EVENT, socketio.BINARY_ACK):
            return self._begun(kind, data, id, packet.attachment_count, len(text))
        if kind == socketio.ACK:
            _arguments(data)
            return None
        return _event(data, id)

    def binary(self, data: bytes) -> Said | None:
        """Take an attachment; return what its packet says if it was the last. Raise BrokenProtocol if none is due, or all are too large."""
        if not self._due:
            raise BrokenProtocol("an attachment that nobody announced")
        self._due -= 1
        self._size += len(data)
        if self._size > MAX_FRAME:
            raise BrokenProtocol("attachments that are too large")
        return self._whole()

    def _begun(self, kind: int, data: str, id: int | None, attachments: int, size: int) -> Said | None:
        if attachments > MAX_ATTACHMENTS:
            raise BrokenProtocol("too many attachments")
        event = _event(data, id)._replace(binary=True) if kind == socketio.BINARY_EVENT else None
        if event is None:
            _arguments(data)
        try:
            _check_places(msgspec.json.decode(data), attachments)
        except (msgspec.DecodeError, RecursionError):
            raise BrokenProtocol("no JSON") from None
        self._event, self._due, self._size = event, attachments, size
        return self._whole()

    def _whole(self) -> Said | None:
        if self._due:
            return None
        event, self._event = self._event, None
        return event


def _arguments(data: str) -> list[Raw]:
    try:
        try:
            return _events(data)
        except (
            msgspec.DecodeError
        ):  # half an emoji is valid JSON to JavaScript; as NUL it is refused like one, with a code
            return _events(_SURROGATE.sub(r"\\u0000", data))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BrokenProtocol("no array") from None


def _event(data: str, id: int | None) -> Event:
    arguments = _arguments(data)
    try:
        return Event(_name(arguments[0]), arguments[1:], id)
    except (IndexError, msgspec.DecodeError):
        raise BrokenProtocol("no name of an event") from None


def _check_places(value: Any, attachments: int) -> None:
    """Raise BrokenProtocol for a place that none of the attachments is for."""
    if isinstance(value, list):
        for each in value:
            _check_places(each, attachments)
    elif isinstance(value, dict):
        if value.get("_placeholder") is True:
            number = value.get("num")
            if type(number) is not int or not 0 <= number < attachments:
                raise BrokenProtocol("a place without its attachment")
        for each in value.values():
            _check_places(each, attachments)
