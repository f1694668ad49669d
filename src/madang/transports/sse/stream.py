"""A stream: an answer that goes on. Behind its head, its socket is written to as a WebSocket's is, by the same rules.

The transport's write buffer is the byte budget (HIGH_WATER); who stays over it is left behind, and cut off after SLOW_S. The client
has nothing to say, so nothing tells that it is gone but what the kernel cannot deliver.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from madang.core.actors import Actor
from madang.core.events import Event
from madang.delivery.room import LiveRoom
from madang.protocol import sse
from madang.protocol.native import codec
from madang.protocol.native.frames import ResetFrame
from madang.protocol.offsets import position
from madang.services.consuming import Consuming
from madang.services.tokens import Access
from madang.transports.sse.encoding import LAST, chunk
from madang.transports.subscriber import (
    CLOSE_S,
    CLOSING,
    CONNECTING,
    HIGH_WATER,
    LOST,
    LOW_WATER,
    OPEN,
    SLOW_S,
    UNANSWERED_PINGS,
    SocketSubscriber,
)

if TYPE_CHECKING:
    from madang.transports.sse.door import Streams

QUEUED: Final = 16  # events of a consumer that are written together
TELL_S: Final = 0.02  # between two looks whether who may see no more has been told so
_HEARTBEAT: Final = chunk(sse.HEARTBEAT)


class Stream(SocketSubscriber, asyncio.Protocol):
    """One answer that goes on, to a user or a server key (`sessions.OpenSession`).

    It counts among the node's sockets, and ends with what its reader showed, from the moment that it is made. Until its head
    is written nothing else is.
    """

    __slots__ = (
        "_ending",
        "_first",
        "_let_go",
        "_paused_at",
        "_streams",
        "address",
        "by",
        "key",
        "node",
        "until",
        "user",
    )

    def __init__(self, streams: "Streams", address: str, access: Access) -> None:
        super().__init__()
        self.node = streams.node
        self.address = address
        self.user: Actor | None = access.user
        self.until, self.key, self.by = access.until, access.key, access.by
        self.encoding = streams.events
        self.device = secrets.token_hex(8)
        self.paused = True
        self._paused_at = 0.0
        self._first = b""
        self._ending: tuple[int, str] | None = None  # what it is to end with, if that was decided before it began
        self._let_go: Callable[[], None] = lambda: None
        self._streams = streams
        self.node.admission.enter(address)
        self.node.sessions.add(self)
        streams.open.add(self)

    def begin_with(self, *events: bytes) -> None:
        """Keep what is written first."""
        self._first = b"".join(map(chunk, events))

    def take_over(self, transport: Any, let_go: Callable[[], None]) -> None:
        """Go on with an answer whose head is written (`http.parser`).

        Args:
            let_go: called when the socket is gone.
        """
        self.transport, self.write_now, self._let_go = transport, transport.write, let_go
        transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self._time_out_by_kernel()
        self.state = OPEN
        self.paused = False
        self.send(self._first)
        self._first = b""
        self.node.wheel.add(self._look, self._next_look())
        if self._ending is not None:
            self.end(*self._ending)
        else:
            self._begun()

    def _begun(self) -> None:
        """Write what comes behind the first events."""
        for name, subscription in self.subscriptions.items():
            self.node.hub.catching_up.start(self.node.hub.rooms[name], subscription)

    def _time_out_by_kernel(self) -> None:
        """Have a peer taken for dead that acknowledges nothing, as one that answers no pings."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            most_ms = int(max(SLOW_S + CLOSE_S, UNANSWERED_PINGS * self.node.ping_s) * 1000)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, most_ms)

    # -- called by the loop --------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Cut off who sends on: another request would wait forever behind this one."""
        self.transport.abort()

    def pause_writing(self) -> None:
        """Stop writing events: the byte budget is used up."""
        self.paused = True
        self._paused_at = self.node.turns.time()
        self.node.hub.pause(self)

    def resume_writing(self) -> None:
        """Catch up: there is room again."""
        self.paused = False
        if self.state is OPEN:
            self.node.hub.resume(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything: the socket is gone."""
        self.state = LOST
        self._streams.open.discard(self)
        self.node.hub.close(self)
        self.node.sessions.discard(self)
        self.node.admission.leave(self.address)
        self.node.wheel.drop(self._look)
        self._let_go()

    def never_begun(self) -> None:
        """Let go of everything, unless it has begun."""
        if self.state is CONNECTING:
            self.connection_lost(None)

    def shutdown(self) -> None:
        """End for a restart: tell when to come back, jittered. Called by uvicorn at SIGTERM."""
        self.end(1012, "restart", 100 + secrets.randbelow(2000))

    # -- the end -------------------------------------------------------------------------------------------------------

    def end(self, code: int, reason: str, retry_ms: int | None = None) -> None:
        """Say why, and close after what has been written."""
        if self.state is CONNECTING:
            self._ending = code, reason
        elif self.state is OPEN:
            self.send(chunk(sse.end(code, reason, retry_ms)) + LAST)
            self.state = CLOSING
            self.node.hub.close(self)
            self.node.wheel.drop(self._look)
            self.node.wheel.add(self._look, CLOSE_S)
            self.transport.close()

    def close_retryable(self) -> None:
        """End so that the client comes back: what this stream lacks could not be read."""
        self.end(1013, "storage")

    def access_ended(self, room: str) -> None:
        """End, once the event is written by which the reader may see no more."""
        super().access_ended(room)
        self._end_when_told(self.node.hub.rooms[room])

    def _end_when_told(self, room: LiveRoom) -> None:
        if self.closed:
            return
        if self.subscriptions or self in room.leaving:
            self.node.turns.later(TELL_S, partial(self._end_when_told, room))
        else:
            self.end(4410, "access ended")

    def rename(self, name: str) -> None:
        """Be present by another name from now on."""
        self.node.hub.rename(self, name)

    def revoke(self) -> None:
        """End: the user was deleted."""
        self.end(4410, "revoked")

    def sign_out(self, reason: str) -> None:
        """End: the token or the key is no longer believed."""
        self.end(4401, reason)

    def disconnect(self) -> None:
        """End: the user's product asks for it."""
        self.end(4411, "disconnected")

    # -- called by the timing wheel ------------------------------------------------------------------------------------

    def _next_look(self) -> float:
        return min(self.node.ping_s, self.until - self.node.now())

    def _look(self) -> float | None:
        """See whether the reader may stay, and reads at all; show that the stream lives. Return when to look again, if at all."""
        if self.state is CLOSING:
            self.transport.abort()
            return None
        if self.until <= self.node.now():
            self.end(4401, "token expired")
            return None
        if not self.paused:
            self.send(_HEARTBEAT)
        elif self.node.turns.time() - self._paused_at >= SLOW_S:
            self.transport.abort()
            return None
        return min(5.0, self._next_look()) if self.paused else self._next_look()


class ConsumerStream(Stream):
    """The stream of a consumer of a server key: every event of every room (`services.consuming.Reader`)."""

    __slots__ = ("_consuming", "_room")

    def __init__(self, streams: "Streams", address: str, access: Access) -> None:
        super().__init__(streams, address, access)
        self._consuming: Consuming | None = None
        self._room = asyncio.Event()

    async def open(self, name: str) -> None:
        """Read for a consumer of the key from now on, in place of whoever did (not_found)."""
        assert self.user is not None
        self._consuming = await self.node.consumers.open(self.user, name, self)

    def _begun(self) -> None:
        if self._consuming is not None:
            self._consuming.start()
        self._room.set()

    def tell(self, event: Event, epoch: str) -> None:
        """Write an event."""
        self.queue(chunk(sse.event(event.type, codec.event(event), position(event.room, event.seq, epoch))))

    def reset(self, room: str, epoch: str) -> None:
        """Write that a room's log is another one, and comes from its beginning."""
        frame = ResetFrame(room=room, epoch=epoch, seq=0, events=codec.array(()))
        self.queue(chunk(sse.frame(frame, position(room, 0, epoch))))

    async def drained(self) -> None:
        """Wait until there is room to write."""
        if self.paused:
            self.flush()
            await self._room.wait()
        elif len(self._queued) >= QUEUED:
            self.flush()

    def replaced(self) -> None:
        """End: another connection reads for the consumer."""
        self.end(4412, "replaced")

    def removed(self) -> None:
        """End: there is no such consumer any longer."""
        self.end(4413, "removed")

    def pause_writing(self) -> None:
        """Wait: the byte budget is used up."""
        super().pause_writing()
        self._room.clear()

    def resume_writing(self) -> None:
        """Go on: there is room again."""
        super().resume_writing()
        self._room.set()

    def end(self, code: int, reason: str, retry_ms: int | None = None) -> None:
        """Say why, and close after what has been written."""
        super().end(code, reason, retry_ms)
        self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything: the socket is gone."""
        super().connection_lost(exc)
        self._stop()

    def _stop(self) -> None:
        if self._consuming is not None:
            self.node.consumers.close(self._consuming)
            self._consuming = None
