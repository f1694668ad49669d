"""The format of what travels between nodes: signed envelopes. Which broker carries them is up to its adapter.

An envelope carries what one node has for one channel at one moment: per room, its events and signals. A room's part is
decoded only if the receiving node serves the room; other rooms cost it one look-up of a name.

    envelope = version, signature (16 bytes), MessagePack of (sender, [(room, part), …])
    part     = MessagePack of ([(seq, id, type, user, name, at, body), …], [(topic, key, value), …], head)

Nodes of two versions meet while a fleet is upgraded. So a later version may append fields to each of these tuples, which
older versions ignore; any other change needs a new VERSION.

The signature is BLAKE2b (RFC 7693), keyed with a secret of the installation: whoever can reach the broker but not the
database cannot put words into a room. They could listen, because nothing is encrypted here: that is the job of TLS.
There is no pickle and no type name in an envelope.
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
MAX_ENVELOPE: Final = 8 * 2**20
"""Bytes; a larger one is refused unread. A node's own stay far below: TAKEN_BYTES and one event."""


# Structs, not tuples: fields that a later version appends are ignored.
class _Event(msgspec.Struct, array_like=True, gc=False):
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


class BadSignature(Exception):
    """Not an envelope of this installation: another version, a wrong signature, or noise."""


class Content(msgspec.Struct):
    """What an envelope holds for one room.

    Attributes:
        head: newest seq of the room's log, where an event is announced by its seq alone; 0 for none.
    """

    events: list[Event]
    signals: list[Signal]
    head: int = 0


class Signer:
    """Packs, signs, verifies and unpacks the envelopes of one installation.

    Args:
        secret: the installation's, 16 bytes or more; the key is derived from it.
        node: the sender's name, by which a node recognises its own envelopes.
    """

    def __init__(self, secret: bytes, node: str) -> None:
        self._key = hashlib.blake2b(b"madang bus", key=secret[:64], digest_size=32).digest()
        self.node = node
        self.name = hashlib.blake2b(b"madang name", key=secret[:64], digest_size=6).hexdigest()
        """Of the installation, for channels and keys; it reveals nothing of the secret."""

    def pack(self, rooms: Mapping[str, Content]) -> bytes:
        """Return a signed envelope."""
        parts = [(room, msgspec.Raw(_encode(_part(content)))) for room, content in rooms.items()]
        body = _encode((self.node, parts))
        return VERSION + self._sign(body) + body

    def unpack(self, envelope: bytes, wanted: Iterable[str]) -> Iterator[tuple[str, Content]]:
        """Yield what an envelope holds for each of the rooms wanted; of the node's own, only what is for EVERYWHERE.

        Raises:
            BadSignature: it is not of this installation.
        """
        head = len(VERSION) + SIGNATURE
        if len(envelope) > MAX_ENVELOPE or envelope[: len(VERSION)] != VERSION:
            raise BadSignature
        body = memoryview(envelope)[head:]
        if not hmac.compare_digest(self._sign(body), envelope[len(VERSION) : head]):
            raise BadSignature
        try:
            read = _decode(body)
            own = read.sender == self.node
            for room in read.rooms:
                if room.name in wanted and (room.name == EVERYWHERE or not own):
                    yield room.name, _content(room.name, _decode_part(room.part))
        except msgspec.MsgspecError as error:
            raise BadSignature from error

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
