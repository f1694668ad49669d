"""The audit trail of a room: who did what to whom by the rights of a moderator or an owner, when and why.

There is one of the server itself, too: what was done to users, by them or by whoever may. A deed is noted in the transaction that
does it (`ports.log`, `ports.directory`): what the trail does not have was not done. It has ids, names and reasons, never a secret.
Who may read it is in `permissions.py`, where it is kept in `ports.directory`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from madang.core.erasure import Said
from madang.core.events import (
    Body,
    Draft,
    MemberKicked,
    MemberMuted,
    MemberUnbanned,
    MemberUnmuted,
    MessageDeleted,
    RoleGiven,
    RoomChanged,
)
from madang.core.invites import Invite
from madang.core.words import ACTIONS, Words

MAX_ENTRIES: Final = 10_000
"""Entries that a room keeps; the oldest go first."""
SERVERS: Final = ""
"""In place of a room: the trail of the server itself."""
TRIMMED: Final = 100
"""Entries that go at a time: a room may have this many more."""

_WHAT: Final[dict[type[Body], str]] = {
    MemberKicked: "kick",
    MemberUnbanned: "unban",
    MemberMuted: "mute",
    MemberUnmuted: "unmute",
    RoleGiven: "role",
    RoomChanged: "change",
    MessageDeleted: "delete",
}
"""The events that are deeds, and how a deed is called: by the operation that does it."""
_TOLD_APART: Final = ("member", "banned", "reason", "target")
"""Fields of an event that an entry has besides its details."""

Details = dict[str, Any]
"""JSON values, none of them objects or arrays."""


class Subject(msgspec.Struct, frozen=True):
    """A user upon whom something is done, as they were before it. `role` is None for one who is not a member."""

    user: str
    name: str = ""
    role: str | None = None


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What was done.

    Attributes:
        what: the operation: kick, ban, unban, mute, unmute, role, change, delete (of another's message), invite, revoke,
            resolve (the reports of a message),
            setwords; of the server itself: deluser, and what operators do.
        by: the user or server key who did it.
        user: upon whom, if it was upon somebody.
        details: what else there is to know, as JSON values, by their names in the operation.
    """

    what: str
    by: str
    by_name: str = ""
    user: str | None = None
    name: str = ""
    reason: str = ""
    details: Details = {}


class Entry(Deed, frozen=True, kw_only=True):
    """A deed in a room's trail: `n` is 1, 2, 3 … in the order of their transactions, `at_ms` is Unix milliseconds."""

    n: int
    at_ms: int


def is_deed(kind: type[Body]) -> bool:
    """Return whether events of this type are deeds. A deletion is one only if the message was another's."""
    return kind in _WHAT


def deed(d: Draft, subject: Subject | None) -> Deed:
    """Return what a draft does, whose type is one of a deed.

    Args:
        subject: upon whom: the `member` of its body, or the author of the message that it deletes.
    """
    body = d.content
    what = "ban" if isinstance(body, MemberKicked) and body.banned else _WHAT[type(body)]
    details: Details = {name: value for name, value in msgspec.json.decode(d.body).items() if name not in _TOLD_APART}
    if isinstance(body, RoleGiven) and subject is not None:
        details["was"] = subject.role
    if d.target is not None:
        details["seq"] = d.target
    return Deed(
        what=what, by=d.user, by_name=d.name, reason=getattr(body, "reason", None) or "", details=details,
        user=subject.user if subject else None, name=subject.name if subject else "",
    )  # fmt: skip


def invited(invite: Invite, now_ms: int, by_name: str) -> Deed:
    """Return the deed of making an invite. Its secret is not in it."""
    details: Details = {"invite": invite.id, "for_ms": invite.until_ms - now_ms}
    if invite.uses is not None:
        details["uses"] = invite.uses
    return Deed(what="invite", by=invite.by, by_name=by_name, details=details)


def revoked(invite: str, by: str, by_name: str) -> Deed:
    """Return the deed of ending an invite, named by its id."""
    return Deed(what="revoke", by=by, by_name=by_name, details={"invite": invite})


def resolved(seq: int, reports: int, author: str, author_name: str, *, by: str, by_name: str) -> Deed:
    """Return the deed of resolving the reports of a message."""
    details: Details = {"seq": seq, "reports": reports}
    return Deed(what="resolve", by=by, by_name=by_name, user=author, name=author_name, details=details)


def listed(words: Words, by: str, by_name: str) -> Deed:
    """Return the deed of setting a room's word list: how many words it has, not which."""
    details: Details = {action: len(getattr(words, action)) for action in ACTIONS}
    return Deed(what="setwords", by=by, by_name=by_name, details=details)


def deleted(user: str, said: Said, *, by: str, by_name: str) -> Deed:
    """Return the deed of deleting a user. What they were called is not in it."""
    return Deed(what="deluser", by=by, by_name="" if by == user else by_name, user=user, details={"said": said})


def administered(what: str, given: Mapping[str, str], *, by: str, by_name: str) -> Deed:
    """Return the deed of an operator, named by its operation; `given` are the ids in its path."""
    return Deed(what=what, by=by, by_name=by_name, details=dict(given))
