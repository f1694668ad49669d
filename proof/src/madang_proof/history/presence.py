"""I17: the users that a list shows as online, against those that can be."""

from madang_proof.history import records as r
from madang_proof.history.parts import Call, RoomState
from madang_proof.history.state import State


class OnlineLists:
    """Judges lists of the users online.

    I17: no user is shown as online in a room who had no connection that followed it or had asked to, for longer than
    `Setup.presence_ttl` before the list was asked for; time in a fault does not count. Nobody is in a list twice, and its
    count is the number of its users. Missing users are not judged: from outside, a live connection cannot be told from one
    whose end has not been noticed yet.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._there: dict[tuple[RoomState, int], int] = {}  # how many connections may follow
        self._gone: dict[tuple[RoomState, int], tuple[int, int]] = {}  # when the last of them ended, and line
        state.called.append(self._called)

    def _called(self, call: Call) -> None:
        if call.op != "join" or call.room is None or call.conn.over:
            return
        tries, room = call.conn.tries, call.room.name
        if room not in tries:
            key = (call.room, call.conn.user)
            self._there[key] = self._there.get(key, 0) + 1
        tries[room] = tries.get(room, 0) + 1

    def _settle(self) -> None:
        call, tries = self._state.call, self._state.conn.tries
        if call.op == "join" and call.room is not None and call.room.name in tries:
            tries[call.room.name] -= 1

    def on_joined(self, record: r.Joined) -> None:
        """Count a join as done."""
        self._settle()

    def on_fail(self, record: r.Fail) -> None:
        """Count a refused join as done; if there is no other, the connection does not follow the room."""
        self._settle()
        call = self._state.call
        if call.op == "join" and call.room is not None and call.room.name not in self._state.conn.follows:
            self._leave(call.room.name, record.t)

    def on_event(self, record: r.Event) -> None:
        """Remove a connection from a room whose membership has ended."""
        if record.type != "message.sent" and record.room in self._state.conn.ended:
            self._leave(record.room, record.t)

    def on_closed(self, record: r.Closed) -> None:
        """Remove a connection from all its rooms."""
        tries = self._state.conn.tries
        for room in list(tries):
            tries[room] = 0
            self._leave(room, record.t)

    def _leave(self, room: str, t: int) -> None:
        """Remove the connection from a room, unless a join may still be answered."""
        conn = self._state.conn
        if conn.tries.get(room) != 0:
            return
        del conn.tries[room]
        key = (self._state.rooms[room], conn.user)
        self._there[key] -= 1
        if not self._there[key]:
            self._gone[key] = (t, self._state.line)

    def on_presence(self, record: r.Presence) -> None:
        """Judge a list."""
        state = self._state
        self._checked["I17"] += 1 + len(record.online)
        if record.count != len(record.online) or len(set(record.online)) != len(record.online):
            message = f"{record.count} are said to be online in {record.room}, and {len(set(record.online))} are named."
            self._found.violated("I17", message, state.line)
        room = state.find_room(record.room)
        if state.active or state.unsure(room, record.asked - state.setup.presence_ttl):
            return
        for name in record.online:
            key = (room, state.user(name))
            if self._there.get(key):
                continue
            gone, line = self._gone.get(key, (0, 0))
            if not line and state.setup.others:
                continue
            if max(gone, state.healed) + state.setup.presence_ttl < record.asked:
                what = "no longer has a connection there" if line else "never had a connection there"
                message = f"{name} is said to be online in {record.room}, and {what}."
                self._found.violated("I17", message, line, state.line)
