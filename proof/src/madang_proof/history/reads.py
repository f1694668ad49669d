"""I18: unread counts and read pointers."""

from bisect import bisect_left

from madang_proof.history import records as r
from madang_proof.history.state import State


class Reads:
    """Judges lists of rooms, and the read pointers in answers to join.

    I18: unread = seq − read_seq in every row, and none of them negative. A read pointer is never below one that the same
    user had been told for the same room before asking: in an answer to join, or in a list of rooms.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        # user, room -> when a greater pointer came, the pointers, and the lines; all ascending
        self._told: dict[tuple[int, str], tuple[list[int], list[int], list[int]]] = {}

    def on_unread(self, record: r.Unread) -> None:
        """Judge one row."""
        self._checked["I18"] += 1
        if record.unread != record.seq - record.read_seq or min(record.unread, record.read_seq) < 0:
            message = (
                f"{record.client} has {record.unread} unread in {record.room}, at {record.read_seq} of {record.seq}."
            )
            self._found.violated("I18", message, self._state.line)
        user = self._state.clients.get(record.client)
        if user is not None:
            self._pointer(user, record.room, record.read_seq, record.asked or record.t, record.t)

    def on_joined(self, record: r.Joined) -> None:
        """Judge the pointer in an answer to join; 0 stands for none."""
        if record.read_seq:
            self._checked["I18"] += 1
            self._pointer(self._state.conn.user, record.room, record.read_seq, self._state.call.t, record.t)

    def _pointer(self, user: int, room: str, seq: int, asked: int, t: int) -> None:
        times, pointers, lines = self._told.setdefault((user, room), ([], [], []))
        before = bisect_left(times, asked) - 1
        if before >= 0 and seq < pointers[before]:
            name = self._state.names[user]
            message = f"The read pointer of {name} in {room} was {pointers[before]}, and is {seq} now."
            self._found.violated("I18", message, lines[before], self._state.line)
        if not pointers or seq > pointers[-1]:
            times.append(t)
            pointers.append(seq)
            lines.append(self._state.line)
