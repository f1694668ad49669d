"""A live room's newest events, encoded once, so that most joins need not read the log."""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from madang.core.events import Event, MessageEdited, decode_body, erased_body, unnamed
from madang.core.metrics import Metric
from madang.delivery.subscriber import Entry, encoded
from madang.memory import Memory

TAIL: Final = 200  # events kept per live room: what a fresh join may ask for, about 80 KB
LONG_TAIL: Final = 1000  # kept while people come back from further behind: 300 at once were 240 reads of the log
LONG_BYTES: Final = 1 << 20  # of text that a tail is lengthened by
TAIL_BYTES: Final = 1 << 20  # of events and texts in a tail that is not lengthened: four answers to a join
ENTRY_BYTES: Final = 600  # of an entry besides its texts
SHARE: Final = 4  # all tails of a node may hold one part in this many of its buffers


class Tails:
    """The tails of one node: what they hold together, in the order in which they were last used.

    Above a share of the node's buffers, or when those are full, the tails that were not used for the longest let go of
    their events; whoever needs these reads them from the log.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._most = memory.limit // SHARE
        self._tails: dict[HotTail, None] = {}  # the one that was used last is last
        memory.caches.append(self.release)
        self.emptied = 0

    @property
    def size(self) -> int:
        """Bytes of all tails."""
        return self._memory.held["tails"]

    def resized(self, tail: "HotTail", by: int) -> None:
        """Note that a tail has been used and holds more bytes than before, or fewer."""
        tails = self._tails
        tails.pop(tail, None)
        tails[tail] = None
        if by > 0:
            self._memory.take("tails", by)
            if self._memory.held["tails"] > self._most:
                self._empty(self.size - self._most, but=tail)
        elif by:
            self._memory.free("tails", -by)

    def remove(self, tail: "HotTail") -> None:
        """Forget a tail: its room is let go of."""
        tail.empty()
        self._tails.pop(tail, None)

    def release(self, lacking: int) -> None:
        """Free at least this many bytes, as far as tails hold them."""
        self._empty(lacking, but=None)

    def _empty(self, size: int, but: "HotTail | None") -> None:
        goal = max(0, self.size - size)
        for _ in range(len(self._tails)):
            if self.size <= goal:
                return
            tail = next(iter(self._tails))
            if tail.size and tail is not but:
                self.emptied += 1
                tail.empty()
            else:
                self.resized(tail, 0)

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [
            Metric("gauge", "madang_tails_limit_bytes", "Bytes that the tails of all rooms may hold.", self._most),
            Metric("counter", "madang_tails_emptied", "Tails that let go of their events to make room.", self.emptied),
        ]


class HotTail:
    """The newest events of a room, contiguous up to its head.

    Args:
        seq: the room's newest; `events` end there.
    """

    __slots__ = ("_erased_at", "_long", "_seq", "_tails", "_warm", "entries", "size")

    def __init__(self, seq: int, events: list[Event], tails: Tails) -> None:
        self._seq = seq
        self._tails = tails
        self._warm = False  # lengthened since the last `shorten`
        self._long = False
        self._erased_at = 0  # seq of the newest event that erased others
        self.entries: deque[Entry] = deque(encoded(e) for e in events)
        self.size = sum(map(_size, self.entries))
        self._cut()
        tails.resized(self, self.size)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.entries)

    @property
    def start(self) -> int:
        """The seq after which the tail holds everything."""
        return self.entries[-1].event.seq - len(self.entries) if self.entries else self._seq

    def add(self, entry: Entry) -> None:
        """Add the next event; the oldest go where there are too many, or too many bytes."""
        before = self.size
        self.size += _size(entry)
        self.entries.append(entry)
        if self.size > TAIL_BYTES or len(self.entries) > TAIL:
            self._cut()
        self._tails.resized(self, self.size - before)

    def _cut(self) -> None:
        """Let go of the oldest. Whoever calls this calls `resized`."""
        count, size = (LONG_TAIL, TAIL_BYTES + 2 * LONG_BYTES) if self._long else (TAIL, TAIL_BYTES)
        entries = self.entries
        while len(entries) > count or (self.size > size and len(entries) > 1):
            self.size -= _size(entries.popleft())

    def restart(self, seq: int) -> None:
        """Go on behind `seq`, wherever the tail was."""
        self.empty()
        self._seq = seq

    def purge(self, upto: int) -> None:
        """Let go of the events up to a seq, which are kept no longer."""
        before, entries = self.size, self.entries
        while entries and entries[0].event.seq <= upto:
            self._seq = entries[0].event.seq
            self.size -= _size(entries.popleft())
        self._tails.resized(self, self.size - before)

    def empty(self) -> None:
        """Let go of all events. The tail goes on behind them."""
        if self.entries:
            self._seq = self.entries[-1].event.seq
            self.entries.clear()
        freed, self.size = self.size, 0
        self._tails.resized(self, -freed)

    @property
    def text_bytes(self) -> int:
        """How large the events are as text."""
        return sum(len(entry.text) for entry in self.entries)

    def between(self, after: int, upto: int) -> list[Entry]:
        """Return the entries above `after` up to `upto`; `after` must not be below `start`."""
        start = self.start
        self._tails.resized(self, 0)
        return list(islice(self.entries, after - start, max(after, upto) - start))

    def erase(self, target: int, seq: int) -> None:
        """Remove the text of the message that the event `seq` deletes, as the log does, so that no later join reads it."""
        self._replace(
            seq, lambda event: _reworded(event, target) if event.seq == target or _edits(event, target) else None
        )

    def erase_user(self, user: str, seq: int, *, messages: bool) -> None:
        """Remove the name of the user whom the event `seq` erases, and the text of their messages if those are."""

        def erased(event: Event) -> Event | None:
            if event.user != user:
                return None
            target = decode_body(MessageEdited, event.body).target if event.type == MessageEdited.type else None
            return unnamed((_reworded(event, target) if messages else None) or event)

        self._replace(seq, erased)

    def _replace(self, seq: int, changed: Callable[[Event], Event | None]) -> None:
        """Replace events, as the event `seq` tells: each by another, or by none to leave it."""
        self._erased_at = seq
        for i, entry in enumerate(self.entries):
            if (event := changed(entry.event)) is not None:
                self.entries[i] = encoded(event)
                by = _size(self.entries[i]) - _size(entry)
                self.size += by
                self._tails.resized(self, by)

    def lengthen(self, events: list[Event], asked_at: int) -> None:
        """Keep events read from the log, if the tail continues them: the next who needs them need not read.

        Args:
            asked_at: the room's `next` when the read began. What was erased since then may still stand in `events`.
        """
        start = self.start
        older = [e for e in events if e.seq <= start]
        if self._erased_at >= asked_at or not older or older[-1].seq != start:
            return
        size, kept = 0, deque(self.entries)
        for event in reversed(older):
            entry = encoded(event)
            size += len(entry.text)
            if size > LONG_BYTES or len(kept) == LONG_TAIL:
                break
            kept.appendleft(entry)
        before, self.size = self.size, sum(map(_size, kept))
        self.entries, self._warm, self._long = kept, True, True
        self._tails.resized(self, self.size - before)

    def shorten(self) -> None:
        """Let go of what the tail was lengthened by, unless that was since the last call."""
        if self._long and not self._warm:
            self._long = False
            before = self.size
            self._cut()
            self._tails.resized(self, self.size - before)
        self._warm = False


def _size(entry: Entry) -> int:
    return len(entry.text) + len(entry.event.body) + ENTRY_BYTES


def _reworded(event: Event, target: int | None) -> Event | None:
    """Return an event as the deletion of its message leaves it; None for one that it does not change."""
    e, body = event, erased_body(event.type, target)
    return None if body is None else Event(e.room, e.seq, e.id, e.type, e.user, e.name, e.at, body)


def _edits(event: Event, target: int) -> bool:
    return event.type == MessageEdited.type and decode_body(MessageEdited, event.body).target == target
