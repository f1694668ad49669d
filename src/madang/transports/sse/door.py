"""The door of streams of one node: which there are, and how one begins. Each counts among the node's sockets."""

from typing import TYPE_CHECKING, TypeVar

from madang.core.metrics import Metric
from madang.services.tokens import Access
from madang.transports.sse.encoding import Events
from madang.transports.sse.stream import Stream

if TYPE_CHECKING:  # a node knows this door
    from madang.transports.node import Node

S = TypeVar("S", bound=Stream)


class Streams:
    """What all streams of a node share.

    Attributes:
        events: their encoding.
        open: those that there are.
    """

    def __init__(self, node: "Node") -> None:
        self.node = node
        self.events = Events(node.hub.rooms)
        self.open: set[Stream] = set()

    def make(self, kind: type[S], address: str, access: Access) -> S:
        """Return a stream that has not begun (draining, overloaded, rate_limited). Call its `never_begun` if it does not."""
        admission = self.node.admission
        if (turned_away := admission.judge(address, self.node.turns.time())) is not None:
            raise turned_away
        return kind(self, address, access)

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [Metric("gauge", "madang_streams", "Streams of server-sent events open.", len(self.open))]
