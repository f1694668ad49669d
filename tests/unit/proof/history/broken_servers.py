"""Model servers that are broken, each in one way, as no change of a few records of a good history can show.

They are wrong consistently: acks, events and pages tell the same story, as with a real bug.
"""

from madang_proof.history import Record
from madang_proof.history import records as r
from tests.unit.proof.history.model_server import ModelServer
from tests.unit.proof.history.model_state import ModelConnection, ModelRoom


class Forgets(ModelServer):
    """A repeat of an acked send is stored again, under another seq."""

    def do(self, connection: ModelConnection, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        self.models[invoke.room].cids.clear()
        return super().do(connection, invoke, more)


class StoresTwice(ModelServer):
    """Sometimes a message is stored twice, and acked once."""

    def apply(self, model: ModelRoom, user: str, invoke: r.Invoke) -> r.Event | None:
        event = super().apply(model, user, invoke)
        if event is not None and invoke.op == "send" and self.dice.random() < 0.3:
            self.append(model, "message.sent", user, invoke.text)
        return event


class StoresUnansweredTwice(ModelServer):
    """What is not answered is stored twice."""

    def do(self, connection: ModelConnection, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        answer = super().do(connection, invoke, more)
        ok = answer[0]
        if isinstance(ok, r.Ok) and invoke.op == "send" and not ok.duplicate and self.trouble:
            model = self.models[invoke.room]
            self.append(model, "message.sent", connection.client.user, invoke.text)
            answer = [r.Unknown(0, invoke.call, "storage_failed")]
        return answer


class StoresWhatItRefuses(ModelServer):
    """What is answered rate_limited is stored all the same."""

    def do(self, connection: ModelConnection, invoke: r.Invoke, more: dict[str, object]) -> list[Record]:
        answer = super().do(connection, invoke, more)
        if isinstance(answer[0], r.Fail) and answer[0].code == "rate_limited" and invoke.op == "send":
            self.append(self.models[invoke.room], "message.sent", connection.client.user, invoke.text)
        return answer


class Invents(ModelServer):
    """Says what nobody said."""

    def apply(self, model: ModelRoom, user: str, invoke: r.Invoke) -> r.Event | None:
        if self.dice.random() < 0.1:
            self.append(model, "message.sent", user, f"invented {len(model.log)}")
        return super().apply(model, user, invoke)


class Exchanges(ModelServer):
    """Stores commands of a connection in another order than they came in."""

    def serve(self, connection: ModelConnection) -> None:
        if len(connection.inward) > 1 and all(
            invoke.op in ("send", "edit") for invoke, _ in list(connection.inward)[:2]
        ):
            connection.inward[0], connection.inward[1] = connection.inward[1], connection.inward[0]
        super().serve(connection)


class LeavesHoles(ModelServer):
    """Return a seq to nothing from time to time."""

    def append(
        self, model: ModelRoom, type: str, user: str, text: str = "", target: int = 0, member: str = ""
    ) -> r.Event:
        if model.log and self.dice.random() < 0.1:
            self.tell_skip(model, len(model.log))
            model.log.append(r.Event(0, 0, model.name, len(model.log) + 1, "1", "nothing", user))
            for connection in model.followers:
                model.followers[connection] = len(model.log)
        return super().append(model, type, user, text, target, member)


class LosesTheTail(ModelServer):
    """Loses what was acked last when it is killed, and gives the seqs again."""

    def fault(self) -> None:
        for model in self.models.values():
            if self.trouble and len(model.log) > 4 and not model.skip_from:
                for event in model.log[-3:]:
                    if event.type == "member.joined":
                        break
                else:
                    del model.log[-3:]
                    model.cids = {key: known for key, known in model.cids.items() if known[1].seq <= len(model.log)}
        super().fault()


class KeepsWhoLeft(ModelServer):
    """Goes on giving events to whoever was kicked."""

    def append(
        self, model: ModelRoom, type: str, user: str, text: str = "", target: int = 0, member: str = ""
    ) -> r.Event:
        followers = dict(model.followers)
        event = super().append(model, type, user, text, target, member)
        for connection in followers:
            if connection not in model.followers and not connection.slow:
                model.followers[connection] = event.seq
        return event


class LetsBackIn(ModelServer):
    """Answers a resume of whoever was kicked."""

    def do_join(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        if connection.client.user in model.members or more["since"] is None:
            return super().do_join(connection, invoke, model, more)
        model.members[connection.client.user] = 1
        answer = super().do_join(connection, invoke, model, more)
        del model.members[connection.client.user]
        return answer


class ShowsOldPages(ModelServer):
    """Reads pages from a cache that is never renewed."""

    def do_history(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        log, model.log = model.log, model.log[: len(model.log) // 2]
        try:
            return super().do_history(connection, invoke, model, more)
        finally:
            model.log = log


class ShowsOldTexts(ModelServer):
    """Return messages on pages as they were sent."""

    def do_history(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        answer = super().do_history(connection, invoke, model, more)
        for message in answer[1].messages if isinstance(answer[1], r.Page) else ():
            message.text, message.edited, message.deleted = model.log[message.seq - 1].text, False, False
        return answer


class ShowsDeletedTexts(ModelServer):
    """Return deleted messages with their texts to whoever joins."""

    def do_join(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        answer = super().do_join(connection, invoke, model, more)
        for event in answer:
            if isinstance(event, r.Event):
                event.text, event.deleted = model.log[event.seq - 1].text, False
        return answer


class KeepsGhosts(ModelServer):
    """Never takes anybody off the list of those online."""

    def do_list(
        self, connection: ModelConnection, invoke: r.Invoke, model: ModelRoom, more: dict[str, object]
    ) -> list[Record]:
        answer = super().do_list(connection, invoke, model, more)
        if isinstance(answer[1:], list) and answer[1:] and isinstance(shown := answer[1], r.Presence):
            self.seen = getattr(self, "seen", set()) | {(model.name, user) for user in shown.online}
            shown.online = sorted(user for room, user in self.seen if room == model.name)
            shown.count = len(shown.online)
        return answer


class ForgetsReadPointers(ModelServer):
    """Sets read pointers back when it is killed."""

    def fault(self) -> None:
        if self.trouble:
            for model in self.models.values():
                model.members = dict.fromkeys(model.members, 1)
        super().fault()


class Stalls(ModelServer):
    """Does not answer sends for a while, and no fault explains it."""

    def hear(self, connection: ModelConnection) -> None:
        if isinstance(connection.outward[0][0], r.Ok) and not self.trouble and self.dice.random() < 0.2:
            connection.outward[0] = [r.Unknown(0, connection.outward[0][0].call, "")]
        super().hear(connection)


BROKEN_SERVERS = {
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
