"""A Socket.IO client: what it sends, its heartbeat, its session, and its end, over whatever carries it (`carrier.py`).

What it follows and how that is written is in `following.py`. What its commands do is the native session's.
"""

import secrets
from typing import TYPE_CHECKING, Final, cast

from madang.codes import CLOSES
from madang.errors import Refused
from madang.protocol.native.answers import HelloAnswer
from madang.protocol.socketio import codec, commands, engine
from madang.protocol.socketio.engine import BrokenProtocol
from madang.protocol.socketio.packets import MAIN, Connect, Disconnect, Event, Receiver, Said
from madang.services.tokens import Access
from madang.transports.conduct import CONTROLS, FLOODS, HELLO_S
from madang.transports.native.session import Session
from madang.transports.socketio.carrier import GONE, Carrier
from madang.transports.socketio.encoding import Ready, placed, ready
from madang.transports.socketio.following import Follower
from madang.transports.socketio.polling import Polling
from madang.transports.socketio.recovery import RecoveredAnswer
from madang.transports.socketio.replies import Replies

if TYPE_CHECKING:
    from madang.transports.socketio.door import SocketIo

FOR_GOOD: Final = frozenset(code for code, close in CLOSES.items() if code >= 4000 and close.reconnect == "never")
"""Codes after which a client does not come back by itself: it is told so, since its library makes nothing of codes."""
_EARLY_S: Final = 0.5  # the wheel turns once a second


