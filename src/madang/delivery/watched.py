"""What `watching.py` knows: the rooms that are watched, who watches them, and what each connection has not been told yet."""

from typing import Final, TypeVar

import msgspec

from madang.core.rooms import Membership
from madang.delivery.subscriber import Subscriber
from madang.protocol.native.frames import RoomCount, UnreadFrame

V = TypeVar("V")

UNKNOWN: Final = -1
TOLD: Final = 100
"""Rooms in one frame, of each kind; the others wait for the next tick."""


class WatchedRoom:
    """A room that is watched.

    Attributes:
        seq: up to which its events have been taken; UNKNOWN until the next count.
        head: how far its log reaches, as far as this node has heard.
        messages: up to `seq`, as the directory counts.
        told: the same when the room was last told.
        due: loop time before which it is not told again.
        seen: of each user who watches it; None where all their connections follow it.
        mentioned: those of them who have mentions above their pointer.
    """

    __slots__ = ("due", "head", "mentioned", "messages", "seen", "seq", "told")

    def __init__(self, seq: int, messages: int) -> None:
        self.seq = self.head = seq
        self.messages = self.told = messages
        self.due = 0.0
        self.seen: dict[str, int | None] = {}
        self.mentioned: set[str] = set()


class Watcher:
    """A connection that watches, and what it has not been told yet."""

    __slots__ = ("counts", "gone", "rows", "subscriber", "user")

    def __init__(self, subscriber: Subscriber, user: str) -> None:
        self.subscriber = subscriber
        self.user = user
        self.rows: dict[str, Membership] = {}
        self.counts: dict[str, tuple[int, int]] = {}  # seq and unread, by room
        self.gone: dict[str, None] = {}

    def follows(self, room: str) -> bool:
        """Return whether it follows a room: whoever gets its events needs no counts."""
        return room in self.subscriber.subscriptions

    @property
    def waiting(self) -> bool:
        """Whether there is something that it has not been told."""
        return bool(self.rows or self.counts or self.gone)

    def note_row(self, membership: Membership) -> None:
        """Note how one of the rooms is now."""
        self.gone.pop(membership.room, None)
        self.counts.pop(membership.room, None)
        self.rows[membership.room] = membership

    def note_count(self, room: str, seq: int, unread: int) -> None:
        """Note what is unread in a room."""
        row = self.rows.get(room)
        if row is None:
            self.counts[room] = seq, unread
        elif row.seq < seq:
            self.rows[room] = msgspec.structs.replace(row, seq=seq, unread=unread)

    def note_gone(self, room: str) -> None:
        """Note that a room is the user's no more."""
        self.rows.pop(room, None)
        self.counts.pop(room, None)
        self.gone[room] = None

    def take(self) -> UnreadFrame:
        """Take a frame's worth of what waits."""
        return UnreadFrame(
            rooms=[row for _, row in _taken(self.rows)],
            counts=[RoomCount(room=room, seq=seq, unread=unread) for room, (seq, unread) in _taken(self.counts)],
            gone=[room for room, _ in _taken(self.gone)],
        )


class Watched:
    """A user with connections that watch, or begin to.

    Attributes:
        beginning: how many of these have asked and not been answered.
        meanwhile: rooms where something of the user's own has happened since the first of these asked.
    """

    __slots__ = ("beginning", "meanwhile", "rooms", "watchers")

    def __init__(self) -> None:
        self.beginning = 0
        self.meanwhile: set[str] = set()
        self.watchers: list[Watcher] = []
        self.rooms: set[str] = set()


def _taken(waiting: dict[str, V]) -> list[tuple[str, V]]:
    """Take up to TOLD, the oldest first."""
    return [(room, waiting.pop(room)) for room in list(waiting)[:TOLD]]
