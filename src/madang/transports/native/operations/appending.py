"""What is done with messages. Each is judged by the subscription at hand, and acked when it is stored."""

from madang.core.events import Draft
from madang.core.messages import Content
from madang.delivery.subscription import Subscription
from madang.protocol.native import commands as c
from madang.services.standing import Standing
from madang.transports.native.session import Session


def send(session: Session, m: c.Send) -> None:
    """Send a message."""
    subscription = session.subscription(m.room)
    standing = session.node.posting.following(m.room, subscription.role)
    content = Content(text=m.text, data=m.data, reply_to=m.reply_to, mentions=m.mentions)
    draft = session.node.posting.send(
        session.actor(), standing, m.room, m.cid, content, perhaps_again=subscription.look_ups > 0
    )
    _submit(session, subscription, m.n, draft)


def edit(session: Session, m: c.Edit) -> None:
    """Replace the content of a message of the user's."""
    subscription = session.subscription(m.room)
    standing = session.node.posting.following(m.room, subscription.role)
    content = Content(text=m.text, data=m.data, mentions=m.mentions)
    draft = session.node.posting.edit(
        session.actor(), standing, m.room, m.seq, m.cid, content, perhaps_again=subscription.look_ups > 0
    )
    _submit(session, subscription, m.n, draft)


def delete(session: Session, m: c.Delete) -> None:
    """Delete a message."""
    session.subscription(m.room)
    session.submit(m.n, session.node.posting.delete(session.actor(), m.room, m.seq))


def react(session: Session, m: c.React) -> None:
    """Put a reaction on a message, or take it off."""
    standing = _standing(session, m.room)
    session.submit(m.n, session.node.posting.react(session.actor(), standing, m.room, m.seq, m.emoji, m.on))


def pin(session: Session, m: c.Pin) -> None:
    """Pin a message, or unpin it."""
    standing = _standing(session, m.room)
    session.submit(m.n, session.node.posting.pin(session.actor(), standing, m.room, m.seq, m.on))


def _standing(session: Session, room: str) -> Standing:
    return session.node.posting.following(room, session.subscription(room).role)


def _submit(session: Session, subscription: Subscription, n: int, draft: Draft) -> None:
    """Append what may be a repeat; one that came too early takes one of the subscription's look-ups in the log."""
    session.submit(n, draft)
    if draft.early is not None:
        subscription.look_ups -= 1
