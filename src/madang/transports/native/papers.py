"""A paper that a connection has open, as the paper's hub sees it (`delivery.papers.follower.Follower`).

A command that writes waits until it is stored, and those behind it wait, too: so a connection has one update on its way.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Raw

from madang.core.documents import Undecodable
from madang.core.papers import Paper
from madang.core.timestamps import moment
from madang.delivery.papers.follower import Outcome, Shown
from madang.delivery.papers.live import LivePaper
from madang.errors import MadangError, Refused
from madang.protocol.native.answers import OpenPaperAnswer, PaperInfo
from madang.protocol.native.frames import ClientInfo, ClosedFrame, PaperFrame, ShownFrame
from madang.protocol.yjs import MAX_AWARENESS, ClientState
from madang.transports.native.session import Session
from madang.transports.papers import Writer, write_frame

MOST: Final = 20
"""Papers that a connection has open."""


class OpenPaper:
    """One paper on one connection."""

    def __init__(self, session: Session, id: str) -> None:
        self._session = session
        self._id = id
        self._hub = session.node.open_papers
        self._live: LivePaper | None = None
        self._held = b""  # the state vector of what the server had when it was opened
        self._lacking: asyncio.Future[bytes | str] | None = None  # while it is being opened; a code where it is not
        self._writing: asyncio.Future[Outcome] | None = None
        self._writer = Writer(session.node)

    async def begin(self, paper: Paper, state: bytes) -> OpenPaperAnswer:
        """Follow the paper; what happens meanwhile comes behind the answer.

        Raises:
            Refused: not_found; bad_field for a state vector that cannot be read; internal for a paper that cannot be read;
                not_member once it was left.
        """
        self._lacking = asyncio.get_running_loop().create_future()
        try:
            live = self._live = await self._hub.follow(self._id, self)
            self._hub.ask(live, self, state)
            lacking = await self._lacking
        except Undecodable:
            raise MadangError("internal") from None
        finally:
            self._lacking = None
        if isinstance(lacking, str):
            raise Refused(lacking)
        if self._session.socket.closed:
            self.leave()
        return OpenPaperAnswer(
            paper=info(paper), update=lacking, state=self._held, clients=_clients(list(live.shown.values()))
        )

    async def store(self, data: bytes) -> int:
        """Write, and return the number of the update that it is in; 0 where it is nothing new.

        Raises:
            Refused: why it is not taken; storage_failed where that is not known.
        """
        live = self._live
        if live is None:
            raise Refused("not_member", NOT_OPEN)
        if not self._writer.write(live, self, self._session.actor(), data):
            return 0
        self._writing = asyncio.get_running_loop().create_future()
        outcome = await self._writing
        self._writing = None
        if isinstance(outcome, str):
            raise Refused(outcome)
        return outcome

    def show(self, client: int, clock: int, state: bytes | None) -> None:
        """Show something of a client (not_member, too_big)."""
        if self._live is None:
            raise Refused("not_member", NOT_OPEN)
        if state is not None and len(state) > MAX_AWARENESS:
            raise Refused("too_big")
        self._hub.show(self._live, self, [ClientState(client, clock, state)])

    def go_on(self) -> None:
        """Catch up, if there is room again."""
        if self._live is not None and not self._session.socket.paused:
            self._hub.go_on(self._live, self)

    def leave(self) -> None:
        """Follow it no longer. What is being written is stored all the same; nobody waits for anything any longer."""
        self._opened("not_member")
        self._written("storage_failed")
        live, self._live = self._live, None
        if live is not None:
            self._hub.leave(live, self)

    # -- what the hub calls --------------------------------------------------------------------------------------------

    @property
    def user_id(self) -> str:
        """Who it is."""
        return self._session.actor().id

    @property
    def user_name(self) -> str:
        """What they are called now."""
        return self._session.actor().name

    @property
    def server(self) -> bool:
        """Whether they are a server key."""
        return self._session.actor().server

    @property
    def token_left_s(self) -> float:
        """Seconds until the token has ended that they came with."""
        return self._session.left_s

    @property
    def behind(self) -> bool:
        """Whether it takes nothing now: it is over its byte budget, or not answered yet."""
        return self._lacking is not None or self._session.socket.paused

    @property
    def framing(self) -> object:
        """Connections of equal framings are sent the same frames."""
        return self._session.encoding

    def frame_update(self, data: bytes) -> bytes:
        """Return the frame of an update."""
        return self._session.encoding.frame(PaperFrame(paper=self._id, update=data))

    def frame_shown(self, shown: Sequence[Shown]) -> bytes:
        """Return the frame of what is shown of clients."""
        return self._session.encoding.frame(ShownFrame(paper=self._id, clients=_clients(shown)))

    def write(self, frame: bytes) -> None:
        """Write a frame."""
        write_frame(self._session.socket, frame)

    def answer(self, lacking: bytes) -> None:
        """Take what it has asked for when it was opened."""
        self._opened(lacking)

    def greet(self, state: bytes, shown: Sequence[Shown]) -> None:
        """Take what a newcomer gets; later, ask for what was not taken."""
        if self._lacking is not None:
            self._held = state
        else:
            self._session.socket.queue(self._session.encoding.frame(PaperFrame(paper=self._id, state=state)))

    def taken(self, size: int, outcome: Outcome) -> None:
        """Learn what came of what it wrote."""
        self._written(outcome)

    def deny(self, code: str) -> None:
        """Nothing: the command that wrote it is answered."""

    def unreadable(self) -> None:
        """Refuse what it has asked with; what it wrote is answered."""
        self._opened("bad_field")

    def end_access(self, code: int, reason: str) -> None:
        """End, for good."""
        self._end("not_found" if code == 4404 else "not_member")

    def try_again(self, reason: str) -> None:
        """End; it is welcome again in a moment."""
        self._end({"storage": "storage_failed", "restart": "draining"}.get(reason, "internal"))

    def _end(self, code: str) -> None:
        opened = self._lacking is None
        self._opened(code)
        self._written(code)
        self.leave()
        papers = self._session.papers or {}
        if papers.get(self._id) is self:
            del papers[self._id]
        if opened and not self._session.socket.closed:
            self._session.socket.queue(self._session.encoding.frame(ClosedFrame(paper=self._id, code=code)))

    def _written(self, outcome: Outcome) -> None:
        if self._writing is not None and not self._writing.done():
            self._writing.set_result(outcome)

    def _opened(self, outcome: bytes | str) -> None:
        if self._lacking is not None and not self._lacking.done():
            self._lacking.set_result(outcome)


NOT_OPEN: Final = "The paper is not open on this connection."


def info(paper: Paper) -> PaperInfo:
    """Return a paper as clients see it."""
    return PaperInfo(
        id=paper.id,
        room=paper.room,
        title=paper.title,
        finished=paper.finished,
        user=paper.user,
        at=moment(paper.at_ms),
    )


def _clients(shown: Sequence[Shown]) -> list[ClientInfo]:
    return [
        ClientInfo(client=each.client, clock=each.clock, user=each.user, state=Raw(each.state or b"null"))
        for each in shown
    ]
