"""Reports: tell moderators of a message, see what waits, resolve it."""

from typing import cast

from madang.protocol.native import commands as c
from madang.protocol.native.answers import ReportAnswer, ReportedInfo, ReportsAnswer, ResolvedAnswer, UnchangedAnswer
from madang.transports.native.session import Session


def report(session: Session, m: c.Report) -> None:
    """Tell the moderators of a message."""

    async def work() -> ReportAnswer | UnchangedAnswer:
        new = await session.node.reports.report(session.actor(), m.room, m.seq, m.reason)
        return ReportAnswer() if new else UnchangedAnswer()

    session.later(m.n, work)


def reports(session: Session, m: c.Reports) -> None:
    """Read a page of the messages with open reports."""
    session.subscription(m.room)

    async def read() -> ReportsAnswer:
        me = session.actor()
        rows = await session.node.reports.page(me, m.room, m.after, m.limit, bucket=session.bucket)
        return ReportsAnswer(reported=cast(list[ReportedInfo], rows.text), more=rows.more)

    session.later(m.n, read)


def resolve(session: Session, m: c.Resolve) -> None:
    """Resolve the reports of a message."""

    async def work() -> ResolvedAnswer:
        return ResolvedAnswer(open=await session.node.reports.resolve(session.actor(), m.room, m.seq))

    session.later(m.n, work)
