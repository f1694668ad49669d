"""The directory: rooms, members, read pointers and server keys.

Rooms and members change only through the log's effects (`ports.log`); the directory itself writes only what is in no log.
Invites end and are used up by effects, too. Reads see every acked append.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from madang.core.audit import Deed, Entry
from madang.core.invites import Invite
from madang.core.reports import Report, Reported
from madang.core.rooms import Counted, Member, Membership, Room
from madang.core.sanctions import Ban, Mute
from madang.core.words import Words

NOTHING: Final[Mapping[str, int]] = {}


class ServerKey(msgspec.Struct, frozen=True):
    """A key that lets another server act through REST. Only a hash of the secret is kept.

    Attributes:
        scopes: what it may be used for (`core.scopes`), separated by spaces; None for everything.
        expires_ms: Unix milliseconds from which on it is worth nothing; None for never.
    """

    id: str
    label: str
    hash: str
    created_at: int  # Unix milliseconds
    scopes: str | None = None
    expires_ms: int | None = None


class Directory(Protocol):
    """Who and what there is. Lists are paged by key and bounded; nothing here loads all members of a room."""

    async def room(self, room: str) -> Room | None:
        """Return a room, or None."""

    async def joinable(self, room: str) -> Room | None:
        """Return a room that anybody may join, or None. Of a hidden room no more is read than of a missing one: it takes as long."""

    async def rooms(self, *, after: str = "", limit: int = 50, hidden: bool = False) -> list[Room]:
        """Return open rooms, or with `hidden` all, in order of their id, from above `after`; `limit` 1 to 200."""

    async def member(self, room: str, user: str) -> Member | None:
        """Return one membership, or None. One key look-up."""

    async def members(self, room: str, *, after: str = "", limit: int = 50) -> list[Member]:
        """Return members in order of their user id, from above `after`; `limit` 1 to 200."""

    async def find_members(
        self, room: str, matches: Callable[[str], bool], *, after: str = "", limit: int = 50, most: int = 10_000
    ) -> tuple[list[Member], str]:
        """Return members whose name matches, in order of their user id, from above `after`, and up to where was looked.

        That is a user id behind which there may be more; "" at the end.

        Args:
            matches: of a name; may be called in another thread.
            limit: 1 to 200 members found.
            most: members looked at, or somewhat more.
        """

    async def memberships(
        self, user: str, *, after: str = "", limit: int = 50, read: Mapping[str, int] = NOTHING
    ) -> list[Membership]:
        """Return a user's rooms in order of the room id, with unread and mention counts; `limit` 1 to 200.

        Counted are messages of others above the read pointer, deleted ones too, and of these the ones that mention the
        user now; both computed from ordinals, never stored, and up to COUNTED.

        Args:
            read: pointers of the user, by room, that count where they are above the stored ones. They are not above the
                newest event of their room.
        """

    async def counted(
        self, user: str, *, among: Sequence[str] | None = None, after: str = "", limit: int = 50,
        read: Mapping[str, int] = NOTHING,
    ) -> list[Counted]:  # fmt: skip
        """Return what `memberships` does, with what the counts are made of. All are told the same `messages` of a room at a seq.

        Args:
            among: at most 200 rooms; of these, instead of a page, those that the user is a member of.
        """

    async def readable(self, user: str, limit: int) -> dict[str, int]:
        """Return up to `limit` rooms that a user is a member of, the first by their ids, each with the seq up to which they see nothing (`Member.hidden`)."""

    async def joined_by(self, user: str) -> int:
        """Return how many rooms a user is a member of, but for direct ones: others make them members of those."""

    async def owned_by(self, user: str) -> int:
        """Return how many rooms a user owns, alone or with others."""

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        """Move read pointers (room, user, seq) in one transaction. A pointer never falls and never passes the room's seq.

        Pairs that are not a membership are ignored.
        """

    async def add_invite(self, invite: Invite, now_ms: int, name: str, *, server: bool = False) -> None:
        """Keep an invite, and note that in the audit trail; its `seq` becomes the room's newest. Those that are over are forgotten.

        Args:
            name: of whoever makes it.
            server: a server key makes it, which needs no membership.

        Raises:
            Refused: not_found where `by` is not a member, forbidden where their role is too low, as of this moment;
                too_many, when MAX_INVITES are in force.
        """

    async def invite(self, room: str, id: str) -> Invite | None:
        """Return an invite, which may be over; None where there is none. One key look-up."""

    async def invites(self, room: str, now_ms: int) -> list[Invite]:
        """Return the invites of a room that are in force, at most MAX_INVITES, in order of their id."""

    async def drop_invite(self, room: str, id: str, now_ms: int, by: str, name: str) -> bool:
        """Forget an invite, which admits nobody from now on, and note who did that in the audit trail; False when there was none."""

    async def bans(self, room: str, *, after: str = "", limit: int = 50) -> list[Ban]:
        """Return the bans in force in a room, in order of the user, from above `after`; `limit` 1 to 201."""

    async def mutes(self, room: str, *, after: str = "", limit: int = 50) -> list[Mute]:
        """Return the mutes in force in a room, as `bans`."""

    async def audit(self, room: str, *, before: int | None = None, limit: int = 50) -> list[Entry]:
        """Return entries of a room's audit trail, the newest first, from below the number `before`; `limit` 1 to 201.

        It has the deeds that `core.audit` names, of appends (`ports.log`) and of invites, each if and only if it was done. The
        oldest are forgotten: above MAX_ENTRIES, by age (`ports.upkeep`), and with the room.
        """

    async def add_report(self, room: str, seq: int, report: Report, *, server: bool = False) -> int | None:
        """Keep what a user reports of a message, and return how many messages of the room have open reports.

        None if they have reported the message before, resolved or not. It stays open until it is resolved, whether its user stays
        or not; it is forgotten by age (`ports.upkeep`), and with its room or its user. When the message is deleted by others than its
        author its reports are resolved, and otherwise they say so (`Reported.deleted`).

        Args:
            server: a server key reports, which needs no membership.

        Raises:
            Refused: not_found where the user is not a member, or there is no such message; gone for a deleted one; too_many, when
                MAX_REPORTS are open in the room, or MAX_OWN of this user.
        """

    async def reports(self, room: str, *, after: int = 0, limit: int = 50) -> list[Reported]:
        """Return messages with open reports, in order of their seq, from above `after`; `limit` 1 to 201."""

    async def resolve_reports(self, room: str, seq: int, now_ms: int, by: str, name: str) -> int | None:
        """Resolve the open reports of a message, and note who did that in the audit trail.

        Return how many messages of the room still have open reports; None where this one had none.
        """

    async def reported(self, room: str) -> int:
        """Return how many messages of a room have open reports."""

    async def set_words(self, room: str, new: Words, now_ms: int, by: str, name: str, *, server: bool = False) -> int:
        """Keep the word list of a room, or of the server where `room` is empty, and return its version: 0 for an empty list.

        An empty one is none. It is noted in the room's audit trail; with the room it ends.

        Args:
            server: a server key or the server does it, which needs no membership.

        Raises:
            Refused: not_found and forbidden as for `add_invite`; too_many where MAX_LISTS rooms have one.
        """

    async def words(self, room: str) -> tuple[int, Words]:
        """Return the version and the word list of a room, or of the server; (0, Words()) where there is none."""

    async def word_lists(self) -> dict[str, int]:
        """Return the versions of all word lists by room, that of the server by "". A version is never used twice."""

    async def note(self, deed: Deed, now_ms: int) -> None:
        """Note a deed in the audit trail of the server itself, which `audit` shows as that of SERVERS (`core.audit`)."""

    async def add_key(self, key: ServerKey) -> None:
        """Keep a server key. Refused (too_many) when there are 1,000."""

    async def key(self, id: str) -> ServerKey | None:
        """Return a server key, or None. One key look-up."""

    async def keys(self) -> list[ServerKey]:
        """Return all server keys (at most 1,000), oldest first."""

    async def drop_key(self, id: str) -> bool:
        """Forget a server key, and invites that it made (by the user `key-<id>`); False when there was none."""
