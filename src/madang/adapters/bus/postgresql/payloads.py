"""How parcels fit into notifications, whose payload is text of less than 8,000 bytes: split, and as Base64.

An event that no payload holds is announced by its seq; whoever serves its room reads it in the log.
"""

import base64
from collections.abc import Sequence
from typing import Final

from madang.adapters.bus.envelopes import Content, Forged, Seal
from madang.core.events import Event
from madang.ports.bus import Signal

MAX_PAYLOAD: Final = 7_999
MAX_PARCEL: Final = MAX_PAYLOAD // 4 * 3
# What the signature and MessagePack add at most, in bytes: to a parcel, to what it has of a room, to an event or signal.
_PARCEL: Final = 40
_ROOM: Final = 40
_ITEM: Final = 52


def payloads(seal: Seal, events: Sequence[Event], signals: Sequence[Signal]) -> list[str]:
    """Pack events and signals, one after the other, into payloads.

    Args:
        signals: none with a value longer than `MAX_SIGNAL`.
    """
    packer = _Packer(MAX_PARCEL - _PARCEL - len(seal.node.encode()))
    for event in events:
        size = _ITEM + len(event.body) + _bytes(event.type, event.user, event.name)
        if packer.holds(event.room, size):
            packer.place(event.room, size).events.append(event)
        else:
            content = packer.place(event.room, 0)
            content.head = max(content.head, event.seq)
    for signal in signals:
        size = _ITEM + len(signal.value) + _bytes(signal.topic, signal.key)
        packer.place(signal.room, size).signals.append(signal)
    return [base64.b64encode(seal.pack(parcel)).decode() for parcel in packer.parcels if parcel]


def opened(payload: str) -> bytes:
    """Give the parcel of a payload.

    Raises:
        Forged: it holds none.
    """
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError as error:
        raise Forged from error


class _Packer:
    """Puts one thing after the other into parcels of at most `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self.parcels: list[dict[str, Content]] = [{}]

    def holds(self, room: str, size: int) -> bool:
        """Whether a parcel of its own would hold something of a room."""
        return size + _room(room) <= self._most

    def place(self, room: str, size: int) -> Content:
        """Give where something of a room goes, in the newest parcel or, if it is full, in the next one."""
        needed = size + (0 if room in self.parcels[-1] else _room(room))
        if needed > self._left:
            self.parcels.append({})
            self._left = self._most
            needed = size + _room(room)
        self._left -= needed
        return self.parcels[-1].setdefault(room, Content([], []))


def _room(room: str) -> int:
    return _ROOM + _bytes(room)


def _bytes(*words: str) -> int:
    return sum(len(word.encode()) for word in words)
