"""I5, I6 and I7: how a room's log is numbered, against real time and against the order of commands."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from madang_proof.history import records as r
from madang_proof.history.parts import Conn, RoomState
from madang_proof.history.state import State


class _Appended:
    """What one connection appended to one room: lines of the calls, ascending, and the seqs and lines of their acks."""

    __slots__ = ("acks", "lines", "seqs")

    def __init__(self) -> None:
        self.lines = array("I")
        self.seqs = array("Q")
        self.acks = array("I")


class Order:
    """Judges numbering.

    I5: no seq is in two acks of different commands; ids grow with seqs, over all that acks, events and pages name; every
    seq that a connection was taken across by consecutive events is known by an event or was skipped.
    I6: a command's seq is above all that any client had been told of the room's log (acks, events, pages) when its cid was
    called for the first time.
    I7: of one connection's calls in one room, those answered ok without `duplicate` have seqs in the order of calling.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._appended: dict[tuple[Conn, RoomState], _Appended] = {}

    def on_ok(self, record: r.Ok) -> None:
        """Judge a seq against what was known, and against those of the same connection."""
        state = self._state
        command = state.command
        if command is None or not record.seq or state.at < 0:
            return
        room, call, line = state.room, state.call, state.line
        rival = record.duplicate and command.rivals  # the seq may be of other content that was deleted
        if command.floor and not rival and not state.used_early():
            self._checked["I6"] += 1
            if record.seq <= command.floor:
                message = (
                    f"seq {record.seq} of {room.name} was given to a {command.op} that was asked for "
                    f"when seq {command.floor} was known."
                )
                self._found.violated("I6", message, command.floor_line, command.invoked, line)
        if record.duplicate:
            return
        key = (state.conn, room)
        appended = self._appended.get(key)
        if appended is None:
            appended = self._appended[key] = _Appended()
        lines, seqs, acks = appended.lines, appended.seqs, appended.acks
        at = len(lines) if not lines or call.line > lines[-1] else bisect_left(lines, call.line)
        self._checked["I7"] += bool(lines)
        for other in (at - 1, at):
            if 0 <= other < len(lines) and (other < at) != (seqs[other] < record.seq):
                message = (
                    f"{state.conn} asked for two appends to {room.name}, and they were numbered the other way round."
                )
                self._found.violated("I7", message, lines[other], acks[other], call.line, line)
        lines.insert(at, call.line)
        seqs.insert(at, record.seq)
        acks.insert(at, line)

    def on_finish(self) -> None:
        """Judge each room's ids, and its gaps."""
        for room in self._state.rooms.values():
            self._ids(room)
            self._holes(room)

    def _ids(self, room: RoomState) -> None:
        newest = at = 0
        for i, (id, acked) in enumerate(zip(room.ids, room.acked_ids, strict=True)):
            if number := id or acked:
                self._checked["I5"] += 1
                if number <= newest:
                    message = f"In {room.name}, seq {room.base + i} has no greater id than seq {room.base + at}."
                    self._found.violated("I5", message, *(room.shown[j] or room.lines[j] for j in (at, i)))
                newest, at = number, i

    def _holes(self, room: RoomState) -> None:
        """Find seqs that connections were taken across and no client was ever given."""
        base, end = room.base, room.base + room.size
        explained = bytearray(room.size)
        for first, last in _merged(skip[:2] for skip in room.skips):
            first, last = max(first, base), min(last + 1, end)
            explained[first - base : last - base] = b"\1" * max(0, last - first)
        for first, last in _merged(room.covered):
            for i in range(first - base, min(last + 1, end) - base):
                if room.marks[i] or room.ids[i] or explained[i]:
                    continue
                what = f"seq {base + i} of {room.name} was given to nobody, and connections were taken across it."
                if room.acks[i]:
                    self._found.violated(
                        "I1", f"What was acked is nowhere: {what}", room.acks[i], *self._beside(room, i)
                    )
                else:
                    self._found.violated("I5", f"There is a gap: {what}", *self._beside(room, i))

    def _beside(self, room: RoomState, i: int) -> list[int]:
        """Return the records of what is before and after a gap."""
        ways = (range(i - 1, -1, -1), range(i + 1, room.size))
        return [next((room.lines[j] for j in way if room.lines[j]), 0) for way in ways]


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges that overlap."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
