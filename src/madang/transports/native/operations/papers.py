"""Papers: list, show, make, rename, finish, reopen and delete them; open one, write in it, and show who is there. None needs a join."""

from collections.abc import Awaitable, Callable

import msgspec

from madang.core.actors import Actor
from madang.core.papers import Paper
from madang.errors import Refused
from madang.protocol.native import commands as c
from madang.protocol.native.answers import (
    EmptyAnswer,
    OpenPaperAnswer,
    PaperAnswer,
    PapersAnswer,
    UnchangedAnswer,
    WrittenAnswer,
)
from madang.transports.native.papers import MOST, NOT_OPEN, OpenPaper, info
from madang.transports.native.session import Session


def papers(session: Session, m: c.Papers) -> None:
    """Read a page of a room's papers."""

    async def read() -> PapersAnswer:
        found, more = await session.node.papers.page(session.actor(), m.room, m.after, m.limit, bucket=session.bucket)
        return PapersAnswer(papers=[info(paper) for paper in found], more=more)

    session.later(m.n, read)


def paper(session: Session, m: c.Paper) -> None:
    """Show a paper."""
    _answer(session, m, lambda me: session.node.papers.show(me, m.paper))


def create(session: Session, m: c.CreatePaper) -> None:
    """Make a paper."""
    _answer(session, m, lambda me: session.node.papers.create(me, m.room, m.paper or "", m.title))


def change(session: Session, m: c.ChangePaper) -> None:
    """Rename a paper."""
    _answer(session, m, lambda me: session.node.papers.change(me, m.paper, title=m.title))


def finish(session: Session, m: c.Finish) -> None:
    """Finish a paper."""
    _answer(session, m, lambda me: session.node.papers.finish(me, m.paper))


def reopen(session: Session, m: c.Reopen) -> None:
    """Let a paper be written in again."""
    _answer(session, m, lambda me: session.node.papers.change(me, m.paper, finished=False))


def delete(session: Session, m: c.DeletePaper) -> None:
    """Delete a paper."""
    _answer(session, m, lambda me: session.node.papers.delete(me, m.paper))


def _answer(session: Session, m: c.Command, do: Callable[[Actor], Awaitable[Paper]]) -> None:
    async def work() -> PaperAnswer:
        return PaperAnswer(paper=info(await do(session.actor())))

    session.later(m.n, work)


def open_paper(session: Session, m: c.OpenPaper) -> None:
    """Follow a paper on this connection."""

    async def work() -> OpenPaperAnswer:
        if session.papers is None:
            session.papers = {}
        papers = session.papers
        if m.paper in papers:
            papers.pop(m.paper).leave()
        if len(papers) >= MOST:
            raise Refused("too_many", f"A connection has at most {MOST} papers open.")
        paper = await session.node.papers.show(session.actor(), m.paper)
        opened = papers[m.paper] = OpenPaper(session, m.paper)
        try:
            answer = await opened.begin(paper, m.state)
        except BaseException:
            papers.pop(m.paper, None)
            opened.leave()
            raise
        session.node.turns.next_turn(opened.go_on)  # behind the answer
        return answer

    session.later(m.n, work)


def write(session: Session, m: c.WritePaper) -> None:
    """Write in an open paper, and answer when it is stored."""
    opened = _open(session, m.paper)

    async def work() -> WrittenAnswer | UnchangedAnswer:
        seq = await opened.store(m.update)
        return WrittenAnswer(seq=seq, ack=session.node.appender.ack) if seq else UnchangedAnswer()

    session.later(m.n, work)


def show(session: Session, m: c.ShowPaper) -> None:
    """Show something of a client to all who have the paper open."""
    _open(session, m.paper).show(m.client, m.clock, None if m.state is None else msgspec.json.encode(m.state))
    if m.n:
        session.answer(m.n, EmptyAnswer())


def close(session: Session, m: c.ClosePaper) -> None:
    """Follow a paper no longer."""
    _open(session, m.paper).leave()
    if session.papers is not None:
        session.papers.pop(m.paper, None)
    if m.n:
        session.answer(m.n, EmptyAnswer())


def _open(session: Session, paper: str) -> OpenPaper:
    opened = (session.papers or {}).get(paper)
    if opened is None:
        raise Refused("not_member", NOT_OPEN)
    return opened
