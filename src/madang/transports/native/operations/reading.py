"""Pages that are read. The connection's bucket pays for their rows."""

from madang.protocol.native import commands as c
from madang.protocol.native.frames import MemberInfo, MembersAnswer, PresenceAnswer, RoomsAnswer
from madang.services.pages import MessagePage
from madang.transports.native.session import Session


def history(session: Session, m: c.History) -> None:
    """Read messages as they stand now."""
    session.subscription(m.room)

    async def read() -> MessagePage:
        return await session.node.reading.history(
            session.actor(), m.room, m.before, m.after, m.limit, bucket=session.bucket, followed=True
        )

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
        found, more = await session.node.reading.members(
            session.actor(), m.room, m.after, m.limit, bucket=session.bucket, followed=True
        )
        return MembersAnswer(members=[MemberInfo(user=f.user, name=f.name, role=f.role) for f in found], more=more)

    session.later(m.n, read)


def presence(session: Session, m: c.Presence) -> None:
    """Read a page of who is online in the room."""
    session.subscription(m.room)

    async def read() -> PresenceAnswer:
        users, count, more = await session.node.reading.online(
            session.actor(), m.room, m.after, m.limit, bucket=session.bucket, followed=True
        )
        return PresenceAnswer(users=users, count=count, more=more)

    session.later(m.n, read)


def rooms(session: Session, m: c.Rooms) -> None:
    """Read a page of the user's own rooms."""

    async def read() -> RoomsAnswer:
        found, more = await session.node.reading.memberships(session.actor(), m.after, m.limit, bucket=session.bucket)
        return RoomsAnswer(rooms=found, more=more)

    session.later(m.n, read)
