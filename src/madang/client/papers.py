"""Papers, as the application sees them: what is done with them as a whole, and one that is open.

What keeps an open one whole over connections is `paper.py`; here it is opened again and its edits are written.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from madang.client.answers import Done, PaperPage, PaperTold, Written
from madang.client.errors import ConnectionLost, Disconnected
from madang.client.paging import walked
from madang.client.paper import MOST, PaperCopy, Shown
from madang.client.pending import AGAIN_S, Pending
from madang.client.sockets import Clock
from madang.errors import MadangError, Refused
from madang.protocol.native import commands as c
from madang.protocol.native.answers import PaperInfo

if TYPE_CHECKING:
    from pycrdt import Doc

PAGE = 200


class Papers:
    """The papers of rooms that the user is a member of, by `Client.papers`. None of it needs a join."""

    def __init__(self, pending: Pending, clock: Clock) -> None:
        self._pending = pending
        self._clock = clock

    def of(self, room: str) -> AsyncIterator[PaperInfo]:
        """Read a room's papers in order of their ids, page after page."""

        async def ask(after: str) -> PaperPage:
            return await self._pending.call(c.Papers(room=room, after=after, limit=PAGE), PaperPage)

        return walked("", ask, lambda page: page.papers, lambda paper: paper.id)

    async def show(self, paper: str) -> PaperInfo:
        """Return what a paper is.

        Raises:
            Refused: not_found, also for a paper of a room that the user is not in. So do all calls here.
        """
        return await self._told(c.Paper(paper=paper))

    async def create(self, room: str, paper: str | None = None, *, title: str = "") -> PaperInfo:
        """Make a paper in a room; without an id, the server makes one that nobody can guess.

        Raises:
            Refused: paper_exists, too_many, bad_field, bad_name; forbidden, muted or archived, as for a message.
            ConnectionLost: it is there, or not.
        """
        return await self._told(c.CreatePaper(room=room, paper=paper, title=title), again=False)

    async def rename(self, paper: str, title: str) -> PaperInfo:
        """Rename a paper (moderators)."""
        return await self._told(c.ChangePaper(paper=paper, title=title))

    async def finish(self, paper: str) -> PaperInfo:
        """Let nobody write in a paper any more (moderators): it can be searched from then on."""
        return await self._told(c.Finish(paper=paper))

    async def reopen(self, paper: str) -> PaperInfo:
        """Let a finished paper be written in again (moderators)."""
        return await self._told(c.Reopen(paper=paper))

    async def delete(self, paper: str) -> None:
        """Delete a paper with all that was written in it (moderators).

        Raises:
            ConnectionLost: it is gone, or not.
        """
        await self._told(c.DeletePaper(paper=paper), again=False)

    async def _told(self, command: c.Command, *, again: bool = True) -> PaperInfo:
        return (await self._pending.call(command, PaperTold, again=again)).paper

    async def open(self, paper: str, doc: "Doc[Any] | None" = None) -> "OpenPaper":
        """Follow a paper and write in it, on every connection until it is closed. Cancelling does not take it back.

        Of a paper that is open already, another handle on the same is returned.

        Args:
            doc: your own copy of it, from an earlier run of the program: what was written and deleted in it since is written, as one
                update. One of more than 48,000 bytes is too_big, as for `OpenPaper.saved`.

        Raises:
            Refused: not_found; too_many (a client has 20 open).
        """
        if self._pending.over is not None:
            raise self._pending.over
        copy = self._pending.papers.get(paper)
        if copy is None or copy.error is not None:
            if doc is None:
                from pycrdt import Doc  # takes 60 ms, which programs without papers need not wait for

                doc = Doc()
            copy = self._pending.papers[paper] = PaperCopy(paper, doc)
            copy.keeping = asyncio.create_task(self._keep(copy))
        elif doc is not None and doc is not copy.doc:
            raise ValueError(f"the paper {paper} is open with another document")
        await asyncio.shield(copy.ready)
        return OpenPaper(copy, self._pending)

    async def _keep(self, copy: PaperCopy) -> None:
        """Open a paper whenever it is not, write what is not saved and show what is to be shown, until its end."""
        try:
            while copy.error is None:
                if not copy.open:
                    await self._open(copy)
                elif (update := copy.next_update()) is not None:
                    await self._write(copy, *update)
                else:
                    await self._wait(copy)
        except MadangError as refused:
            copy.end(refused.code, refused)
        except Disconnected as over:
            copy.end("closed", over)
        except BaseException as bug:
            copy.end("closed", Disconnected(f"The client failed: {bug!r}"))
            raise
        finally:
            if self._pending.papers.get(copy.id) is copy:
                del self._pending.papers[copy.id]

    async def _open(self, copy: PaperCopy) -> None:
        if copy.troubled:
            await self._clock.wait(asyncio.Event(), AGAIN_S)
        state = copy.doc.get_state()
        copy.asked = c.OpenPaper(paper=copy.id, state=state) if len(state) <= MOST else c.OpenPaper(paper=copy.id)
        await self._pending.call(copy.asked, Done, taking=copy.opened)

    async def _write(self, copy: PaperCopy, upto: int, data: bytes) -> None:
        try:
            if len(data) > MOST:
                raise Refused("too_big", f"An update has at most {MOST} bytes: write in several transactions.")
            command = c.WritePaper(paper=copy.id, update=data)
            await self._pending.call(command, Written, again=False)
        except ConnectionLost:
            return  # it is opened again, and what the server lacks is written then
        except MadangError as refused:
            if refused.code == "not_member":
                copy.lost()
            else:
                copy.refuse(refused, self._clock.now())
        else:
            copy.stored(upto)

    async def _wait(self, copy: PaperCopy) -> None:
        now = self._clock.now()
        copy.wake.clear()
        if (show := copy.due(now)) is not None:
            self._pending.post(show)
        await self._clock.wait(copy.wake, copy.next_due() - now)


