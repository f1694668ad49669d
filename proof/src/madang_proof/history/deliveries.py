"""I8, I9, I12 and I16: what each connection was given, by the table of positions in the protocol.

A `Follow` has a position. Live events move it by one, `skip` and `reset` as they say, and nothing else does. The events
in an answer to join, or in a reset, fill in what lies before a position that is taken at once.
"""

from typing import Final

from madang_proof.history import records as r
from madang_proof.history.log import JOINED, KICKED, LEFT
from madang_proof.history.parts import Conn, Follow, RoomState
from madang_proof.history.state import State

_ENDS: Final = {LEFT, KICKED}


class Deliveries:
    """Judges events, skips and resets per connection and room.

    I8: a live event has the seq after the position. A skip begins at the seq after the position, and leaves out only joins,
    as far as the events are known from elsewhere.
    I9: the events in the answer to a join with `since` are all from since + 1 to the answer's position, in order; those
    of other joins and of resets are in order and without a gap up to the position, or absent. A room's final pages say
    that all is quiet: a connection that is still open at the end is at or beyond all that was known then.
    I12: every event, skip and reset is of a room that its connection has joined. (Rooms show their whole history to
    members, so nothing can be too old to be shown.)
    I16: the answer to a resume is not below its `since`, nor a reset below the position it replaces, unless the epoch
    differs; the epoch of a resume differs only if the answer says reset.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._epochs: dict[tuple[str, str], tuple[str, int]] = {}  # client, room -> the epoch it knows, and line
        self._live = 0
        self._filled = 0

    # -- where a position is taken at once -----------------------------------------------------------------------------

    def on_joined(self, record: r.Joined) -> None:
        """Judge the position that a join gives."""
        state = self._state
        follow = state.follow
        assert follow is not None
        if state.before is not None:
            self._over(state.before, state.conn)
        key = (state.conn.client, record.room)
        epoch, told = self._epochs.get(key, (record.epoch, 0))
        self._epochs[key] = (record.epoch, state.line)
        if record.since is not None:
            self._checked["I16"] += 1
            if not record.reset and record.epoch != epoch:
                message = f"{state.conn} resumed {record.room}, whose epoch has changed, and is not told reset."
                self._found.violated("I16", message, told, state.line)
            elif record.seq < record.since and record.epoch == epoch:
                message = f"{state.conn} knew {record.room} up to {record.since}, and it goes up to {record.seq} now."
                self._found.violated("I16", message, state.call.line, state.line)
        follow.via = "join"
        follow.fill_to = record.seq
        follow.expected = follow.since + 1 if follow.resumed else 0
        if follow.expected > follow.fill_to:
            follow.via = ""
        follow.covered = follow.since + 1 if follow.resumed else record.seq + 1

    def on_reset(self, record: r.Reset) -> None:
        """Judge the position that a reset gives."""
        state = self._state
        follow = state.follow
        if follow is None:
            self._stray(f"a reset of {record.room}")
            return
        self._over(follow, state.conn)
        self._checked["I16"] += 1
        if record.epoch == follow.epoch and record.seq < follow.position:
            message = f"{state.conn} knew {record.room} up to {follow.position}, and was set back to {record.seq}."
            self._found.violated("I16", message, follow.last, state.line)
        self._epochs[state.conn.client, record.room] = (record.epoch, state.line)
        follow.epoch = record.epoch
        follow.passed = follow.position
        follow.position = follow.fill_to = record.seq
        follow.joined = follow.last = state.line
        follow.via = "reset"
        follow.expected = 0
        follow.covered = record.seq + 1

    # -- what moves it -------------------------------------------------------------------------------------------------

    def on_event(self, record: r.Event) -> None:
        """Judge an event against the position."""
        state = self._state
        follow = state.follow
        if follow is None:
            if record.room not in state.conn.ended:
                self._stray(f"an event of {record.room}")
            return
        seq = record.seq
        if record.via != "live":
            self._fill(follow, record)
            return
        if follow.via:
            self._filled_up(follow, state.conn)
        self._live += 1
        if seq != follow.position + 1:
            self._misplaced(follow, seq)
        follow.position = max(seq, follow.position)
        follow.last = state.line
        if record.type != "message.sent":
            self._ends(follow, record)

    def _ends(self, follow: Follow, record: r.Event) -> None:
        """Stop following if the event ended the user's current membership, not an earlier one."""
        state = self._state
        if record.seq <= follow.reach:
            return
        kind = state.room.kinds[state.at] if state.at >= 0 else 0
        if kind in _ENDS and state.users.get(record.member if kind == KICKED else record.user) == follow.user:
            self._over(follow, state.conn)
            del state.conn.follows[record.room]
            state.conn.ended[record.room] = state.line

    def _misplaced(self, follow: Follow, seq: int) -> None:
        state, name = self._state, follow.room.name
        if seq <= follow.position:
            message = f"{state.conn} got seq {seq} of {name} when it had been given all up to {follow.position}."
        else:
            message = f"{state.conn} got seq {seq} of {name} after {follow.position}, and was not told of a gap."
        self._found.violated("I8", message, follow.joined, follow.last, state.line)

    def _fill(self, follow: Follow, record: r.Event) -> None:
        state = self._state
        seq = record.seq
        self._filled += 1
        if follow.via != record.via or (follow.expected and seq != follow.expected) or seq > follow.fill_to:
            message = f"{state.conn} got seq {seq} of {record.room} with a {record.via}, {self._wanted(follow)}."
            self._found.violated("I9", message, follow.joined, state.line)
        follow.covered = min(follow.covered, seq)
        follow.expected = seq + 1
        if seq >= follow.fill_to:
            follow.via = ""
            if follow.resumed or record.via == "reset":  # in other answers, an end belongs to an earlier membership
                self._ends(follow, record)

    def _wanted(self, follow: Follow) -> str:
        if not follow.via:
            return "which had all its events"
        return f"where seq {follow.expected} was expected" if follow.expected else f"which goes up to {follow.fill_to}"

    def _filled_up(self, follow: Follow, conn: Conn) -> None:
        """Judge that no event of an answer is missing, now that something else arrives."""
        if follow.expected and follow.expected <= follow.fill_to:
            message = (
                f"{conn} was taken to seq {follow.fill_to} of {follow.room.name}, and the events from "
                f"{follow.expected} on did not come with it."
            )
            self._found.violated("I9", message, follow.joined, self._state.line)
        follow.via = ""

    def on_skip(self, record: r.Skip) -> None:
        """Judge what is left out."""
        state = self._state
        follow = state.follow
        if follow is None:
            if record.room not in state.conn.ended:
                self._stray(f"a skip of {record.room}")
            return
        if follow.via:
            self._filled_up(follow, state.conn)
        self._live += 1
        if record.first != follow.position + 1 or record.last < record.first:
            message = (
                f"{state.conn} is at {follow.position} of {record.room}, and what is skipped is "
                f"{record.first} to {record.last}."
            )
            self._found.violated("I8", message, follow.last, state.line)
        state.room.skips.append((record.first, record.last, state.conn.user, state.line))
        follow.position = max(follow.position, record.last)
        follow.last = state.line

    def _stray(self, what: str) -> None:
        state = self._state
        self._found.violated("I12", f"{state.conn} got {what}, which it has not joined.", state.line)

    # -- where it ends -------------------------------------------------------------------------------------------------

    def on_closed(self, record: r.Closed) -> None:
        """End all follows of the connection."""
        conn = self._state.conn
        for follow in conn.follows.values():
            self._over(follow, conn)

    def _over(self, follow: Follow, conn: Conn) -> None:
        if follow.via:
            self._filled_up(follow, conn)
        if follow.covered <= follow.position:
            follow.room.covered.append((follow.covered, follow.position))
        follow.covered = follow.position + 1

    def on_page(self, record: r.Page) -> None:
        """Note the head of a room that is quiet."""
        room = self._state.room
        if record.final and not room.quiet:
            room.quiet = room.head
            room.quiet_line = room.head_line

    def on_finish(self) -> None:
        """Judge the positions of connections that are still open, and what was skipped."""
        for conn in self._state.conns.values():
            if not conn.over:
                for follow in conn.follows.values():
                    self._rest(follow, conn)
        for room in self._state.rooms.values():
            self._skipped(room)
        self._checked["I8"] += self._live
        self._checked["I12"] += self._live + self._filled
        self._checked["I9"] += self._filled

    def _rest(self, follow: Follow, conn: Conn) -> None:
        self._over(follow, conn)
        room = follow.room
        if not room.quiet:
            return
        self._checked["I9"] += 1
        if follow.position < room.quiet:
            message = (
                f"{conn} is at seq {follow.position} of {room.name} though all is quiet, and seq {room.quiet} is known."
            )
            self._found.violated("I9", message, follow.last, room.quiet_line)

    def _skipped(self, room: RoomState) -> None:
        if not room.skips:
            return
        others = [0]  # how many known events up to here are not joins: a skip over some shows as a difference
        for kind in room.kinds:
            others.append(others[-1] + (kind not in (0, JOINED)))
        for first, last, user, line in room.skips:
            low, high = max(0, first - room.base), min(room.size, last + 1 - room.base)
            if low >= high:
                continue
            if others[high] > others[low]:
                wrong = next(i for i in range(low, high) if room.kinds[i] not in (0, JOINED))
                name = self._state.names[user]
                message = f"What was skipped for {name} in {room.name} is not only joins: seq {room.base + wrong}."
                self._found.violated("I8", message, line, room.lines[wrong])
