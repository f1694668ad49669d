"""I1 to I4, I13 and I26: what became of commands, by their acks and by the log.

An event does not say which command caused it. Where a command was acked, the seq in the ack says so; what is left over
in the log is matched with unanswered commands, by user and text. So a load that uses every text once is judged exactly;
where texts repeat, a doubled message can pass for another one of the same text that was never answered.
"""

from collections import Counter
from typing import Final

from madang_proof.history import records as r
from madang_proof.history import types
from madang_proof.history.log import KINDS
from madang_proof.history.parts import Append, RoomState
from madang_proof.history.state import APPENDS, State

LEVELS: Final = {"buffered": 1, "replicated": 2, "stored": 3}
"""Of an ack, from the weakest to the strongest."""

_Key = tuple[str, int, int]  # operation, user, text
_TEXTS: Final = ("send", "edit")  # carry a text
_UNASKED: Final = ("create", "change", "role")  # how a room is set up is not always in its history
_KINDS: Final = {op: tuple(KINDS[type] for type in types) for op, types in APPENDS.items()}
_ASKED: Final = {kind: op for op, kinds in _KINDS.items() if op not in _UNASKED for kind in kinds}
_TYPES: Final = {kind: type for type, kind in KINDS.items()}


class Sends:
    """Judges commands that append.

    I1: an ok to any append names a seq and an id. The event at that seq has that id, the type that the operation appends,
    its user, its text (in NFC) and target, unless a deletion erased the text; a seq that a connection was taken across has
    an event. A message that no ack names, with a user and text whose every send was acked, was stored twice. Final pages
    are judged by `pages`, under I1 as well.
    I2: if all calls of a command were refused, no event is left over that has its user and text (for edits, and target).
    I3: for a command without an answer, at most one event is left over that can be its own.
    I4: every event but room.created, room.changed and member.role was asked for by its user, and a message before its event
    was seen. Where `Setup.others` is set, this is judged only for these clients' users, above the position first told.
    I13: all oks of a cid give the same id and seq, all but one say `duplicate`, none is refused as a conflict if only one
    content was used, and other content gets no ok, unless the message was deleted.
    I26: an ok that names a seq names a level, not above the one that `Setup.ack` says the store provides.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._erased: dict[
            RoomState, dict[int, int]
        ] = {}  # messages that were deleted, and since when that was asked for
        # Contents that were answered as duplicates, where the cid has several: room, command, seq, id, line of the ok.
        self._whatever: list[tuple[RoomState, Append, int, int, int]] = []
        state.learned.append(self._learn)

    # -- as they come --------------------------------------------------------------------------------------------------

    def on_ok(self, record: r.Ok) -> None:
        """Judge an ack against the acks before it."""
        state = self._state
        command = state.command
        if command is None:
            return
        self._level(record)
        command.acked = command.acked or state.line
        if record.seq and state.at >= 0:
            if record.duplicate and any(x.seq == record.seq and x is not command for x in command.rivals):
                self._whatever.append((state.room, command, record.seq, _id(record), state.line))
            elif not command.seq:
                self._first(record, command, state.room)
            else:
                self._again(record, command, state.room)
        if not record.duplicate:
            command.fresh = command.fresh or state.line

    def _first(self, record: r.Ok, command: Append, room: RoomState) -> None:
        line, i = self._state.line, self._state.at
        what = self._name(command, room)
        early = self._state.used_early()
        command.seq = record.seq
        if record.duplicate and not (command.pending or command.unanswered or command.rivals or early):
            if command.refused:
                message = f"{what} had only been refused, and then was answered as a duplicate."
                self._found.violated("I2", message, command.invoked, command.refused, line)
            elif not self._state.setup.others:
                message = f"{what} was answered as a duplicate, and was the first of its cid."
                self._found.violated("I13", message, command.invoked, line)
        for rival in command.rivals:
            if rival.acked and rival is not command:
                message = f"{what} was acked, and so was other content under the same cid."
                self._found.violated("I13", message, rival.invoked, rival.acked, command.invoked, line)
        if room.acks[i]:
            self._found.violated(
                "I5", f"seq {record.seq} of {room.name} was given to two commands.", room.acks[i], line
            )
            return
        room.acks[i] = line
        room.acked_ids[i] = _id(record)
        if room.lines[i] < command.invoked and not early and not (record.duplicate and command.rivals):
            message = f"seq {record.seq} of {room.name} was seen before it was asked for: {what}."
            self._found.violated("I4", message, room.lines[i], command.invoked, line)

    def _level(self, record: r.Ok) -> None:
        if not record.seq and not record.ack:
            return
        state = self._state
        self._checked["I26"] += 1
        given = state.setup.ack
        if record.ack not in LEVELS:
            self._found.violated("I26", f"An ack names {record.ack!r} as its level.", state.call.line, state.line)
        elif LEVELS[record.ack] > LEVELS[given]:
            message = f"An ack says {record.ack}, and the store gives no more than {given}."
            self._found.violated("I26", message, state.call.line, state.line)

    def _again(self, record: r.Ok, command: Append, room: RoomState) -> None:
        state = self._state
        self._checked["I13"] += 1
        lines = (command.invoked, command.acked, state.call.line, state.line)
        what = self._name(command, room)
        if record.seq != command.seq or _id(record) != room.acked_ids[command.seq - room.base]:
            self._found.violated("I13", f"{what} was acked as seq {command.seq}, and then as {record.seq}.", *lines)
        elif not record.duplicate and command.fresh:
            self._found.violated("I13", f"{what} was acked twice, and neither ack says duplicate.", *lines)

    def on_fail(self, record: r.Fail) -> None:
        """Judge a conflict: there must be other content under the cid."""
        state = self._state
        command = state.command
        if command is None or record.code != "conflict":
            return
        self._checked["I13"] += 1
        if command.acked or not (command.rivals or state.used_early()):
            what = self._name(command, state.call.room)
            lines = (command.invoked, command.acked, state.call.line, state.line)
            self._found.violated("I13", f"{what} is refused as a conflict with itself.", *lines)

    def _learn(self, record: r.Event, room: RoomState) -> None:
        if record.type == types.DELETED:
            self._erased.setdefault(room, {}).setdefault(record.target, 0)

    # -- when all is known ---------------------------------------------------------------------------------------------

    def on_finish(self) -> None:
        """Compare the acks with the logs, and match what is left over with unanswered commands."""
        for room in self._state.rooms.values():
            for command in room.all_commands():
                if command.op == "delete" and (command.acked or command.open):
                    erased = self._erased.setdefault(room, {})
                    erased[command.target] = min(command.invoked, erased.get(command.target) or command.invoked)
                if command.seq:
                    self._compare(room, command)
                if command.refused and not command.acked and not command.open:
                    self._checked["I2"] += 1
                self._checked["I3"] += command.unanswered or command.pending > 0
            self._leftovers(room)
        for room, command, seq, id, line in self._whatever:
            self._other(room, command, seq, id, line)

    def _other(self, room: RoomState, command: Append, seq: int, id: int, line: int) -> None:
        """Judge content that was given another content's ack: only erased content cannot be told from it."""
        self._checked["I13"] += 1
        if not self._is_erased(room, command, seq, line) or id != room.acked_ids[seq - room.base]:
            first = next(rival for rival in command.rivals if rival.seq == seq)
            message = f"{self._name(command, room)} was answered with seq {seq} and id {id}, which are not its own."
            self._found.violated("I13", message, first.invoked, first.acked, command.invoked, line)

    def _is_erased(self, room: RoomState, command: Append, seq: int, line: int) -> bool:
        """Return whether the message at a seq, or the one edited there, may have been deleted before a record."""
        erased = self._erased.get(room, {})
        messages = [seq, *(rival.target for rival in command.rivals if rival.op == "edit")]
        return any(erased.get(message, line) < line for message in messages)

    def _compare(self, room: RoomState, command: Append) -> None:
        i = command.seq - room.base
        self._checked["I1"] += 1
        if not room.ids[i]:
            return  # no client was shown it; whether one should have been is judged by `order` and `pages`
        wrong = ""
        if room.ids[i] != room.acked_ids[i]:
            wrong = "has another id"
        elif room.kinds[i] not in _KINDS[command.op]:
            wrong = "is something else"
        elif room.users[i] != command.user and command.user >= 0:
            wrong = "is of another user"
        elif command.op in _TEXTS and room.texts[i] not in (0, command.text):
            others = {rival.text for rival in command.rivals}
            if room.texts[i] in others and self._is_erased(room, command, command.seq, command.acked):
                return  # the ack is of the other content
            wrong = "has another text"
        if wrong:
            message = f"{self._name(command, room)} was acked as seq {command.seq}, and the event there {wrong}."
            self._found.violated("I1", message, command.invoked, command.acked, room.shown[i])

    def _leftovers(self, room: RoomState) -> None:
        """Match events that no ack names with commands."""
        self._checked["I4"] += room.size - room.kinds.count(0)
        known = zip(room.kinds, room.acks, room.ids, strict=True)
        left = [i for i, (kind, ack, id) in enumerate(known) if id and not ack and kind in _ASKED]
        if self._state.setup.others:
            mine = self._state.opened
            left = [i for i in left if room.users[i] in mine and room.base + i > room.told]
        if not left:
            return
        waiting: Counter[_Key] = Counter()  # may have been done, and no ack says so
        settled: dict[_Key, Append] = {}  # to say at the end what is wrong with what is left over
        for command in room.all_commands():
            key = (command.op, command.user, command.text if command.op in _TEXTS else 0)
            if command.open or (command.op == "join" and command.acked):
                waiting[key] += 1
            elif key not in settled or command.acked:
                settled[key] = command
        unsure = []
        for i in left:
            op = _ASKED[room.kinds[i]]
            if op in _TEXTS and not room.texts[i]:  # erased, or only ever seen edited
                unsure.append(i)
                continue
            key = (op, room.users[i], room.texts[i] if op in _TEXTS else 0)
            if not _take(waiting, key):
                self._surplus(room, i, settled.get(key), key in waiting)
        if unsure:
            fits: dict[tuple[str, int], Counter[_Key]] = {}
            for (op, user, text), count in waiting.items():
                fits.setdefault((op, user), Counter())[op, user, text] += count
            unsure = [i for i in unsure if not _take_any(fits, _ASKED[room.kinds[i]], room.users[i])]
        for i in unsure:
            self._surplus(room, i, None, False)

    def _surplus(self, room: RoomState, i: int, settled: Append | None, matched: bool) -> None:
        """Report an event for which no command is left."""
        name = self._state.names[room.users[i]]
        what = f"seq {room.base + i} of {room.name}, {_TYPES[room.kinds[i]]} of {name}"
        if matched:
            self._found.violated(
                "I3", f"A command that was not answered was done more than once: {what}.", room.shown[i]
            )
        elif settled is None:
            self._found.violated("I4", f"Nobody asked for {what}.", room.shown[i])
        elif settled.acked:
            message = f"What was acked as seq {settled.seq} was done again: {what}."
            self._found.violated("I1", message, settled.invoked, settled.acked, room.shown[i])
        else:
            message = f"What was refused was done: {what}."
            self._found.violated("I2", message, settled.invoked, settled.refused, room.shown[i])

    def _name(self, command: Append, room: RoomState | None) -> str:
        where = f" in {room.name}" if room else ""
        name = self._state.names[command.user] if command.user >= 0 else "somebody"
        return f"{command.op} of {name}{where}"


def _take(waiting: Counter[_Key], key: _Key) -> bool:
    """Use up one command: the user's, or one of a connection whose user never became known."""
    for fit in (key, (key[0], -1, key[2])):
        if waiting.get(fit):
            waiting[fit] -= 1
            return True
    return False


def _take_any(fits: dict[tuple[str, int], Counter[_Key]], op: str, user: int) -> bool:
    for owner in (user, -1):
        counts = fits.get((op, owner))
        while counts:
            key, count = next(iter(counts.items()))
            if count > 1:
                counts[key] -= 1
            else:
                del counts[key]
            if count:
                return True
    return False


def _id(record: r.Ok) -> int:
    """Return the id of an ack as a number, 0 where it is not one."""
    return int(record.id) if record.id.isdecimal() and len(record.id) < 20 else 0
