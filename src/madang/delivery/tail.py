"""A live room's newest events, encoded once, so that most joins need not read the log."""

from collections import deque
from itertools import islice
from typing import Final

from madang.core.events import Event, MessageEdited, decode_body, erased_body
from madang.delivery.subscriber import Entry, encoded

TAIL: Final = 200  # events kept per live room: what a fresh join may ask for, about 80 KB
LONG_TAIL: Final = 1000  # kept while people come back from further behind: 300 at once were 240 reads of the log
LONG_BYTES: Final = 1 << 20  # of text that a tail is lengthened by


class HotTail:
    """The newest events of a room, contiguous up to its head.

    Args:
        seq: the room's newest; `events` end there.
    """

    __slots__ = ("_erased_at", "_seq", "_warm", "entries")

    def __init__(self, seq: int, events: list[Event]) -> None:
        self._seq = seq
        self._warm = False  # lengthened since the last `shorten`
        self._erased_at = 0  # seq of the newest event that erased others
        self.entries: deque[Entry] = deque((encoded(e) for e in events), maxlen=TAIL)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.entries)

    @property
    def start(self) -> int:
        """The seq after which the tail holds everything."""
        return self.entries[-1].event.seq - len(self.entries) if self.entries else self._seq

    def between(self, after: int, upto: int) -> list[Entry]:
        """Return the entries above `after` up to `upto`; `after` must not be below `start`."""
        start = self.start
        return list(islice(self.entries, after - start, max(after, upto) - start))

    def erase(self, target: int, seq: int) -> None:
        """Remove the text of the message that the event `seq` deletes, as the log does, so that no later join reads it."""
        self._erased_at = seq
        for i, entry in enumerate(self.entries):
            event = entry.event
            if event.seq == target or _edits(event, target):
                body = erased_body(event.type, target)
                if body is not None:
                    e = event
                    self.entries[i] = encoded(Event(e.room, e.seq, e.id, e.type, e.user, e.name, e.at, body))

    def lengthen(self, events: list[Event], asked_at: int) -> None:
        """Keep events read from the log, if the tail continues them: the next who needs them need not read.

        Args:
            asked_at: the room's `next` when the read began. What was erased since then may still stand in `events`.
        """
        start = self.start
        older = [e for e in events if e.seq <= start]
        if self._erased_at >= asked_at or not older or older[-1].seq != start:
            return
        size, kept = 0, deque(self.entries, maxlen=LONG_TAIL)
        for event in reversed(older):
            entry = encoded(event)
            size += len(entry.text)
            if size > LONG_BYTES or len(kept) == LONG_TAIL:
                break
            kept.appendleft(entry)
        self.entries, self._warm = kept, True

    def shorten(self) -> None:
        """Let go of what the tail was lengthened by, unless that was since the last call."""
        if self.entries.maxlen != TAIL and not self._warm:
            self.entries = deque(self.entries, maxlen=TAIL)
        self._warm = False


def _edits(event: Event, target: int) -> bool:
    return event.type == MessageEdited.type and decode_body(MessageEdited, event.body).target == target
