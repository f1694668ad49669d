"""The native protocol's session: a state machine that takes one connection's commands in order, and answers them.

What a command does is an operation's (`operations/`), from a table that the session is given. An operation answers at
once, submits a draft, or starts work that waits for storage. Such work is one task, and what the client pipelined
behind it waits in a bounded queue; a send, a read pointer or a typing signal runs in the callback its bytes came in,
without a task. Nothing is judged here but the conversation itself: hello first, and by `transports.conduct` bad frames and floods.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from time import thread_time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from madang.core import costs
from madang.core.actors import Actor
from madang.core.bounds import MAX_FRAME
from madang.core.events import Appended, Draft
from madang.core.rate import Bucket
from madang.delivery.subscriber import Subscriber
from madang.delivery.subscription import Subscription
from madang.errors import MadangError, Refused, without_frames
from madang.protocol.native import codec
from madang.protocol.native.answers import Answer, append_answer
from madang.protocol.native.commands import Command, Hello
from madang.protocol.native.frames import ByeFrame, ExpiringFrame
from madang.services.pages import MessagePage
from madang.services.tokens import Access
from madang.transports.conduct import Close, Conduct
from madang.transports.native.encoding import SessionEncoding
from madang.transports.node import Node
from madang.transports.socket import Socket

if TYPE_CHECKING:
    from madang.transports.native.papers import OpenPaper

logger = logging.getLogger("madang.native")

QUEUED: Final = 64  # commands waiting behind one that waits for storage, before the socket is no longer read
QUEUED_BYTES: Final = 2 * MAX_FRAME  # likewise
REST_S: Final = 1.0  # owed beyond an empty bucket, before the socket is no longer read
NOTICE_S: Final = 120.0  # before a connection ends with its token: a minute more than tokens are taken after their end
IN_FLIGHT: Final = 512  # sends not acked yet, likewise


class SessionState(Enum):
    """Where the conversation is."""

    AWAITING_HELLO = auto()
    OPEN = auto()
    CLOSED = auto()


_AWAITING_HELLO: Final = SessionState.AWAITING_HELLO  # looked up on the class, a member takes as long as a call


Operation = Callable[["Session", Any], None]
"""Handles one kind of command. Raise MadangError to refuse it; `Session` has the ways to answer it."""


class Session:
    """One connection's side of the conversation.

    The connection calls what `websocket.doors.Session` has. All other public methods are the operations'.
    """

    __slots__ = (
        "_busy", "_conduct", "_end", "_operations", "_queue", "_queued", "_resting", "_state", "bucket", "by", "encoding",
        "in_flight", "key", "node", "papers", "reminded", "socket", "until", "user",
    )  # fmt: skip

    def __init__(
        self, node: Node, socket: Socket, encoding: SessionEncoding, operations: Mapping[type[Command], Operation]
    ) -> None:
        self.node = node
        self.socket = socket
        self.encoding = encoding
        self.bucket = Bucket()
        self.user: Actor | None = None
        self.until = 0.0  # from hello on
        self.key = ""  # likewise
        self.by = ""  # likewise
        self.reminded = False  # of the end of its token
        self.in_flight = 0
        self.papers: dict[str, OpenPaper] | None = None  # most sessions open none
        self._operations = operations
        self._state = SessionState.AWAITING_HELLO
        self._queue: deque[bytes] | None = None  # most sessions never need one
        self._queued = 0  # bytes in it
        self._busy = False
        self._resting = False
        self._conduct: Conduct | None = None  # most sessions are never refused anything
        self._end: Close | None = None  # the close code and reason, once one is due

    # -- what the connection calls -------------------------------------------------------------------------------------

    def receive(self, text: bytes) -> None:
        """Handle one text frame, or queue it.

        Frames are queued behind work that waits for storage, and while the socket's send buffer is over budget: else one
        packet of queries could pin unbounded memory.
        """
        if self._end:
            return
        if self._busy or self._resting or self._queue or self.socket.paused:
            if self._queue is None:
                self._queue = deque()
            self._queue.append(text)
            self._queued += len(text)
            if self._full():
                self.socket.read_on(False)
        else:
            self._handle(text)

    def go_on(self) -> None:
        """Handle what is queued: work has finished, or the socket has room again."""
        queue = self._queue
        while queue and not (self._busy or self._resting or self._end or self.socket.paused or self.socket.closed):
            full = self._full()
            text = queue.popleft()
            self._queued -= len(text)
            if full and not self._full():
                self.socket.read_on(True)
            self._handle(text)
        if not queue:
            self._queue = None  # an empty deque is 600 bytes
        for paper in list((self.papers or {}).values()):
            paper.go_on()

    def end(self, code: int, reason: str) -> None:
        """Handle nothing more, and close once what is under way has been answered."""
        if self._end is None:
            self._end_with((code, reason))

    def announce_restart(self, retry_ms: int) -> None:
        """Tell the client that the node restarts, and when to come back. The connection closes next."""
        self.socket.send(self.encoding.frame(ByeFrame(reason="restart", retry_ms=retry_ms)))

    def remind(self) -> None:
        """Tell the client once that its token ends, when that is near: another one keeps the connection."""
        if not self.reminded and (left_s := self.left_s) <= NOTICE_S:
            self.reminded = True
            self.socket.send(self.encoding.frame(ExpiringFrame(expires_ms=max(0, int(left_s * 1000)))))

    def rename(self, name: str) -> None:
        """Speak for the user by another name from now on (`sessions.OpenSession`)."""
        self.user = msgspec.structs.replace(self.actor(), name=name)
        self.node.hub.rename(self.socket, name)

    def revoke(self) -> None:
        """Close the connection: the user was deleted (`sessions.OpenSession`)."""
        self.socket.close(4410, "revoked")

    def sign_out(self, reason: str) -> None:
        """Close the connection: its token is no longer believed (`sessions.OpenSession`)."""
        self.socket.close(4401, reason)

    def disconnect(self) -> None:
        """Close the connection: the user's product asks for it (`sessions.OpenSession`)."""
        self.socket.close(4411, "disconnected")

    def ended(self) -> None:
        """Forget what is queued, and leave papers: the socket is closed. What was submitted is stored all the same."""
        self._state = SessionState.CLOSED
        self.node.sessions.discard(self)
        self._queue = None
        self._queued = 0
        for paper in (self.papers or {}).values():
            paper.leave()
        self.papers = None
        if self._resting:
            self.node.wheel.drop(self._rested)

    # -- order and refusals --------------------------------------------------------------------------------------------

    def _full(self) -> bool:
        """Return whether so much waits that the socket is not to be read."""
        queue = self._queue or ()
        return self._resting or self.in_flight >= IN_FLIGHT or len(queue) >= QUEUED or self._queued >= QUEUED_BYTES

    def _handle(self, text: bytes) -> None:
        n: int | None = None
        size, paid = len(text), 0
        started = thread_time() if size >= costs.MEASURED else 0.0
        try:
            if size < costs.BYTES:
                self.node.limits.command(self.bucket, self.node.turns.time())
            else:
                self._pay_for(size)
                paid = size
            command = codec.decode(text)
            n = command.n
            if self._state is _AWAITING_HELLO and type(command) is not Hello:
                raise Refused("hello_first")
            if (conduct := self._conduct) is not None:
                conduct.understood()
            self._operations[type(command)](self, command)
            if conduct is not None:
                conduct.handled()
        except MadangError as error:
            self._refuse(codec.number(text) if n is None else n, error)
        except UnicodeDecodeError:
            self.socket.close(1007, "not UTF-8")
        except Exception as error:
            logger.error("command failed", exc_info=error)
            self.socket.queue(self.encoding.error(n, MadangError("internal")))
        if started:
            self._took(thread_time() - started, paid)

    def _pay_for(self, size: int) -> None:
        """Pay for a large frame (rate_limited)."""
        user = self.user.id if self.user else ""
        self.node.limits.large_command(self.bucket, size, user, self.socket.address, self.node.turns.time())

    def _took(self, seconds: float, paid: int) -> None:
        """Pay for the processor's time that a frame took beyond the bytes that are paid; rest if far too much is owed.

        Otherwise refusals would be free: to look for the number of a frame of 64 KB takes 0.2 ms.
        """
        now = self.node.turns.time()
        user = self.user.id if self.user else ""
        self.node.limits.took(self.bucket, seconds, paid, user, self.socket.address, now)
        if not self._resting and self.bucket.owed(now) > REST_S + self.node.limits.refill_s:
            self._resting = True
            self.socket.read_on(False)
            self.node.wheel.add(self._rested, REST_S)

    def _rested(self) -> float | None:
        """Read on when it is this socket's turn, unless still as much is owed."""
        if self._state is SessionState.CLOSED:
            return None
        if self.bucket.owed(self.node.turns.time()) > self.node.limits.refill_s:
            return REST_S
        self.node.shares.enter(self.socket.address, self)
        return None

    def work(self) -> bool:
        """Rest no longer (`transports.shares`)."""
        self._resting = False
        if not self._full() and not self._end and self._state is not SessionState.CLOSED:
            self.socket.read_on(True)
        self.go_on()
        return False

    def reject(self, n: int, size: int, error: MadangError) -> None:
        """Refuse what its wire's own rules do not take for a command. It costs what a command of its size does."""
        try:
            if size < costs.BYTES:
                self.node.limits.command(self.bucket, self.node.turns.time())
            else:
                self._pay_for(size)
        except MadangError as limited:
            error = limited
        self._refuse(n, error)

    def _refuse(self, n: int | None, error: MadangError) -> None:
        self.socket.queue(self.encoding.error(n, error))
        if self._end:
            return
        conduct = self._conduct = self._conduct or Conduct(self.node.max_rooms)
        greeted = self._state is not _AWAITING_HELLO
        end = conduct.refused(error, self.node.turns.time(), named=n is not None, greeted=greeted)
        if end is not None:
            self._end_with(end)

    def _end_with(self, end: Close) -> None:
        """Close, once what was submitted has been acked: a client that does not know what is stored sends it again."""
        self._end = end
        self._queue = None
        self._queued = 0
        if not self._close_if_answered():
            self.socket.read_on(False)

    def _close_if_answered(self) -> bool:
        """Close a connection that is to end, if it has all its answers; return whether it has."""
        if self.in_flight or self._busy or self._end is None:
            return False
        self.socket.close(*self._end)
        return True

    # -- what operations call ------------------------------------------------------------------------------------------

    def open(self, access: Access) -> None:
        """Let other commands than hello through from now on: the connection speaks for this user, as long as that holds."""
        self.user = access.user
        self.until = access.until
        self.key = access.key
        self.by = access.by
        if self._state is SessionState.CLOSED:
            return  # meanwhile: what is added now would never be discarded
        self._state = SessionState.OPEN
        self.node.sessions.add(self)

    def go_on_by(self, access: Access) -> None:
        """Let the connection live by another token of its user: until that ends, if that is later."""
        if access.user.name != self.actor().name:
            self.rename(access.user.name)
        self.user = access.user
        self.until = max(self.until, access.until)
        self.key = access.key
        if access.by != self.by:
            self.node.sessions.discard(self)
            self.by = access.by
            self.node.sessions.add(self)
        self.reminded = False

    @property
    def subscriber(self) -> Subscriber:
        """Who follows rooms here: the socket."""
        return self.socket

    @property
    def left_s(self) -> float:
        """Seconds until the token that the connection speaks by has ended."""
        return self.until - self.node.now()

    @property
    def is_open(self) -> bool:
        """Whether hello has been said."""
        return self._state is SessionState.OPEN

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing waits."""
        return not (self._busy or self._resting or self._queue or self.in_flight)

    def follow(self, former: "Session") -> None:
        """Be held to what the connection's conversation before this one has spent, and to how it behaved."""
        self.bucket = former.bucket
        self._conduct = former._conduct

    def actor(self) -> Actor:
        """Return who acts. Nothing but hello comes through before they are known."""
        assert self.user is not None
        return self.user

    def subscription(self, room: str) -> Subscription:
        """Return how the connection follows a room (not_member)."""
        subscription = self.socket.subscriptions.get(room)
        if subscription is None or subscription.until is not None:
            raise Refused("not_member")
        return subscription

    def answer(self, n: int, answer: Answer) -> None:
        """Answer a command now."""
        self.socket.queue(self.encoding.answer(n, answer))

    def submit(self, n: int, draft: Draft) -> None:
        """Append a draft, and answer when it is stored. Other commands go on meanwhile."""
        self.node.appender.submit(draft, self._appended, n)
        self.in_flight += 1
        if self.in_flight == IN_FLIGHT:
            self.socket.read_on(False)

    def _appended(self, n: int, outcome: Appended | MadangError | None) -> None:
        self.in_flight -= 1
        if self.in_flight == IN_FLIGHT - 1 and not self._full() and not self._end:
            self.socket.read_on(True)
        if self.socket.closed:
            return
        if isinstance(outcome, MadangError):
            self._refuse(n, outcome)
        else:
            self.socket.queue(self.encoding.answer(n, append_answer(outcome, self.node.appender.ack)))
        if self._end:
            self._close_if_answered()

    def later(self, n: int, work: Callable[[], Awaitable[Answer | MessagePage]]) -> None:
        """Answer when some work is done, which begins when it is this address's turn; the commands behind it wait.

        It never begins if the socket is closed by then.
        """
        self._busy = True
        self.node.shares.begin(self.socket.address, lambda: self._begin(n, work))

    def _begin(self, n: int, work: Callable[[], Awaitable[Answer | MessagePage]]) -> None:
        if not self.socket.closed:
            self.node.turns.spawn(self.node.shares.metered(self._run(n, work)))

    async def _run(self, n: int, work: Callable[[], Awaitable[Answer | MessagePage]]) -> None:
        try:
            await self.socket.drained()  # whoever does not read is not given another page
            answer = await work()
        except MadangError as error:
            if not self.socket.closed:
                self._refuse(n, without_frames(error))
        except Exception as error:
            logger.error("command failed", exc_info=error)
            self.socket.queue(self.encoding.error(n, MadangError("internal")))
        else:
            if isinstance(answer, MessagePage):
                pieces = self.encoding.page(n, answer)
                await self.socket.drained(sum(map(len, pieces)))
                if not self.socket.closed:
                    self.socket.send_pieces(pieces)
            # At once: it may fill the socket, and behind an answer to join, frames of events may follow at once.
            elif not self.socket.closed:
                self.socket.send(self.encoding.answer(n, answer))
        self._busy = False
        if not self._close_if_answered():
            self.go_on()
