"""The event types of PROTOCOL.md. The checker has its own list, because it must not share a mistake with the server."""

from typing import Final

SENT: Final = "message.sent"
EDITED: Final = "message.edited"
DELETED: Final = "message.deleted"
REACTED: Final = "reaction.added"
UNREACTED: Final = "reaction.removed"
PINNED: Final = "message.pinned"
UNPINNED: Final = "message.unpinned"
JOINED: Final = "member.joined"
RENAMED: Final = "member.changed"
LEFT: Final = "member.left"
KICKED: Final = "member.kicked"
UNBANNED: Final = "member.unbanned"
MUTED: Final = "member.muted"
UNMUTED: Final = "member.unmuted"
ROLE: Final = "member.role"
CREATED: Final = "room.created"
CHANGED: Final = "room.changed"
ERASED: Final = "member.erased"
ROOM_PURGED: Final = "room.purged"
ROOM_DELETED: Final = "room.deleted"
PAPER_CREATED: Final = "paper.created"
PAPER_CHANGED: Final = "paper.changed"
PAPER_DELETED: Final = "paper.deleted"

TYPES: Final = frozenset(
    (
        SENT,
        EDITED,
        DELETED,
        REACTED,
        UNREACTED,
        PINNED,
        UNPINNED,
        JOINED,
        RENAMED,
        LEFT,
        KICKED,
        UNBANNED,
        MUTED,
        UNMUTED,
        ROLE,
        CREATED,
        CHANGED,
        ERASED,
        ROOM_PURGED,
        ROOM_DELETED,
        PAPER_CREATED,
        PAPER_CHANGED,
        PAPER_DELETED,
    )
)
OF_NON_MEMBERS: Final = frozenset((CREATED, JOINED, LEFT))
"""Types that a user who is not a member may append; leaving ends the membership itself."""
