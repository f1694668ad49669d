"""Who may do what in a room: one table, and what is asked of it. The roles themselves are in `rooms.py`.

`TABLE` has a cell for each action, role, kind of room and state; `ABOVE` says who may act upon whom, and `GRANTS` who gives and
takes which roles. They are made once, from the rules above them, and code decides by nothing else: a check is one look-up.
docs/permissions.md is made from them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, get_args

from madang.core.events import RoomChanged
from madang.core.rooms import DIRECT, EVERYONE, OF_ANYONE, ROLES, Access, Room, need_role
from madang.errors import Refused


class Action(StrEnum):
    """What is done in a room, as the table's rows call it."""

    SEE = "see the room's settings"
    JOIN = "join by oneself"
    JOIN_INVITED = "join with an invite, or because an outside issuer says so"
    READ = "follow, stream and watch the room; read and search history; read papers, pins, members and who is online"
    MARK_READ = "move the own read pointer"
    REPORT = "report a message"
    TYPE = "say that one types"
    WRITE = "send; edit own messages; react; make papers, write in them, make and restore versions, delete own ones"
    DELETE_OWN = "delete own messages"
    LEAVE = "leave"
    PIN = "pin and unpin"
    PAPERS = "rename, finish, reopen and delete papers; delete others' versions"
    DELETE_OTHERS = "delete others' messages"
    SKIP_SLOW_MODE = "write without waiting in slow mode"
    CHANGE_ROOM = "change the room's settings"
    WORDS = "see and set the word list"
    INVITE = "make, list and revoke invites"
    KICK = "kick"
    MUTE = "mute; list and lift mutes"
    BAN = "ban; list and lift bans"
    REVIEW = "read and resolve reports"
    GRANT = "grant roles"
    AUDIT = "read the audit trail"
    ARCHIVE = "archive and unarchive the room"
    ADD = "make others members"
    CHANGE_HISTORY = "change which history members see, and how much of it is kept"
    PURGE = "remove what is not to be kept"
    ERASE = "tell that a deleted user is erased"
    DELETE_ROOM = "delete the room"


NOBODY: Final = "nobody"
"""What users act as who are not members. No member can have it as a role."""
SERVER: Final = "server"
"""What server keys and the admin API act as, in every room. No member can have it as a role."""
_RANKS: Final = {NOBODY: 0, **ROLES, SERVER: max(ROLES.values()) + 1}
ACTORS: Final = tuple(_RANKS)
"""Whoever may do something, from the lowest to the highest."""
KINDS: Final = (*get_args(Access), DIRECT)
"""The kinds of rooms."""
FREE: Final = ""
BANNED: Final = "banned"
MUTED: Final = "muted"
ARCHIVED: Final = "archived"
ANNOUNCING: Final = "announcing"
STATES: Final = (FREE, BANNED, MUTED, ANNOUNCING, ARCHIVED)
"""What may hold a user in a room: nothing; a ban, of somebody who is not a member; a mute; that few write in the room; that it is archived."""
MAY: Final = ""
"""A cell of the table: it is allowed. Any other is the code by which it is refused."""


_LEAST: Final[Mapping[Action, str]] = {
    Action.SEE: "viewer",
    Action.JOIN: SERVER,
    Action.JOIN_INVITED: NOBODY,
    Action.READ: "viewer",
    Action.MARK_READ: "viewer",
    Action.REPORT: "viewer",
    Action.TYPE: "member",
    Action.WRITE: "member",
    Action.DELETE_OWN: "viewer",
    Action.LEAVE: "viewer",
    Action.PIN: "moderator",
    Action.PAPERS: "moderator",
    Action.DELETE_OTHERS: "moderator",
    Action.SKIP_SLOW_MODE: "moderator",
    Action.CHANGE_ROOM: "moderator",
    Action.WORDS: "moderator",
    Action.INVITE: "moderator",
    Action.KICK: "moderator",
    Action.MUTE: "moderator",
    Action.BAN: "moderator",
    Action.REVIEW: "moderator",
    Action.GRANT: "moderator",
    Action.AUDIT: "owner",
    Action.ARCHIVE: "owner",
    Action.CHANGE_HISTORY: "owner",
    Action.ADD: SERVER,
    Action.PURGE: SERVER,
    Action.ERASE: SERVER,
    Action.DELETE_ROOM: "owner",
}
"""The lowest role that an action is open to."""
_WHERE_ANYONE_MAY_JOIN: Final = {Action.SEE, Action.JOIN}
_NOT_IN_DIRECT: Final = {Action.JOIN, Action.JOIN_INVITED, Action.INVITE, Action.KICK, Action.BAN, Action.GRANT}
_OF_MEMBERS_ALREADY: Final = {Action.JOIN, Action.JOIN_INVITED}
_OF_SETTINGS: Final = {
    "archived": Action.ARCHIVE,
    "history": Action.CHANGE_HISTORY,
    "keep_ms": Action.CHANGE_HISTORY,
    "keep_messages": Action.CHANGE_HISTORY,
}
_BY_FEW: Final = {Action.TYPE, Action.WRITE}
_NOT_WHERE_ARCHIVED: Final = {*_BY_FEW, Action.PIN, Action.PAPERS}


