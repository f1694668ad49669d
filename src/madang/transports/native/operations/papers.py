"""Papers: list and show them, make, rename, finish, reopen and delete them. All wait for storage, and none needs a join."""

from collections.abc import Awaitable, Callable

from madang.core.actors import Actor
from madang.core.papers import Paper
from madang.core.timestamps import moment
from madang.protocol.native import commands as c
from madang.protocol.native.answers import PaperAnswer, PaperInfo, PapersAnswer
from madang.transports.native.session import Session


def papers(session: Session, m: c.Papers) -> None:
    """Read a page of a room's papers."""

    async def read() -> PapersAnswer:
        found, more = await session.node.papers.page(session.actor(), m.room, m.after, m.limit, bucket=session.bucket)
        return PapersAnswer(papers=[_shown(paper) for paper in found], more=more)

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
        return PaperAnswer(paper=_shown(await do(session.actor())))

    session.later(m.n, work)


def _shown(paper: Paper) -> PaperInfo:
    return PaperInfo(
        id=paper.id,
        room=paper.room,
        title=paper.title,
        finished=paper.finished,
        user=paper.user,
        at=moment(paper.at_ms),
    )
