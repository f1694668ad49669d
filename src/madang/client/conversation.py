"""One connection, from hello to its end: what is due is written, what arrives is handed on.

Rule 1: the first flight is hello, a join per room, then every command that still wants an answer, in order, written
        without waiting for anything.
Rule 2: the socket is always read. What comes is the room's to keep or to drop (`cursor.py`), so nobody waits for
        an application that does not iterate.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

import msgspec

from madang.client import frames
from madang.client.notices import NoticeFrame
from madang.client.paper import AnyPaperFrame
from madang.client.pending import HELLO, Pending
from madang.client.sockets import Clock, Closed, Socket
from madang.protocol.native.answers import ErrorAnswer, HelloAnswer
from madang.protocol.native.commands import Hello
from madang.protocol.native.frames import (
    BehindFrame,
    ByeFrame,
    ClosedFrame,
    PaperFrame,
    PresenceFrame,
    ReadFrame,
    ReportsFrame,
    ResetFrame,
    ShownFrame,
    SkipFrame,
    TypingFrame,
    UnreadFrame,
)

HELLO_S: Final = 10.0  # for the answer to hello
_NOTICES: Final[dict[str, type[NoticeFrame]]] = {
    "skip": SkipFrame,
    "behind": BehindFrame,
    "typing": TypingFrame,
    "read": ReadFrame,
    "presence": PresenceFrame,
    "reports": ReportsFrame,
}
_OF_PAPERS: Final[dict[str, type[AnyPaperFrame]]] = {"paper": PaperFrame, "shown": ShownFrame, "closed": ClosedFrame}


class NotWelcome(Exception):
    """Hello was refused."""

    def __init__(self, error: ErrorAnswer) -> None:
        self.error = error
        super().__init__(error.message or error.code)


class Conversation:
    """One socket's worth of talk; `on_welcome` is told of the answer to hello."""

    def __init__(
        self, socket: Socket, clock: Clock, pending: Pending, on_welcome: Callable[[HelloAnswer], None]
    ) -> None:
        self.bye_s: float | None = None  # when the server said we may come back
        self.expiring = asyncio.Event()  # the token ends soon
        self._socket = socket
        self._clock = clock
        self._pending = pending
        self._on_welcome = on_welcome
        self._me = ""

    async def run(self, hello: Hello) -> NoReturn:
        """Talk until the end, which is an exception.

        Raises:
            Closed: the socket ended, or was of no use.
            NotWelcome: hello was refused; nothing else of this connection counts.
        """
        hello.n = HELLO
        self._pending.connected()
        pump = asyncio.create_task(self._write(frames.encode(hello)))
        reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait({pump, reader}, return_when=asyncio.FIRST_COMPLETED)
            if not reader.done() and pump.exception() is None:
                raise Closed(1006, f"no answer to hello within {HELLO_S:.0f} s")
            if not reader.done() and not isinstance(pump.exception(), Closed):
                await pump
            await reader  # what came before the end counts, and so does the close code
        finally:
            pump.cancel()
            reader.cancel()
            await asyncio.gather(pump, reader, return_exceptions=True)

    # -- out -----------------------------------------------------------------------------------------------------------

    async def _write(self, hello: bytes) -> None:
        """Write what is due, whenever something is; ends when hello has had no answer in time."""
        pending, clock = self._pending, self._clock
        hello_by = clock.now() + HELLO_S
        await self._socket.send(hello)
        while True:
            now = clock.now()
            if not self._me and now >= hello_by:
                return
            pending.wake.clear()
            for data in pending.due(now):
                await self._socket.send(data)
            due = pending.next_due() if self._me else min(pending.next_due(), hello_by)
            await clock.wait(pending.wake, due - clock.now())

    # -- in ------------------------------------------------------------------------------------------------------------

    async def _read(self) -> NoReturn:
        """Take frames, one after the other."""
        while True:
            text = await self._socket.receive()
            try:
                self.receive(text)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise Closed(1006, f"the server sent a frame that is not of the protocol: {error}") from None

    def receive(self, text: bytes) -> None:
        """Handle a frame. Raises errors of msgspec where it is not of the protocol, NotWelcome where hello is refused."""
        pending, head = self._pending, frames.head(text)
        match head.op:
            case "event":
                if (feed := pending.feeds.get(head.room_id)) is not None:
                    feed.event(frames.event(text, head.type), self._me)
                    pending.moved(feed)
            case "ok" if head.n == HELLO:
                welcome = frames.decode(text, HelloAnswer)
                self._me = welcome.user.id
                pending.welcomed(welcome.server)
                self._on_welcome(welcome)
                pending.wake.set()
            case "error" if head.n == HELLO:
                raise NotWelcome(frames.decode(text, ErrorAnswer))
            case "ok":
                pending.answered(head.n, text)
            case "error":
                pending.refused(head.n, frames.decode(text, ErrorAnswer), self._clock.now())
            case "skip" | "behind" | "typing" | "read" | "presence" | "reports":
                if (feed := pending.feeds.get(head.room_id)) is not None:
                    feed.notice(frames.decode(text, _NOTICES[head.op]))
                    pending.moved(feed)
            case "unread":
                if pending.watch is not None:
                    pending.watch.take(frames.decode(text, UnreadFrame))
            case "reset":
                if (feed := pending.feeds.get(head.room_id)) is not None:
                    feed.reset(frames.decode(text, ResetFrame))
            case "paper" | "shown" | "closed":
                frame = frames.decode(text, _OF_PAPERS[head.op])
                if (paper := pending.papers.get(frame.paper)) is not None:
                    paper.take(frame)
            case "expiring":
                self.expiring.set()
            case "bye":
                self.bye_s = frames.decode(text, ByeFrame).retry_ms / 1000
