"""Packets of Socket.IO's emitter (`@socket.io/redis-emitter` 5): msgpack, as the Redis adapter of that server reads them.

    ["emitter", {"type": 2, "data": [event, argument …], "nsp": "/"}, {"rooms": […], "except": […], "flags": {…}}]

One is measured before anything is made of it, and of what it holds only JSON is let through.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from madang.core.bounds import MAX_FRAME, MAX_ITEMS

MESSAGE: Final = "message"
"""The only event that means something here."""
_EVENT: Final = 2


class _Packet(Struct):
    type: int
    data: list[Raw]
    nsp: str = "/"


class _Options(Struct):
    rooms: list[str] = []
    excepted: list[str] = msgspec.field(name="except", default=[])


class Message(Struct, frozen=True):
    """A message for rooms.

    Attributes:
        body: its fields as a JSON object, but for the room.
    """

    rooms: list[str]
    body: bytes


class Unreadable(Exception):
    """This is not a packet of an emitter, or not one that can become messages; it says why."""


_outline: Final = msgspec.msgpack.Decoder(tuple[str, _Packet, _Options]).decode
_name: Final = msgspec.msgpack.Decoder(str).decode
_argument: Final = msgspec.msgpack.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def read(packet: bytes) -> Message:
    """Return the message that a packet is. Raise Unreadable for any other."""
    if len(packet) > MAX_FRAME:
        raise Unreadable(f"larger than {MAX_FRAME} bytes")
    try:
        _, event, options = _outline(packet)
        if event.type != _EVENT or event.nsp != "/" or not event.data:
            raise Unreadable("not an event of the main namespace")
        if _name(event.data[0]) != MESSAGE:
            raise Unreadable(f"only the event {MESSAGE} is taken")
        if not options.rooms or options.excepted:
            raise Unreadable("it must be for rooms (to), and without except")
        if len(options.rooms) > MAX_ITEMS:
            raise Unreadable(f"for more than {MAX_ITEMS} rooms")
        if len(event.data) != 2:
            raise Unreadable("one argument is taken, a text or an object")
        argument = _argument(event.data[1])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable("not of this protocol") from None
    if isinstance(argument, str):
        argument = {"text": argument}
    if not isinstance(argument, dict):
        raise Unreadable("one argument is taken, a text or an object")
    _check_plain(argument)
    return Message(options.rooms, _encode(argument))


def _check_plain(value: Any) -> None:
    """Raise Unreadable for what JSON has no word for: bytes, times, keys that are not text."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if not all(isinstance(key, str) for key in each):
                raise Unreadable("a key that is not text")
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif each is not None and not isinstance(each, bool | int | float | str):
            raise Unreadable("binary data, or a time")
