"""Rooms, members and roles. Who may do what: `permissions.py`. Where rooms are kept: `ports.directory`."""

import re
from base64 import b32encode
from hashlib import blake2b
from typing import Final, Literal, get_args

import msgspec

from madang.core.bounds import MIN_KEEP_MESSAGES, MIN_KEEP_MS
from madang.core.events import RoomChanged
from madang.errors import Refused

Access = Literal["open", "unlisted", "invite"]
Write = Literal["everyone", "moderators"]
"""Who may write: members of every role but viewers, or only moderators and owners."""
EVERYONE: Final = "everyone"
History = Literal["all", "joined"]
"""Which history members see: from the start, or since they joined."""
ALL: Final = "all"
Role = Literal["owner", "moderator", "member", "viewer"]
ROLES: Final[dict[str, int]] = {"viewer": 1, "member": 2, "moderator": 3, "owner": 4}
OF_ANYONE: Final = frozenset({"open", "unlisted"})
"""Access of rooms that anybody may see and join who knows their id. Only the open ones are listed."""
DIRECT: Final = "direct"
"""In place of its access, what a room of two users is kept with. Nobody else can join one, and it cannot become another."""
LOBBY: Final = "lobby"
DELETED: Final = "deleted"
"""In place of its access, what a deleted room is kept with until its id is free again. No door shows it."""
_DIRECT_ID: Final = re.compile(r"d-[a-z2-7]{26}", re.ASCII)
_ROOM_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


class Room(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A room as the directory keeps it.

    Attributes:
        slow_ms: the least time between two messages of one plain member; 0 for no slow mode.
        archived: it is read, and nobody writes.
        write: who may write there.
        history: from where on members see what happened there.
        keep_ms: for how long events are kept; 0 for good.
        keep_messages: how many messages are kept, the newest; 0 for all.
        purged_seq: the seq up to which nothing is kept.
    """

    id: str
    title: str
    access: str
    slow_ms: int
    archived: bool = False
    write: str = EVERYONE
    history: str = ALL
    keep_ms: int = 0
    keep_messages: int = 0
    purged_seq: int = 0

    def __post_init__(self) -> None:
        """Let defaults be the very objects: encoders leave out no others."""
        for name, usual in _USUAL.items():
            if getattr(self, name) == usual:
                msgspec.structs.force_setattr(self, name, usual)


_USUAL: Final = {"write": EVERYONE, "history": ALL}


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user's membership of one room.

    Attributes:
        read_seq: the newest seq that the user has read; it never falls.
        picture: its address; "" for none.
        joined_seq: the seq of the event by which they are a member; 0 where that is not known, and for server keys.
        hidden: the seq up to which they see nothing, as the room is set; only where one membership is looked up.
    """

    room: str
    user: str
    name: str
    role: str
    read_seq: int = 0
    picture: str = ""
    joined_seq: int = 0
    hidden: int = 0


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
    archived: bool = False
    peer: str = ""  # of a direct room: the other user, as long as they are a member


class Counted(msgspec.Struct, frozen=True):
    """A membership, and what its unread count is made of: `messages` less `seen`, up to COUNTED.

    Attributes:
        messages: how many the room has had, up to `membership.seq`.
        seen: how many of them the user has read or sent.
    """

    membership: Membership
    messages: int
    seen: int


def changed(room: Room, change: RoomChanged) -> Room:
    """Return a room with some of its settings changed."""
    return Room(
        id=room.id,
        title=room.title if change.title is None else change.title,
        access=room.access if change.access is None else change.access,
        slow_ms=room.slow_ms if change.slow_ms is None else change.slow_ms,
        archived=room.archived if change.archived is None else change.archived,
        write=room.write if change.write is None else change.write,
        history=room.history if change.history is None else change.history,
        keep_ms=room.keep_ms if change.keep_ms is None else change.keep_ms,
        keep_messages=room.keep_messages if change.keep_messages is None else change.keep_messages,
        purged_seq=room.purged_seq,
    )


def hidden(room: Room, joined_seq: int) -> int:
    """Return the seq up to which a member sees nothing of a room: it was before they joined, or is kept no longer."""
    return hidden_by(room.history, room.purged_seq, joined_seq)


def hidden_by(history: str, purged_seq: int, joined_seq: int) -> int:
    """Return what `hidden` does, from the room's settings."""
    return purged_seq if history == ALL else max(purged_seq, joined_seq - 1)


def made_room_id(random: str) -> str:
    """Return an id for a room that was given none, from 16 random characters of a-z and 2-7."""
    return f"r-{random}"


def direct_room(user: str, peer: str) -> str:
    """Return the id of the direct room of two users, in whichever order: a hash, by which they are not found."""
    digest = blake2b("\0".join(sorted((user, peer))).encode(), digest_size=16).digest()
    return "d-" + b32encode(digest).decode().lower().rstrip("=")


def is_direct(id: str) -> bool:
    """Return whether a room is the direct room of two users, by its id."""
    return _DIRECT_ID.fullmatch(id) is not None


def need_access(access: str) -> None:
    """Raise Refused (bad_field) for what no room's access can be."""
    if access not in get_args(Access):
        raise Refused("bad_field", "access: open, unlisted or invite.")


def need_settings(change: RoomChanged) -> None:
    """Raise Refused (bad_field) for a setting that no room can have."""
    if change.access is not None:
        need_access(change.access)
    if change.write is not None and change.write not in get_args(Write):
        raise Refused("bad_field", "write: everyone or moderators.")
    if change.history is not None and change.history not in get_args(History):
        raise Refused("bad_field", "history: all or joined.")
    if change.keep_ms and change.keep_ms < MIN_KEEP_MS:
        raise Refused("bad_field", f"keep_ms: 0, or {MIN_KEEP_MS} and more.")
    if change.keep_messages and change.keep_messages < MIN_KEEP_MESSAGES:
        raise Refused("bad_field", f"keep_messages: 0, or {MIN_KEEP_MESSAGES} and more.")


def need_role(role: str) -> None:
    """Raise Refused (bad_field) for what is not a role."""
    if role not in ROLES:
        raise Refused("bad_field", "role: owner, moderator, member or viewer.")


def room_id(id: str) -> str:
    """Return a valid room id: 1 to 64 of a-z, 0-9, "_" and "-", the first a letter or digit. Raise Refused (bad_field) for others."""
    if is_direct(id):
        raise Refused("bad_field", "This room id is of a kind that only direct rooms have.")
    if not _ROOM_ID.fullmatch(id):
        raise Refused("bad_field", "A room id is 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit.")
    return id
