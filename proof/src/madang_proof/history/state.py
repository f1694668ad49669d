"""What all families share: the users of connections, the commands, and what is known of each room's log.

Rule 1: every record comes here first; the families then find its connection, room and call in the attributes.
Rule 2: this file judges only whether all reports of one seq agree (I10), because they meet here.
"""

import unicodedata
from collections.abc import Callable
from typing import Final

from madang_proof.history import records as r
from madang_proof.history import types
from madang_proof.history.log import JOINED, KICKED, KINDS, LEFT, OTHER, SENT, FarError, hashed
from madang_proof.history.parts import Append, Call, Conn, FaultSpan, Follow, RoomState
from madang_proof.history.records import HistoryError
from madang_proof.history.verdict import Findings

APPENDS: Final[dict[str, tuple[str, ...]]] = {
    "send": (types.SENT,),
    "edit": (types.EDITED,),
    "delete": (types.DELETED,),
    "react": (types.REACTED, types.UNREACTED),
    "pin": (types.PINNED, types.UNPINNED),
    "join": (types.JOINED,),
    "leave": (types.LEFT,),
    "kick": (types.KICKED,),
    "mute": (types.MUTED,),
    "unmute": (types.UNMUTED,),
    "role": (types.ROLE,),
    "create": (types.CREATED,),
    "change": (types.CHANGED,),
}
"""Operations that append an event, and the types it may have."""
_MEMBERSHIP: Final = {JOINED, LEFT, KICKED}


