"""I18: unread counts and read pointers."""

from bisect import bisect_left, bisect_right
from typing import Final

from madang_proof.history import records as r
from madang_proof.history.log import SENT
from madang_proof.history.parts import RoomState
from madang_proof.history.state import State

COUNTED: Final = 1_000  # where counts end


class _Messages:
    """Where the messages of a room are, and whose, as far as its log is known in the end."""

    def __init__(self, room: RoomState) -> None:
        self._unknown = list(range(1, room.base))
        self._sent: list[int] = []
        self._by_user: dict[int, list[int]] = {}
        for i in range(room.size):
            if not room.ids[i]:
                self._unknown.append(room.base + i)
            elif room.kinds[i] == SENT:
                self._sent.append(room.base + i)
                self._by_user.setdefault(room.users[i], []).append(room.base + i)
        self._end = room.base + room.size

    def of_others(self, after: int, upto: int, user: int) -> tuple[int, int]:
        """Return how many messages of others there are at least above a seq up to another, and at most."""

        def between(seqs: list[int]) -> int:
            return max(0, bisect_right(seqs, upto) - bisect_right(seqs, after))

        least = between(self._sent) - between(self._by_user.get(user, []))
        return least, least + between(self._unknown) + max(0, upto + 1 - max(self._end, after + 1))


class Reads:
    """Judges lists of rooms, and the read pointers in answers to join.

    I18: in every row unread is the number of messages of others above read_seq, up to seq and at most COUNTED, as far as the
    history knows these events. A read pointer is never below one that the same user had been told for the same room before
    asking: in an answer to join, or in a list of rooms. A fault may take back what was shown for the first time within
    `Setup.pointers_unwritten` before it, or while it lasted.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        # user, room -> when a greater pointer came, the pointers, and the lines; all ascending
        self._told: dict[tuple[int, str], tuple[list[int], list[int], list[int]]] = {}
        self._rows: dict[str, list[tuple[r.Unread, int, int]]] = {}  # by room: row, user, line

    def on_unread(self, record: r.Unread) -> None:
        """Judge one row."""
        self._checked["I18"] += 1
        user = self._state.clients.get(record.client)
        if user is not None:
            self._rows.setdefault(record.room, []).append((record, user, self._state.line))
            self._pointer(user, record.room, record.read_seq, record.asked or record.t, record.t)

    def on_finish(self) -> None:
        """Judge counts, once the logs are known."""
        for name, rows in self._rows.items():
            log = _Messages(self._state.find_room(name))
            for row, user, line in rows:
                least, most = log.of_others(row.read_seq, row.seq, user)
                if row.read_seq < 0 or not min(least, COUNTED) <= row.unread <= min(most, COUNTED):
                    message = f"{row.client} has {row.unread} unread in {name}, at {row.read_seq} of {row.seq}: there are {least}."
                    self._found.violated("I18", message, line)

    def on_joined(self, record: r.Joined) -> None:
        """Judge the pointer in an answer to join; 0 stands for none."""
        if record.read_seq:
            self._checked["I18"] += 1
            self._pointer(self._state.conn.user, record.room, record.read_seq, self._state.call.t, record.t)

    def _may_be_lost(self, told: int, asked: int) -> bool:
        """Return whether a fault that had begun when the pointer was asked for may have met it unwritten."""
        lag = self._state.setup.pointers_unwritten
        return lag > 0 and any(
            fault.start - lag <= told and fault.start <= asked and (fault.end is None or told <= fault.end)
            for fault in self._state.faults
        )

    def _pointer(self, user: int, room: str, seq: int, asked: int, t: int) -> None:
        times, pointers, lines = self._told.setdefault((user, room), ([], [], []))
        before = bisect_left(times, asked) - 1
        if before >= 0 and seq < pointers[before]:
            while before >= 0 and self._may_be_lost(times[before], asked):
                before -= 1
        if before >= 0 and seq < pointers[before]:
            name = self._state.names[user]
            message = f"The read pointer of {name} in {room} was {pointers[before]}, and is {seq} now."
            self._found.violated("I18", message, lines[before], self._state.line)
        if not pointers or seq > pointers[-1]:
            times.append(t)
            pointers.append(seq)
            lines.append(self._state.line)
