"""Commands that wait for their answers, in program order per room. Sans-I/O: no loop, time comes in as seconds.

Rule 1: a call leaves the outbox answered, refused for good, or dropped by its caller; a lost connection only takes it
        off the wire. It goes out again under the same number and with the same bytes, so under the same cid.
Rule 2: calls of one queue (the writes of one room) go out in the order they came, at most `in_flight` at a time, and
        none overtakes one that was told to wait. With more than one in flight a refusal reaches the client when
        later ones are on the wire already; only then can these come first.
Rule 3: of the others, reads for the most part, MAX_UNORDERED are on the wire or told to wait at a time.
Rule 4: no more are on the wire than the server's window has room for; queues take turns.
The outbox needs no bound of its own: every call in it has a caller who waits.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from math import inf
from typing import Final

UNORDERED: Final = ""
MAX_UNORDERED: Final = 16
NO_WINDOW: Final = 1 << 30
May = Callable[[str], bool]


def _anywhere(room: str) -> bool:
    return True


class Call:
    """One command under way."""

    __slots__ = ("again", "attempts", "data", "due", "n", "on_wire", "queue", "room")

    def __init__(self, n: int, data: bytes, room: str, queue: str, again: bool) -> None:
        self.n = n
        self.data = data
        self.room = room
        self.queue = queue
        self.again = again
        self.on_wire = False
        self.attempts = 0
        self.due = 0.0


class Outbox:
    """All calls of one client."""

    def __init__(self, in_flight: int = 1) -> None:
        if in_flight < 1:
            raise ValueError("at least one call must be in flight")
        self.in_flight = in_flight
        self.on_wire = 0
        self._calls: dict[int, Call] = {}
        self._queues: dict[str, dict[int, Call]] = {}

    def __len__(self) -> int:
        """Count the calls that have no answer yet."""
        return len(self._calls)

    def add(self, n: int, data: bytes, *, room: str = "", ordered: bool = False, again: bool = True) -> Call:
        """Put a call at the end.

        Args:
            room: the room it needs us to follow, if any.
            ordered: whether it keeps its place among the room's other ordered calls.
            again: whether it may go out again when the connection broke before its answer.
        """
        queue = room if ordered else UNORDERED
        call = Call(n, data, room, queue, again)
        self._calls[n] = call
        self._queues.setdefault(queue, {})[n] = call
        return call

    def ready(self, now: float, most: int = NO_WINDOW, may: May = _anywhere) -> list[Call]:
        """Return the calls to write now, in order; they count as written from now on.

        Args:
            most: how many the server's window has room for.
            may: whether commands for a room may go out: its join has gone out before them.
        """
        out: list[Call] = []
        for name in list(self._queues):
            calls = [call for due, call in self._next(name, may) if due <= now][: max(0, most - len(out))]
            for call in calls:
                call.on_wire = True
                call.attempts += 1
            out += calls
            if calls:
                self._queues[name] = self._queues.pop(name)  # the others' turn comes first the next time
        self.on_wire += len(out)
        return out

    def next_due(self, may: May = _anywhere) -> float:
        """Return the time of the next call that may be written, if nothing happens before; infinity when there is none."""
        return min((due for name in self._queues for due, _ in self._next(name, may)), default=inf)

    def _next(self, name: str, may: May) -> Iterator[tuple[float, Call]]:
        """Return those of a queue that may be written next, and when."""
        ordered = name != UNORDERED
        after = 0.0  # none overtakes one that was told to wait
        for call in islice(self._queues[name].values(), self.in_flight if ordered else MAX_UNORDERED):
            if not call.on_wire and may(call.room):
                due = max(after, call.due)
                after = due if ordered else 0.0
                yield due, call

    def find(self, n: int) -> Call | None:
        """Return the call of an answer; None for one that its caller has dropped."""
        return self._calls.get(n)

    def remove(self, call: Call) -> None:
        """Take a call out: answered, refused or dropped."""
        if self._calls.pop(call.n, None) is not None:
            self._off(call)
            queue = self._queues[call.queue]
            del queue[call.n]
            if not queue:
                del self._queues[call.queue]

    def postpone(self, call: Call, due: float) -> None:
        """Refused for now: it goes out again at `due`, in its old place; infinity waits for the next connection."""
        self._off(call)
        call.due = due

    def _off(self, call: Call) -> None:
        self.on_wire -= call.on_wire
        call.on_wire = False

    def lost(self) -> list[Call]:
        """The connection is gone: take everything off the wire, and return (and forget) what may not be repeated."""
        unknown = [c for c in self._calls.values() if c.on_wire and not c.again]
        for call in unknown:
            self.remove(call)
        for call in self._calls.values():
            self._off(call)
            if call.due == inf:
                call.due = 0.0
        return unknown

    def clear(self) -> list[Call]:
        """Forget everything and return it: the client is over."""
        calls = list(self._calls.values())
        self._calls.clear()
        self._queues.clear()
        self.on_wire = 0
        return calls
