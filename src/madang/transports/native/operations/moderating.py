"""Moderation: ban, lift a ban, list the bans in force. All wait for storage."""

from madang.protocol.native import commands as c
from madang.protocol.native.frames import BanInfo, BansAnswer
from madang.transports.native.operations.following import append
from madang.transports.native.session import Session


def ban(session: Session, m: c.Ban) -> None:
    """Keep a user out of the room."""
    moderation = session.node.moderation
    append(session, m, lambda me: moderation.ban(me, m.room, m.user, reason=m.reason, for_ms=m.for_ms))


def unban(session: Session, m: c.Unban) -> None:
    """Lift a ban."""
    append(session, m, lambda me: session.node.moderation.unban(me, m.room, m.user))


def bans(session: Session, m: c.Bans) -> None:
    """Read a page of the bans in force."""
    session.subscription(m.room)

    async def read() -> BansAnswer:
        found, more = await session.node.moderation.bans(
            session.actor(), m.room, m.after, m.limit, bucket=session.bucket
        )
        bans = [BanInfo(user=f.user, name=f.name, by=f.by, reason=f.reason, expires_ms=f.left_ms) for f in found]
        return BansAnswer(bans=bans, more=more)

    session.later(m.n, read)