def _cell(action: Action, role: str, kind: str, state: str) -> str:
    code = _free_cell(action, role, kind)
    if state == MUTED and role in ROLES and action is Action.WRITE:
        return code or "muted"
    if state == BANNED and role == NOBODY and action in _OF_MEMBERS_ALREADY:
        return "banned" if kind in OF_ANYONE else "not_found"
    if state == ANNOUNCING and action in _BY_FEW and _RANKS[role] < _RANKS["moderator"]:
        return code or "forbidden"
    if state == ARCHIVED and action in _NOT_WHERE_ARCHIVED:
        return code or "archived"
    return code


def _free_cell(action: Action, role: str, kind: str) -> str:
    if role in ROLES and action in _OF_MEMBERS_ALREADY:
        return MAY  # they are in already
    if kind == DIRECT and action in _NOT_IN_DIRECT:
        return "not_found" if role == NOBODY else "forbidden"
    if kind in OF_ANYONE and action in _WHERE_ANYONE_MAY_JOIN:
        return MAY
    if _RANKS[role] >= _RANKS[_LEAST[action]]:
        return MAY
    if role == NOBODY:  # a room that one may not know of is like one that there is not
        return "not_member" if action is Action.LEAVE else "not_found"
    return "forbidden"


TABLE: Final[Mapping[tuple[Action, str, str, str], str]] = {
    (action, role, kind, state): _cell(action, role, kind, state)
    for action in Action
    for role in ACTORS
    for kind in KINDS
    for state in STATES
}
ABOVE: Final[Mapping[tuple[str, str], bool]] = {
    (actor, subject): _RANKS[actor] > _RANKS[subject] for actor in ACTORS for subject in (NOBODY, *ROLES)
}
"""Whether somebody is above another, and so may act upon them: equals are not."""
GRANTS: Final[Mapping[tuple[str, str], bool]] = {
    (actor, role): TABLE[Action.GRANT, actor, "invite", FREE] == MAY
    and (_RANKS[actor] > _RANKS[role] or actor == "owner")
    for actor in ACTORS
    for role in ROLES
}
"""Whether somebody may give a role, and take it: moderators those below their own, owners every one."""
_HIDDEN: Final = "invite"
WRITERS: Final = frozenset(role for role in ACTORS if TABLE[Action.WRITE, role, _HIDDEN, FREE] == MAY)
"""Roles that may write: a send asks this, at a fifth of the price of a look-up in the table."""


def refusal(role: str, action: Action, kind: str = _HIDDEN, state: str = FREE) -> str:
    """Return a cell of the table. What a later version has stored counts as the least: a role as none, a kind as hidden."""
    cell = TABLE.get((action, role, kind, state))
    return TABLE[action, role if role in _RANKS else NOBODY, _HIDDEN, state] if cell is None else cell


def may(role: str, action: Action, kind: str = _HIDDEN) -> bool:
    """Return whether somebody of this role may do something in a room of this kind."""
    return refusal(role, action, kind) == MAY


def need(role: str, action: Action, kind: str = _HIDDEN, state: str = FREE) -> None:
    """Raise Refused, with the code of the table's cell, unless somebody may do something."""
    if code := refusal(role, action, kind, state):
        raise Refused(code)


def state_of(room: Room) -> str:
    """Return the state in which a room is for everybody."""
    if room.archived:
        return ARCHIVED
    return FREE if room.write == EVERYONE else ANNOUNCING


def need_to_write(role: str, state: str = FREE) -> None:
    """Raise Refused (forbidden, archived) unless a role may write."""
    if state or role not in WRITERS:
        need(role, Action.WRITE, state=state)


def need_to_change(role: str, change: RoomChanged) -> None:
    """Raise Refused (forbidden) unless a role may change these settings; what changes none is asked of whoever changes any."""
    given = [name for name in change.__struct_fields__ if getattr(change, name) is not None]
    for action in {_OF_SETTINGS.get(name, Action.CHANGE_ROOM) for name in given} or {Action.CHANGE_ROOM}:
        need(role, action)


def need_upon(role: str, action: Action, subject: str, kind: str = _HIDDEN) -> None:
    """Raise Refused (forbidden) unless a role may do this and is above the subject's: equals cannot kick each other."""
    need(role, action, kind)
    if not ABOVE.get((role, subject), False):
        raise Refused("forbidden")


def need_to_grant(role: str, had: str, granted: str) -> None:
    """Raise Refused (bad_field, forbidden) unless the granted role exists, and a role may give it and take the one there was."""
    need_role(granted)
    if not (GRANTS.get((role, had if had in ROLES else "viewer"), False) and GRANTS[role, granted]):
        raise Refused("forbidden")


def acting_role(role: str | None, *, server: bool) -> str:
    """Return as what somebody acts who has this role in a room, None for non-members: server keys as such in every room."""
    return SERVER if server else role or NOBODY
