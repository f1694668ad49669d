"""A tiny server that is right, its clients, and the history that they write: what the checker must find nothing wrong in.

Nothing here is the product's: server, wire and clients are a few lists, and one seed decides what happens next. A frame
takes its time in both directions, so acks, events and pages cross; a cut connection loses what is on its way.
"""

import random
from collections import deque
from dataclasses import dataclass, field

from madang_proof.history import Record
from madang_proof.history import records as r

RESUME = 12  # events that a resume may be behind
NEWEST = 6  # events in the answer to a join that is no resume


@dataclass
class Hall:
    """A room on the server."""

    name: str
    crowded: bool = False  # joins of others are skipped
    log: list[r.Event] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)  # user -> read pointer
    cids: dict[tuple[str, str], tuple[str, r.Event]] = field(default_factory=dict)
    followers: dict["Line", int] = field(default_factory=dict)  # and the position of each
    skip_from: int = 0

    def shown(self, seq: int) -> r.Event:
        """Give an event as it stands now: erased if its message was deleted."""
        event = self.log[seq - 1]
        target = event.target if event.type == "message.edited" else seq
        gone = any(e.type == "message.deleted" and e.target == target for e in self.log)
        if gone and event.type in ("message.sent", "message.edited"):
            return r.Event(0, 0, self.name, seq, event.id, event.type, event.user, target=event.target,
                           deleted=event.type == "message.sent")  # fmt: skip
        return r.Event(0, 0, self.name, seq, event.id, event.type, event.user, event.text, event.target, event.member)

    def message(self, seq: int) -> r.Message:
        """Give a message as a page shows it."""
        event = self.log[seq - 1]
        message = r.Message(seq, event.id, event.user, event.text)
        for later in self.log[seq:]:
            if later.target == seq and later.type == "message.edited":
                message.text, message.edited = later.text, True
            elif later.target == seq and later.type == "message.deleted":
                message.text, message.deleted = "", True
        return message


@dataclass(eq=False)
class Line:
    """One connection, with what is on its way in both directions."""

    number: int
    client: "Client"
    inward: deque[tuple[r.Invoke, dict[str, object]]] = field(default_factory=deque)
    outward: deque[list[Record]] = field(default_factory=deque)
    asked: dict[int, r.Invoke] = field(default_factory=dict)  # calls without an answer
    slow: bool = False
    over: bool = False


@dataclass(eq=False)
class Client:
    """One user, and what he keeps."""

    name: str
    user: str
    lines: list[Line] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    sent: list[r.Invoke] = field(default_factory=list)


