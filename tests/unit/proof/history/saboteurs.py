"""Villages whose server is broken, each in one way: what changing a few records of a good history cannot show.

What these do wrong they do wrong consistently: acks, events and pages tell the same story, as with a real bug.
"""

from madang_proof.history import Record
from madang_proof.history import records as r
from tests.unit.proof.history.village import Hall, Line, Village


class Forgets(Village):
    """A repeat of an acked send is stored again, under another seq."""

    def do(self, line: Line, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        self.halls[invoke.room].cids.clear()
        return super().do(line, invoke, more)


class StoresTwice(Village):
    """Now and then a message is stored twice, and acked once."""

    def apply(self, hall: Hall, user: str, invoke: r.Invoke) -> r.Event | None:
        event = super().apply(hall, user, invoke)
        if event is not None and invoke.op == "send" and self.dice.random() < 0.3:
            self.append(hall, "message.sent", user, invoke.text)
        return event


class StoresUnansweredTwice(Village):
    """What is not answered is stored twice."""

    def do(self, line: Line, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        answer = super().do(line, invoke, more)
        ok = answer[0]
        if isinstance(ok, r.Ok) and invoke.op == "send" and not ok.duplicate and self.trouble:
            hall = self.halls[invoke.room]
            self.append(hall, "message.sent", line.client.user, invoke.text)
            answer = [r.Unknown(0, invoke.call, "storage_failed")]
        return answer


class StoresWhatItRefuses(Village):
    """What is answered rate_limited is stored all the same."""

    def do(self, line: Line, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        answer = super().do(line, invoke, more)
        if isinstance(answer[0], r.Fail) and answer[0].code == "rate_limited" and invoke.op == "send":
            self.append(self.halls[invoke.room], "message.sent", line.client.user, invoke.text)
        return answer


class Invents(Village):
    """Says what nobody said."""

    def apply(self, hall: Hall, user: str, invoke: r.Invoke) -> r.Event | None:
        if self.dice.random() < 0.1:
            self.append(hall, "message.sent", user, f"invented {len(hall.log)}")
        return super().apply(hall, user, invoke)


class Exchanges(Village):
    """Stores commands of a connection in another order than they came in."""

    def serve(self, line: Line) -> None:
        if len(line.inward) > 1 and all(invoke.op in ("send", "edit") for invoke, _ in list(line.inward)[:2]):
            line.inward[0], line.inward[1] = line.inward[1], line.inward[0]
        super().serve(line)


class LeavesHoles(Village):
    """Gives a seq to nothing now and then."""

    def append(self, hall: Hall, type: str, user: str, text: str = "", target: int = 0, member: str = "") -> r.Event:
        if hall.log and self.dice.random() < 0.1:
            self.tell_skip(hall, len(hall.log))
            hall.log.append(r.Event(0, 0, hall.name, len(hall.log) + 1, "1", "nothing", user))
            for line in hall.followers:
                hall.followers[line] = len(hall.log)
        return super().append(hall, type, user, text, target, member)


class LosesTheTail(Village):
    """Loses what was acked last when it is killed, and gives the seqs again."""

    def fault(self) -> None:
        for hall in self.halls.values():
            if self.trouble and len(hall.log) > 4 and not hall.skip_from:
                for event in hall.log[-3:]:
                    if event.type == "member.joined":
                        break
                else:
                    del hall.log[-3:]
                    hall.cids = {key: known for key, known in hall.cids.items() if known[1].seq <= len(hall.log)}
        super().fault()


class KeepsWhoLeft(Village):
    """Goes on giving events to who was kicked."""

    def append(self, hall: Hall, type: str, user: str, text: str = "", target: int = 0, member: str = "") -> r.Event:
        followers = dict(hall.followers)
        event = super().append(hall, type, user, text, target, member)
        for line in followers:
            if line not in hall.followers and not line.slow:
                hall.followers[line] = event.seq
        return event


class LetsBackIn(Village):
    """Answers a resume of who was kicked."""

    def do_join(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        if line.client.user in hall.members or more["since"] is None:
            return super().do_join(line, invoke, hall, more)
        hall.members[line.client.user] = 1
        answer = super().do_join(line, invoke, hall, more)
        del hall.members[line.client.user]
        return answer


class ShowsOldPages(Village):
    """Reads pages from a cache that is never renewed."""

    def do_history(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        log, hall.log = hall.log, hall.log[: len(hall.log) // 2]
        try:
            return super().do_history(line, invoke, hall, more)
        finally:
            hall.log = log


class ShowsOldTexts(Village):
    """Gives messages on pages as they were sent."""

    def do_history(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        answer = super().do_history(line, invoke, hall, more)
        for message in answer[1].messages if isinstance(answer[1], r.Page) else ():
            message.text, message.edited, message.deleted = hall.log[message.seq - 1].text, False, False
        return answer


class ShowsDeletedTexts(Village):
    """Gives deleted messages with their texts to who joins."""

    def do_join(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        answer = super().do_join(line, invoke, hall, more)
        for event in answer:
            if isinstance(event, r.Event):
                event.text, event.deleted = hall.log[event.seq - 1].text, False
        return answer


class KeepsGhosts(Village):
    """Never takes anybody off the list of who is online."""

    def do_list(self, line: Line, invoke: r.Invoke, hall: Hall, more: dict[str, object]) -> list[Record]:
        answer = super().do_list(line, invoke, hall, more)
        if isinstance(answer[1:], list) and answer[1:] and isinstance(shown := answer[1], r.Presence):
            self.seen = getattr(self, "seen", set()) | {(hall.name, user) for user in shown.online}
            shown.online = sorted(user for room, user in self.seen if room == hall.name)
            shown.count = len(shown.online)
        return answer


class ForgetsReadPointers(Village):
    """Sets read pointers back when it is killed."""

    def fault(self) -> None:
        if self.trouble:
            for hall in self.halls.values():
                hall.members = dict.fromkeys(hall.members, 1)
        super().fault()


class Stalls(Village):
    """Does not answer sends for a while, and no fault explains it."""

    def hear(self, line: Line) -> None:
        if isinstance(line.outward[0][0], r.Ok) and not self.trouble and self.dice.random() < 0.2:
            line.outward[0] = [r.Unknown(0, line.outward[0][0].call, "")]
        super().hear(line)


SABOTEURS = {
    Forgets: "I13",
    StoresTwice: "I1",
    StoresUnansweredTwice: "I3",
    StoresWhatItRefuses: "I2",
    Invents: "I4",
    Exchanges: "I7",
    LeavesHoles: "I5",
    LosesTheTail: "I1",
    KeepsWhoLeft: "I11",
    LetsBackIn: "I11",
    ShowsOldPages: "I15",
    ShowsOldTexts: "I14",
    ShowsDeletedTexts: "I14",
    KeepsGhosts: "I17",
    ForgetsReadPointers: "I18",
    Stalls: "I27",
}
"""Each with the invariant that must report it."""