class OpenPaper:
    """One open paper, by `Papers.open`. Used as a context, it is left saved and closed.

    Attributes:
        doc: the document of pycrdt. What others write appears in it, in transactions of the origin "madang"; what you
            write in it is gathered, sent and stored, over as many connections as it takes. Do not hold a transaction
            over an `await`.
    """

    def __init__(self, copy: PaperCopy, pending: Pending) -> None:
        self.doc = copy.doc
        self._copy = copy
        self._pending = pending

    def __repr__(self) -> str:
        return f"<OpenPaper {self.id}{f', {self.ended}' if self.ended else ''}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            if kind is None:
                await self.saved()
        finally:
            await self.close()

    @property
    def id(self) -> str:
        """The paper's id."""
        return self._copy.id

    @property
    def info(self) -> PaperInfo:
        """What the paper was when it was opened last: its title, and whether it is finished."""
        return self._copy.info

    @property
    def is_saved(self) -> bool:
        """Whether all that was written here is stored."""
        return self._copy.saved

    @property
    def refused(self) -> MadangError | None:
        """Why the server does not take what is written now: finished, muted, quota …; None while it does."""
        return self._copy.refused

    @property
    def ended(self) -> str:
        """Why nothing more comes: "not_found", "not_member", "closed" or another code; empty while it does."""
        return self._copy.ended

    async def saved(self) -> None:
        """Wait until all that was written here up to now is stored.

        Raises:
            Refused: the server does not take it. It is kept in the document, and tried again with the next edit, with the next call of
                this, and when the server asks for it because the user may write again. Of a paper that has ended, why it has: what was
                not saved by then, or was written since, is in the document alone.
            Disconnected: the paper was closed, or the client is over, and the same.
        """
        await self._copy.until_saved()

    async def close(self) -> None:
        """Follow the paper no longer. What is not saved stays in the document alone."""
        opened = self._copy.open or self._pending.is_on_wire(self._copy.asked)
        self._copy.end("closed", Disconnected("The paper was closed.", 1000))
        if opened:
            try:
                await self._pending.call(c.ClosePaper(paper=self.id), Done, again=False)
            except (MadangError, ConnectionLost, Disconnected):
                pass  # then the connection or the server has closed it

    # -- who is there --------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> Mapping[int, Shown]:
        """What others show of themselves now, by their client's number."""
        return self._copy.shown

    def show(self, state: Mapping[str, Any] | None) -> None:
        """Show something of this client to all who have the paper open, such as a cursor, until it is closed; None for nothing.

        Raises:
            Refused: too_big, for more than 8 KiB as JSON.
        """
        self._copy.show(state)

    async def who(self) -> AsyncIterator[Mapping[int, Shown]]:
        """Iterate over what others show: as it is now, then whenever it has changed. Ends with the paper."""
        while self._copy.error is None:
            changed = self._copy.changed
            yield dict(self._copy.shown)
            await changed.wait()
