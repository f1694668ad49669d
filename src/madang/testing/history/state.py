"""What all families share: who is on which connection, what was asked, and what is known of each room's log.

Rule 1: every record comes here first; the families then find its connection, room and call in the attributes.
Rule 2: this file judges only whether the witnesses of one seq agree (I10), because it is here that they meet.
"""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from madang.core import events
from madang.testing.history import records as r
from madang.testing.history.log import JOINED, KICKED, KINDS, LEFT, OTHER, SENT, FarError, RoomLog, hashed
from madang.testing.history.records import HistoryError
from madang.testing.history.verdict import Findings

APPENDS: Final[dict[str, tuple[str, ...]]] = {
    "send": (events.SENT,),
    "edit": (events.EDITED,),
    "delete": (events.DELETED,),
    "react": (events.REACTED, events.UNREACTED),
    "pin": (events.PINNED, events.UNPINNED),
    "join": (events.JOINED,),
    "leave": (events.LEFT,),
    "kick": (events.KICKED,),
    "role": (events.ROLE,),
    "create": (events.CREATED,),
    "change": (events.CHANGED,),
}
"""Operations that append an event, and the types it may have."""
_MEMBERSHIP: Final = {JOINED, LEFT, KICKED}


class Command:
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
        self.floor = call.floor  # the room's head when it was called first, and the record that had made it so
        self.floor_line = call.floor_line
        self.seq = 0  # of the first ok that has one
        self.acked = 0  # line of the first ok
        self.fresh = 0  # line of the first ok that does not say duplicate
        self.pending = 0  # calls that have no answer yet
        self.unanswered = False  # the outcome of a call is unknown
        self.refused = 0  # line of the last refusal
        self.rivals: list[Command] = []  # all contents of its cid, if there are several

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

    def __init__(self, room: "Room", user: int, record: r.Joined, asked: int, line: int) -> None:
        self.room = room
        self.user = user
        self.asked = asked  # t of the call to join
        self.epoch = record.epoch
        self.joined = line  # the record that put it where it is
        self.since = record.since or 0
        self.resumed = record.since is not None and not record.reset
        self.point = record.seq  # the position that the join gave
        self.reach = record.read_seq  # what ended a membership up to here did not end this one
        self.position = record.seq
        self.last = line  # the record that moved the position last
        self.covered = 0  # the first seq it was given
        self.via = ""  # "join" or "reset" while events that came with an answer are missing
        self.expected = 0  # the next of them; 0: any
        self.fill_to = 0
        self.passed = 0  # the position that a reset took the place of
        self.late = False  # something came after the membership had ended


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
        self.early: list[tuple[Call, r.Invoke]] = []  # called before the answer to hello came

    def __str__(self) -> str:
        return f"{self.client or 'somebody'} (conn {self.number})"


class Call:
    """One command sent once, until it is answered."""

    __slots__ = ("command", "conn", "floor", "floor_line", "line", "op", "room", "subject", "t")

    def __init__(self, record: r.Invoke, conn: Conn, room: "Room | None", line: int) -> None:
        self.op = record.op
        self.conn = conn
        self.room = room
        self.subject = record.user
        self.line = line
        self.t = record.t
        self.floor = room.head if room else 0
        self.floor_line = room.head_line if room else 0
        self.command: Command | None = None


class Fault:
    """A fault; `end` is None while it lasts."""

    __slots__ = ("end", "name", "start")

    def __init__(self, name: str, start: int) -> None:
        self.name = name
        self.start = start
        self.end: int | None = None


class Room(RoomLog):
    """A room: its log, and what was asked to be appended to it."""

    __slots__ = ("changes", "cids", "commands", "covered", "ended", "quiet", "quiet_line", "skips", "told")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.cids: dict[int, dict[str, Command]] = {}  # user -> cid -> command
        self.commands: list[Command] = []  # those without a cid, and further contents of one
        self.covered: list[tuple[int, int]] = []  # first and last seq that a connection was given or taken across
        self.skips: list[tuple[int, int, int, int]] = []  # first, last, user, line
        self.ended: dict[int, tuple[int, int]] = {}  # user -> seq and line of a membership's end, until it is renewed
        self.told = 0  # where the log stood when the history first heard of it
        self.changes: dict[int, list[tuple[int, bool, int]]] = {}  # user -> seq, whether it is an end, line
        self.quiet = 0  # the head when the first final page was read, and the record that had made it so
        self.quiet_line = 0

    def all_commands(self) -> Iterator[Command]:
        """Give every command, in no order."""
        for cids in self.cids.values():
            yield from cids.values()
        yield from self.commands


