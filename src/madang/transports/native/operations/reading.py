"""Pages that are read. The connection's bucket pays for their rows, which services have encoded already."""

from typing import cast

from madang.core.rooms import Membership
from madang.protocol.native import commands as c
from madang.protocol.native.frames import MemberInfo, MembersAnswer, PresenceAnswer, RoomsAnswer
from madang.services.pages import MessagePage
from madang.transports.native.session import Session


def history(session: Session, m: c.History) -> None:
    """Read messages as they stand now."""
    session.subscription(m.room)

    async def read() -> MessagePage:
        return await session.node.reading.history(
            session.actor(), m.room, m.before, m.after, m.limit, around=m.around, at=m.at, bucket=session.bucket,
            followed=True,
        )  # fmt: skip

    session.later(m.n, read)


def pins(session: Session, m: c.Pins) -> None:
    """Read a page of the pinned messages."""
    session.subscription(m.room)

    async def read() -> MessagePage:
        return await session.node.reading.pins(session.actor(), m.room, m.after, bucket=session.bucket, followed=True)

    session.later(m.n, read)


def members(session: Session, m: c.Members) -> None:
    """Read a page of the room's members."""
    session.subscription(m.room)

    async def read() -> MembersAnswer:
        rows = await session.node.reading.members(
            session.actor(), m.room, m.after, m.limit, bucket=session.bucket, followed=True
        )
        return MembersAnswer(members=cast(list[MemberInfo], rows.text), more=rows.more)

    session.later(m.n, read)


def presence(session: Session, m: c.Presence) -> None:
    """Read a page of who is online in the room."""
    session.subscription(m.room)

    async def read() -> PresenceAnswer:
        rows, count = await session.node.reading.online(
            session.actor(), m.room, m.after, m.limit, bucket=session.bucket, followed=True
        )
        return PresenceAnswer(users=cast(dict[str, str], rows.text), count=count, more=rows.more)

    session.later(m.n, read)


def rooms(session: Session, m: c.Rooms) -> None:
    """Read a page of the user's own rooms."""

    async def read() -> RoomsAnswer:
        rows = await session.node.reading.memberships(session.actor(), m.after, m.limit, bucket=session.bucket)
        return RoomsAnswer(rooms=cast(list[Membership], rows.text), more=rows.more)

    session.later(m.n, read)
