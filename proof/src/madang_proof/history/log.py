"""What is known of a room's log, in columns indexed by seq, so that ten million records fit in memory.

`state` fills them in from acks, events and pages; the families judge them.
"""

from array import array
from typing import Final

from madang_proof.history import types

KINDS: Final = {type: kind for kind, type in enumerate(sorted(types.TYPES), 1)}
"""The number of each type of event in the column `kinds`; unknown types are OTHER."""
OTHER: Final = len(KINDS) + 1
SENT: Final = KINDS[types.SENT]
EDITED: Final = KINDS[types.EDITED]
DELETED: Final = KINDS[types.DELETED]
JOINED: Final = KINDS[types.JOINED]
LEFT: Final = KINDS[types.LEFT]
KICKED: Final = KINDS[types.KICKED]
EMPTY: Final = 1  # the hash of a text that is known to be empty; 0 stands for "not known"
REACH: Final = 1 << 22  # a seq further from all others than this is taken for an error, not for a very quiet client


def hashed(text: str) -> int:
    """Return the number that stands for a text in columns, never 0."""
    return hash(text) or EMPTY


class FarError(ValueError):
    """A seq so far from the others of its room that columns up to it would be a waste."""


class RoomLog:
    """The columns of one room. Index `i` is seq `base + i`; 0 in a column is "not known".

    Attributes:
        kinds: SENT …; a seq known only by the ack of a send is SENT as well.
        marks: hash of (id, type, user, target, member), known by an event.
        lines, times: line and `t` of the record, of any kind, that made the seq known first.
        shown: line of the first event or page that has it; 0 while only an ack names it.
        texts: `hashed` text of a message or an edit, as in the log.
        ids, users: of the event; users are indices of `State.names`.
        acks, acked_ids: line of the first ok that names this seq, and the id in it.
        head, head_line: the greatest seq known to be in the log, and the record that made it so.
    """

    __slots__ = (
        "acked_ids", "acks", "base", "head", "head_line", "ids", "kinds", "lines", "marks", "name", "shown", "size", "texts",
        "times", "users",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.base = 0
        self.size = 0
        self.head = 0
        self.head_line = 0
        self.kinds = bytearray()
        self.marks = array("q")
        self.lines = array("I")
        self.times = array("q")
        self.shown = array("I")
        self.texts = array("q")
        self.ids = array("Q")
        self.users = array("I")
        self.acks = array("I")
        self.acked_ids = array("Q")

    def place(self, seq: int) -> int:
        """Return the index of a seq, extending the columns as needed.

        Raises:
            FarError: it is not a seq, or is more than REACH from all that is known.
        """
        i = seq - self.base
        if 0 <= i < self.size:
            return i
        if seq < 1 or (self.size and not -REACH <= i < self.size + REACH):
            raise FarError(seq)
        if not self.size:
            self.base = max(0, seq - 64)
            i = seq - self.base
        if i < 0:
            front = min(self.base, max(-i, self.size, 64))
            self._columns(front, front=True)
            self.base -= front
            i += front
        else:
            self._columns(max(i + 1 - self.size, self.size // 2, 64), front=False)
        return i

    def _columns(self, more: int, *, front: bool) -> None:
        for name in ("marks", "lines", "times", "shown", "texts", "ids", "users", "acks", "acked_ids"):
            column: array[int] = getattr(self, name)
            fresh = array(column.typecode, bytes(more * column.itemsize))
            setattr(self, name, fresh + column if front else column + fresh)
        self.kinds = bytearray(more) + self.kinds if front else self.kinds + bytearray(more)
        self.size += more

    def known(self, i: int, line: int, t: int) -> None:
        """Note when a seq was known first, and move the head."""
        if not self.lines[i]:
            self.lines[i] = line
            self.times[i] = max(t, 1)
            if (seq := self.base + i) > self.head:
                self.head = seq
                self.head_line = line

    def head_at(self, t: int) -> int:
        """Return the greatest seq that was known before `t`; 0 if there is none."""
        i = min(self.head - self.base, self.size - 1)
        while i >= 0 and not 0 < self.times[i] < t:
            i -= 1
        return self.base + i if i >= 0 else 0
