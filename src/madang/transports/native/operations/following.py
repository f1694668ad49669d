"""Rooms and memberships: join, leave, create, open a direct room, change, kick, grant roles. All wait for storage."""

from collections.abc import Awaitable, Callable

from msgspec import UNSET

from madang.core.actors import Actor
from madang.core.events import Appended, RoomChanged
from madang.core.rooms import Room
from madang.delivery.joining import Start
from madang.protocol.native import codec
from madang.protocol.native import commands as c
from madang.protocol.native.answers import Answer, CreateAnswer, DirectAnswer, JoinAnswer, RoomInfo, append_answer
from madang.transports.native.session import Session


def join(session: Session, m: c.Join) -> None:
    """Become a member where the room is open, and follow it on this connection."""

    async def work() -> JoinAnswer:
        actor, rooms = session.actor(), session.node.rooms
        joined = await session.node.joiner.join(
            session.socket, actor, m.room, Start(m.since, m.epoch, m.limit),
            enter=lambda: rooms.enter(actor, m.room, m.invite, resuming=m.since is not None),
            look_up=lambda: rooms.member(actor, m.room),
        )  # fmt: skip
        member = joined.member
        read_seq = session.node.read_pointers.current(m.room, actor.id, member.read_seq)
        return JoinAnswer(
            room=_shown(joined.room.info), role=member.role,
            seq=joined.seq, epoch=joined.room.epoch, read_seq=read_seq, reset=joined.reset,
            first=joined.first if joined.first > 1 else UNSET,
            events=codec.array(joined.events),
        )  # fmt: skip

    session.later(m.n, work)


def _shown(room: Room) -> RoomInfo:
    return RoomInfo(**{name: getattr(room, name) for name in RoomInfo.__struct_fields__})


def leave(session: Session, m: c.Leave) -> None:
    """End the user's own membership."""
    append(session, m, lambda me: session.node.rooms.leave(me, m.room))


def create(session: Session, m: c.Create) -> None:
    """Create a room and own it."""

    async def work() -> CreateAnswer:
        created = await session.node.rooms.create(session.actor(), m.room or "", m.title, m.access)
        event, made = created.event, None if m.room else created.event.room
        return CreateAnswer(id=str(event.id), seq=event.seq, ack=session.node.appender.ack, room=made)

    session.later(m.n, work)


def direct(session: Session, m: c.Direct) -> None:
    """Open the direct room with another user."""

    async def work() -> DirectAnswer:
        return DirectAnswer(room=_shown(await session.node.rooms.direct(session.actor(), m.user)))

    session.later(m.n, work)


def change(session: Session, m: c.Change) -> None:
    """Change a room's settings."""
    wanted = RoomChanged(**{name: getattr(m, name) for name in RoomChanged.__struct_fields__})
    append(session, m, lambda me: session.node.rooms.change(me, m.room, wanted))


def kick(session: Session, m: c.Kick) -> None:
    """End another member's membership."""
    append(session, m, lambda me: session.node.rooms.kick(me, m.room, m.user))


def role(session: Session, m: c.Role) -> None:
    """Grant a member a role."""
    append(session, m, lambda me: session.node.rooms.grant(me, m.room, m.user, m.role))


def append(session: Session, m: c.Command, change: Callable[[Actor], Awaitable[Appended | None]]) -> None:
    """Answer with what a change appends."""

    async def work() -> Answer:
        return append_answer(await change(session.actor()), session.node.appender.ack)

    session.later(m.n, work)
