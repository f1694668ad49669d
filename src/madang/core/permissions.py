"""Who may do what in a room: one table, and what is asked of it. The roles themselves are in `rooms.py`."""

from enum import StrEnum
from typing import Final

from madang.core.rooms import ROLES, Role, need_role
from madang.errors import Refused


class Action(StrEnum):
    """What some roles may not do. Every member may do what is not listed."""

    PIN = "pin"
    DELETE_OTHERS = "delete others' messages"
    SKIP_SLOW_MODE = "skip slow mode"
    CHANGE_ROOM = "change the room"
    INVITE = "invite"
    KICK = "kick"
    GRANT = "grant roles"
    DELETE_ROOM = "delete the room"


SERVER: Final = "server"
"""What server keys act as, in every room. No member can have it as a role."""
_RANKS: Final = {**ROLES, SERVER: max(ROLES.values()) + 1}


LEAST: Final[dict[Action, Role]] = {
    Action.PIN: "moderator",
    Action.DELETE_OTHERS: "moderator",
    Action.SKIP_SLOW_MODE: "moderator",
    Action.CHANGE_ROOM: "moderator",
    Action.INVITE: "moderator",
    Action.KICK: "moderator",
    Action.GRANT: "owner",
    Action.DELETE_ROOM: "owner",
}
"""The lowest role that an action is open to."""


def may(role: str, action: Action) -> bool:
    """Return whether a role is high enough for an action."""
    return _RANKS[role] >= ROLES[LEAST[action]]


def need(role: str, action: Action) -> None:
    """Raise Refused (forbidden) unless a role is high enough for an action."""
    if not may(role, action):
        raise Refused("forbidden")


def need_to_kick(role: str, subject: str) -> None:
    """Raise Refused (forbidden) unless a role may kick and is above the subject's: equals cannot kick each other."""
    need(role, Action.KICK)
    if _RANKS[role] <= ROLES[subject]:
        raise Refused("forbidden")


def need_to_grant(role: str, granted: str) -> None:
    """Raise Refused (bad_field, forbidden) unless the granted role exists and the actor's role may grant it."""
    need_role(granted)
    need(role, Action.GRANT)


def acting_role(role: str | None, *, server: bool) -> str:
    """Return the role in which an actor acts: server keys above the owners of every room, non-members as plain members."""
    return SERVER if server else role or "member"
