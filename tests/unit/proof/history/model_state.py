"""What the model server knows: rooms, connections, clients."""

from collections import deque
from dataclasses import dataclass, field

from madang_proof.history import Record
from madang_proof.history import records as r


@dataclass
class ModelRoom:
    """A room on the server."""

    name: str
    crowded: bool = False  # joins of others are skipped
    log: list[r.Event] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)  # user -> read pointer
    cids: dict[tuple[str, str], tuple[str, r.Event]] = field(default_factory=dict)
    followers: dict["ModelConnection", int] = field(default_factory=dict)  # and the position of each
    skip_from: int = 0

    def shown(self, seq: int) -> r.Event:
        """Return an event as it is now: erased if its message was deleted."""
        event = self.log[seq - 1]
        target = event.target if event.type == "message.edited" else seq
        gone = any(e.type == "message.deleted" and e.target == target for e in self.log)
        if gone and event.type in ("message.sent", "message.edited"):
            return r.Event(0, 0, self.name, seq, event.id, event.type, event.user, target=event.target,
                           deleted=event.type == "message.sent")  # fmt: skip
        return r.Event(0, 0, self.name, seq, event.id, event.type, event.user, event.text, event.target, event.member)

    def message(self, seq: int) -> r.Message:
        """Return a message as a page shows it."""
        event = self.log[seq - 1]
        message = r.Message(seq, event.id, event.user, event.text)
        for later in self.log[seq:]:
            if later.target == seq and later.type == "message.edited":
                message.text, message.edited = later.text, True
            elif later.target == seq and later.type == "message.deleted":
                message.text, message.deleted = "", True
        return message


@dataclass(eq=False)
class ModelConnection:
    """One connection, with what is on its way in both directions."""

    number: int
    client: "ModelClient"
    inward: deque[tuple[r.Invoke, dict[str, object]]] = field(default_factory=deque)
    outward: deque[list[Record]] = field(default_factory=deque)
    asked: dict[int, r.Invoke] = field(default_factory=dict)  # calls without an answer
    slow: bool = False
    over: bool = False


@dataclass(eq=False)
class ModelClient:
    """One user, and what they keep."""

    name: str
    user: str
    connections: list[ModelConnection] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    sent: list[r.Invoke] = field(default_factory=list)
