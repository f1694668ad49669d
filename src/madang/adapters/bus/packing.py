"""Contents in envelopes of limited size, for brokers that carry a message up to one.

An event too large for any envelope is announced by its seq; a node that serves its room reads it in the log.
"""

from collections.abc import Iterable
from typing import Final

from madang.adapters.bus.envelopes import Content
from madang.core.events import Event
from madang.ports.bus import Signal

# What the signature and MessagePack add at most, in bytes: to an envelope, to its part for a room, to an event or signal.
ENVELOPE: Final = 60
_ROOM: Final = 40
_ITEM: Final = 52


def packed(events: Iterable[Event], signals: Iterable[Signal], most: int) -> list[dict[str, Content]]:
    """Return what goes into envelopes, one after the other; none is empty.

    Args:
        signals: of each one the value fits into an envelope.
        most: bytes of an envelope, without what signs it: ENVELOPE, and the node's name.
    """
    packer = _Packer(most)
    for event in events:
        size = _event(event)
        if packer.fits(event.room, size):
            packer.place(event.room, size).events.append(event)
        else:
            content = packer.place(event.room, 0)
            content.head = max(content.head, event.seq)
    for signal in signals:
        packer.place(signal.room, _signal(signal)).signals.append(signal)
    return [envelope for envelope in packer.envelopes if envelope]


def split(rooms: dict[str, Content], most: int) -> list[dict[str, Content]]:
    """Return the contents of an envelope, or of several where one would be larger than `most`."""
    size = sum(
        _room(room) + sum(map(_event, content.events)) + sum(map(_signal, content.signals))
        for room, content in rooms.items()
    )
    if size <= most:
        return [rooms]
    contents = rooms.values()
    events = (event for content in contents for event in content.events)
    return packed(events, (signal for content in contents for signal in content.signals), most)


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


def _event(event: Event) -> int:
    return _ITEM + len(event.body) + _bytes(event.type, event.user, event.name)


def _signal(signal: Signal) -> int:
    return _ITEM + len(signal.value) + _bytes(signal.topic, signal.key)


def _room(room: str) -> int:
    return _ROOM + _bytes(room)


def _bytes(*words: str) -> int:
    return sum(len(word.encode()) for word in words)
