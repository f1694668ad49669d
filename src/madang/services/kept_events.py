"""Events that a follower of the log has not had yet, kept in memory for it: what does not fit, it reads from the log."""

from typing import Final

from madang.core.events import Event

KEPT_BYTES: Final = 4 * 1024 * 1024
"""Of all events together."""
EVENT_BYTES: Final = 500
"""What an event takes besides its body."""


class KeptEvents:
    """Newest events of rooms, of each room without a gap.

    Attributes:
        bytes: what they take.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, list[Event]] = {}
        self.bytes = 0

    def add(self, event: Event) -> None:
        """Keep the next event of a room, if there is space for it. What is before a gap is let go."""
        kept = self._rooms.get(event.room)
        if kept is not None and kept[-1].seq + 1 != event.seq:
            self.let_go(event.room)
            kept = None
        if self.bytes > KEPT_BYTES:
            return  # what comes behind it leaves a gap
        self.bytes += _size(event)
        if kept is None:
            self._rooms[event.room] = [event]
        else:
            kept.append(event)

    def take(self, room: str, seq: int, most: int) -> list[Event]:
        """Return up to `most` events of a room, if they lead on from a seq; keep only what is behind them."""
        kept = self.let_go(room)
        if not kept or kept[0].seq > seq + 1:
            return []
        at = seq + 1 - kept[0].seq
        if rest := kept[at + most :]:
            self._rooms[room] = rest
            self.bytes += sum(map(_size, rest))
        return kept[at : at + most]

    def let_go(self, room: str) -> list[Event]:
        """Return what is kept of a room, and keep it no longer."""
        kept = self._rooms.pop(room, [])
        self.bytes -= sum(map(_size, kept))
        return kept


def _size(event: Event) -> int:
    return EVENT_BYTES + len(event.body)
