"""What a history is made of: commands and calls, connections and what they follow, faults, rooms.

These only hold what `state` notes; nothing here judges.
"""

from collections.abc import Iterator

from madang_proof.history import records as r
from madang_proof.history.log import RoomLog


class Append:
    """One thing a user asked to be appended: all calls under one cid with one content, or one call without a cid."""

    __slots__ = (
        "acked", "floor", "floor_line", "fresh", "invoked", "op", "pending", "refused", "rivals", "seq", "target", "text",
        "unanswered", "user",
    )  # fmt: skip

    def __init__(self, op: str, user: int, text: int, target: int, call: "Call") -> None:
        self.op = op
        self.user = user
        self.text = text
        self.target = target
        self.invoked = call.line  # of the first call
        self.floor = call.floor  # the room's head when it was first called, and the record that had made it so
        self.floor_line = call.floor_line
        self.seq = 0  # of the first ok that has one
        self.acked = 0  # line of the first ok
        self.fresh = 0  # line of the first ok that does not say duplicate
        self.pending = 0  # calls that have no answer yet
        self.unanswered = False  # the outcome of a call is unknown
        self.refused = 0  # line of the last refusal
        self.rivals: tuple[Append, ...] = ()  # all contents of its cid, if there are several

    def called(self, call: "Call") -> None:
        """Count a call.

        The user of a connection may become known later than its call, and so a call may be counted after a later one.
        """
        self.pending += 1
        if call.line < self.invoked:
            self.invoked, self.floor, self.floor_line = call.line, call.floor, call.floor_line

    @property
    def open(self) -> bool:
        """Whether it may or may not have been done."""
        return not self.acked and (self.unanswered or self.pending > 0)


class Follow:
    """One connection following one room, from one answer to join to the next, or to the end."""

    __slots__ = (
        "asked", "covered", "epoch", "expected", "fill_to", "joined", "last", "late", "passed", "point", "position", "reach",
        "resumed", "room", "since", "user", "via",
    )  # fmt: skip

    def __init__(self, room: "RoomState", user: int, record: r.Joined, asked: int, line: int) -> None:
        self.room = room
        self.user = user
        self.asked = asked  # t of the call to join
        self.epoch = record.epoch
        self.joined = line  # the record that put it where it is
        self.since = record.since or 0
        self.resumed = record.since is not None and not record.reset
        self.point = record.seq  # the position that the join gave
        self.reach = record.read_seq  # an end of a membership up to here did not end the current one
        self.position = record.seq
        self.last = line  # the record that moved the position last
        self.covered = 0  # the first seq it was given
        self.via = ""  # "join" or "reset" while events that belong to an answer are missing
        self.expected = 0  # the next of them; 0: any
        self.fill_to = 0
        self.passed = 0  # the position that a reset replaced
        self.late = False  # something arrived after the membership had ended


class Conn:
    """One connection, and the rooms that it follows."""

    __slots__ = ("client", "closed_t", "code", "early", "ended", "follows", "mine", "number", "over", "tries", "user")

    def __init__(self, number: int) -> None:
        self.number = number
        self.client = ""
        self.user = -1  # index in `State.names`; -1 before it is opened
        self.over = False
        self.closed_t = 0
        self.code = 0
        self.mine = False  # its client ended it
        self.follows: dict[str, Follow] = {}
        self.ended: dict[str, int] = {}  # room -> line of the event that ended the membership
        self.tries: dict[str, int] = {}  # rooms that it follows or may be about to -> joins without an answer
        self.early: list[tuple[Call, r.Invoke]] = []  # called before the answer to hello arrived

    def __str__(self) -> str:
        return f"{self.client or 'somebody'} (conn {self.number})"


class Call:
    """One command sent once, until it is answered."""

    __slots__ = ("cid", "command", "conn", "floor", "floor_line", "line", "op", "room", "subject", "t")

    def __init__(self, record: r.Invoke, conn: Conn, room: "RoomState | None", line: int) -> None:
        self.op = record.op
        self.cid = record.cid
        self.conn = conn
        self.room = room
        self.subject = record.user
        self.line = line
        self.t = record.t
        self.floor = room.head if room else 0
        self.floor_line = room.head_line if room else 0
        self.command: Append | None = None


class FaultSpan:
    """A fault; `end` is None while it lasts."""

    __slots__ = ("end", "name", "start")

    def __init__(self, name: str, start: int) -> None:
        self.name = name
        self.start = start
        self.end: int | None = None


class RoomState(RoomLog):
    """A room: its log, and what was asked to be appended to it."""

    __slots__ = ("changes", "cids", "commands", "covered", "ended", "quiet", "quiet_line", "skips", "told")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cids: dict[int, dict[str, Append]] = {}  # user -> cid -> command
        self.commands: list[Append] = []  # those without a cid, and further contents of one
        self.covered: list[tuple[int, int]] = []  # first and last seq that a connection was given or taken across
        self.skips: list[tuple[int, int, int, int]] = []  # first, last, user, line
        self.ended: dict[int, tuple[int, int]] = {}  # user -> seq and line of a membership's end, until it is renewed
        self.told = 0  # where the log was when the history first mentioned it
        self.changes: dict[int, list[tuple[int, bool, int]]] = {}  # user -> seq, whether it is an end, line
        self.quiet = 0  # the head when the first final page was read, and the record that had made it so
        self.quiet_line = 0

    def all_commands(self) -> Iterator[Append]:
        """Yield every command, in no particular order."""
        for cids in self.cids.values():
            yield from cids.values()
        yield from self.commands
