"""The table of effects in `ports.log`: which function each type of event has, and what is noted in the audit trail.

An effect runs inside the append's transaction, in the order of the drafts. It raises Refused before it has written
anything, returns False when it would change nothing, or writes and returns True. Numbering events, checking cids and
writing the event itself is up to `appending.py`, which also ensures that the room exists.
A type that is not in the table changes nothing but the log.
"""

from collections.abc import Callable
from typing import Any, Final

from madang.adapters.sql import audit
from madang.adapters.sql import member_effects as of_members
from madang.adapters.sql import message_effects as of_messages
from madang.adapters.sql import paper_effects as of_papers
from madang.adapters.sql.batch import Batch
from madang.core import events as kinds
from madang.core.audit import deed
from madang.core.events import Body, Draft

Effect = Callable[[Batch, Draft, Any, int], bool]


def _audited(effect: Effect) -> Effect:
    """Return an effect that is noted in the audit trail, too."""

    def apply(b: Batch, d: Draft, body: Body, seq: int) -> bool:
        member = getattr(body, "member", None)
        subject = None if member is None else audit.subject(b.c, d.room, member)  # before they have gone
        if not effect(b, d, body, seq):
            return False
        audit.note(b.c, d.room, deed(d, subject), b.now_ms)
        return True

    return apply


_EFFECTS: Final[dict[type[Body], Effect]] = {
    kinds.RoomCreated: of_members.created,
    kinds.RoomChanged: _audited(of_members.changed),
    kinds.RoomPurged: of_members.purged,
    kinds.MemberErased: of_members.member_erased,
    kinds.RoomDeleted: of_members.room_deleted,
    kinds.MemberJoined: of_members.joined,
    kinds.MemberLeft: of_members.left,
    kinds.MemberKicked: _audited(of_members.kicked),
    kinds.MemberUnbanned: _audited(of_members.unbanned),
    kinds.MemberMuted: _audited(of_members.muted),
    kinds.MemberUnmuted: _audited(of_members.unmuted),
    kinds.RoleGiven: _audited(of_members.role_given),
    kinds.MemberChanged: of_members.member_changed,
    kinds.MessageSent: of_messages.sent,
    kinds.MessageEdited: of_messages.edited,
    kinds.MessageDeleted: of_messages.deleted,
    kinds.ReactionAdded: of_messages.reacted,
    kinds.ReactionRemoved: of_messages.unreacted,
    kinds.MessagePinned: of_messages.pinned,
    kinds.MessageUnpinned: of_messages.unpinned,
    kinds.PaperCreated: of_papers.created,
    kinds.PaperChanged: of_papers.changed,
    kinds.PaperDeleted: of_papers.deleted,
}


def apply(b: Batch, d: Draft, seq: int) -> bool:
    """Check and apply the effect of a draft that would get this seq; return False when it changes nothing."""
    effect = _EFFECTS.get(type(d.content))
    return True if effect is None else effect(b, d, d.content, seq)
