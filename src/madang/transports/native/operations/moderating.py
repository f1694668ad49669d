"""Moderation: ban and mute, lift that, list what is in force, read the audit trail. All wait for storage."""

from typing import cast

from madang.protocol.native import commands as c
from madang.protocol.native.answers import AuditAnswer, AuditInfo, BansAnswer, MutesAnswer, SanctionInfo
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
        moderation, me = session.node.moderation, session.actor()
        rows = await moderation.bans(me, m.room, m.after, m.limit, bucket=session.bucket)
        return BansAnswer(bans=cast(list[SanctionInfo], rows.text), more=rows.more)

    session.later(m.n, read)


def mute(session: Session, m: c.Mute) -> None:
    """Keep a user from writing in the room."""
    moderation = session.node.moderation
    append(session, m, lambda me: moderation.mute(me, m.room, m.user, reason=m.reason, for_ms=m.for_ms))


def unmute(session: Session, m: c.Unmute) -> None:
    """Lift a mute."""
    append(session, m, lambda me: session.node.moderation.unmute(me, m.room, m.user))


def mutes(session: Session, m: c.Mutes) -> None:
    """Read a page of the mutes in force."""
    session.subscription(m.room)

    async def read() -> MutesAnswer:
        moderation, me = session.node.moderation, session.actor()
        rows = await moderation.mutes(me, m.room, m.after, m.limit, bucket=session.bucket)
        return MutesAnswer(mutes=cast(list[SanctionInfo], rows.text), more=rows.more)

    session.later(m.n, read)


def audit(session: Session, m: c.Audit) -> None:
    """Read a page of the audit trail."""
    session.subscription(m.room)

    async def read() -> AuditAnswer:
        moderation, me = session.node.moderation, session.actor()
        rows = await moderation.audit(me, m.room, m.before, m.limit, bucket=session.bucket)
        return AuditAnswer(entries=cast(list[AuditInfo], rows.text), more=rows.more)

    session.later(m.n, read)
