"""Engine.IO 4: the packets of a message or of a payload, and what a server says in its first one. Nothing is inside yet: see `packets.py`."""

import base64
import binascii
import re
from typing import Any, Final

import msgspec

from madang.protocol.socketio.library import engineio

CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = (
    engineio.CLOSE,
    engineio.PING,
    engineio.PONG,
    engineio.MESSAGE,
    engineio.UPGRADE,
    engineio.NOOP,
)
SEPARATOR: Final = "\x1e"
MAX_PACKETS: Final = 256
"""Packets in one payload. A client that polls sends all that it has in one, so 16, as elsewhere, would end clients that are only quick."""
PROBE: Final = "probe"
_WRITTEN: Final = re.compile(r"[1356]|2(?:probe)?|[4b].*", re.DOTALL)


class BrokenProtocol(Exception):
    """A peer sent something other than a packet, or one that may not come now: its connection ends."""


class _Unread:
    """In place of a JSON library: the data of a packet stays text until it is known what it may be."""

    @staticmethod
    def loads(text: str) -> Any:
        raise ValueError


class Packet(engineio.Packet):  # type: ignore[misc]  # has no types
    """One packet; its data is text, or bytes."""

    json = _Unread
    packet_type: int
    data: str | bytes


def packet(text: str) -> Packet:
    """Return the packet that a text message is. Raise BrokenProtocol for any other text."""
    if _WRITTEN.fullmatch(text) is None:
        raise BrokenProtocol("no packet of Engine.IO")
    if text[0] == "b":
        try:
            base64.b64decode(text[1:], validate=True)  # the library skips all other characters
        except (binascii.Error, ValueError):
            raise BrokenProtocol("no base64") from None
    return Packet(encoded_packet=text)


def payload(text: str) -> list[Packet]:
    """Return the packets of a payload, as HTTP carries them. Raise BrokenProtocol for any other text, and for too many."""
    texts = text.split(SEPARATOR, MAX_PACKETS)
    if len(texts) > MAX_PACKETS:
        raise BrokenProtocol("too many packets in one payload")
    return [packet(each) for each in texts]


class Handshake(msgspec.Struct, frozen=True, rename="camel"):
    """What the first packet says: the session, and what it must keep to. Times are milliseconds, sizes bytes."""

    sid: str
    upgrades: tuple[str, ...]
    ping_interval: int
    ping_timeout: int
    max_payload: int


def opening(handshake: Handshake) -> bytes:
    """Return the first packet."""
    return b"0" + msgspec.json.encode(handshake)
