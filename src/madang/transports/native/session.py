"""The native protocol's session: commands in order, answers out. It judges nothing; services and core do.

A send, a read pointer or a sign of typing is handled in the callback its bytes came in: no task. A command that must
wait for storage runs as one task, and what the client pipelined behind it waits in a bounded queue.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from madang import __version__
from madang.core.actors import Actor
from madang.core.events import Appended, Draft, MessageSent
from madang.core.permissions import Action, may, need
from madang.core.rate import Bucket
from madang.core.rooms import Member
from madang.core.timestamps import moment
from madang.delivery import ephemeral
from madang.delivery.catching_up import RESUME_EVENTS
from madang.delivery.joining import Joined
from madang.delivery.room import LiveRoom
from madang.delivery.subscriber import Subscriber
from madang.delivery.subscription import Subscription
from madang.errors import Limited, MadangError, Refused
from madang.protocol.native import codec
from madang.protocol.native import commands as c
from madang.services import messages
from madang.services.identity import INVITE_S
from madang.transports.node import Node
from madang.transports.websocket.framing import NativeEncoding

logger = logging.getLogger("madang.native")

BAD_FRAMES: Final = 20  # in a row
FLOOD: Final = 200  # more commands refused for their rate than were taken
QUEUED: Final = 64  # commands waiting behind one that waits for storage, before the socket is no longer read
QUEUED_BYTES: Final = 2 * 64 * 1024  # likewise: a frame may have 64 KB
IN_FLIGHT: Final = 512  # sends not acked yet, likewise
MAX_FRAME: Final = 64 * 1024
PINS: Final = 50  # that may stand in a room, and are read at once


class Socket(Subscriber, Protocol):
    """What a session needs of its socket beyond a subscriber."""

    address: str
    encoding: NativeEncoding

    def close(self, code: int, reason: str) -> None:
        """Close after what has been written."""

    def read_on(self, on: bool) -> None:
        """Go on reading, or stop until told."""


class Session:
    """One connection's side of the conversation."""

    __slots__ = ("_bad", "_bucket", "_busy", "_flood", "_node", "_queue", "_queued", "_socket", "in_flight", "user")

    def __init__(self, node: Node, socket: Socket) -> None:
        self._node = node
        self._socket = socket
        self._bucket = Bucket()
        self._queue: deque[bytes] | None = None  # most sessions never need one
        self._queued = 0  # bytes in it
        self._busy = False
        self._bad = 0
        self._flood = 0
        self.in_flight = 0
        self.user: Actor | None = None

    # -- in ------------------------------------------------------------------------------------------------------------

    def receive(self, text: bytes) -> None:
        """Take one text frame. While the socket is full none is handled, or a packet of questions buys any memory."""
        if self._busy or self._queue or self._socket.paused:
            if self._queue is None:
                self._queue = deque()
            self._queue.append(text)
            self._queued += len(text)
            if self._full():
                self._socket.read_on(False)
        else:
            self._handle(text)

    def go_on(self) -> None:
        """Take what waits: a command has finished, or the socket has room again."""
        queue = self._queue
        while queue and not (self._busy or self._socket.paused or self._socket.closed):
            full = self._full()
            text = queue.popleft()
            self._queued -= len(text)
            if full and not self._full():
                self._socket.read_on(True)
            self._handle(text)
        if not queue:
            self._queue = None  # an empty deque is 600 bytes

    def _full(self) -> bool:
        """Whether so much waits that the socket is not to be read."""
        queue = self._queue or ()
        return self.in_flight >= IN_FLIGHT or len(queue) >= QUEUED or self._queued >= QUEUED_BYTES

    def _handle(self, text: bytes) -> None:
        n: int | None = None
        try:
            self._node.limits.command(self._bucket, self._node.turns.time())
            command = codec.decode(text)
            n = command.n
            if self.user is None and type(command) is not c.Hello:
                raise Refused("hello_first")
            self._bad = 0
            HANDLERS[type(command)](self, command)
            if self._flood:
                self._flood -= 1
        except MadangError as error:
            self._refuse(codec.number(text) if n is None else n, error)
        except UnicodeDecodeError:
            self._socket.close(1007, "not UTF-8")
        except Exception as error:
            logger.error("command failed", exc_info=error)
            self._answer(codec.error(n, MadangError("internal")))

    def _refuse(self, n: int | None, error: MadangError) -> None:
        self._answer(codec.error(n, error))
        if n is None or error.code in ("bad_json", "unknown_op", "bad_field", "hello_first"):
            self._bad += 1
            if self._bad >= BAD_FRAMES:
                self._socket.close(4400, "bad requests")
        elif isinstance(error, Limited) and error.code != "overloaded":  # which is not his fault
            self._flood += 1
            if self._flood >= FLOOD:
                self._socket.close(4429, "flood")
        elif error.code == "bad_token":
            self._socket.close(4401, "unauthorised")

    def _answer(self, text: bytes) -> None:
        socket = self._socket
        socket.queue(socket.encoding.text(text))

    def _later(self, n: int, work: Awaitable[bytes]) -> None:
        self._busy = True
        self._node.turns.spawn(self._run(n, work))

    async def _run(self, n: int, work: Awaitable[bytes]) -> None:
        try:
            text = await work
        except MadangError as error:
            if not self._socket.closed:
                self._refuse(n, error)
        except Exception as error:
            logger.error("command failed", exc_info=error)
            self._answer(codec.error(n, MadangError("internal")))
        else:
            if text and not self._socket.closed:
                self._socket.send(self._socket.encoding.text(text))  # at once: it may be large, and fill the socket
        self._busy = False
        self.go_on()

    def ended(self) -> None:
        """The socket is gone: forget what waits. What was submitted is stored all the same."""
        self._queue = None
        self._queued = 0

    # -- hello ---------------------------------------------------------------------------------------------------------

    def _hello(self, command: c.Hello) -> None:
        if self.user is not None:
            raise Refused("hello_twice")
        if command.v != c.VERSION:
            raise Refused("bad_version", f"This server speaks version {c.VERSION}.")
        if (command.guest is None) == (command.token is None):
            raise Refused("bad_field", "guest, token: exactly one of them.")
        node = self._node
        if command.token is not None:
            self.user, token = node.identity.verify(command.token, node.now())
        else:
            node.limits.address(self._socket.address, node.turns.time())
            self.user, token = node.identity.guest(command.guest or "", node.now())
        server = {
            "name": "madang", "version": __version__, "v": c.VERSION, "ack": node.appender.ack, "max_frame": MAX_FRAME,
            "max_text": node.max_text, "max_rooms": node.max_rooms, "max_data": messages.MAX_DATA,
            "max_mentions": 50, "resume_events": RESUME_EVENTS, "ping_ms": int(node.ping_s * 1000),
        }  # fmt: skip
        user = {"id": self.user.id, "name": self.user.name}
        self._answer(codec.ok(command.n, user=user, token=token, server=server))

    def _me(self) -> Actor:
        assert self.user is not None  # receive() lets nothing but hello through before
        return self.user

    # -- following rooms -----------------------------------------------------------------------------------------------

    def _join(self, command: c.Join) -> None:
        self._busy = True
        self._node.joins.enter(lambda: self._begin_join(command))

    def _begin_join(self, command: c.Join) -> None:
        if not self._socket.closed:
            self._later(command.n, self._do_join(command))

    async def _do_join(self, command: c.Join) -> bytes:
        node, socket = self._node, self._socket
        if len(socket.subscriptions) >= node.max_rooms and command.room not in socket.subscriptions:
            raise Refused("too_many", f"At most {node.max_rooms} rooms on one connection.")
        room, member, joined = await self._follow(command)
        info = room.info
        fields = {
            "room": {"id": info.id, "title": info.title, "access": info.access, "slow_ms": info.slow_ms},
            "role": member.role, "seq": joined.seq, "epoch": room.epoch, "read_seq": member.read_seq,
            "reset": joined.reset,
        }  # fmt: skip
        socket.send(socket.encoding.text(codec.joined(command.n, fields, joined.events)))  # before any event above seq
        return b""

    async def _follow(self, command: c.Join) -> tuple[LiveRoom, Member, Joined]:
        """Enter and follow. A room is opened only for those who may see it; what a kick meanwhile ends, stays ended."""
        node, user = self._node, self._me()
        room = node.hub.rooms.get(command.room)
        member_at = room.next if room is not None else 0
        if command.since is None:
            invited = command.invite is not None and node.identity.invited(command.invite, command.room)
            member = await node.rooms.enter(user, command.room, invited=invited)
        else:  # who was kicked while away is not let in again by coming back
            member = await node.rooms.member(user, command.room)
        while True:
            if room is None:
                room = await node.hub.open(command.room)
                if room is None:
                    raise Refused("not_found")
                member_at = room.next
                member = await node.rooms.member(user, command.room)
            joined = await node.joiner.join(
                self._socket, room, user.id, user.name, member.role,
                member_at=member_at, joined_at=member.read_seq, since=command.since, epoch=command.epoch, limit=command.limit,
            )  # fmt: skip
            if joined is not None:
                return room, member, joined
            room = None

    def _subscription(self, room: str) -> Subscription:
        subscription = self._socket.subscriptions.get(room)
        if subscription is None or subscription.until is not None:
            raise Refused("not_member")
        return subscription

    # -- appends -------------------------------------------------------------------------------------------------------

    def _submit(self, n: int, draft: Draft, subscription: Subscription) -> None:
        node = self._node
        live = node.hub.rooms[draft.room]
        slow_ms = live.info.slow_ms
        if slow_ms and (not isinstance(draft.content, MessageSent) or may(subscription.role, Action.SKIP_SLOW_MODE)):
            slow_ms = 0
        node.limits.append(draft.user, draft.room, node.turns.time(), slow_ms)
        node.appender.submit(draft, self._appended, n)
        self.in_flight += 1
        if self.in_flight == IN_FLIGHT:
            self._socket.read_on(False)

    def _appended(self, n: int, outcome: Appended | MadangError | None) -> None:
        self.in_flight -= 1
        if self.in_flight == IN_FLIGHT - 1 and not self._full():
            self._socket.read_on(True)
        if self._socket.closed:
            return
        if isinstance(outcome, MadangError):
            self._refuse(n, outcome)
        else:
            self._answer(self._ack(n, outcome))

    def _ack(self, n: int, outcome: Appended | None) -> bytes:
        if outcome is None:
            return codec.ok(n, unchanged=True)
        return codec.ack(n, outcome.event.id, outcome.event.seq, self._node.appender.ack, outcome.duplicate)

    def _send(self, m: c.Send) -> None:
        subscription = self._subscription(m.room)
        draft = messages.send(self._me(), m.room, m.cid, m.text, m.data, m.reply_to, m.mentions, self._node.max_text)
        self._submit(m.n, draft, subscription)

    def _edit(self, m: c.Edit) -> None:
        subscription = self._subscription(m.room)
        draft = messages.edit(self._me(), m.room, m.seq, m.cid, m.text, m.data, m.mentions, self._node.max_text)
        self._submit(m.n, draft, subscription)

    def _delete(self, m: c.Delete) -> None:
        subscription = self._subscription(m.room)
        self._submit(m.n, messages.delete(self._me(), m.room, m.seq), subscription)

    def _react(self, m: c.React) -> None:
        subscription = self._subscription(m.room)
        self._submit(m.n, messages.react(self._me(), m.room, m.seq, m.emoji, m.on), subscription)

    def _pin(self, m: c.Pin) -> None:
        subscription = self._subscription(m.room)
        self._submit(m.n, messages.pin(self._me(), subscription.role, m.room, m.seq, m.on), subscription)

    def _changing(self, n: int, room: str, change: Callable[[Actor], Awaitable[Appended | None]]) -> None:
        self._node.limits.append(self._me().id, room, self._node.turns.time())

        async def work() -> bytes:
            return self._ack(n, await change(self._me()))

        self._later(n, work())

    def _leave(self, m: c.Leave) -> None:
        self._changing(m.n, m.room, lambda me: self._node.rooms.leave(me, m.room))

    def _create(self, m: c.Create) -> None:
        self._changing(m.n, m.room, lambda me: self._node.rooms.create(me, m.room, m.title, m.access))

    def _change(self, m: c.Change) -> None:
        self._changing(m.n, m.room, lambda me: self._node.rooms.change(me, m.room, m.title, m.access, m.slow_ms))

    def _invite(self, m: c.Invite) -> None:
        need(self._subscription(m.room).role, Action.INVITE)
        self._answer(
            codec.ok(m.n, invite=self._node.identity.invite(m.room, self._node.now()), expires_ms=INVITE_S * 1000)
        )

    def _kick(self, m: c.Kick) -> None:
        self._changing(m.n, m.room, lambda me: self._node.rooms.kick(me, m.room, m.user))

    def _role(self, m: c.Role) -> None:
        self._changing(m.n, m.room, lambda me: self._node.rooms.grant(me, m.room, m.user, m.role))

    # -- reads ---------------------------------------------------------------------------------------------------------

    def _reading(self, n: int, room: str, rows: int, read: Callable[[Actor], Awaitable[dict[str, Any]]]) -> None:
        self._subscription(room)
        self._page(rows)

        async def work() -> bytes:
            fields = await read(self._me())
            await self._node.rooms.member(self._me(), room)  # behind the read: it may have seen what came after a kick
            return codec.ok(n, **fields)

        self._later(n, work())

    def _page(self, rows: int) -> None:
        self._node.limits.page(self._bucket, rows, self._node.turns.time())

    def _history(self, m: c.History) -> None:
        async def read(me: Actor) -> dict[str, Any]:
            page = await self._node.reading.history(m.room, me.id, m.before, m.after, m.limit)
            return {"messages": page.messages, "more": page.more}

        self._reading(m.n, m.room, m.limit, read)

    def _pins(self, m: c.Pins) -> None:
        async def read(me: Actor) -> dict[str, Any]:
            return {"messages": await self._node.reading.pins(m.room, me.id), "more": False}

        self._reading(m.n, m.room, PINS, read)

    def _members(self, m: c.Members) -> None:
        async def read(me: Actor) -> dict[str, Any]:
            members, more = await self._node.reading.members(m.room, m.after, m.limit)
            return {"members": [_member(member) for member in members], "more": more}

        self._reading(m.n, m.room, m.limit, read)

    def _presence(self, m: c.Presence) -> None:
        async def read(me: Actor) -> dict[str, Any]:
            users, count = await self._node.hub.presence.online(m.room, after=m.after, limit=m.limit)
            return {"users": users, "count": count, "more": len(users) == m.limit and count > m.limit}

        self._reading(m.n, m.room, m.limit, read)

    def _rooms(self, m: c.Rooms) -> None:
        self._page(m.limit)

        async def work() -> bytes:
            rooms, more = await self._node.reading.memberships(self._me().id, m.after, m.limit)
            return codec.ok(m.n, rooms=rooms, more=more)

        self._later(m.n, work())

    # -- ephemeral -----------------------------------------------------------------------------------------------------

    def _typing(self, m: c.Typing) -> None:
        subscription = self._subscription(m.room)
        self._node.hub.announce(ephemeral.typing(m.room, subscription.user, subscription.name if m.on else None))
        if m.n:
            self._answer(codec.ok(m.n))

    def _read(self, m: c.Read) -> None:
        subscription = self._subscription(m.room)
        seq = min(m.seq, self._node.hub.rooms[m.room].next - 1)
        self._node.reading.mark(m.room, subscription.user, seq)
        self._node.hub.announce(ephemeral.read(m.room, subscription.user, seq))
        if m.n:
            self._answer(codec.ok(m.n))

    def _ping(self, m: c.Ping) -> None:
        self._answer(codec.ok(m.n, at=moment(int(self._node.now() * 1000))))


def _member(member: Member) -> dict[str, str]:
    return {"user": member.user, "name": member.name, "role": member.role}


HANDLERS: Final[dict[type[c.Command], Callable[[Session, Any], None]]] = {
    kind: getattr(Session, f"_{op}") for op, kind in c.COMMANDS.items()
}
