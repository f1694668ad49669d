"""I19: what a search finds. That nothing is found of former members' rooms is judged in `access`, old contents in `pages`."""

import unicodedata

from madang_proof.history import records as r
from madang_proof.history.parts import Call, RoomState
from madang_proof.history.state import State


class Searches:
    """Judges searches of one room by its members.

    I19: every message that is found has what was searched for. A search that left nothing out finds the client's own message that has it,
    if its ack was known before the search was asked for, and nobody had asked to edit or delete it by the answer.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._touched: set[tuple[RoomState, int]] = set()  # messages that somebody has asked to edit or delete
        state.called.append(self._called)

    def _called(self, call: Call) -> None:
        if call.op in ("edit", "delete") and call.room is not None and call.command is not None:
            self._touched.add((call.room, call.command.target))

    def on_found(self, record: r.Found) -> None:
        """Judge what was found."""
        wanted = _folded(record.q)
        for message in record.messages:
            self._checked["I19"] += 1
            if message.deleted or wanted not in _folded(message.text):
                what = f"A search of {record.room} for {record.q!r} finds seq {message.seq}, which does not have it."
                self._found.violated("I19", what, self._state.line)
        if record.complete and not record.more and record.cid:
            self._complete(record)

    def _complete(self, record: r.Found) -> None:
        state, room = self._state, self._state.room
        user = state.clients.get(record.client)
        command = None if user is None else room.cids.get(user, {}).get(record.cid)
        if command is None or command.op != "send" or not command.acked or command.rivals:
            return
        seq = command.seq
        i = seq - room.base
        if not 0 <= i < room.size or not 0 < room.times[i] < record.asked or self._is_touched(room, seq):
            return
        self._checked["I19"] += 1
        if seq not in {message.seq for message in record.messages}:
            message = f"A search of {record.room} for {record.q!r} does not find seq {seq}, which was acked before it was asked."
            self._found.violated("I19", message, command.acked, state.line)

    def _is_touched(self, room: RoomState, seq: int) -> bool:
        asked = ((room.name, seq, op) for op in ("edit", "delete"))
        early = {(invoke.room, invoke.target, invoke.op) for conn in self._state.early for _, invoke in conn.early}
        return (room, seq) in self._touched or not early.isdisjoint(asked)


def _folded(text: str) -> str:
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()
