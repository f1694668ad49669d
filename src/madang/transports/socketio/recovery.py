"""A client connects: to a new session, or to the one that it had, with the rooms that it followed then, from where it is in each.

Every membership is judged again, as by a join with a position. If that is not possible, the client gets a new session, by what
else it says of itself, and joins its rooms itself.
"""

from typing import TYPE_CHECKING, cast

from madang.core.actors import Actor
from madang.delivery.joining import Start
from madang.errors import Limited, MadangError, Refused, without_frames
from madang.protocol import offsets
from madang.protocol.native import commands as c
from madang.protocol.native.answers import Answer
from madang.protocol.offsets import Position
from madang.services.tokens import Access
from madang.transports.native.operations import opening
from madang.transports.native.session import Session

if TYPE_CHECKING:
    from madang.transports.socketio.client import Client


class RecoveredAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """The session is the one that it was.

    Attributes:
        lost: rooms that the client may not come back to, and why.
    """

    sid: str
    pid: str
    lost: dict[str, MadangError]


def connect(session: Session, m: c.Hello) -> None:
    """Let the client in: to the session that it had, if it wants that back and can have it."""
    client = cast("Client", session.socket)
    wanted, client.wanted = client.wanted, None
    if wanted is None or session.is_open:
        opening.hello(session, m)
        return

    async def work() -> Answer:
        recovered = await _recover(session, client, *wanted)
        return await opening.welcome(session, m) if recovered is None else recovered

    session.later(m.n, work)


async def _recover(session: Session, client: "Client", pid: str, offset: str) -> RecoveredAnswer | None:
    node = session.node
    positions = offsets.read(offset, node.max_rooms)
    if positions is None:
        return None
    client.hold()
    try:
        sid, access = await node.identity.shown_pid(pid, node.now(), client.address)
        lost = await _follow_again(session, client, access, positions)
    except MadangError:  # it gets a new session, never an error
        client.unfollow()
        return None
    if lost is None:
        client.unfollow()
        return None
    session.open(access)
    return RecoveredAnswer(sid=sid, pid=pid, lost=lost)


async def _follow_again(
    session: Session, client: "Client", access: Access, positions: list[Position]
) -> dict[str, MadangError] | None:
    """Follow rooms from where the client is in them. Return those that it may not; None if it cannot go on in one of them."""
    lost: dict[str, MadangError] = {}
    for position in positions:
        session.node.limits.command(session.bucket, session.node.turns.time())
        try:
            if not await _follow(session, client, access.user, position):
                return None
        except Limited:
            raise
        except Refused as refused:
            lost[position.room] = without_frames(refused)
    return lost


async def _follow(session: Session, client: "Client", actor: Actor, position: Position) -> bool:
    """Follow a room from a position; return whether that was possible. What has come since is written when rooms may."""
    room, rooms = position.room, session.node.rooms
    joined = await session.node.joiner.join(
        client, actor, room, Start(position.seq, position.epoch, 0),
        enter=lambda: rooms.enter(actor, room, None, resuming=True), look_up=lambda: rooms.member(actor, room),
    )  # fmt: skip
    if joined.reset:
        return False
    client.subscriptions[room].position = position.seq
    client.follows(room, position.seq, position.epoch)
    return True