class State:
    """What is known so far. `line` is that of the record at hand; `conn`, `room`, `call` … are of it, too."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.line = 0
        self.setup = r.Setup(t=0)
        self.names: list[str] = []
        self.users: dict[str, int] = {}
        self.clients: dict[str, int] = {}  # client -> user
        self.opened: set[int] = set()  # users who had a connection
        self.conns: dict[int, Conn] = {}
        self.rooms: dict[str, Room] = {}
        self.calls: dict[int, Call] = {}
        self.early: set[Conn] = set()  # asked for something, and whose they are is not known yet
        self.learned: list[Callable[[r.Event, Room], None]] = []  # told of each event but messages, when it comes first
        self.called: list[Callable[[Call], None]] = []  # told of each call, when its user is known
        self.faults: list[Fault] = []
        self.active = 0  # faults that last
        self.healed = 0  # when one was over last
        self.agreed = 0
        self._none = Conn(0)
        self.conn = self._none
        self.room = Room("")
        self.follow: Follow | None = None
        self.before: Follow | None = None  # what a join replaced
        self.call = Call(r.Invoke(t=0, call=0, conn=0, op=""), self._none, None, 0)
        self.command: Command | None = None  # of the call, if it appends
        self.at = -1  # index of the event in its room's columns; -1: too far off

    # -- names ---------------------------------------------------------------------------------------------------------

    def user(self, name: str) -> int:
        """Give the index of a user."""
        index = self.users.get(name)
        if index is None:
            index = self.users[name] = len(self.names)
            self.names.append(name)
        return index

    def find_room(self, name: str) -> Room:
        """Give a room, known or new."""
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room(name)
        return room

    def unsure(self, room: Room, since: int = 0) -> bool:
        """Whether a connection whose user is not known asked to join, and was not over before `since`."""
        return any(
            call.op == "join" and call.room is room
            for conn in self.early
            if not conn.over or conn.closed_t >= since
            for call, _ in conn.early
        )

    def _alive(self, number: int) -> Conn:
        conn = self.conns.get(number)
        if conn is None or conn.over or conn.user < 0:
            what = "is over" if conn and conn.over else "has not been opened"
            raise HistoryError(f"line {self.line}: connection {number} {what}")
        return conn

    def on_fault(self, record: r.Fault) -> None:
        """Take the beginning of a fault, or the end of the newest of its name."""
        if not record.over:
            self.faults.append(Fault(record.name, record.t))
            self.active += 1
            return
        fault = next(
            (fault for fault in reversed(self.faults) if fault.name == record.name and fault.end is None), None
        )
        if fault is None:
            raise HistoryError(f"line {self.line}: fault {record.name} has not begun")
        fault.end = self.healed = record.t
        self.active -= 1

    def troubled(self, since: int) -> bool:
        """Whether there was any fault from `since` to now."""
        return self.active > 0 or 0 < self.healed >= since

    def faulty(self, start: int, end: int) -> bool:
        """Whether any fault lasted at some time from `start` to `end`; asked for when all are known."""
        return any(fault.start <= end and (fault.end is None or fault.end >= start) for fault in self.faults)

    # -- connections and calls -----------------------------------------------------------------------------------------

    def on_setup(self, record: r.Setup) -> None:
        """Take what the store was configured to give."""
        self.setup = record

    def on_opened(self, record: r.Opened) -> None:
        """Take a connection's user; what it asked before is his."""
        conn = self.conns.setdefault(record.conn, Conn(record.conn))
        if conn.user >= 0:
            raise HistoryError(f"line {self.line}: connection {record.conn} has been opened already")
        conn.client = record.client
        conn.user = self.clients[record.client] = self.user(record.user)
        self.opened.add(conn.user)
        for call, invoke in conn.early:
            self._command(call, invoke)
        conn.early.clear()
        self.early.discard(conn)
        self.conn = conn

    def on_closed(self, record: r.Closed) -> None:
        """Take the end of a connection. One that was never opened may end, too."""
        conn = self.conns.get(record.conn)
        if conn is None or conn.over:
            raise HistoryError(f"line {self.line}: connection {record.conn} is not open")
        conn.over = True
        conn.closed_t = record.t
        conn.code = record.code
        conn.mine = record.mine
        self.conn = conn

    def on_invoke(self, record: r.Invoke) -> None:
        """Take a call. Who it is by may come to be known only with the answer to hello."""
        conn = self.conns.get(record.conn)
        if conn is None:
            conn = self.conns[record.conn] = Conn(record.conn)
        if record.call in self.calls:
            raise HistoryError(f"line {self.line}: call {record.call} has been made already")
        room = self.find_room(record.room) if record.room else None
        call = self.calls[record.call] = Call(record, conn, room, self.line)
        if conn.user < 0:
            conn.early.append((call, record))
            self.early.add(conn)
        else:
            self._command(call, record)

    def _command(self, call: Call, record: r.Invoke) -> None:
        if call.room is not None and call.op in APPENDS:
            text = record.text
            if not text.isascii():
                text = unicodedata.normalize("NFC", text)  # as servers give it back
            call.command = self._place_command(call, call.room, record, hashed(text))
            call.command.pending += 1
        for told in self.called:
            told(call)

    def _place_command(self, call: Call, room: Room, record: r.Invoke, text: int) -> Command:
        user = call.conn.user
        if not record.cid:
            command = Command(call.op, user, text, record.target, call)
            room.commands.append(command)
            return command
        cids = room.cids.setdefault(user, {})
        first = cids.get(record.cid)
        if first is None:
            command = cids[record.cid] = Command(call.op, user, text, record.target, call)
            return command
        if (first.op, first.text, first.target) == (call.op, text, record.target):
            return first
        for rival in first.rivals:
            if (rival.op, rival.text, rival.target) == (call.op, text, record.target):
                return rival
        command = Command(call.op, user, text, record.target, call)
        room.commands.append(command)
        first.rivals = command.rivals = [*(first.rivals or [first]), command]
        for rival in first.rivals:
            rival.rivals = first.rivals
        return command

    def _answered(self, number: int) -> Call:
        call = self.calls.pop(number, None)
        if call is None:
            raise HistoryError(f"line {self.line}: call {number} was not made, or has been answered already")
        self.call = call
        self.conn = call.conn
        self.command = call.command
        if call.command is not None:
            call.command.pending -= 1
        return call

    def on_ok(self, record: r.Ok) -> None:
        """Take an ack into the room's log."""
        call = self._answered(record.call)
        room = call.room
        self.at = -1
        if room is None or not record.seq or self.command is None:
            return
        self.room = room
        try:
            i = self.at = room.place(record.seq)
        except FarError:
            self._far(record.seq, call.line)
            return
        room.known(i, self.line, record.t)
        if call.op == "send" and not room.kinds[i]:
            room.kinds[i] = SENT

    def on_fail(self, record: r.Fail) -> None:
        """Take a refusal."""
        self._answered(record.call)
        if self.command is not None:
            self.command.refused = self.line

    def on_unknown(self, record: r.Unknown) -> None:
        """Take that nothing is known."""
        self._answered(record.call)
        if self.command is not None:
            self.command.unanswered = True

    def on_joined(self, record: r.Joined) -> None:
        """Take a connection's new position in a room."""
        self._answered(record.call)
        if self.command is not None:
            self.command.acked = self.command.acked or self.line
        conn = self.conn = self._alive(record.conn)
        room = self.room = self.find_room(record.room)
        room.told = room.told or record.seq
        self.before = conn.follows.get(record.room)
        self.follow = conn.follows[record.room] = Follow(room, conn.user, record, self.call.t, self.line)
        conn.ended.pop(record.room, None)

    def on_notice(self, record: r.Skip | r.Behind | r.Reset) -> None:
        """Find whom a notice is for."""
        self.conn = self._alive(record.conn)
        self.room = self.find_room(record.room)
        self.follow = self.conn.follows.get(record.room)

    # -- the log -------------------------------------------------------------------------------------------------------

    def on_event(self, record: r.Event) -> None:
        """Take an event into its room's log, or compare it with what stands there."""
        conn = self.conns.get(record.conn)
        if conn is None or conn.over or conn.user < 0:
            conn = self._alive(record.conn)
        room = self.rooms.get(record.room)
        if room is None:
            room = self.find_room(record.room)
        self.conn = conn
        self.room = room
        self.follow = conn.follows.get(record.room)
        i = record.seq - room.base
        if not 0 <= i < room.size:
            try:
                i = room.place(record.seq)
            except FarError:
                self.at = -1
                self._far(record.seq)
                return
        self.at = i
        mark = hash((record.id, record.type, record.user, record.target, record.member)) or 1
        known = room.marks[i]
        if not known:
            self._learn(record, room, i, mark)
            return
        self.agreed += 1
        if known != mark:
            self._differ(record.seq, "it is another event", room.shown[i])
        if text := record.text:
            text_hash = hash(text) or 1
            if room.texts[i] != text_hash:
                if room.texts[i]:
                    self._differ(record.seq, "its text is another", room.shown[i])
                else:
                    room.texts[i] = text_hash

    def _learn(self, record: r.Event, room: Room, i: int, mark: int) -> None:
        kind = KINDS.get(record.type, OTHER)
        user = self.user(record.user)
        number = self._number(record.id)
        room.marks[i] = mark
        if room.ids[i]:  # a page had it
            self.agreed += 1
            if (room.ids[i], room.users[i], SENT) != (number, user, kind):
                self._differ(record.seq, "a page has another message there", room.shown[i])
        room.kinds[i] = kind
        room.shown[i] = room.shown[i] or self.line
        room.ids[i] = number
        room.users[i] = user
        if record.text or (kind == SENT and not record.deleted):
            text = hashed(record.text)
            if room.texts[i] and room.texts[i] != text:
                self._differ(record.seq, "its text is another", room.shown[i])
            room.texts[i] = text
        room.known(i, self.line, record.t)
        if kind in _MEMBERSHIP:
            subject = self.user(record.member) if kind == KICKED else user
            room.changes.setdefault(subject, []).append((record.seq, kind != JOINED, self.line))
        if kind != SENT:
            for told in self.learned:
                told(record, room)

    def on_page(self, record: r.Page) -> None:
        """Take the messages of a page into the log, or compare them. Texts that changed are `content`'s."""
        room = self.room = self.find_room(record.room)
        for message in record.messages:
            try:
                i = room.place(message.seq)
            except FarError:
                self._far(message.seq)
                continue
            number = self._number(message.id)
            user = self.user(message.user)
            if not room.ids[i]:
                room.kinds[i] = room.kinds[i] or SENT
                room.shown[i] = self.line
                room.ids[i] = number
                room.users[i] = user
                if not message.edited and not message.deleted:
                    room.texts[i] = hashed(message.text)
                room.known(i, self.line, record.t)
                continue
            self.agreed += 1
            if (room.ids[i], room.users[i], room.kinds[i]) != (number, user, SENT):
                self._differ(message.seq, "a page has another message there", room.shown[i])

    def _number(self, id: str) -> int:
        try:
            number = int(id)
        except ValueError:
            number = -1
        if not 0 < number < 1 << 64:
            self.findings.violated("I5", f"{id!r} is not an id: ids are numbers of up to 64 bits.", self.line)
            return 0
        return number

    def _far(self, seq: int, *lines: int) -> None:
        self.findings.violated(
            "I5", f"seq {seq} is nowhere near the others of {self.room.name}, which go up to {self.room.head}.",
            self.line, *lines,
        )  # fmt: skip

    def _differ(self, seq: int, what: str, *lines: int) -> None:
        self.findings.violated("I10", f"Not all are told the same of seq {seq} in {self.room.name}: {what}.",
                               self.line, *lines)  # fmt: skip

    def on_finish(self) -> None:
        """Report, and make commands of what was asked on connections whose user never came to be known."""
        self.findings.checked["I10"] += self.agreed
        for conn in self.early:
            for call, record in conn.early:
                self._command(call, record)
