"""Upkeep: what is done to stored rooms and users beside the log, a bounded piece at a time.

Deleted rooms are emptied and in the end forgotten, and of users it is known when they were last seen and whether they were
deleted. Which rooms and users, and when, is up to `services.cleanup` and `services.users`. Every call is one short transaction.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from madang.core.audit import Deed
from madang.core.erasure import KEEP, Said


class StoredRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A room that has a row.

    Attributes:
        at_ms: when the newest event was appended; of a deleted room, when it was deleted.
        members: whether anybody is one.
        keep_ms: for how long its events are kept; 0 for good.
        keeps: whether they are not all kept.
        purged_seq: the seq up to which they are kept no longer.
        left: whether some of those are there yet.
        epoch: of its log (`Tail.epoch`).
    """

    id: str
    deleted: bool
    at_ms: int
    members: bool
    keep_ms: int = 0
    keeps: bool = False
    purged_seq: int = 0
    left: bool = False
    epoch: str = ""


class StoredUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user who was seen, or deleted; times are Unix milliseconds."""

    id: str
    seen_ms: int
    deleted_ms: int | None = None


class Upkeep(Protocol):
    """What the cleanup needs. Walks are in order of the key, and see every acked append."""

    async def rooms_after(self, after: str, limit: int) -> list[StoredRoom]:
        """Return up to `limit` (1 to 1,000) rooms with an id above `after`, deleted ones among them."""

    async def erase(self, room: str, limit: int) -> int:
        """Remove up to `limit` (1 to 1,000) rows of what a deleted room holds, or another keeps no longer, and return how many.

        The latter are events up to its newest room.purged, the oldest first. Of a deleted room there are more:
        members, kicks, bans, mutes, papers, audit entries, reports, and events.

        With an event go its mentions, reactions and pin, with the last of them the invites. 0 when nothing is left but the
        room's last event, or no such event is left.
        """

    async def due(self, room: str, before_ms: int) -> int:
        """Return the seq up to which a room keeps nothing by its settings, if that were a message more than up to `purged_seq`, else that.

        Args:
            before_ms: Unix milliseconds; what is older is not kept, where the room has a `keep_ms`.
        """

    async def forget_audit(self, before_ms: int, limit: int) -> int:
        """Remove up to `limit` (1 to 1,000) audit entries of before this time, of any rooms, and return how many."""

    async def forget_reports(self, before_ms: int, limit: int) -> int:
        """Remove up to `limit` (1 to 1,000) reports of before this time, of any rooms, and return how many."""

    async def forget_rooms(self, rooms: Sequence[str]) -> int:
        """Remove what is left of deleted and erased rooms, and return of how many: their ids are free again.

        A new room of the id has another epoch, and no id of an event is used twice.
        """

    async def note_seen(self, users: Sequence[str], now_ms: int) -> None:
        """Note that users (at most 1,000) were here."""

    async def members_after(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        """Return up to `limit` (1 to 1,000) memberships (room, user) above `after`, in that order."""

    async def note_known(self, users: Sequence[str], now_ms: int) -> None:
        """Note that users (at most 1,000) were here, as far as nothing is known of them yet."""

    async def users_after(self, after: str, limit: int) -> list[StoredUser]:
        """Return up to `limit` (1 to 1,000) users with an id above `after`."""

    async def joined_among(self, users: Sequence[str]) -> set[str]:
        """Return which of some users (at most 1,000) are members of any room."""

    async def delete_user(
        self, user: str, now_ms: int, said: Said = KEEP, deed: Deed | None = None, *, known: bool = False
    ) -> bool:
        """Note that a user is deleted, and delete their account (`ports.accounts`) with its sessions.

        Unless `said` is "keep", an erasure begins (`ports.erasures`). The deed, if there is one, is noted in the server's audit trail.

        Args:
            known: the caller knows of them.

        Returns:
            False, with nothing done, for one of whom nothing is known, neither a time, nor a membership, nor an account.
        """

    async def users_deleted(self, since_ms: int) -> list[StoredUser]:
        """Return the users who were deleted at `since_ms` or later."""

    async def forget_users(self, users: Sequence[str]) -> None:
        """Forget what is known of users (at most 1,000) who are not members of any room, that they were kicked, banned or muted, and what they reported."""
