"""What is done with messages. Each is judged by the subscription at hand, and acked when it is stored."""

from madang.protocol.native import commands as c
from madang.transports.native.session import Session


def send(session: Session, m: c.Send) -> None:
    """Send a message."""
    subscription = session.subscription(m.room)
    node = session.node
    slow_ms = node.hub.rooms[m.room].info.slow_ms
    draft = node.posting.send(
        session.actor(), subscription.role, m.room, slow_ms, m.cid, m.text, m.data, m.reply_to, m.mentions
    )
    session.submit(m.n, draft)


def edit(session: Session, m: c.Edit) -> None:
    """Replace the content of a message of the user's."""
    session.subscription(m.room)
    draft = session.node.posting.edit(session.actor(), m.room, m.seq, m.cid, m.text, m.data, m.mentions)
    session.submit(m.n, draft)


def delete(session: Session, m: c.Delete) -> None:
    """Delete a message."""
    session.subscription(m.room)
    session.submit(m.n, session.node.posting.delete(session.actor(), m.room, m.seq))


def react(session: Session, m: c.React) -> None:
    """Put a reaction on a message, or take it off."""
    session.subscription(m.room)
    session.submit(m.n, session.node.posting.react(session.actor(), m.room, m.seq, m.emoji, m.on))


def pin(session: Session, m: c.Pin) -> None:
    """Pin a message, or unpin it."""
    role = session.subscription(m.room).role
    session.submit(m.n, session.node.posting.pin(session.actor(), role, m.room, m.seq, m.on))
