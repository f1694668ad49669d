"""The format of what travels between nodes: signed envelopes. Which broker carries them is up to its adapter.

An envelope carries what one node has for one channel at one moment: per room, its events and signals. A room's part is
decoded only if the receiving node serves the room; other rooms cost it one look-up of a name.

    envelope = version, signature (16 bytes), MessagePack of (sender, number, milliseconds, [(room, part), …])
    part     = MessagePack of ([(seq, id, type, user, name, at, body), …], [(topic, key, value), …], head)

Nodes of two versions meet while a fleet is upgraded. So a later version may append fields to each of these tuples, which
older versions ignore; any other change needs a new VERSION.

The signature is BLAKE2b (RFC 7693), keyed with one of the keys of the installation: whoever can reach the broker but not the
database cannot put words into a room. They could listen, because nothing is encrypted here: that is the job of TLS.
There is no pickle and no type name in an envelope.

Nor can they say again what they have heard. The channel is under the signature; a sender, whose name is new at each start,
numbers its envelopes; an envelope is taken once, and only for a while after it was packed, by the database's clock. A restored
installation has another key.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from madang.core.events import Event
from madang.core.signing import Keyring, SigningKey
from madang.ports.bus import EVERYWHERE, Signal

VERSION: Final = b"\x02"
SIGNATURE: Final = 16
MAX_ENVELOPE: Final = 8 * 2**20
"""Bytes; a larger one is refused unread. A node's own stay far below: TAKEN_BYTES and one event."""
FRESH_MS: Final = 60_000
"""How old an envelope may be; a node that stood still for longer sends again what matters, and the rest is in the log."""
WINDOW: Final = 4_096
"""Numbers of a sender of which it is known whether they came: a bus may reorder, and a Cluster's members are not in step."""
_MASK: Final = (1 << WINDOW) - 1


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
    number: int
    at_ms: int
    rooms: list[_Room]


class _Sender(msgspec.Struct):
    newest: int  # number that came from it
    seen: int  # bit n: whether the number `newest` - n came
    at_ms: int  # when it was heard last


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Body).decode
_decode_part: Final = msgspec.msgpack.Decoder(_Part).decode


class BadSignature(Exception):
    """Not an envelope of this installation: another version, a wrong signature or channel, or noise; or one that is stale."""

    why = "an envelope that is not of this installation was ignored"


class Stale(BadSignature):
    """An envelope that came before, or was packed long ago."""

    why = "an envelope that came before, or is older than a minute, was ignored"


def wall_ms() -> int:
    """Return the time by this machine's clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Content(msgspec.Struct):
    """What an envelope holds for one room.

    Attributes:
        head: newest seq of the room's log, where an event is announced by its seq alone; 0 for none.
    """

    events: list[Event]
    signals: list[Signal]
    head: int = 0


def by_room(events: Iterable[Event], signals: Iterable[Signal]) -> dict[str, Content]:
    """Return what there is for each room, in order."""
    contents: dict[str, Content] = {}
    for event in events:
        contents.setdefault(event.room, Content([], [])).events.append(event)
    for signal in signals:
        contents.setdefault(signal.room, Content([], [])).signals.append(signal)
    return contents


class Signer:
    """Packs, signs, verifies and unpacks the envelopes of one installation.

    Args:
        keyring: the installation's; signatures are made with its current key, and believed of any.
        node: the sender's name, by which a node recognises its own envelopes. Another at each start.
        epoch: of the installation, another after each restore; the key is derived from it, too.
        clock_ms: Unix milliseconds by a clock that all nodes share.
    """

    def __init__(self, keyring: Keyring, node: str, epoch: bytes = b"", clock_ms: Callable[[], int] = wall_ms) -> None:
        self._keyring = keyring
        self._epoch = epoch
        self._keyed: dict[str, hashlib.blake2b] = {}  # by the ids of keys
        self._keys: tuple[SigningKey, ...] = ()  # of which these are
        self._only: hashlib.blake2b | None = None  # of one key, as it is but while keys are rotated
        self._clock_ms = clock_ms
        self._number = 0
        self._senders: dict[str, _Sender] = {}
        self.node = node
        self.name = keyring.name
        """Of the installation, for channels and keys."""

    @property
    def senders(self) -> int:
        """How many senders are known by the numbers of their last envelopes."""
        return len(self._senders)

    def pack(self, rooms: Mapping[str, Content], channel: str) -> bytes:
        """Return a signed envelope for a channel."""
        parts = [(room, msgspec.Raw(_encode(_part(content)))) for room, content in rooms.items()]
        self._number += 1
        body = _encode((self.node, self._number, self._clock_ms(), parts))
        if self._keyring.keys is not self._keys:
            self._follow()
        return VERSION + _signature(self._only or self._keyed[self._keyring.current().id], channel, body) + body

    def unpack(self, envelope: bytes, channel: str, wanted: Iterable[str]) -> Iterator[tuple[str, Content]]:
        """Yield what an envelope holds for each of the rooms wanted; of the node's own, only what is for EVERYWHERE.

        Raises:
            BadSignature: it is not of this installation, or stale.
        """
        head = len(VERSION) + SIGNATURE
        if len(envelope) > MAX_ENVELOPE or envelope[: len(VERSION)] != VERSION:
            raise BadSignature
        body = memoryview(envelope)[head:]
        signature = envelope[len(VERSION) : head]
        if self._keyring.keys is not self._keys:
            self._follow()
        if (only := self._only) is not None:
            if not hmac.compare_digest(_signature(only, channel, body), signature):
                raise BadSignature
        elif not any(hmac.compare_digest(_signature(key, channel, body), signature) for key in self._keyed.values()):
            raise BadSignature
        try:
            read = _decode(body)
            self._take(read)
            own = read.sender == self.node
            for room in read.rooms:
                if room.name in wanted and (room.name == EVERYWHERE or not own):
                    yield room.name, _content(room.name, _decode_part(room.part))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadSignature from error

    def _follow(self) -> None:
        """Take over what has changed in the ring; the newest key is tried first."""
        self._keys = self._keyring.keys
        self._keyed = {
            key.id: hashlib.blake2b(key=key.for_envelopes(self._epoch), digest_size=SIGNATURE)
            for key in reversed(self._keys)
        }
        self._only = next(iter(self._keyed.values())) if len(self._keys) == 1 else None

    def _take(self, read: _Body) -> None:
        """Note that an envelope has come. Raise Stale if it is old, or has come before."""
        now = self._clock_ms()
        if abs(now - read.at_ms) > FRESH_MS:
            raise Stale
        sender = self._senders.get(read.sender)
        if sender is None:
            # What the silent have sent is too old by now to be taken.
            self._senders = {name: known for name, known in self._senders.items() if now - known.at_ms <= 2 * FRESH_MS}
            self._senders[read.sender] = _Sender(read.number, 1, now)
            return
        ahead = read.number - sender.newest
        if ahead > 0:
            sender.seen = (sender.seen << ahead | 1) & _MASK if ahead < WINDOW else 1
            sender.newest = read.number
        elif ahead <= -WINDOW or sender.seen >> -ahead & 1:
            raise Stale
        else:
            sender.seen |= 1 << -ahead
        sender.at_ms = now


def _signature(keyed: hashlib.blake2b, channel: str, body: bytes | memoryview) -> bytes:
    signing = keyed.copy()  # with the key each time it takes 0.4 µs more
    signing.update(channel.encode() + b"\0")
    signing.update(body)
    return signing.digest()


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
