"""What connections to papers share, whatever protocol they speak: how one writes in a paper, and how its frames are written."""

from typing import Final

from madang.core.actors import Actor
from madang.core.documents import EMPTY
from madang.delivery.papers.follower import Follower
from madang.delivery.papers.live import LivePaper
from madang.errors import Refused
from madang.transports.node import Node
from madang.transports.socket import Socket

LARGE: Final = 16 * 1024
"""Bytes of a frame that is not joined with others."""


class Writer:
    """Writes in a paper for one connection."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._owed = 0  # bytes written that no quota was charged for

    def write(self, live: LivePaper, follower: Follower, actor: Actor, data: bytes) -> bool:
        """Let an update be stored soon, and return whether there is anything in it.

        Raises:
            Refused: why it is not taken.
        """
        if data == EMPTY:
            return False
        hub = self._node.open_papers
        if code := hub.writes(live, follower):
            raise Refused(code)
        self._owed = self._node.papers.charge(actor, self._owed + len(data))
        hub.write(live, follower, data)
        return True


def write_frame(socket: Socket, frame: bytes) -> None:
    """Write a frame, joined with what else there is in this turn unless it is large."""
    if len(frame) < LARGE:
        socket.queue(frame)
    else:
        socket.send(frame)
