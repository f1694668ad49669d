"""A model of a correct server, its clients, and the history they write, in which the checker must find nothing wrong.

Nothing here is the product's: server, network and clients are a few lists, and one seed decides what happens next. Frames
take time in both directions, so acks, events and pages cross; a connection that is cut loses what is under way.
"""

import random
from typing import Any

from madang_proof.history import Record
from madang_proof.history import records as r
from tests.unit.proof.history.model_state import ModelClient, ModelConnection, ModelRoom

RESUME = 12  # events that a resume may be behind
NEWEST = 6  # events in the answer to a join that is not a resume


class ModelServer:
    """Run with `run(steps)`; `records` is the history."""

    def __init__(self, seed: int, users: int = 5, rooms: int = 2) -> None:
        self.dice = random.Random(seed)
        self.records: list[Record] = []
        self.t = 0
        self.trouble = False  # a fault lasts
        self.paper: list[str] = []  # its words
        self.words = 0
        self.calls = self.connections = self.ids = self.texts = 0
        self.write(r.Setup(t=0, ack="stored", presence_ttl=50_000))
        self.write(r.Sample(t=0, phase="before", rss=60 << 20, fds=20, threads=6))
        self.models = {f"room-{i}": ModelRoom(f"room-{i}", crowded=i == 1) for i in range(rooms)}
        self.clients = [ModelClient(f"client-{i}", f"user-{i}") for i in range(users)]
        for model in self.models.values():
            self.append(model, "room.created", "user-0", member="")
            model.members["user-0"] = 1

    def write(self, record: Record) -> None:
        """Write a record, now."""
        self.t += self.dice.randrange(1, 2000)
        record.t = self.t
        self.records.append(record)

    # -- the server ----------------------------------------------------------------------------------------------------

    def append(
        self, model: ModelRoom, type: str, user: str, text: str = "", target: int = 0, member: str = ""
    ) -> r.Event:
        """Append an event, and give it to whoever follows the room."""
        self.ids += self.dice.randrange(1, 5)
        seq = len(model.log) + 1
        event = r.Event(0, 0, model.name, seq, str(self.ids), type, user, text, target, member)
        model.log.append(event)
        if type == "member.joined":
            model.members[user] = seq
            if model.crowded:
                model.skip_from = model.skip_from or seq
                return event
        self.tell_skip(model, seq - 1)
        subject = member if type == "member.kicked" else user
        for connection in list(model.followers):
            if not connection.slow:
                model.followers[connection] = seq
                connection.outward.append([self.to(connection, model.shown(seq))])
                if type in ("member.left", "member.kicked") and connection.client.user == subject:
                    del model.followers[connection]
        if type in ("member.left", "member.kicked"):
            for connection in [connection for connection in model.followers if connection.client.user == subject]:
                self.catch_up(model, connection)
                del model.followers[connection]
            model.members.pop(subject, None)
        return event

    def tell_skip(self, model: ModelRoom, last: int) -> None:
        """Tell followers of joins that were left out."""
        if model.skip_from:
            for connection, position in model.followers.items():
                if not connection.slow:
                    assert position == model.skip_from - 1
                    model.followers[connection] = last
                    connection.outward.append([r.Skip(0, connection.number, model.name, model.skip_from, last)])
            model.skip_from = 0

    def to(self, connection: ModelConnection, event: r.Event, via: str = "live") -> r.Event:
        """Address an event."""
        event.conn, event.via = connection.number, via
        return event

    def catch_up(self, model: ModelRoom, connection: ModelConnection) -> None:
        """Send a slow connection what it lacks."""
        position, head = model.followers[connection], len(model.log)
        if position == head:
            return
        model.followers[connection] = head
        connection.outward.append([r.Behind(0, connection.number, model.name, head)])
        if head - position > RESUME:
            newest = [self.to(connection, model.shown(s), "reset") for s in range(max(1, head - NEWEST + 1), head + 1)]
            connection.outward.append([r.Reset(0, connection.number, model.name, "e", head), *newest])
        else:
            connection.outward += [[self.to(connection, model.shown(s))] for s in range(position + 1, head + 1)]

    def serve(self, connection: ModelConnection) -> None:
        """Do one command of a connection."""
        invoke, more = connection.inward.popleft()
        answer = self.do(connection, invoke, more)
        connection.outward.append(answer)

    def do(self, connection: ModelConnection, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        """Do a command; the records of its answer."""
        dice, call, user = self.dice, invoke.call, connection.client.user
        model = self.models[invoke.room]
        if invoke.op == "join":
            return self.do_join(connection, invoke, model, more)
        if invoke.op == "history":
            return (
                self.do_history(connection, invoke, model, more)
                if user in model.members
                else [r.Fail(0, call, "not_member")]
            )
        if invoke.op == "search":
            return (
                self.do_search(connection, invoke, model, more)
                if user in model.members
                else [r.Fail(0, call, "not_found")]
            )
        if invoke.op in ("rooms", "presence"):
            return self.do_list(connection, invoke, model, more)
        if connection not in model.followers:
            return [r.Fail(0, call, "not_member")]
        if user not in model.members:
            return [r.Fail(0, call, "not_member")]
        if invoke.op == "read":
            model.members[user] = max(model.members[user], min(invoke.target, len(model.log)))
            return [r.Ok(0, call)]
        if dice.random() < 0.03:
            return [r.Fail(0, call, "rate_limited")]
        content = f"{invoke.op} {invoke.text} {invoke.target}"
        if invoke.cid and (known := model.cids.get((user, invoke.cid))):
            about = known[1].target or known[1].seq
            if known[0] != content and not model.message(about).deleted:
                return [r.Fail(0, call, "conflict")]
            return [r.Ok(0, call, known[1].seq, known[1].id, "stored", True)]
        event = self.apply(model, user, invoke)
        if event is None:
            return [r.Fail(0, call, "gone")]
        if invoke.cid:
            model.cids[user, invoke.cid] = content, event
        if self.trouble and dice.random() < 0.3:
            return [r.Unknown(0, call, "storage_failed")]
        return [r.Ok(0, call, event.seq, event.id, "stored")]

    def apply(self, model: ModelRoom, user: str, invoke: r.Invoke) -> r.Event | None:
        """Append what a command asks for; None if it cannot be done."""
        if invoke.op == "send":
            return self.append(model, "message.sent", user, invoke.text)
        if invoke.op == "leave":
            return self.append(model, "member.left", user)
        if invoke.op in ("kick", "ban"):
            if invoke.user not in model.members or invoke.user == user:
                return None
            return self.append(model, "member.kicked", user, member=invoke.user)
        if invoke.op == "mute":
            return self.append(model, "member.muted", user, member=invoke.user)
        if invoke.target > len(model.log) or model.log[invoke.target - 1].type != "message.sent":
            return None
        if model.message(invoke.target).deleted or model.log[invoke.target - 1].user != user:
            return None
        types = {"edit": "message.edited", "delete": "message.deleted", "react": "reaction.added"}
        return self.append(model, types[invoke.op], user, invoke.text, invoke.target)

    def do_join(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        """Join or resume."""
        user, since = connection.client.user, more["since"]
        assert since is None or isinstance(since, int)
        if user not in model.members:
            if since is not None:
                return [r.Fail(0, invoke.call, "not_found")]
            self.append(model, "member.joined", user)
        self.tell_skip(model, len(model.log))
        head = len(model.log)
        reset = since is not None and head - since > RESUME
        after = max(0, head - NEWEST) if since is None or reset else since
        model.followers[connection] = head
        events = [self.to(connection, model.shown(seq), "join") for seq in range(after + 1, head + 1)]
        joined = r.Joined(0, invoke.call, connection.number, model.name, "e", head, since, reset, model.members[user])
        return [joined, *events]

    def do_history(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        """Return a page."""
        before, after, limit = int(str(more["before"])), int(str(more["after"])), 4
        sent = [e.seq for e in model.log if e.type == "message.sent"]
        fits = [s for s in sent if s > after and (not before or s < before)]
        chosen = fits[:limit] if after else fits[-limit:]
        page = r.Page(0, int(str(more["asked"])), connection.client.name, model.name, [model.message(s) for s in chosen],
                      before, after, limit, len(fits) > limit)  # fmt: skip
        return [r.Ok(0, invoke.call), page]

    def do_search(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        """Return the messages that have a text."""
        q = str(more["q"])
        shown = [model.message(event.seq) for event in model.log if event.type == "message.sent"]
        hits = [message for message in shown if not message.deleted and q in message.text]
        found = r.Found(
            0, int(str(more["asked"])), connection.client.name, model.name, q, hits, str(more["of"]), complete=True
        )
        return [r.Ok(0, invoke.call), found]

    def do_list(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        """Return the unread counts of a room, or the users who are online in it."""
        asked, user = int(str(more["asked"])), connection.client.user
        if invoke.op == "presence":
            online = sorted({follower.client.user for follower in model.followers})
            return [r.Ok(0, invoke.call), r.Presence(0, asked, model.name, online, len(online))]
        if user not in model.members:
            return [r.Ok(0, invoke.call)]
        seq, read = len(model.log), model.members[user]
        unread = sum(event.type == "message.sent" and event.user != user for event in model.log[read:])
        return [r.Ok(0, invoke.call), r.Unread(0, connection.client.name, model.name, seq, read, unread, asked)]

    # -- the clients ---------------------------------------------------------------------------------------------------

    def connect(self, client: ModelClient) -> ModelConnection:
        """Open a connection, and resume what the client had; sometimes before the answer to hello is there."""
        self.connections += 1
        connection = ModelConnection(self.connections, client)
        client.connections.append(connection)
        opened = r.Opened(0, connection.number, client.name, client.user)
        if self.dice.random() < 0.5:
            self.write(opened)
        else:
            connection.outward.append([opened])
        for room in list(client.positions):
            self.ask(connection, "join", room, since=client.positions[room])
        return connection

    def ask(self, connection: ModelConnection, op: str, room: str, cid: str = "", text: str = "", target: int = 0, user: str = "",
            **more: object) -> r.Invoke:  # fmt: skip
        """Send a command."""
        self.calls += 1
        invoke = r.Invoke(0, self.calls, connection.number, op, room, cid, text, target, user)
        self.write(invoke)
        connection.asked[invoke.call] = invoke
        connection.inward.append((invoke, {"since": None, "before": 0, "after": 0, "asked": self.t, **more}))
        return invoke

    def hear(self, connection: ModelConnection) -> None:
        """Take one frame from the wire."""
        for record in connection.outward.popleft():
            self.write(record)
            client = connection.client
            if isinstance(record, r.Ok | r.Fail | r.Unknown | r.Joined):
                invoke = connection.asked.pop(record.call)
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

    def cut(self, connection: ModelConnection) -> None:
        """Break a connection: what is on its way is lost, and what came to the server may still be done."""
        while connection.inward and self.dice.random() < 0.5:
            self.serve(connection)
        mine = not self.trouble
        for model in self.models.values():
            model.followers.pop(connection, None)
        opened = not (connection.outward and isinstance(connection.outward[0][0], r.Opened))
        connection.over = True
        connection.client.connections.remove(connection)
        if self.dice.random() < 0.5 or not opened:
            for call in connection.asked:
                self.write(r.Unknown(0, call))
        self.write(r.Closed(0, connection.number, 1000 if mine else 1006, mine))

    def act(self, connection: ModelConnection) -> None:
        """Ask for something."""
        dice, client = self.dice, connection.client
        room = dice.choice(list(client.positions if client.positions and dice.random() < 0.9 else self.models))
        head = len(self.models[room].log)
        op = dice.choices(
            ["send", "again", "other", "edit", "delete", "react", "join", "leave", "kick", "ban", "mute", "read", "history", "rooms",
             "presence", "search"],
            [30, 5, 1, 5, 3, 3, 8, 1, 1, 1, 1, 3, 6, 3, 3, 6],
        )[0]  # fmt: skip
        if op in ("again", "other") and client.sent:
            former = dice.choice(client.sent)
            text = former.text if op == "again" else former.text + "?"
            self.ask(connection, former.op, former.room, former.cid, text, former.target)
        elif op == "search" and client.sent:
            former = dice.choice(client.sent)
            self.ask(connection, op, former.room, q=former.text, of=former.cid)
        elif op in ("send", "edit"):
            self.texts += 1
            text = f"text {self.texts}" if dice.random() < 0.9 else f"가\u0065\u0301 {self.texts}".encode().decode()
            target = self.own(client, room) if op == "edit" else 0
            cid = f"cid-{self.texts}" if op == "send" or dice.random() < 0.5 else ""
            client.sent.append(self.ask(connection, op, room, cid, text.replace("e\u0301", "é"), target))
            if not client.sent[-1].cid:
                client.sent.pop()
        elif op in ("delete", "react"):
            self.ask(connection, op, room, target=self.own(client, room))
        elif op == "read":
            self.ask(connection, op, room, target=dice.randint(1, head))
        elif op == "join":
            self.ask(connection, "join", room)
        elif op in ("leave", "rooms", "presence"):
            self.ask(connection, op, room)
        elif op in ("kick", "ban", "mute"):
            self.ask(connection, op, room, user=dice.choice(self.clients).user)
        elif op == "history":
            kind = dice.choice(["newest", "before", "after"])
            seq = dice.randint(1, head)
            where: dict[str, Any] = {} if kind == "newest" else {kind: seq}
            self.ask(connection, op, room, **where)

    def own(self, client: ModelClient, room: str) -> int:
        """Choose a message that the client knows to be its own, if it has one."""
        known = self.models[room].log[: client.positions.get(room, 0)]
        seqs = [event.seq for event in known if event.type == "message.sent" and event.user == client.user]
        return self.dice.choice(seqs) if seqs else 1

    # -- all of it -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let one thing happen."""
        dice = self.dice
        client = dice.choice(self.clients)
        if not client.connections or (len(client.connections) < 2 and dice.random() < 0.02):
            connection = self.connect(client)
            if not client.positions:
                self.ask(connection, "join", dice.choice(list(self.models)))
            return
        connection = dice.choice(client.connections)
        lot = dice.random()
        if connection.inward and lot < 0.4:
            self.serve(connection)
        elif connection.outward and lot < 0.8:
            self.hear(connection)
        elif lot < 0.94:
            self.act(connection)
        elif lot < 0.945:
            self.cut(connection)
        elif lot < 0.96:
            connection.slow = not connection.slow
            if not connection.slow:
                self.wake(connection)
        elif lot < 0.963:
            self.fault()
        elif lot < 0.985:
            self.write_paper(client)

    # -- a paper, which all see at once --------------------------------------------------------------------------------

    def write_paper(self, client: ModelClient) -> None:
        """Write a word, take an own one out, or look; what is told of it may be lost."""
        dice, own = self.dice, [word for word in self.paper if word.startswith(f"{client.name}.")]
        lot = dice.random()
        if lot < 0.3:
            self.copied(client)
            return
        if gone := bool(own) and lot < 0.45:
            word = dice.choice(own)
        else:
            self.words += 1
            word = f"{client.name}.{self.words}"
        self.write(r.Wrote(0, client.name, "paper", word, gone))
        if gone:
            self.paper.remove(word)
        else:
            self.paper.insert(dice.randint(0, len(self.paper)), word)
        if dice.random() < 0.8:
            self.write(r.Saved(0, client.name, "paper", word, gone))

    def copied(self, client: ModelClient, *, final: bool = False) -> None:
        """Note what a copy has: one that is fetched, or one that is followed and may lag."""
        followed = self.dice.random() < 0.5
        words = self.paper if final or not followed else self.paper[: self.dice.randint(0, len(self.paper))]
        self.write(r.Replica(0, self.t, client.name, "paper", list(words), " ".join(words), followed, final))

    def wake(self, connection: ModelConnection) -> None:
        """Send a connection that was slow what it lacks in each room."""
        for model in self.models.values():
            if connection in model.followers:
                self.tell_skip(model, len(model.log))
                self.catch_up(model, connection)

    def fault(self) -> None:
        """Begin a fault; or end it: the server was killed, and everybody comes back."""
        if not self.trouble:
            self.write(r.Fault(0, "kill"))
            self.trouble = True
            return
        for client in self.clients:
            for connection in list(client.connections):
                self.cut(connection)
        for client in self.clients:
            self.connect(client)
        self.drain()
        self.write(r.Fault(0, "kill", True))
        self.trouble = False

    def drain(self) -> None:
        """Let everything arrive that is on its way."""
        connections = [connection for client in self.clients for connection in client.connections]
        for connection in connections:
            if connection.slow:
                connection.slow = False
                self.wake(connection)
        while any(connection.inward or connection.outward for connection in connections):
            for connection in connections:
                while connection.inward:
                    self.serve(connection)
                while connection.outward:
                    self.hear(connection)
        for model in self.models.values():
            self.tell_skip(model, len(model.log))
        for connection in connections:
            while connection.outward:
                self.hear(connection)

    def run(self, steps: int) -> list[Record]:
        """Let `steps` things happen, and then come to rest."""
        for n in range(steps):
            self.step()
            if n == steps // 2:
                self.write(r.Sample(0, "storm", 90 << 20, 40, 8, 12))
        if self.trouble:
            self.fault()
        for client in self.clients:
            if not client.connections:
                self.connect(client)
        self.drain()
        self.write(r.Sample(0, "after", 75 << 20, 20, 6))
        reader = self.clients[0].connections[0]
        for model in self.models.values():
            if reader not in model.followers or reader.client.user not in model.members:
                self.ask(reader, "join", model.name)
                self.drain()
            self.read_all(reader, model)
            for op in ("rooms", "presence"):
                self.ask(reader, op, model.name)
            self.drain()
        for client in self.clients:
            self.copied(client, final=True)
        self.write(r.Replica(0, self.t, "reader", "paper", list(self.paper), " ".join(self.paper), final=True))
        return self.records

    def read_all(self, connection: ModelConnection, model: ModelRoom) -> None:
        """Read a room to its beginning."""
        before = 0
        while True:
            self.ask(connection, "history", model.name, before=before)
            self.serve(connection)
            page = connection.outward[-1][-1]
            assert isinstance(page, r.Page)
            page.final = True
            self.drain()
            if not page.more:
                return
            before = page.messages[0].seq
