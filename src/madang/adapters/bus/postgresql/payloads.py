"""Envelopes in notifications, whose payload is text of less than 8,000 bytes: split, and encoded as Base64.

An event too large for any payload is announced by its seq; a node that serves its room reads it in the log.
"""

import base64
from collections.abc import Sequence
from typing import Final

from madang.adapters.bus.envelopes import BadSignature, Content, Signer
from madang.core.events import Event
from madang.ports.bus import Signal

MAX_PAYLOAD: Final = 7_999
MAX_ENVELOPE: Final = MAX_PAYLOAD // 4 * 3
# What the signature and MessagePack add at most, in bytes: to an envelope, to its part for a room, to an event or signal.
_ENVELOPE: Final = 60
_ROOM: Final = 40
_ITEM: Final = 52


def pack(signer: Signer, channel: str, events: Sequence[Event], signals: Sequence[Signal]) -> list[str]:
    """Return payloads that hold events and signals, in this order.

    Args:
        signals: none has a value longer than `MAX_SIGNAL`.
    """
    packer = _Packer(MAX_ENVELOPE - _ENVELOPE - len(signer.node.encode()))
    for event in events:
        size = _ITEM + len(event.body) + _bytes(event.type, event.user, event.name)
        if packer.fits(event.room, size):
            packer.place(event.room, size).events.append(event)
        else:
            content = packer.place(event.room, 0)
            content.head = max(content.head, event.seq)
    for signal in signals:
        size = _ITEM + len(signal.value) + _bytes(signal.topic, signal.key)
        packer.place(signal.room, size).signals.append(signal)
    return [base64.b64encode(signer.pack(envelope, channel)).decode() for envelope in packer.envelopes if envelope]


def unpack(payload: str) -> bytes:
    """Return the envelope in a payload.

    Raises:
        BadSignature: there is none.
    """
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError as error:
        raise BadSignature from error


class _Packer:
    """Fills envelopes of at most `most` bytes, one after the other."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self.envelopes: list[dict[str, Content]] = [{}]

    def fits(self, room: str, size: int) -> bool:
        """Whether an empty envelope would hold something of this size for a room."""
        return size + _room(room) <= self._most

    def place(self, room: str, size: int) -> Content:
        """Return the content to add something for a room to: in the newest envelope or, if it is full, in a new one."""
        needed = size + (0 if room in self.envelopes[-1] else _room(room))
        if needed > self._left:
            self.envelopes.append({})
            self._left = self._most
            needed = size + _room(room)
        self._left -= needed
        return self.envelopes[-1].setdefault(room, Content([], []))


def _room(room: str) -> int:
    return _ROOM + _bytes(room)


def _bytes(*words: str) -> int:
    return sum(len(word.encode()) for word in words)
