"""Papers: make, list, rename, finish, reopen and delete them, through every door. What is written in them is in `delivery`.

Who may do what is in `core.permissions`: whoever may write in a room may make papers and write in them. All of it counts as
an append, and a new paper as a row of what its user writes.
"""

import asyncio
import logging
import secrets
from base64 import b32encode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from madang.aio import SingleFlight
from madang.core.actors import Actor
from madang.core.events import Body, PaperChanged, PaperCreated, PaperDeleted
from madang.core.names import clean_title
from madang.core.papers import BLANK, SEARCHED, Paper, Rendering, made_paper_id, paper_id
from madang.core.permissions import Action, need
from madang.core.rate import Bucket
from madang.core.versions import FINISH, NewVersion
from madang.errors import Limited, MadangError, Refused, StorageError
from madang.ports.papers import PaperLog, PaperStore
from madang.ports.versions import VersionStore
from madang.services.charges import Charges
from madang.services.rooms import Rooms

logger = logging.getLogger("madang.papers")

NO_PAPER: Final = "There is no such paper."
RENDERING: Final = 200
"""Rows that it costs as much as to read what a paper says: up to 4 MiB, and a process for 150 ms at least."""

OVERLOADED_MS: Final = 1_000
"""After how long to try again where the machine has no process to render with, or others go back to versions all the time."""
FAILURES: Final = 60
"""After how many a finished paper is not rendered again for searches: the index, which waits, asks once a second."""
HEAVY: Final = 20
"""As how many one counts that took a process too long or too much: on a busy machine others take that, too."""
REMEMBERED: Final = 1_000
"""Of how many finished papers failures are counted; above that, all are forgotten."""

Render = Callable[[str, bytes, Sequence[bytes]], Awaitable[tuple[bytes, Rendering | None]]]
"""Returns, of a paper's room, snapshot and updates, a snapshot of all and what it says; None where it cannot be rendered."""


class Store(PaperStore, VersionStore, Protocol):
    """Papers, and versions of them."""


class Unrendered(Exception):
    """A finished paper is being rendered."""


