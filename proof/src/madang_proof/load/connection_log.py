"""What one client writes into the history: each frame as it arrived, each command before it is sent. Nothing clever here."""

from typing import Final

import msgspec

from madang_proof.history import records as r
from madang_proof.history.records import now
from madang_proof.load import frames
from madang_proof.load.command import Asked, Command
from madang_proof.load.recorder import Recorder

UNSURE: Final = frozenset({"storage_failed", "internal"})  # codes that leave open whether the command was stored
READS: Final = frozenset(
    {"hello", "history", "rooms", "presence", "invite", "revoke", "refresh", "search"}
)  # only their answers are noted


class ConnectionLog:
    """Notes what one client sends and receives, connection by connection."""

    def __init__(self, recorder: Recorder, client: str) -> None:
        self.recorder = recorder
        self._client = client
        self._conn = 0
        self._named = False  # whether a record names the connection

    def begin(self) -> None:
        """Note that a connection begins."""
        self.recorder.counted["connections"] += 1
        self._conn = self.recorder.new_connection()
        self._named = False

    def opened(self, at: int, user: str, port: int) -> None:
        """Note that hello was answered ok, on a connection from this local port."""
        self._named = True
        self.recorder.note(r.Opened(at, self._conn, self._client, user, self.recorder.node_of(port)))

    def closed(self, code: int, *, mine: bool, unanswered: int) -> None:
        """Note that the connection is over, and how many sends it left unanswered."""
        self.recorder.closes[code] += 1
        self.recorder.counted["unknown"] += unanswered
        if self._named:
            self.recorder.note(r.Closed(now(), self._conn, code, mine))

    def invoke(self, at: int, call: int, c: Command) -> None:
        """Note a command that is about to be sent."""
        if c.op == "send":
            self.recorder.counted["sends"] += 1
        if c.op not in READS:
            self._named = True
            self.recorder.note(r.Invoke(at, call, self._conn, c.op, c.room, c.cid, c.text, c.target, c.user))

    def event(self, at: int, e: frames.EventFrame, via: str = "live") -> None:
        """Note an event."""
        self.recorder.counted["deliveries"] += 1
        self.recorder.note(
            r.Event(at, self._conn, e.room, e.seq, e.id, e.type, e.user, e.text, e.target, e.member, e.deleted, via)
        )

    def joined(self, at: int, f: frames.Frame, asked: Asked) -> None:
        """Note that a join was answered ok."""
        self.recorder.counted["joins"] += 1
        room, since = asked.command.room, asked.command.more.get("since")
        self.recorder.note(r.Joined(at, f.n, self._conn, room, f.epoch, f.seq, since, f.reset, f.read_seq))
        for event in f.events:
            self.event(at, event, "join")

    def skip(self, at: int, f: frames.Frame) -> None:
        """Note that the server left events out."""
        self.recorder.note(r.Skip(at, self._conn, f.room, f.first, f.last))

    def behind(self, at: int, f: frames.Frame) -> None:
        """Note that the client reads too slowly."""
        self.recorder.counted["behind"] += 1
        self.recorder.note(r.Behind(at, self._conn, f.room, f.seq))

    def reset(self, at: int, f: frames.Frame) -> None:
        """Note a fresh start."""
        self.recorder.counted["resets"] += 1
        self.recorder.note(r.Reset(at, self._conn, f.room, f.epoch, f.seq))
        for event in f.events:
            self.event(at, event, "reset")

    def refused(self, at: int, f: frames.Frame, op: str) -> None:
        """Note that a command was answered with an error."""
        self.recorder.refusals[f.code] += 1
        if op not in READS:
            self.recorder.note(r.Unknown(at, f.n, f.code) if f.code in UNSURE else r.Fail(at, f.n, f.code))

    def done(self, at: int, f: frames.Frame, asked: Asked, *, final: bool) -> None:
        """Note that a command was answered ok; `final`: when all was quiet."""
        note, command = self.recorder.note, asked.command
        match command.op:
            case "history":
                self.recorder.counted["pages"] += 1
                note(_page(at, f, asked, self._client, final=final))
            case "search":
                self.recorder.counted["searches"] += 1
                for found in _found(at, f, asked, self._client):
                    note(found)
            case "rooms":
                for row in f.rooms:
                    note(r.Unread(at, self._client, row.room, row.seq, row.read_seq, row.unread, asked.at))
            case "presence":
                note(r.Presence(at, asked.at, command.room, list(f.users), f.count))
            case "send":
                self.recorder.acked(asked.at, at)
                self.recorder.counted["duplicates"] += f.duplicate
                note(r.Ok(at, f.n, f.seq, f.id, f.ack, f.duplicate))
            case op if op not in READS:
                note(r.Ok(at, f.n, f.seq, f.id, f.ack, f.duplicate))

    def anomaly(self, what: str) -> None:
        """Note something that no server should send."""
        self.recorder.anomalies[what] += 1

    def undecodable(self, error: msgspec.DecodeError | UnicodeDecodeError) -> None:
        """Note a frame that cannot be decoded."""
        self.anomaly(f"a frame that cannot be decoded: {error}")


def _found(at: int, f: frames.Frame, asked: Asked, client: str) -> list[r.Found]:
    room, q = asked.command.room, asked.command.more["q"]
    rooms: dict[str, list[r.Message]] = {room: []} if room else {}
    for m in f.messages:
        rooms.setdefault(m.room, []).append(r.Message(m.seq, m.id, m.user, m.text, bool(m.edited_at), m.deleted))
    whole = f.complete and bool(room)
    return [r.Found(at, asked.at, client, name, q, rooms[name], q, f.more, whole) for name in rooms]


def _page(at: int, f: frames.Frame, asked: Asked, client: str, *, final: bool) -> r.Page:
    more = asked.command.more
    messages = [r.Message(m.seq, m.id, m.user, m.text, bool(m.edited_at), m.deleted) for m in f.messages]
    return r.Page(
        at, asked.at, client, asked.command.room, messages, before=more.get("before", 0), after=more.get("after", 0),
        limit=more.get("limit", 50), more=f.more, final=final,
    )  # fmt: skip