class State:
    """What is known so far. `line`, `conn`, `room`, `call` … belong to the current record."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.line = 0
        self.setup = r.Setup(t=0)
        self.names: list[str] = []
        self.users: dict[str, int] = {}
        self.clients: dict[str, int] = {}  # client -> user
        self.opened: set[int] = set()  # users who had a connection
        self.conns: dict[int, Conn] = {}
        self.rooms: dict[str, RoomState] = {}
        self.calls: dict[int, Call] = {}
        self.early: set[Conn] = set()  # they have sent commands, and their user is not known yet
        self.learned: list[
            Callable[[r.Event, RoomState], None]
        ] = []  # called with each event but messages, when it is first seen
        self.called: list[Callable[[Call], None]] = []  # called with each call, when its user is known
        self.faults: list[FaultSpan] = []
        self.active = 0  # faults that last
        self.healed = 0  # when the last one was over
        self.agreed = 0
        self._none = Conn(0)
        self._early_cids: dict[tuple[str, str], set[Conn]] = {}
        self.conn = self._none
        self.room = RoomState("")
        self.follow: Follow | None = None
        self.before: Follow | None = None  # what a join replaced
        self.call = Call(r.Invoke(t=0, call=0, conn=0, op=""), self._none, None, 0)
        self.command: Append | None = None  # of the call, if it appends
        self.at = -1  # index of the event in its room's columns; -1: too far off

    # -- names ---------------------------------------------------------------------------------------------------------

    def user(self, name: str) -> int:
        """Return the index of a user."""
        index = self.users.get(name)
        if index is None:
            index = self.users[name] = len(self.names)
            self.names.append(name)
        return index

    def find_room(self, name: str) -> RoomState:
        """Return a room, known or new."""
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = RoomState(name)
        return room

    def used_early(self) -> bool:
        """Return whether a connection whose user is not known yet has used the cid of the call: it may be the same command."""
        return self.call.room is not None and bool(self._early_cids.get((self.call.room.name, self.call.cid)))

    def unsure(self, room: RoomState, since: int = 0) -> bool:
        """Return whether a connection whose user is not known asked to join, and was not over before `since`."""
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
        """Handle the beginning of a fault, or the end of the newest of its name."""
        if not record.over:
            self.faults.append(FaultSpan(record.name, record.t))
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
        """Return whether there was any fault from `since` to now."""
        return self.active > 0 or 0 < self.healed >= since

    def faulty(self, start: int, end: int) -> bool:
        """Return whether any fault lasted at some time from `start` to `end`. Only when all faults are known."""
        return any(fault.start <= end and (fault.end is None or fault.end >= start) for fault in self.faults)

    # -- connections and calls -----------------------------------------------------------------------------------------

    def on_setup(self, record: r.Setup) -> None:
        """Note what the store is configured to provide."""
        self.setup = record

    def on_opened(self, record: r.Opened) -> None:
        """Note the user of a connection, also for what it asked before."""
        conn = self.conns.setdefault(record.conn, Conn(record.conn))
        if conn.user >= 0:
            raise HistoryError(f"line {self.line}: connection {record.conn} has been opened already")
        conn.client = record.client
        conn.user = self.clients[record.client] = self.user(record.user)
        self.opened.add(conn.user)
        for call, invoke in conn.early:
            self._early_cids.get((invoke.room, invoke.cid), set()).discard(conn)
            self._command(call, invoke)
        conn.early.clear()
        self.early.discard(conn)
        self.conn = conn

    def on_closed(self, record: r.Closed) -> None:
        """Handle the end of a connection. One that was never opened may end, too."""
        conn = self.conns.get(record.conn)
        if conn is None or conn.over:
            raise HistoryError(f"line {self.line}: connection {record.conn} is not open")
        conn.over = True
        conn.closed_t = record.t
        conn.code = record.code
        conn.mine = record.mine
        self.conn = conn

    def on_invoke(self, record: r.Invoke) -> None:
        """Handle a call. Its user may become known only with the answer to hello."""
        conn = self.conns.get(record.conn)
        if conn is None:
            conn = self.conns[record.conn] = Conn(record.conn)
        if record.op == "ban":  # a kick that holds longer: in the log they are the same
            record.op = "kick"
        if record.call in self.calls:
            raise HistoryError(f"line {self.line}: call {record.call} has been made already")
        room = self.find_room(record.room) if record.room else None
        call = self.calls[record.call] = Call(record, conn, room, self.line)
        if conn.user < 0:
            conn.early.append((call, record))
            self.early.add(conn)
            if record.cid:
                self._early_cids.setdefault((record.room, record.cid), set()).add(conn)
        else:
            self._command(call, record)

    def _command(self, call: Call, record: r.Invoke) -> None:
        if call.room is not None and call.op in APPENDS:
            text = record.text
            if not text.isascii():
                text = unicodedata.normalize("NFC", text)  # as servers return it
            call.command = self._place_command(call, call.room, record, hashed(text))
            call.command.called(call)
        for told in self.called:
            told(call)

    def _place_command(self, call: Call, room: RoomState, record: r.Invoke, text: int) -> Append:
        user = call.conn.user
        if not record.cid:
            command = Append(call.op, user, text, record.target, call)
            room.commands.append(command)
            return command
        cids = room.cids.setdefault(user, {})
        first = cids.get(record.cid)
        if first is None:
            command = cids[record.cid] = Append(call.op, user, text, record.target, call)
            return command
        if (first.op, first.text, first.target) == (call.op, text, record.target):
            return first
        for rival in first.rivals:
            if (rival.op, rival.text, rival.target) == (call.op, text, record.target):
                return rival
        command = Append(call.op, user, text, record.target, call)
        room.commands.append(command)
        first.rivals = command.rivals = (*(first.rivals or (first,)), command)
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
        """Note an ack in the room's log."""
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
        """Handle a refusal."""
        self._answered(record.call)
        if self.command is not None:
            self.command.refused = self.line

    def on_unknown(self, record: r.Unknown) -> None:
        """Handle an unknown outcome."""
        self._answered(record.call)
        if self.command is not None:
            self.command.unanswered = True

    def on_joined(self, record: r.Joined) -> None:
        """Handle a connection's new position in a room."""
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
        """Find the connection and room of a notice."""
        self.conn = self._alive(record.conn)
        self.room = self.find_room(record.room)
        self.follow = self.conn.follows.get(record.room)

    # -- the log -------------------------------------------------------------------------------------------------------

    def on_event(self, record: r.Event) -> None:
        """Note an event in its room's log, or compare it with what is known."""
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

    def _learn(self, record: r.Event, room: RoomState, i: int, mark: int) -> None:
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

    def on_page(self, record: r.Page | r.Found) -> None:
        """Note the messages of a page in the log, or compare them. `pages` judges texts that changed."""
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

    def on_found(self, record: r.Found) -> None:
        """Note what a search found, as that of a page."""
        self.on_page(record)

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
            "I5", f"seq {seq} is far from all others of {self.room.name}, which go up to {self.room.head}.",
            self.line, *lines,
        )  # fmt: skip

    def _differ(self, seq: int, what: str, *lines: int) -> None:
        self.findings.violated("I10", f"Clients are told different things of seq {seq} in {self.room.name}: {what}.",
                               self.line, *lines)  # fmt: skip

    def on_finish(self) -> None:
        """Report, and make commands of what was asked on connections whose user never became known."""
        self.findings.checked["I10"] += self.agreed
        for conn in self.early:
            for call, record in conn.early:
                self._command(call, record)
