"""What travels between nodes: parcels, signed. Which broker carries them, its adapter knows.

A parcel carries what one node has for one channel at one moment: per room, its events and signals. The rooms' parts stay
undecoded until a node is found to serve the room, so that what is not for a node costs it one look at a name.

    parcel = version, signature (16 bytes), MessagePack of (sender, [(room, part), …])
    part   = MessagePack of ([(seq, id, type, user, name, at, body), …], [(topic, key, value), …], head)

Nodes of two versions meet while a fleet is upgraded. So a later version may add to the end of each of these tuples, and
what is added there is passed over by one that does not know it; for any other change VERSION changes.

The signature is BLAKE2b (RFC 7693) keyed with a secret of the installation: who can reach the broker, but has not the
database, can put no words into a room. He could listen: nothing is encrypted here, that is TLS's part. There is no
pickle and no type name in it.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from madang.core.events import Event
from madang.ports.bus import EVERYWHERE, Signal

VERSION: Final = b"\x01"
SIGNATURE: Final = 16
MAX_PARCEL: Final = 8 * 2**20
"""Bytes; a larger one is not looked at. A node's own stay far below (PARCEL_BYTES and one event)."""


class _Event(msgspec.Struct, array_like=True, gc=False):  # a struct, not a tuple: what is added behind is passed over
    seq: int
    id: int
    type: str
    user: str
    name: str
    at: int
    body: bytes


class _Signal(msgspec.Struct, array_like=True, gc=False):
    topic: str
    key: str
    value: bytes


class _Part(msgspec.Struct, array_like=True, gc=False):
    events: list[_Event]
    signals: list[_Signal]
    head: int = 0


class _Room(msgspec.Struct, array_like=True, gc=False):
    name: str
    part: msgspec.Raw


class _Body(msgspec.Struct, array_like=True, gc=False):
    sender: str
    rooms: list[_Room]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Body).decode
_decode_part: Final = msgspec.msgpack.Decoder(_Part).decode


class Forged(Exception):
    """No parcel of this installation: another version, a wrong signature, or noise."""


class Content(msgspec.Struct):
    """What a parcel has of one room.

    Attributes:
        head: seq up to which the room's log reaches, where an event is told by that alone; 0 for none.
    """

    events: list[Event]
    signals: list[Signal]
    head: int = 0


class Seal:
    """Packs and opens the parcels of one installation.

    Args:
        secret: the installation's, 16 bytes or more; the key is derived from it.
        node: the sender's name, by which a node knows its own parcels.
    """

    def __init__(self, secret: bytes, node: str) -> None:
        self._key = hashlib.blake2b(b"madang bus", key=secret[:64], digest_size=32).digest()
        self.node = node
        self.name = hashlib.blake2b(b"madang name", key=secret[:64], digest_size=6).hexdigest()
        """Of the installation, for channels and keys; it tells nothing of the secret."""

    def pack(self, rooms: Mapping[str, Content]) -> bytes:
        """Make a parcel."""
        parts = [(room, msgspec.Raw(_encode(_part(content)))) for room, content in rooms.items()]
        body = _encode((self.node, parts))
        return VERSION + self._sign(body) + body

    def open(self, parcel: bytes, wanted: Iterable[str]) -> Iterator[tuple[str, Content]]:
        """Give what a parcel has of each of the rooms wanted; of the node's own, only what is for EVERYWHERE.

        Raises:
            Forged: it is not of this installation.
        """
        head = len(VERSION) + SIGNATURE
        if len(parcel) > MAX_PARCEL or parcel[: len(VERSION)] != VERSION:
            raise Forged
        body = memoryview(parcel)[head:]
        if not hmac.compare_digest(self._sign(body), parcel[len(VERSION) : head]):
            raise Forged
        try:
            read = _decode(body)
            own = read.sender == self.node
            for room in read.rooms:
                if room.name in wanted and (room.name == EVERYWHERE or not own):
                    yield room.name, _content(room.name, _decode_part(room.part))
        except msgspec.MsgspecError as error:
            raise Forged from error

    def _sign(self, body: bytes | memoryview) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=SIGNATURE).digest()


def _part(content: Content) -> _Part:
    return _Part(
        [_Event(e.seq, e.id, e.type, e.user, e.name, e.at, e.body) for e in content.events],
        [_Signal(s.topic, s.key, s.value) for s in content.signals],
        content.head,
    )


def _content(room: str, part: _Part) -> Content:
    return Content(
        [Event(room, e.seq, e.id, e.type, e.user, e.name, e.at, e.body) for e in part.events],
        [Signal(room, s.topic, s.key, s.value) for s in part.signals],
        part.head,
    )