class Village:
    """Run with `run(steps)`; `records` is the history."""

    def __init__(self, seed: int, users: int = 5, rooms: int = 2) -> None:
        self.dice = random.Random(seed)
        self.records: list[Record] = []
        self.t = 0
        self.trouble = False  # a fault lasts
        self.calls = self.lines = self.ids = self.texts = 0
        self.write(r.Setup(t=0, ack="stored", presence_ttl=50_000))
        self.write(r.Sample(t=0, phase="before", rss=60 << 20, fds=20, threads=6))
        self.halls = {f"room-{i}": Hall(f"room-{i}", crowded=i == 1) for i in range(rooms)}
        self.clients = [Client(f"client-{i}", f"user-{i}") for i in range(users)]
        for hall in self.halls.values():
            self.append(hall, "room.created", "user-0", member="")
            hall.members["user-0"] = 1

    def write(self, record: Record) -> None:
        """Write a record, now."""
        self.t += self.dice.randrange(1, 2000)
        record.t = self.t
        self.records.append(record)

    # -- the server ----------------------------------------------------------------------------------------------------

    def append(self, hall: Hall, type: str, user: str, text: str = "", target: int = 0, member: str = "") -> r.Event:
        """Append an event, and give it to who follows the room."""
        self.ids += self.dice.randrange(1, 5)
        seq = len(hall.log) + 1
        event = r.Event(0, 0, hall.name, seq, str(self.ids), type, user, text, target, member)
        hall.log.append(event)
        if type == "member.joined":
            hall.members[user] = seq
            if hall.crowded:
                hall.skip_from = hall.skip_from or seq
                return event
        self.tell_skip(hall, seq - 1)
        subject = member if type == "member.kicked" else user
        for line in list(hall.followers):
            if not line.slow:
                hall.followers[line] = seq
                line.outward.append([self.to(line, hall.shown(seq))])
                if type in ("member.left", "member.kicked") and line.client.user == subject:
                    del hall.followers[line]
        if type in ("member.left", "member.kicked"):
            for line in [line for line in hall.followers if line.client.user == subject]:
                self.catch_up(hall, line)
                del hall.followers[line]
            hall.members.pop(subject, None)
        return event

    def tell_skip(self, hall: Hall, last: int) -> None:
        """Tell followers of joins that were left out."""
        if hall.skip_from:
            for line, position in hall.followers.items():
                if not line.slow:
                    assert position == hall.skip_from - 1
                    hall.followers[line] = last
                    line.outward.append([r.Skip(0, line.number, hall.name, hall.skip_from, last)])
            hall.skip_from = 0

    def to(self, line: Line, event: r.Event, via: str = "live") -> r.Event:
        """Address an event."""
        event.conn, event.via = line.number, via
        return event

    def catch_up(self, hall: Hall, line: Line) -> None:
        """Give a slow connection what it lacks."""
        position, head = hall.followers[line], len(hall.log)
        if position == head:
            return
        hall.followers[line] = head
        line.outward.append([r.Behind(0, line.number, hall.name, head)])
        if head - position > RESUME:
            newest = [self.to(line, hall.shown(s), "reset") for s in range(max(1, head - NEWEST + 1), head + 1)]
            line.outward.append([r.Reset(0, line.number, hall.name, "e", head), *newest])
        else:
            line.outward += [[self.to(line, hall.shown(s))] for s in range(position + 1, head + 1)]

    def serve(self, line: Line) -> None:
        """Do one command of a connection."""
        invoke, more = line.inward.popleft()
        answer = self.do(line, invoke, more)
        line.outward.append(answer)

    def do(self, line: Line, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        """Do a command; the records of its answer."""
        dice, call, user = self.dice, invoke.call, line.client.user
        hall = self.halls[invoke.room]
        if invoke.op == "join":
            return self.do_join(line, invoke, hall, more)
        if invoke.op == "history":
            return (
                self.do_history(line, invoke, hall, more) if user in hall.members else [r.Fail(0, call, "not_member")]
            )
        if invoke.op in ("rooms", "presence"):
            return self.do_list(line, invoke, hall, more)
        if line not in hall.followers:
            return [r.Fail(0, call, "not_member")]
        if user not in hall.members:
            return [r.Fail(0, call, "not_member")]
        if invoke.op == "read":
            hall.members[user] = max(hall.members[user], min(invoke.target, len(hall.log)))
            return [r.Ok(0, call)]
        if dice.random() < 0.03:
            return [r.Fail(0, call, "rate_limited")]
        content = f"{invoke.op} {invoke.text} {invoke.target}"
        if invoke.cid and (known := hall.cids.get((user, invoke.cid))):
            about = known[1].target or known[1].seq
            if known[0] != content and not hall.message(about).deleted:
                return [r.Fail(0, call, "conflict")]
            return [r.Ok(0, call, known[1].seq, known[1].id, "stored", True)]
        event = self.apply(hall, user, invoke)
        if event is None:
            return [r.Fail(0, call, "gone")]
        if invoke.cid:
            hall.cids[user, invoke.cid] = content, event
        if self.trouble and dice.random() < 0.3:
            return [r.Unknown(0, call, "storage_failed")]
        return [r.Ok(0, call, event.seq, event.id, "stored")]

    def apply(self, hall: Hall, user: str, invoke: r.Invoke) -> r.Event | None:
        """Append what a command asks for; None if it cannot be done."""
        if invoke.op == "send":
            return self.append(hall, "message.sent", user, invoke.text)
        if invoke.op == "leave":
            return self.append(hall, "member.left", user)
        if invoke.op == "kick":
            if invoke.user not in hall.members or invoke.user == user:
                return None
            return self.append(hall, "member.kicked", user, member=invoke.user)
        if invoke.target > len(hall.log) or hall.log[invoke.target - 1].type != "message.sent":
            return None
        if hall.message(invoke.target).deleted or hall.log[invoke.target - 1].user != user:
            return None
        types = {"edit": "message.edited", "delete": "message.deleted", "react": "reaction.added"}
        return self.append(hall, types[invoke.op], user, invoke.text, invoke.target)

    def do_join(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        """Join or resume."""
        user, since = line.client.user, more["since"]
        assert since is None or isinstance(since, int)
        if user not in hall.members:
            if since is not None:
                return [r.Fail(0, invoke.call, "not_found")]
            self.append(hall, "member.joined", user)
        self.tell_skip(hall, len(hall.log))
        head = len(hall.log)
        reset = since is not None and head - since > RESUME
        after = max(0, head - NEWEST) if since is None or reset else since
        hall.followers[line] = head
        events = [self.to(line, hall.shown(seq), "join") for seq in range(after + 1, head + 1)]
        joined = r.Joined(0, invoke.call, line.number, hall.name, "e", head, since, reset, hall.members[user])
        return [joined, *events]

    def do_history(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        """Give a page."""
        before, after, limit = int(str(more["before"])), int(str(more["after"])), 4
        sent = [e.seq for e in hall.log if e.type == "message.sent"]
        fits = [s for s in sent if s > after and (not before or s < before)]
        chosen = fits[:limit] if after else fits[-limit:]
        page = r.Page(0, int(str(more["asked"])), line.client.name, hall.name, [hall.message(s) for s in chosen],
                      before, after, limit, len(fits) > limit)  # fmt: skip
        return [r.Ok(0, invoke.call), page]

    def do_list(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        """Give the unread counts of a room, or who is online in it."""
        asked, user = int(str(more["asked"])), line.client.user
        if invoke.op == "presence":
            online = sorted({follower.client.user for follower in hall.followers})
            return [r.Ok(0, invoke.call), r.Presence(0, asked, hall.name, online, len(online))]
        if user not in hall.members:
            return [r.Ok(0, invoke.call)]
        seq, read = len(hall.log), hall.members[user]
        return [r.Ok(0, invoke.call), r.Unread(0, line.client.name, hall.name, seq, read, seq - read, asked)]

    # -- the clients ---------------------------------------------------------------------------------------------------

    def connect(self, client: Client) -> Line:
        """Open a connection, and resume what the client had; sometimes before the answer to hello is there."""
        self.lines += 1
        line = Line(self.lines, client)
        client.lines.append(line)
        opened = r.Opened(0, line.number, client.name, client.user)
        if self.dice.random() < 0.5:
            self.write(opened)
        else:
            line.outward.append([opened])
        for room in list(client.positions):
            self.ask(line, "join", room, since=client.positions[room])
        return line

    def ask(self, line: Line, op: str, room: str, cid: str = "", text: str = "", target: int = 0, user: str = "",
            **more: object) -> r.Invoke:  # fmt: skip
        """Send a command."""
        self.calls += 1
        invoke = r.Invoke(0, self.calls, line.number, op, room, cid, text, target, user)
        self.write(invoke)
        line.asked[invoke.call] = invoke
        line.inward.append((invoke, {"since": None, "before": 0, "after": 0, "asked": self.t, **more}))
        return invoke

    def hear(self, line: Line) -> None:
        """Take one frame from the wire."""
        for record in line.outward.popleft():
            self.write(record)
            client = line.client
            if isinstance(record, r.Ok | r.Fail | r.Unknown | r.Joined):
                invoke = line.asked.pop(record.call)
                if isinstance(record, r.Fail) and record.code == "not_found":
                    client.positions.pop(invoke.room, None)
            if isinstance(record, r.Joined | r.Reset):
                client.positions[record.room] = record.seq
            elif isinstance(record, r.Skip) and record.room in client.positions:
                client.positions[record.room] = max(client.positions[record.room], record.last)
            elif isinstance(record, r.Event) and record.via == "live":
                subject = record.member if record.type == "member.kicked" else record.user
                if record.type in ("member.left", "member.kicked") and subject == client.user:
                    client.positions.pop(record.room, None)
                elif record.room in client.positions:
                    client.positions[record.room] = max(client.positions[record.room], record.seq)

    def cut(self, line: Line) -> None:
        """Break a connection: what is on its way is lost, and what came to the server may still be done."""
        while line.inward and self.dice.random() < 0.5:
            self.serve(line)
        mine = not self.trouble
        for hall in self.halls.values():
            hall.followers.pop(line, None)
        opened = not (line.outward and isinstance(line.outward[0][0], r.Opened))
        line.over = True
        line.client.lines.remove(line)
        if self.dice.random() < 0.5 or not opened:
            for call in line.asked:
                self.write(r.Unknown(0, call))
        self.write(r.Closed(0, line.number, 1000 if mine else 1006, mine))

    def act(self, line: Line) -> None:
        """Ask for something."""
        dice, client = self.dice, line.client
        room = dice.choice(list(client.positions if client.positions and dice.random() < 0.9 else self.halls))
        head = len(self.halls[room].log)
        op = dice.choices(
            ["send", "again", "other", "edit", "delete", "react", "join", "leave", "kick", "read", "history", "rooms",
             "presence"],
            [30, 5, 1, 5, 3, 3, 8, 1, 1, 3, 6, 3, 3],
        )[0]  # fmt: skip
        if op in ("again", "other") and client.sent:
            former = dice.choice(client.sent)
            text = former.text if op == "again" else former.text + "?"
            self.ask(line, former.op, former.room, former.cid, text, former.target)
        elif op in ("send", "edit"):
            self.texts += 1
            text = f"text {self.texts}" if dice.random() < 0.9 else f"가\u0065\u0301 {self.texts}".encode().decode()
            target = self.own(client, room) if op == "edit" else 0
            cid = f"cid-{self.texts}" if op == "send" or dice.random() < 0.5 else ""
            client.sent.append(self.ask(line, op, room, cid, text.replace("e\u0301", "é"), target))
            if not client.sent[-1].cid:
                client.sent.pop()
        elif op in ("delete", "react"):
            self.ask(line, op, room, target=self.own(client, room))
        elif op == "read":
            self.ask(line, op, room, target=dice.randint(1, head))
        elif op == "join":
            self.ask(line, "join", room)
        elif op in ("leave", "rooms", "presence"):
            self.ask(line, op, room)
        elif op == "kick":
            self.ask(line, op, room, user=dice.choice(self.clients).user)
        elif op == "history":
            kind = dice.choice(["newest", "before", "after"])
            seq = dice.randint(1, head)
            self.ask(line, op, room, **({} if kind == "newest" else {kind: seq}))

    def own(self, client: Client, room: str) -> int:
        """Choose a message that the client knows to be his own, if he has one."""
        known = self.halls[room].log[: client.positions.get(room, 0)]
        seqs = [event.seq for event in known if event.type == "message.sent" and event.user == client.user]
        return self.dice.choice(seqs) if seqs else 1

    # -- all of it -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let one thing happen."""
        dice = self.dice
        client = dice.choice(self.clients)
        if not client.lines or (len(client.lines) < 2 and dice.random() < 0.02):
            line = self.connect(client)
            if not client.positions:
                self.ask(line, "join", dice.choice(list(self.halls)))
            return
        line = dice.choice(client.lines)
        lot = dice.random()
        if line.inward and lot < 0.4:
            self.serve(line)
        elif line.outward and lot < 0.8:
            self.hear(line)
        elif lot < 0.94:
            self.act(line)
        elif lot < 0.945:
            self.cut(line)
        elif lot < 0.96:
            line.slow = not line.slow
            if not line.slow:
                self.wake(line)
        elif lot < 0.963:
            self.fault()

    def wake(self, line: Line) -> None:
        """Give a connection that was slow what it lacks in each room."""
        for hall in self.halls.values():
            if line in hall.followers:
                self.tell_skip(hall, len(hall.log))
                self.catch_up(hall, line)

    def fault(self) -> None:
        """Begin a fault; or end it: the server was killed, and everybody comes back."""
        if not self.trouble:
            self.write(r.Fault(0, "kill"))
            self.trouble = True
            return
        for client in self.clients:
            for line in list(client.lines):
                self.cut(line)
        for client in self.clients:
            self.connect(client)
        self.drain()
        self.write(r.Fault(0, "kill", True))
        self.trouble = False

    def drain(self) -> None:
        """Let everything arrive that is on its way."""
        lines = [line for client in self.clients for line in client.lines]
        for line in lines:
            if line.slow:
                line.slow = False
                self.wake(line)
        while any(line.inward or line.outward for line in lines):
            for line in lines:
                while line.inward:
                    self.serve(line)
                while line.outward:
                    self.hear(line)
        for hall in self.halls.values():
            self.tell_skip(hall, len(hall.log))
        for line in lines:
            while line.outward:
                self.hear(line)

    def run(self, steps: int) -> list[Record]:
        """Let `steps` things happen, and then come to rest."""
        for n in range(steps):
            self.step()
            if n == steps // 2:
                self.write(r.Sample(0, "storm", 90 << 20, 40, 8, 12))
        if self.trouble:
            self.fault()
        for client in self.clients:
            if not client.lines:
                self.connect(client)
        self.drain()
        self.write(r.Sample(0, "after", 75 << 20, 20, 6))
        reader = self.clients[0].lines[0]
        for hall in self.halls.values():
            if reader not in hall.followers or reader.client.user not in hall.members:
                self.ask(reader, "join", hall.name)
                self.drain()
            self.read_all(reader, hall)
            for op in ("rooms", "presence"):
                self.ask(reader, op, hall.name)
            self.drain()
        return self.records

    def read_all(self, line: Line, hall: Hall) -> None:
        """Read a room to its beginning."""
        before = 0
        while True:
            self.ask(line, "history", hall.name, before=before)
            self.serve(line)
            page = line.outward[-1][-1]
            assert isinstance(page, r.Page)
            page.final = True
            self.drain()
            if not page.more:
                return
            before = page.messages[0].seq
