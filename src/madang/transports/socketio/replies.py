"""How a native session's answers become packets for its Socket.IO client: acks, and how it is connected or not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from madang.delivery.subscriber import Entry
from madang.errors import MadangError
from madang.protocol.native.answers import Answer, HelloAnswer, JoinAnswer
from madang.protocol.native.frames import Frame, ReadFrame
from madang.protocol.socketio import codec
from madang.protocol.socketio.commands import HELLO, NAMES, UNACKED
from madang.services.pages import MessagePage
from madang.transports.socketio.encoding import Ready, Unplaced, placed, ready
from madang.transports.socketio.recovery import RecoveredAnswer
from madang.transports.websocket.framing import PLAIN

if TYPE_CHECKING:
    from madang.transports.socketio.client import Client

_NOTHING: Final = b""


class Replies:
    """The encoding of one client's session (`transports.native.session.SessionEncoding`)."""

    __slots__ = ("_client",)

    def __init__(self, client: "Client") -> None:
        self._client = client

    def event(self, entry: Entry) -> bytes:
        return self._client.encoding.event(entry)

    def frame(self, frame: Frame) -> bytes:
        return self._client.encoding.frame(frame)

    def answer(self, n: int, answer: Answer) -> bytes:
        client = self._client
        if isinstance(answer, HelloAnswer):
            return client.connected(answer)
        if isinstance(answer, RecoveredAnswer):
            return client.recovered(answer)
        ack = ready(codec.answer(n - 1, answer)) if n < UNACKED else _NOTHING
        if isinstance(answer, JoinAnswer):
            client.follows(answer.room.id, answer.seq, answer.epoch)
            return Ready(self._told_position(answer) + ack)
        return ack

    def _told_position(self, joined: JoinAnswer) -> bytes:
        """Return an event that brings the offset with a room that was joined, since an ack brings none.

        It comes before the ack: a client that has the ack comes back to the room even if the node is killed right after it.
        """
        read = ReadFrame(room=joined.room.id, readers={self._client.session.actor().id: joined.read_seq})
        return placed(codec.frame(read), self._client.offset())

    def page(self, n: int, page: MessagePage) -> Sequence[bytes]:
        if n >= UNACKED:
            return ()
        return PLAIN.pieces(*codec.page(n - 1, page.messages, page.more, page.seq, page.newer))

    def error(self, n: int | None, problem: MadangError) -> bytes:
        client = self._client
        if n == HELLO:
            client.not_connected()
            return ready(codec.not_connected(problem))
        if n is not None and n < UNACKED:
            return ready(codec.refusal(n - 1, problem))
        event = None
        if n is not None:
            event = NAMES[n - UNACKED] if n < UNACKED + len(NAMES) else client.rejected
        return Unplaced(codec.error(problem, event))