class Papers:
    """Use cases around papers. To somebody who is not a member of its room, a paper is as if there were none (not_found)."""

    def __init__(self, store: Store, rooms: Rooms, charges: Charges, render: Render) -> None:
        self._store = store
        self._rooms = rooms
        self._charges = charges
        self._render = render
        self._rendering: SingleFlight[Rendering] = SingleFlight()
        self._failures: dict[tuple[int, int], int] = {}  # of finished papers, by key and `finished_seq`

    async def create(self, actor: Actor, room: str, id: str, title: str) -> Paper:
        """Make a paper in a room.

        Args:
            id: empty for one that nobody can guess.
            title: empty for the id.

        Raises:
            Refused: bad_field, bad_name, not_found, forbidden, archived, muted, paper_exists, too_many, rate_limited, quota.
        """
        id = paper_id(id or made_paper_id(b32encode(secrets.token_bytes(10)).decode().lower()))
        title = clean_title(title or id[:40])
        with self._rooms.attempt(actor) as attempt:
            await self._rooms.charged(actor, room, attempt)
            attempt.row()
            await self._rooms.append(PaperCreated(paper=id, title=title), room, actor)
        return await self._named(id)

    async def page(
        self, actor: Actor, room: str, after: str, limit: int, *, bucket: Bucket | None = None
    ) -> tuple[list[Paper], bool]:
        """Return a page of a room's papers, in order of their ids, and whether there are more (not_found, rate_limited).

        Args:
            bucket: as for `Reading`.
        """
        found = await self._rooms.page(
            actor, room, Action.READ, limit, bucket, lambda: self._store.papers(room, after=after, limit=limit + 1)
        )
        return found[:limit], len(found) > limit

    async def show(self, actor: Actor, id: str) -> Paper:
        """Return a paper (not_found)."""
        paper = await self._named(id, actor)
        need((await self._member(actor, paper)), Action.READ)
        return paper

    async def change(self, actor: Actor, id: str, *, title: str | None = None, finished: bool | None = None) -> Paper:
        """Rename, finish or reopen a paper, and return it (not_found, forbidden, archived, bad_name, rate_limited, quota)."""
        title = None if title is None else clean_title(title)
        return await self._do(actor, id, PaperChanged(paper=id, title=title, finished=finished))

    async def finish(self, actor: Actor, id: str) -> Paper:
        """Finish a paper and keep what it says, and return it (as `change`).

        It is finished whether or not that can be kept: then `content` tries again.
        """
        paper = await self.change(actor, id, finished=True)
        try:
            await self._said(paper)
        except MadangError as error:
            logger.warning("paper %s is finished, and what it says is not kept yet: %s", id, error.code)
        return paper

    async def content(self, actor: Actor, id: str) -> Rendering:
        """Return what a paper says: of a finished one what was kept, of an open one what is stored now.

        Raises:
            Refused: not_found, rate_limited, overloaded, too_big for one that cannot be rendered.
        """
        paper = await self.show(actor, id)
        return await self._rooms.page(actor, paper.room, Action.READ, RENDERING, None, lambda: self._said(paper))

    async def searched(self, room: str, seq: int, id: str) -> str | None:
        """Return what searches look at of the paper that an event of a room has finished; None for one that is not found.

        That is one that was reopened or deleted since, and one that could not be rendered again and again.

        Raises:
            Unrendered: it is asked for too early; what it says is on its way.
        """
        paper = await self._store.paper(id)
        if paper is None or (paper.room, paper.finished_seq) != (room, seq):
            return None
        if (kept := await self._store.rendering(paper)) is not None:
            return kept.text[:SEARCHED]
        if self._failures.get(_finish(paper), 0) >= FAILURES:
            return None
        with suppress(OSError, MadangError):  # what fails is counted there
            async with asyncio.timeout(0):  # begins it, or finds it under way
                await self._shared_rendering(paper)
        raise Unrendered

    async def _said(self, paper: Paper) -> Rendering:
        if paper.finished and (kept := await self._store.rendering(paper)) is not None:
            return kept
        with with_a_process(paper):
            return await self._shared_rendering(paper)

    async def _shared_rendering(self, paper: Paper) -> Rendering:
        return await self._rendering.do((paper.id, paper.key, paper.seq), lambda: self._rendered(paper))

    async def log(self, paper: Paper) -> PaperLog:
        """Return the log of a paper as it is now (not_found, also where another has its id by now)."""
        log = await self._store.paper_log(paper.id)
        if log is None or log.paper.key != paper.key:
            raise Refused("not_found", NO_PAPER)
        return log

    async def _rendered(self, paper: Paper) -> Rendering:
        """Render a paper; of a finished one, let the log go that its snapshot stands for, and keep what it says, and a version."""
        log = await self.log(paper)
        whole = b""
        says: Rendering | None = BLANK
        if log.paper.seq:
            try:
                whole, says = await self._render(paper.room, log.snapshot, log.written)
            except Exception as error:
                self._failed(log.paper, error)
                raise
        if log.paper.finished:
            try:
                if log.updates:
                    await self._store.compact_paper(log.paper, log.paper.seq, whole)
                if says is not None:
                    await self._store.keep_rendering(log.paper, says)
                    if whole:  # where what was asked for has taken all the room, there is none of the finish
                        await self._store.keep_version(
                            log.paper, NewVersion(cause=FINISH, seq=log.paper.seq, data=whole)
                        )
            except StorageError as error:
                logger.warning("what paper %s says is not kept: %s", paper.id, error.code)
                self._failed(log.paper, error)
        if says is None:
            refused = Refused("too_big", "The paper is too deep or too long to be shown so.")
            self._failed(log.paper, refused, for_good=True)
            raise refused
        return says

    def _failed(self, paper: Paper, error: Exception, *, for_good: bool = False) -> None:
        """Count a failure to render a finished paper, or to keep what it says; that others are before it is none."""
        code = error.code if isinstance(error, MadangError) else ""
        if not paper.finished or code == "overloaded":
            return
        count = FAILURES if for_good else HEAVY if code == "too_big" else 1
        if len(self._failures) >= REMEMBERED:
            self._failures.clear()
        before = self._failures.get(_finish(paper), 0)
        now = self._failures[_finish(paper)] = before + count
        if before < FAILURES <= now:
            logger.warning("paper %s is not found by what it says, as it cannot be rendered: %r", paper.id, error)

    async def delete(self, actor: Actor, id: str) -> Paper:
        """Delete a paper with all that was written in it, and return what it was (not_found, forbidden, archived, rate_limited)."""
        return await self._do(actor, id, PaperDeleted(paper=id))

    def charge(self, actor: Actor, owed: int) -> int:
        """Charge bytes that an actor writes in papers, by the kilobyte; return those that are still owed (quota)."""
        if owed >= 1024:
            self._charges.written(actor, owed // 1024)
        return owed % 1024

    async def _do(self, actor: Actor, id: str, body: Body) -> Paper:
        with self._rooms.attempt(actor) as attempt:
            paper = await self._named(id, actor)
            await self._member(actor, paper)
            attempt.in_room(paper.room)
            attempt.row()
            if await self._rooms.append(body, paper.room, actor) is None:
                attempt.give_back_quotas()
        return paper if isinstance(body, PaperDeleted) else await self._named(id)

    async def _named(self, id: str, actor: Actor | None = None) -> Paper:
        paper = await self._store.paper(id, None if actor is None or actor.server else actor.id)
        if paper is None:
            raise Refused("not_found", NO_PAPER)
        return paper

    async def _member(self, actor: Actor, paper: Paper) -> str:
        try:
            return (await self._rooms.member(actor, paper.room)).role
        except Refused as refused:
            raise Refused(refused.code, NO_PAPER) from None


@contextmanager
def with_a_process(paper: Paper) -> Iterator[None]:
    """Refuse (overloaded) what needs a process of its own, where the machine has none for it."""
    try:
        yield
    except OSError as error:
        logger.warning("there is no process to render paper %s: %r", paper.id, error)
        raise Limited("overloaded", OVERLOADED_MS) from None


def _finish(paper: Paper) -> tuple[int, int]:
    return paper.key, paper.finished_seq
