"""I11: what reaches a user after a membership has ended, and what the user still does.

The end of a membership is an event of the room, so it has a seq, and the seqs above it may not be shown until the next
`member.joined` of the user. A room shows its whole history to members: a user who joins again may read all of it.
"""

from bisect import bisect_right
from collections import defaultdict

from madang_proof.history import records as r
from madang_proof.history.log import KINDS
from madang_proof.history.parts import Call, Follow, RoomState
from madang_proof.history.state import State
from madang_proof.history.types import OF_NON_MEMBERS

_OF_NON_MEMBERS = frozenset(KINDS[type] for type in OF_NON_MEMBERS)
_Changes = list[tuple[int, bool, int]]


class Access:
    """Judges events and pages after the end of a membership.

    I11: a connection that was given the event which ended its user's membership gets nothing more of the room before it
    joins again. No connection of the user, wherever in the history that event is seen, is taken live from below the end
    to above it, unless by the event of a new membership. A resume is not answered with a position above an end, nor
    from one at or above it, unless a membership began in between. An end up to the `read_seq` of the answer to join, or up
    to where a first join of the user had been answered by then, belongs to an earlier membership. A page asked for after a
    leave, kick or ban was acked is answered only if the user asked to join since. Above an end the log has no event of its
    user, up to the first unknown seq, which may be a new membership; where others use the rooms, only acked events count.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._follows: list[Follow] = []
        self._renewed: dict[tuple[RoomState, int], int] = {}  # the highest position that a first join gave a user
        self._joins: defaultdict[tuple[RoomState, int], list[int]] = defaultdict(
            lambda: [0, 0]
        )  # pending, line of the newest
        self._barred: dict[tuple[RoomState, int], tuple[int, int]] = {}  # t and line of the ack of a leave, kick or ban
        state.learned.append(self._learn)
        state.called.append(self._called)

    # -- joins, leaves, kicks and bans, as they are asked for ----------------------------------------------------------------

    def _called(self, call: Call) -> None:
        if call.op == "join" and call.room is not None:
            key = (call.room, call.conn.user)
            self._joins[key] = [self._joins[key][0] + 1, call.line]
            self._barred.pop(key, None)

    def _settle(self) -> None:
        call = self._state.call
        if call.op == "join" and call.room is not None:
            key = (call.room, call.conn.user)
            self._joins[key] = [self._joins[key][0] - 1, self._state.line]

    def on_fail(self, record: r.Fail) -> None:
        """Count a refused join as done."""
        self._settle()

    def on_joined(self, record: r.Joined) -> None:
        """Note a new position of a connection."""
        self._settle()
        state = self._state
        follow = state.follow
        assert follow is not None
        self._follows.append(follow)
        key = (state.room, follow.user)
        if follow.resumed:  # a session that is recovered goes on from before an end, if a new membership is in force
            follow.reach = max(follow.reach, self._renewed.get(key, 0))
        else:
            self._renewed[key] = max(record.seq, self._renewed.get(key, 0))

    def on_ok(self, record: r.Ok) -> None:
        """Note an end of a membership that nothing can have renewed: no join was under way since it was asked for."""
        state, call = self._state, self._state.call
        if call.op not in ("leave", "kick") or call.room is None or not record.seq:
            return
        key = (call.room, state.user(call.subject) if call.op == "kick" else call.conn.user)
        pending, newest = self._joins[key]
        if not pending and newest < call.line and not state.unsure(call.room):
            self._barred[key] = (record.t, state.line)

    def on_page(self, record: r.Page) -> None:
        """Judge a page against the ends that were known when it was asked for."""
        self._barred_from(record, "I11")

    def on_found(self, record: r.Found) -> None:
        """Judge what a search found in the same way."""
        self._barred_from(record, "I19")

    def _barred_from(self, record: r.Page | r.Found, invariant: str) -> None:
        state = self._state
        user = state.clients.get(record.client)
        barred = None if user is None else self._barred.get((state.room, user))
        if barred is None or not barred[0] < record.asked or state.unsure(state.room):
            return
        self._checked[invariant] += 1
        message = f"{record.client} is shown a page of {record.room}, asked for after the membership had ended."
        self._found.violated(invariant, message, barred[1], state.line)

    # -- events --------------------------------------------------------------------------------------------------------

    def _learn(self, record: r.Event, room: RoomState) -> None:
        """Keep the end that is in force: one after which no join is known."""
        user = self._state.users.get(record.member if record.type == "member.kicked" else record.user, -1)
        changes = room.changes.get(user)
        if changes and changes[-1][0] == record.seq:
            seq, end, line = max(changes)
            if end:
                room.ended[user] = (seq, line)
            else:
                room.ended.pop(user, None)

    def on_event(self, record: r.Event) -> None:
        """Judge an event against what is known of memberships by now."""
        state = self._state
        follow = state.follow
        if follow is None:
            if line := state.conn.ended.get(record.room):
                self._late(str(state.conn), record.seq, line, state.line)
        elif state.room.ended and record.via == "live" and (end := state.room.ended.get(follow.user)):
            seq, line = end
            if (
                max(follow.point, follow.reach) < seq < record.seq
                and self._renewed.get((state.room, follow.user), 0) < seq
            ):
                follow.late = True
                self._late(str(state.conn), record.seq, line, state.line)

    def _late(self, who: str, seq: int, *lines: int) -> None:
        message = f"{who} got seq {seq} of {self._state.room.name} after the membership had ended."
        self._found.violated("I11", message, *lines)

    def on_finish(self) -> None:
        """Judge each connection's way through a room against all ends that came to be known."""
        for room in self._state.rooms.values():
            for changes in room.changes.values():
                changes.sort()
            self._deeds(room)
        for follow in self._follows:
            if follow.user in follow.room.changes:
                self._checked["I11"] += 1
                if not follow.late:
                    self._way(follow, follow.room.changes[follow.user])

    def _deeds(self, room: RoomState) -> None:
        """Judge what the log has above ends of memberships."""
        changed = {seq: (user, end, line) for user, known in room.changes.items() for seq, end, line in known}
        first = min((seq for seq, (_, end, _) in changed.items() if end), default=room.base + room.size)
        out: dict[int, tuple[int, int]] = {}  # users who are not members -> seq and line of the end
        for i in range(first - room.base, room.size):
            kind, user = room.kinds[i], room.users[i]
            if not kind:
                out.clear()
                continue
            if (
                user in out
                and room.ids[i]
                and kind not in _OF_NON_MEMBERS
                and (room.acks[i] or not self._state.setup.others)
            ):
                seq, line = out.pop(user)
                message = (
                    f"seq {room.base + i} of {room.name} is of {self._state.names[user]}, "
                    f"whose membership had ended with seq {seq}."
                )
                self._found.violated("I11", message, line, room.shown[i])
            if (change := changed.get(room.base + i)) is not None:
                user, end, line = change
                self._checked["I11"] += 1
                if end:
                    out[user] = (room.base + i, line)
                else:
                    out.pop(user, None)

    def _way(self, follow: Follow, changes: _Changes) -> None:
        room = follow.room
        self._state.room = room
        name = self._state.names[follow.user]
        renewed = self._renewed.get((room, follow.user), 0)
        low = bisect_right(changes, (max(follow.point, follow.reach), True, 1 << 62))
        high = bisect_right(changes, (follow.position - 1, True, 1 << 62))
        for at in range(low, high):
            seq, end, line = changes[at]
            after = changes[at + 1][0] if at + 1 < len(changes) else 0
            if end and after != seq + 1 and (after or renewed < seq):
                self._late(name, seq + 1, line, follow.joined, follow.last)
                return
        if follow.resumed and low and changes[low - 1][1]:
            seq, _, line = changes[
                low - 1
            ]  # the membership had ended before, or ended just then and nothing came after
            renews = low < len(changes) and changes[low][0] <= follow.position
            if seq > follow.reach and (seq < follow.point or seq <= follow.since) and renewed < seq and not renews:
                message = (
                    f"{name} resumed {room.name} from {follow.since}, after the membership had ended with seq {seq}."
                )
                self._found.violated("I11", message, line, follow.joined)
