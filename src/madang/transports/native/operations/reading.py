"""Pages that are read. The connection's bucket pays for their rows, which services have encoded already."""

from typing import cast

from msgspec import UNSET, Raw

from madang.core.messages import FoundMessage, Reactor
from madang.core.rooms import Membership
from madang.protocol.native import commands as c
from madang.protocol.native.answers import (
    MemberInfo,
    MembersAnswer,
    PresenceAnswer,
    ReactorsAnswer,
    RoomsAnswer,
    SearchAnswer,
)
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

    me, reads = session.actor(), session.node.reading

    async def read() -> MembersAnswer:
        rows = await reads.members(me, m.room, m.after, m.limit, bucket=session.bucket, followed=True)
        return MembersAnswer(members=cast(list[MemberInfo], rows.text), more=rows.more)

    async def find() -> MembersAnswer:
        rows, behind = await reads.find_members(
            me, m.room, m.name or "", m.after, m.limit, bucket=session.bucket, followed=True
        )
        return MembersAnswer(members=cast(list[MemberInfo], rows.text), more=bool(behind), next=behind or UNSET)

    session.later(m.n, read if m.name is None else find)


def reactors(session: Session, m: c.Reactors) -> None:
    """Read a page of those who have put an emoji on a message."""
    session.subscription(m.room)

    async def read() -> ReactorsAnswer:
        rows = await session.node.reading.reactors(
            session.actor(), m.room, m.seq, m.emoji, m.after, m.limit, bucket=session.bucket, followed=True
        )
        return ReactorsAnswer(reactors=cast(list[Reactor], rows.text), more=rows.more)

    session.later(m.n, read)


def presence(session: Session, m: c.Presence) -> None:
    """Read a page of the users online in the room."""
    session.subscription(m.room)

    async def read() -> PresenceAnswer:
        rows, count = await session.node.reading.online(
            session.actor(), m.room, m.after, m.limit, bucket=session.bucket, followed=True
        )
        return PresenceAnswer(users=cast(dict[str, str], rows.text), count=count, more=rows.more)

    session.later(m.n, read)


def rooms(session: Session, m: c.Rooms) -> None:
    """Read a page of the user's own rooms, and perhaps watch them."""
    me, node = session.actor(), session.node

    async def read() -> RoomsAnswer:
        if not m.watch:
            rows = await node.reading.memberships(me, m.after, m.limit, bucket=session.bucket)
        else:
            with node.hub.watching.begin(session.socket, me.id) as watch:
                rows, counted = await node.reading.counted(me, m.after, m.limit, bucket=session.bucket)
                watch(counted)
        return RoomsAnswer(rooms=cast(list[Membership], rows.text), more=rows.more)

    session.later(m.n, read)


def search(session: Session, m: c.Search) -> None:
    """Search for messages, followed rooms or not."""

    async def read() -> SearchAnswer:
        found = await session.node.searching.search(
            session.actor(), m.q, room=m.room, user=m.user, since=m.since, until=m.until,
            before=None if m.before is None else int(m.before), limit=m.limit, bucket=session.bucket,
        )  # fmt: skip
        messages = cast(list[FoundMessage], Raw(found.messages))
        return SearchAnswer(messages=messages, more=found.more, complete=found.complete)

    session.later(m.n, read)