class Client(Follower):
    """One Engine.IO session, and the one Socket.IO session in it (`transports.socket.Socket`).

    Attributes:
        id: the Engine.IO session, which only its own requests know; it proves nothing.
        sid: the Socket.IO session, once it is connected.
        session: the conversation; another one after the client has left and come again.
        wanted: the pid and the offset that the client wants to go on from, if it does.
        rejected: the name of the event that is being refused as it is read.
    """

    __slots__ = (
        "_connect_by", "_connecting", "_idle", "_ping_at", "_pong_by", "_receiver", "address", "door", "id", "rejected",
        "session", "sid", "wanted",
    )  # fmt: skip

    def __init__(self, door: "SocketIo", address: str, carrier: Carrier | None = None) -> None:
        super().__init__(door.node, door.events, carrier if carrier is not None else Polling(self))
        self.door = door
        self.address = address
        self.id = secrets.token_urlsafe(16)
        self._receiver = Receiver()
        now = self.node.turns.time()
        self._ping_at = now + door.interval_s
        self._pong_by = 0.0  # 0: none is due
        self._idle = 0  # packets that ask for nothing, since the last ping
        self.wanted: tuple[str, str] | None = None
        self.rejected = ""
        self._begin()
        self.node.wheel.add(self._look, min(HELLO_S, door.interval_s))

    def _begin(self) -> None:
        """Wait for the client to connect, as at first."""
        self.sid = ""
        self._connecting = False
        self._connect_by = self.node.turns.time() + HELLO_S
        self.session = Session(self.node, self, Replies(self), self.door.operations)

    # -- what the client sends -----------------------------------------------------------------------------------------

    def hear(self, packet: engine.Packet) -> None:
        """Handle a packet. Raise BrokenProtocol for one that may not come."""
        if self._closed:
            return
        kind, data = packet.packet_type, packet.data
        if isinstance(data, bytes):
            said = self._receiver.binary(data)
        elif kind == engine.MESSAGE:
            said = self._receiver.text(data)
        elif kind == engine.CLOSE:
            self.leave()
            return
        elif kind in (engine.PONG, engine.NOOP):
            if kind == engine.PONG:
                self._pong_by = 0.0
            said = None
        else:
            raise BrokenProtocol("a packet that does not come from clients")
        if said is None:
            self._hear_nothing(isinstance(data, bytes))
        else:
            self._hear(said, len(data))

    def _hear_nothing(self, attachment: bool) -> None:
        if not attachment:
            self._idle += 1
            if self._idle > CONTROLS:
                self.session.end(4429, "flood")

    def _hear(self, said: Said, size: int) -> None:
        if isinstance(said, Event):
            self._hear_event(said, size)
        elif isinstance(said, Connect):
            if said.namespace != MAIN:
                self._hear_nothing(attachment=False)
                self.carrier.queue(ready(codec.no_namespace(said.namespace)))
            elif self._connecting:
                raise BrokenProtocol("connected already")
            else:
                self._connect(said, size)
        elif isinstance(said, Disconnect):
            self._hear_nothing(attachment=False)
            self._leave_namespace()

    def _leave_namespace(self) -> None:
        """Follow nothing, and wait for it to connect again; what is under way for the former session would be taken for the next."""
        if (former := self.session).is_idle:
            self._end_session()
            self._begin()
            self.session.follow(former)
        else:
            self.leave()

    def _connect(self, said: Connect, size: int) -> None:
        self._connecting = True
        try:
            text, self.wanted = commands.hello(said.auth)
        except Refused as error:
            self.session.reject(commands.HELLO, size, error)
        else:
            self.session.receive(text)

    def _hear_event(self, event: Event, size: int) -> None:
        if not self._connecting:
            raise BrokenProtocol("not connected")
        try:
            text = commands.command(event, _new_cid)
        except Refused as error:
            self.rejected = event.name[:64]
            self.session.reject(commands.number(event), size, error)
        else:
            self.session.receive(text)

    def connected(self, answer: HelloAnswer) -> Ready:
        """Return what the client is connected by, to a session that is new."""
        session, self.sid = self.session, secrets.token_urlsafe(16)
        access = Access(session.actor(), "", session.until, session.key, session.by)
        pid = self.node.identity.pid(access, self.sid)
        self.door.connected(self)
        return Ready(ready(codec.connected(self.sid, pid)) + placed(codec.said_hello(answer), self.offset()))

    def recovered(self, answer: RecoveredAnswer) -> Ready:
        """Return what the client is connected by, to the session that it had; what it has missed follows."""
        self.sid = answer.sid
        self.door.connected(self)
        self.release()
        told = [placed(codec.error(error, "join", room), self.offset()) for room, error in answer.lost.items()]
        return Ready(ready(codec.connected(answer.sid, answer.pid)) + b"".join(told))

    def not_connected(self) -> None:
        """Note that the client was not let in; it may try again."""
        self._connecting = False

    # -- the carrier, and the end --------------------------------------------------------------------------------------

    def pace(self) -> float:
        """Return for how many seconds to hold the answer to a poll."""
        admission = self.node.admission
        return self.node.arrivals.pace(
            self.address, admission.open_by_address.get(self.address, 1), self.node.turns.time()
        )

    def resume(self) -> None:
        """Go on: there is room again."""
        if not self._closed:
            self.session.go_on()
            self.node.hub.resume(self)

    def upgrade(self, carrier: Carrier) -> None:
        """Go on over a WebSocket, with what no poll has taken."""
        polling = cast(Polling, self.carrier)
        self.carrier, self._write = carrier, carrier.write_now
        if waiting := polling.take_all():
            carrier.queue(ready(*waiting))
        polling.drop()
        self.node.admission.leave(self.address)
        if self._closed:  # since its last poll: it has yet to be told of its end
            carrier.close(1000, "")
        if not self._reads:
            carrier.read_on(False)
        if polling.paused and not carrier.paused:
            self.node.turns.next_turn(self.resume)

    def close(self, code: int, reason: str) -> None:
        """Close after what has been written: for good, if the client shall not come back by itself."""
        if self._closed:
            return
        if code in FOR_GOOD and self.session.is_open:
            self.carrier.send(ready(codec.DISCONNECT))
        if code in FLOODS and isinstance(self.carrier, Polling):
            self.node.admission.flooded(self.address, self.node.turns.time())
        self._closed = True
        self.carrier.close(code, reason)
        self._end_session()
        if isinstance(self.carrier, Polling):
            self.node.wheel.add(self._look, self.door.timeout_s)

    def close_retryable(self) -> None:
        """Close so that the client comes back: what this connection lacks could not be read."""
        self.close(1013, "storage")

    def leave(self) -> None:
        """End at once: the client asks for it."""
        if isinstance(self.carrier, Polling):
            self.lost()
        else:
            self.close(1000, "")

    def break_off(self, why: BrokenProtocol) -> None:
        """End at once: the client keeps to no protocol."""
        if isinstance(self.carrier, Polling):
            self.lost(b"1")
        else:
            self.close(1002, str(why))

    def lost(self, last: bytes = b"6") -> None:
        """Let go of everything: nothing carries it any longer. Rings are cut, as by `Connection.connection_lost`.

        Args:
            last: what a poll gets that waits.
        """
        if self.carrier is GONE:
            return
        self._closed = True
        if isinstance(self.carrier, Polling):
            self.carrier.drop(last)
            self.node.admission.leave(self.address)
        self.door.forget(self)
        self._end_session()
        self.node.wheel.drop(self._look)
        self.carrier, self._write = GONE, GONE.write_now
        del self.session

    def _end_session(self) -> None:
        self.session.ended()
        self.unfollow()
        self.door.disconnected(self)

    # -- called by the timing wheel ------------------------------------------------------------------------------------

    def _look(self) -> float | None:
        """See whether the client is connected, still there, and may stay. Return when to look again."""
        if self._closed:
            self.lost()
            return None
        now, session = self.node.turns.time() + _EARLY_S, self.session
        if not session.is_open and now >= self._connect_by:
            self.close(4408, "hello timeout")
            return None
        if session.is_open and session.left_s <= 0:
            self.close(4401, "token expired")
            return None
        if not self._reads and self._pong_by:
            self._pong_by = now + self.door.timeout_s  # it may have come, and is not read
        if self._pong_by and now >= self._pong_by:
            self._time_out()
            return None
        if session.is_open:
            session.remind()
        if now >= self._ping_at:
            self._ping_at, self._pong_by, self._idle = now + self.door.interval_s, now + self.door.timeout_s, 0
            self.carrier.queue(ready(b"2"))
        due = [
            self._ping_at,
            *([self._pong_by] if self._pong_by else []),
            *([] if session.is_open else [self._connect_by]),
        ]
        return max(1.0, min(due) - now)

    def _time_out(self) -> None:
        if isinstance(self.carrier, Polling):
            self.lost()
        else:
            self.close(1001, "ping timeout")


def _new_cid() -> str:
    return secrets.token_urlsafe(16)
