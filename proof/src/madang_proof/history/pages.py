"""I14 and I15, and I1 for final pages: what readers are shown, against what was known before they asked."""

from typing import Final

from madang_proof.history import records as r
from madang_proof.history.log import SENT, hashed
from madang_proof.history.parts import RoomState
from madang_proof.history.state import State

GONE: Final = -1  # in place of a text: deleted
_MANY: Final = 1 << 62


class _Version:
    """A content that a message was given, by an edit or as GONE; known since `t` by the record at `line`."""

    __slots__ = ("line", "seq", "t", "text")

    def __init__(self, seq: int, text: int, t: int, line: int) -> None:
        self.seq = seq
        self.text = text
        self.t = t
        self.line = line


class Pages:
    """Judges pages, and the texts of events that come with joins and resets.

    I14: a page shows each message with content not older than the newest edit or deletion whose ack or event any client
    had before the page was asked for; what a search found, likewise (I19). An event that comes with a join has no text if the deletion of its message was known
    before the join was asked for; with a reset, if the connection had received the deletion itself.
    I10: the content is one that the message was given: by its event, an edit, or an edit or deletion without an answer.
    I15: every message that an ack or event made known before a page was asked for is on it, if the page covers its seq:
    from its first message (its beginning, where `more` is not set) to its last (its end), as `before` and `after` say. A
    room's `seq` in a list of rooms is not below what was known before it was asked for.
    I1: the same for final pages.
    I9: a page's messages ascend, lie in the range asked for, and are no more than its limit.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._versions: dict[RoomState, dict[int, list[_Version]]] = {}
        # Shown contents that fit nothing that was known by then: room, seq, content, newest version known, line, by a search.
        self._open: list[tuple[RoomState, int, int, int, int, bool]] = []
        state.learned.append(self._learn)

    # -- contents, as they come to be known ----------------------------------------------------------------------------

    def _learn(self, record: r.Event, room: RoomState) -> None:
        if record.type == "message.edited":
            self._version(room, record.target, record.seq, hashed(record.text) if record.text else 0, record.t)
        elif record.type == "message.deleted":
            self._version(room, record.target, record.seq, GONE, record.t)

    def on_ok(self, record: r.Ok) -> None:
        """Note the content that an acked edit or deletion gave."""
        command, room = self._state.command, self._state.call.room
        if command is not None and room is not None and record.seq and command.op in ("edit", "delete"):
            text = GONE if command.op == "delete" else command.text
            self._version(room, command.target, record.seq, text, record.t)

    def _version(self, room: RoomState, target: int, seq: int, text: int, t: int) -> None:
        versions = self._versions.setdefault(room, {}).setdefault(target, [])
        for version in versions:
            if version.seq == seq:
                version.text = version.text or text
                return
        versions.append(_Version(seq, text, t, self._state.line))

    # -- what is shown -------------------------------------------------------------------------------------------------

    def on_event(self, record: r.Event) -> None:
        """Judge the text of an event that came with a join or a reset."""
        if record.via == "live" or not record.text:
            return
        state = self._state
        follow, versions = state.follow, self._versions.get(state.room)
        if follow is None or versions is None:
            return
        for version in versions.get(record.target or record.seq, ()):
            if version.text != GONE:
                continue
            self._checked["I14"] += 1
            if version.t < follow.asked if record.via == "join" else version.seq <= follow.passed:
                message = f"{state.conn} is shown the text of seq {record.seq} of {record.room}, which was known to be deleted."
                self._found.violated("I14", message, version.line, follow.joined, state.line)

    def on_page(self, record: r.Page) -> None:
        """Judge a page."""
        self._layout(record)
        self._complete(record)
        self._contents(record)

    def on_found(self, record: r.Found) -> None:
        """Judge the contents of what a search found."""
        self._contents(record)

    def _contents(self, record: r.Page | r.Found) -> None:
        searched = isinstance(record, r.Found)
        room = self._state.room
        versions = self._versions.get(room, {})
        for message in record.messages:
            i = message.seq - room.base
            if not 0 <= i < room.size:
                continue
            text = GONE if message.deleted and not message.text else hashed(message.text)
            known = versions.get(message.seq)
            if not known:
                if text != room.texts[i]:
                    self._open.append((room, message.seq, text, 0, self._state.line, searched))
                continue
            newest = max((v.seq for v in known if v.t < record.asked), default=0)
            self._checked["I19" if searched else "I14"] += newest > 0
            if not any(v.text == text and v.seq >= newest for v in known) and (newest or text != room.texts[i]):
                self._open.append((room, message.seq, text, newest, self._state.line, searched))

    def _layout(self, record: r.Page) -> None:
        low, high = record.after, record.before or _MANY
        self._checked["I9"] += 1
        for message in record.messages:
            if not low < message.seq < high:
                what = "more than once, or out of order" if low > record.after else "which was not asked for"
                message_ = f"A page of {record.room} has seq {message.seq}, {what}."
                self._found.violated("I1" if record.final and low > record.after else "I9", message_, self._state.line)
                return
            low = message.seq
        if len(record.messages) > record.limit:
            message_ = f"A page of {record.room} has {len(record.messages)} messages; {record.limit} were asked for."
            self._found.violated("I9", message_, self._state.line)

    def _complete(self, record: r.Page) -> None:
        """Judge that no message is missing that was known when the page was asked for."""
        room, messages = self._state.room, record.messages
        if record.more and not messages:
            return
        first = messages[0].seq if record.more and not record.after else record.after + 1
        last = messages[-1].seq if record.more and record.after else (record.before or _MANY) - 1
        low, high = max(0, first - room.base), max(0, min(room.size, last + 1 - room.base))
        self._checked["I1" if record.final else "I15"] += len(messages)
        if room.kinds.count(SENT, low, high) <= len(messages):
            return
        shown = {message.seq for message in messages}
        i = room.kinds.find(SENT, low, high)
        while i >= 0:
            if room.base + i not in shown and 0 < room.times[i] < record.asked:
                seq, before = room.base + i, "all was quiet" if record.final else "it was asked for"
                message = f"A page of {record.room} lacks seq {seq}, which was known before {before}."
                invariant = "I1" if record.final else "I15"
                self._found.violated(invariant, message, room.acks[i], room.lines[i], self._state.line)
            i = room.kinds.find(SENT, i + 1, high)

    def on_unread(self, record: r.Unread) -> None:
        """Judge where a list of rooms says that a log ends."""
        room = self._state.rooms.get(record.room)
        if room is None or not record.asked:
            return
        self._checked["I15"] += 1
        known = room.head_at(record.asked)
        if record.seq < known:
            message = f"A list of rooms has {record.room} at seq {record.seq}, and seq {known} was known before it was asked for."
            self._found.violated("I15", message, room.lines[known - room.base], self._state.line)

    # -- when all is known ---------------------------------------------------------------------------------------------

    def on_finish(self) -> None:
        """Judge contents that did not fit what was known when they were shown."""
        asked: dict[RoomState, dict[int, set[int]]] = {}
        for room, seq, text, newest, line, searched in self._open:
            i = seq - room.base
            self._checked["I10"] += 1
            versions = self._versions.get(room, {}).get(seq, [])
            if any(v.seq >= newest and v.text in (text, 0) for v in versions):
                continue
            if not newest and room.texts[i] in (text, 0) and text != GONE:
                continue
            if room not in asked:
                asked[room] = _unanswered(room)
            if text in asked[room].get(seq, ()):
                continue
            if text == room.texts[i] or any(v.text == text for v in versions):
                since = next((v.line for v in versions if v.seq == newest), 0)
                page = "search" if searched else "page"
                message = f"A {page} of {room.name} shows seq {seq} as it was before seq {newest} changed it."
                self._found.violated("I19" if searched else "I14", message, room.shown[i], since, line)
            else:
                what = "deleted" if text == GONE else "with a text"
                message = f"A page of {room.name} shows seq {seq} {what}, and nobody made it so."
                self._found.violated("I10", message, room.shown[i], line)


def _unanswered(room: RoomState) -> dict[int, set[int]]:
    """Return the contents that edits and deletions may have given messages, for all that is known."""
    contents: dict[int, set[int]] = {}
    for command in room.all_commands():
        if command.open and command.op in ("edit", "delete"):
            contents.setdefault(command.target, set()).add(GONE if command.op == "delete" else command.text)
    return contents
