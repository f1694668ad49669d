"""Signals that no log holds: typing, read pointers, pings. Each is handled at once, and answered only if it has a number."""

from madang.core.timestamps import moment
from madang.protocol.native import commands as c
from madang.protocol.native.answers import EmptyAnswer, PingAnswer
from madang.transports.native.session import Session


def typing(session: Session, m: c.Typing) -> None:
    """Tell the room that the user is typing, or has stopped."""
    role = session.subscription(m.room).role
    session.node.posting.typing(session.actor(), role, m.room, m.on)
    _done(session, m)


def read(session: Session, m: c.Read) -> None:
    """Move the user's read pointer."""
    subscription = session.subscription(m.room)
    session.node.read_pointers.mark(m.room, subscription.user, m.seq, subscription.joined_at)
    _done(session, m)


def ping(session: Session, m: c.Ping) -> None:
    """Answer with the server's time."""
    session.answer(m.n, PingAnswer(at=moment(int(session.node.now() * 1000))))


def _done(session: Session, m: c.Command) -> None:
    if m.n:
        session.answer(m.n, EmptyAnswer())
