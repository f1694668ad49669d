"""One connection of a Yjs client to one paper.

Who it is, is said in the handshake, and judged behind it: a browser sees no status of HTTP, and `y-websocket` comes back at
once after every close but 4400 to 4499. So whoever is refused is let in and closed: 4401, 4404 or 4410. What comes meanwhile
waits, as does what comes too fast: it is not read until it is its turn, and nobody else waits for it.
"""

import logging
import math
from collections import deque
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec

from madang.core import costs
from madang.core.actors import Actor
from madang.core.documents import Undecodable
from madang.core.rate import Bucket
from madang.delivery.papers.follower import Outcome, Shown
from madang.delivery.papers.live import LivePaper
from madang.delivery.subscriber import Encoding, Subscriber
from madang.errors import Limited, MadangError, Refused, StorageError
from madang.protocol import yjs
from madang.services.identity import Unfetched
from madang.services.tokens import Access
from madang.transports.node import Node
from madang.transports.papers import Writer, write_frame
from madang.transports.socket import Socket
from madang.transports.websocket.doors import Upgrade
from madang.transports.websocket.framing import Framing

logger = logging.getLogger("madang.yjs")

QUEUED: Final = 64  # messages that wait, before the socket is no longer read
UNSTORED: Final = 2 * yjs.MAX_MESSAGE  # bytes that wait, or are not stored yet, likewise


