"""Invites: make one, list those in force, revoke one."""

from madang.protocol.native import commands as c
from madang.protocol.native.answers import InviteAnswer, InviteInfo, InvitesAnswer, RevokedAnswer
from madang.transports.native.session import Session


def invite(session: Session, m: c.Invite) -> None:
    """Make an invite to the room."""
    session.subscription(m.room)

    async def work() -> InviteAnswer:
        node = session.node
        now = node.now()
        made, text = await node.invites.make(session.actor(), m.room, now, uses=m.uses, for_ms=m.for_ms)
        return InviteAnswer(id=made.id, invite=text, expires_ms=made.until_ms - int(now * 1000), uses=made.uses)

    session.later(m.n, work)


def invites(session: Session, m: c.Invites) -> None:
    """List the invites to the room that are in force."""
    session.subscription(m.room)

    async def work() -> InvitesAnswer:
        now = session.node.now()
        found = await session.node.invites.in_force(session.actor(), m.room, now, bucket=session.bucket)
        return InvitesAnswer(
            invites=[
                InviteInfo(id=f.id, user=f.by, expires_ms=f.until_ms - int(now * 1000), uses=f.uses) for f in found
            ]
        )

    session.later(m.n, work)


def revoke(session: Session, m: c.Revoke) -> None:
    """End an invite."""
    session.subscription(m.room)

    async def work() -> RevokedAnswer:
        await session.node.invites.revoke(session.actor(), m.room, m.invite, session.node.now())
        return RevokedAnswer()

    session.later(m.n, work)
