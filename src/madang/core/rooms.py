"""Rooms, members and roles. Who may do what: `permissions.py`. Where rooms are kept: `ports.directory`."""

import re
from typing import Final, Literal, get_args

import msgspec

from madang.core.events import RoomChanged
from madang.errors import Refused

Access = Literal["open", "unlisted", "invite"]
Role = Literal["owner", "moderator", "member", "viewer"]
ROLES: Final[dict[str, int]] = {"viewer": 1, "member": 2, "moderator": 3, "owner": 4}
OF_ANYONE: Final = frozenset({"open", "unlisted"})
"""Access of rooms that anybody may see and join who knows their id. Only the open ones are listed."""
LOBBY: Final = "lobby"
DELETED: Final = "deleted"
"""In place of its access, what a deleted room is kept with until its id is free again. No door shows it."""
_ROOM_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A room as the directory keeps it.

    Attributes:
        slow_ms: the least time between two messages of one plain member; 0 for no slow mode.
    """

    id: str
    title: str
    access: str
    slow_ms: int = 0


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user's membership of one room; `read_seq`, the newest seq the user has read, never falls. "" is no picture."""

    room: str
    user: str
    name: str
    role: str
    read_seq: int = 0
    picture: str = ""


COUNTED: Final = 1_000
"""What is unread is counted up to here; a count of this many means "this many or more"."""


class Membership(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of a user's own rooms, with what is unread there, computed from pointers. Counts end at COUNTED."""

    room: str
    title: str
    access: str
    role: str
    seq: int  # the room's newest
    read_seq: int
    unread: int  # messages of others above read_seq, deleted ones too
    mentions: int = 0  # of these, those that mention the user now


def changed(room: Room, change: RoomChanged) -> Room:
    """Return a room with some of its settings changed."""
    return Room(
        id=room.id,
        title=room.title if change.title is None else change.title,
        access=room.access if change.access is None else change.access,
        slow_ms=room.slow_ms if change.slow_ms is None else change.slow_ms,
    )


def made_room_id(random: str) -> str:
    """Return an id for a room that was given none, from 16 random characters of a-z and 2-7."""
    return f"r-{random}"


def need_access(access: str) -> None:
    """Raise Refused (bad_field) for what no room's access can be."""
    if access not in get_args(Access):
        raise Refused("bad_field", "access: open, unlisted or invite.")


def need_role(role: str) -> None:
    """Raise Refused (bad_field) for what is not a role."""
    if role not in ROLES:
        raise Refused("bad_field", "role: owner, moderator, member or viewer.")


def room_id(id: str) -> str:
    """Return a valid room id: 1 to 64 of a-z, 0-9, "_" and "-", the first a letter or digit. Raise Refused (bad_field) for others."""
    if not _ROOM_ID.fullmatch(id):
        raise Refused("bad_field", "A room id is 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit.")
    return id