class YjsSession:
    """A conversation. The connection calls what `websocket.doors.BinarySession` has, the paper's hub what `Follower` has."""

    def __init__(self, node: Node, socket: Socket, upgrade: Upgrade, encoding: Encoding) -> None:
        self.node = node
        self.socket = socket
        self.encoding = encoding
        self.user: Actor | None = None
        self.key = ""
        self.by = ""
        self.until = 0.0
        self._framing: Framing = upgrade.framing
        self._bucket = Bucket()
        self._live: LivePaper | None = None
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._unstored = 0
        self._writer = Writer(node)
        self._asking = False
        self._resting = False
        self._over = False
        path, _, query = upgrade.target.partition("?")
        self._paper = unquote(path.rsplit("/", 1)[1])
        self._credential = upgrade.credential
        self._ticket = (parse_qs(query).get("ticket") or [""])[0]
        node.turns.spawn(self._enter())

    # -- who it is -----------------------------------------------------------------------------------------------------

    async def _enter(self) -> None:
        try:
            access = await self._access()
            self.user, self.key, self.by, self.until = access.user, access.key, access.by, access.until
            if self._over:
                return
            self.node.sessions.add(self)
            live = await self.node.open_papers.follow(self._paper, self)
        except Limited:
            self._end(1013, "too busy")
        except Refused as refused:
            self._end(4404 if refused.code == "not_found" else 4401, refused.code)
        except StorageError:
            self._end(1013, "storage")
        except Undecodable:
            self._end(1011, "unreadable")
        else:
            if self._over:
                self.node.open_papers.leave(live, self)
                return
            self._live = live
            self.go_on()

    async def _access(self) -> Access:
        identity, address, now = self.node.identity, self.socket.address, self.node.now()
        if self._credential:
            try:
                return identity.shown(self._credential, now, address)
            except Unfetched:
                return await identity.shown_later(self._credential, now, address)
        return await identity.shown_ticket(self._ticket, address)

    # -- what the connection calls -------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the client has said who it is: it has nothing to say that is not in the handshake."""
        return True

    @property
    def left_s(self) -> float:
        """The end of its token is judged with the other rights, by the paper's hub."""
        return math.inf

    @property
    def subscriber(self) -> Subscriber:
        """The connection follows no rooms."""
        return self.socket

    def remind(self) -> None:
        """Tell nothing: this protocol has no word for it."""

    def announce_restart(self, retry_ms: int) -> None:
        """Tell nothing, likewise."""

    def receive(self, text: bytes) -> None:
        """End: there is no text in this protocol."""
        self._end(1003, "binary only")

    def receive_binary(self, data: bytes) -> None:
        """Handle a message, or keep it until it is its turn."""
        if self._over:
            return
        self._queue.append(data)
        self._queued += len(data)
        self.go_on()

    def go_on(self) -> None:
        """Handle what waits, as far as it may be."""
        if self._live is not None:
            if not self.socket.paused:
                self.node.open_papers.go_on(self._live, self)
            while self._queue and not self._waits():
                data = self._queue[0]
                if not self._pay(len(data)):
                    break
                self._queue.popleft()
                self._queued -= len(data)
                self._handle(data)
        if not self._over:
            self.socket.read_on(not self._full())

    def end(self, code: int, reason: str) -> None:
        """Handle nothing more."""
        self._end(code, reason)

    def ended(self) -> None:
        """Let go of everything: the socket is closed."""
        self._over = True
        self._queue.clear()
        self.node.sessions.discard(self)
        self._leave()

    def _leave(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            self.node.open_papers.leave(live, self)

    def _end(self, code: int, reason: str) -> None:
        if not self._over:
            self._over = True
            self._queue.clear()
            self._leave()
            self.socket.close(code, reason)

    # -- messages ------------------------------------------------------------------------------------------------------

    def _waits(self) -> bool:
        return self._over or self._asking or self._resting or self.socket.paused or self._unstored > UNSTORED

    def _full(self) -> bool:
        return len(self._queue) >= QUEUED or self._queued + self._unstored > UNSTORED or self._resting

    def _pay(self, size: int) -> bool:
        """Charge a message; return False where it has to wait."""
        now, limits = self.node.turns.time(), self.node.limits
        try:
            if size < costs.BYTES:
                limits.command(self._bucket, now)
            else:
                assert self.user is not None
                limits.large_command(self._bucket, size, self.user.id, self.socket.address, now)
        except Limited as limited:
            self._resting = True
            self.node.turns.later(max(limited.retry_ms, 1) / 1000, self._rested)
            return False
        return True

    def _rested(self) -> None:
        self._resting = False
        if not self._over:
            self.go_on()

    def _handle(self, data: bytes) -> None:
        live = self._live
        assert live is not None
        papers = self.node.open_papers
        try:
            message = yjs.decode(data)
        except yjs.Unreadable:
            self._end(4400, "unreadable")
            return
        match message:
            case yjs.Step1(state=state):
                self._asking = True
                papers.ask(live, self, state)
            case yjs.Update(data=update):
                self._write(live, update)
            case yjs.Awareness(states=states):
                papers.show(live, self, states)
            case yjs.Query():
                papers.show_all(live, self)

    def _write(self, live: LivePaper, update: bytes) -> None:
        assert self.user is not None
        try:
            if self._writer.write(live, self, self.user, update):
                self._unstored += len(update)
        except MadangError as refused:
            self.deny(refused.code)

    # -- what the paper's hub calls (`delivery.papers.follower.Follower`) ----------------------------------------------

    @property
    def user_id(self) -> str:
        """Who it is."""
        assert self.user is not None
        return self.user.id

    @property
    def user_name(self) -> str:
        """What they are called now."""
        assert self.user is not None
        return self.user.name

    @property
    def server(self) -> bool:
        """Whether they are a server key: those have no business here."""
        return False

    @property
    def token_left_s(self) -> float:
        """Seconds until the token has ended that they came with."""
        return self.until - self.node.now()

    @property
    def behind(self) -> bool:
        """Whether it is over its byte budget."""
        return self.socket.paused

    @property
    def framing(self) -> Framing:
        """Connections of equal framings are sent the same frames."""
        return self._framing

    def frame_update(self, data: bytes) -> bytes:
        """Return the frame of an update."""
        return self._framing.binary(yjs.update(data))

    def frame_shown(self, shown: Sequence[Shown]) -> bytes:
        """Return the frame of what is shown of clients."""
        return self._framing.binary(yjs.awareness([yjs.ClientState(s.client, s.clock, s.state) for s in shown]))

    def write(self, frame: bytes) -> None:
        """Write a frame."""
        write_frame(self.socket, frame)

    def answer(self, lacking: bytes) -> None:
        """Write what it has asked for."""
        self._asking = False
        self.write(self._framing.binary(yjs.step2(lacking)))
        self.node.turns.next_turn(self.go_on)

    def greet(self, state: bytes, shown: Sequence[Shown]) -> None:
        """Ask a newcomer what the paper lacks of theirs, and show them who is there."""
        self.write(self._framing.binary(yjs.step1(state)))
        if shown:
            self.write(self.frame_shown(shown))

    def taken(self, size: int, outcome: Outcome) -> None:
        """Learn that bytes wait no longer."""
        full, self._unstored = self._full(), self._unstored - size
        if full and not self._over:
            self.node.turns.next_turn(self.go_on)

    def deny(self, code: str) -> None:
        """Tell that what it wrote is not taken, and why."""
        self.write(self._framing.binary(yjs.denied(code)))

    def unreadable(self) -> None:
        """End: what it wrote cannot be decoded."""
        self._end(4400, "unreadable")

    def end_access(self, code: int, reason: str) -> None:
        """End, for good."""
        self._end(code, reason)

    def try_again(self, reason: str) -> None:
        """End; it is welcome again in a moment."""
        self._end(1013, reason)

    # -- what ends the sessions of a user (`sessions.OpenSession`) -----------------------------------------------------

    def rename(self, name: str) -> None:
        """Show the user by another name from now on."""
        assert self.user is not None
        self.user = msgspec.structs.replace(self.user, name=name)

    def revoke(self) -> None:
        """End: the user was deleted."""
        self._end(4410, "revoked")

    def sign_out(self, reason: str) -> None:
        """End: the token is no longer believed."""
        self._end(4410, reason)

    def disconnect(self) -> None:
        """End: the user's product asks for it."""
        self._end(4410, "disconnected")
