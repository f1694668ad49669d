"""The rooms that are live on this node, as services may ask about them. Delivery keeps them.

A room is live while somebody follows it here, and for a while after it was opened. It may be behind the log by what the bus
has not delivered yet.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from madang.core.rooms import Room


class RoomView(Protocol):
    """One live room."""

    @property
    def info(self) -> Room:
        """The room's settings."""

    @property
    def next(self) -> int:
        """The seq behind the newest event that is known here."""

    @property
    def readers(self) -> Mapping[str, int]:
        """Read pointers that this node was told of since the room became live, by user; old ones may be missing."""


class LiveRooms(Protocol):
    """All live rooms of the node."""

    @property
    def rooms(self) -> Mapping[str, RoomView]:
        """Live rooms by id."""

    async def open(self, room: str) -> RoomView | None:
        """Return a room, which is live from now on; None when there is no such room."""

    def tell_typing(self, room: str, user: str, name: str | None) -> None:
        """Tell the room's followers on all nodes that a user is typing (their name) or has stopped. Any may miss it."""

    def tell_reports(self, room: str, messages: int) -> None:
        """Tell those moderators who follow the room, on all nodes, how many messages have open reports. Any may miss it."""

    def tell_read(self, room: str, user: str, seq: int) -> None:
        """Tell the room's followers on all nodes that a user has read up to `seq`. Any of them may miss it."""

    def pointers_written(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        """Learn that pointers (room, user, seq) are in the directory, where other nodes find them."""


class Online(Protocol):
    """Who is online."""

    async def online(self, room: str, *, after: str, limit: int) -> tuple[dict[str, str], int]:
        """Return a page of the users online in a room (id → name), and how many there are in all."""
