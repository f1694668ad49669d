"""Cleanup: what nobody needs any more is removed from the database, a little at a time, by one node of the fleet.

It empties deleted rooms and forgets them after KEPT_S, removes from others what is not kept there (`keep_ms`,
`keep_messages`), deletes rooms without members in which nothing has happened for long, forgets old reports and entries of
audit trails, and ends the memberships of guests who have not been here for longer than their tokens last. It walks through
all rooms, users and memberships in order, a few hundred every ROUND_S, so it never holds up an append for longer than one
small transaction takes. The node with the lowest number does it (`ports.leases`); if two believe that they have it, they do
the same twice, and nothing is harmed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from madang.core.events import RoomDeleted, RoomPurged, draft
from madang.core.metrics import Metric, counters
from madang.core.reports import REPORT_DAYS
from madang.core.rooms import LOBBY
from madang.core.user_ids import is_guest
from madang.errors import Refused
from madang.ports.upkeep import StoredRoom, StoredUser, Upkeep
from madang.services.appender import Appender
from madang.services.failures import Failures
from madang.services.pacing import paced
from madang.services.rooms import SYSTEM
from madang.services.users import DELETED_S, Users

logger = logging.getLogger("madang.cleanup")

ROUND_S: Final = 10.0
WALKED: Final = 200
"""Rooms, users and memberships looked at in a round: 2 ms of a reader."""
CHUNK: Final = 50
"""Rows removed in one transaction, which an append may have to wait for. 100 took SQLite 5 ms, and 12 at p99, on a busy machine."""
ROWS: Final = 20_000
"""Rows removed in a round at most; a room of a million messages is empty after a quarter of an hour."""
EXPIRED: Final = 50
"""Rooms, and guests, that expire in a round at most."""
GRACE_S: Final = 60.0
"""From a deletion to the removal of what was said: every node has heard of it by then, or checked its log."""
PURGED_AT_ONCE: Final = 100
"""Events that a busy room no longer keeps, before it is told and they are removed: each time is an event, too."""
QUIET_S: Final = 60.0
"""Of a room in which nothing has happened for so long, fewer are removed as well."""
ASKED: Final = 20
"""Rooms that do not keep everything, looked at in a round: of each it takes some dozens of look-ups to find what is due."""
KEPT_S: Final = 7 * 24 * 3600.0
"""How long the id of a deleted room stays taken: as long as invites to it would have been good."""
DAY_MS: Final = 24 * 3600 * 1000

_METRICS: Final = {
    "rooms": ("madang_rooms_expired", "Rooms without members that were deleted because nothing had happened for long."),
    "guests": ("madang_guests_expired", "Guests forgotten because they had not been seen for long."),
    "audit": ("madang_audit_expired", "Entries of audit trails that were forgotten because of their age."),
    "reports": ("madang_reports_expired", "Reports of messages that were forgotten because of their age."),
    "rows": ("madang_rows_erased", "Members and events of deleted rooms that were removed."),
}


class Removed(msgspec.Struct):
    """What was removed since the start."""

    rooms: int = 0
    guests: int = 0
    rows: int = 0
    audit: int = 0
    reports: int = 0


class Found(msgspec.Struct):
    """What a walk counts."""

    rooms: int = 0
    users: int = 0
    members: int = 0


class Cleanup:
    """Removes what nobody needs, in rounds.

    Args:
        leads: returns whether this node is the one that cleans.
        clock_ms: Unix milliseconds.
        rooms_days: after how many days an empty room expires; 0 for never.
        guests_days: after how many days an absent guest expires; 0 for never.
        audit_days: after how many days an entry of an audit trail is forgotten; 0 for never.
    """

    def __init__(
        self, upkeep: Upkeep, appender: Appender, users: Users, leads: Callable[[], Awaitable[bool]],
        clock_ms: Callable[[], int], rooms_days: int, guests_days: int, audit_days: int = 0,
    ) -> None:  # fmt: skip
        self._upkeep = upkeep
        self._appender = appender
        self._users = users
        self._leads = leads
        self._clock_ms = clock_ms
        self._rooms_days = rooms_days
        self._guests_days = guests_days
        self._audit_days = audit_days
        self._room = ""  # up to which each walk has come
        self._user = ""
        self._member = ("", "")
        self._counting = Found()
        self._failures = Failures(logger, "is not cleaned up")
        self.removed = Removed()
        self.stored = Found()  # by the last whole walk of each

    def metrics(self) -> list[Metric]:
        """Return what was removed, and what there is; the latter only on the node that cleans."""
        text = "Rows in the database as the last whole walk counted them, on the node that cleans."
        return [
            *counters(self.removed, _METRICS),
            *(
                Metric("gauge", "madang_stored", text, getattr(self.stored, kind), ("what", kind))
                for kind in Found.__struct_fields__
            ),
        ]

    async def run(self) -> None:
        """Clean every ROUND_S if this node is the one, until cancelled."""
        rounds = Failures(logger, "is not cleaned up")
        while True:
            await asyncio.sleep(ROUND_S)
            with rounds.survived("the database"):
                if await self._leads():
                    await self.clean()
            rounds.round_over()

    async def clean(self) -> None:
        """Do one round: a stretch of each walk, and what is due there. A room or user that fails is left for the next walk."""
        before = msgspec.structs.astuple(self.removed)
        await self._sweep_rooms()
        await self._learn_of_members()
        await self._sweep_users()
        await self._sweep_audit()
        await self._sweep_reports()
        self._failures.round_over()
        rooms, guests, rows, *_ = (
            now - then for now, then in zip(msgspec.structs.astuple(self.removed), before, strict=True)
        )
        if rooms or guests or rows:
            logger.info(
                "cleanup: %d empty rooms and %d absent guests expired, %d rows of deleted rooms removed",
                rooms,
                guests,
                rows,
            )

    # -- rooms ---------------------------------------------------------------------------------------------------------

    async def _sweep_rooms(self) -> None:
        page = await self._upkeep.rooms_after(self._room, WALKED)
        now, rows, expired, asked = self._clock_ms(), ROWS, 0, 0
        forgotten: list[str] = []
        for room in page:
            with self._failures.survived(f"room {room.id}"):
                if room.deleted:
                    if now - room.at_ms < GRACE_S * 1000:
                        continue
                    rows -= await self._erase(room.id, rows)
                    if rows <= 0:
                        break  # the next round goes on with this room
                    if now - room.at_ms >= KEPT_S * 1000:
                        forgotten.append(room.id)
                elif self._is_stale(room, now) and expired < EXPIRED:
                    expired += await self._expire(room.id)
                elif room.left or room.keeps:
                    if room.left:
                        rows -= await self._erase(room.id, rows)
                        if rows <= 0:
                            break
                    if room.keeps and asked == ASKED:
                        rows = 0
                        break
                    asked += room.keeps
                    await self._purge(room, now)
            self._counting.rooms += not room.deleted
            self._room = room.id
        if forgotten:
            await self._upkeep.forget_rooms(forgotten)
        if len(page) < WALKED and rows > 0:
            self.stored.rooms, self._counting.rooms, self._room = self._counting.rooms, 0, ""

    async def _purge(self, room: StoredRoom, now: int) -> None:
        """Tell a room what it no longer keeps, if that is worth an event; the next walk removes it."""
        upto = await self._upkeep.due(room.id, now - room.keep_ms)
        quiet = now - room.at_ms > QUIET_S * 1000
        if upto - room.purged_seq >= (1 if quiet else PURGED_AT_ONCE):
            with suppress(Refused):  # it was deleted meanwhile
                body = RoomPurged(upto=upto)
                await self._appender.append(draft(body, room.id, SYSTEM.id, SYSTEM.name, server=True))

    def _is_stale(self, room: StoredRoom, now: int) -> bool:
        idle_ms = now - room.at_ms
        return 0 < self._rooms_days * DAY_MS < idle_ms and not room.members and room.id != LOBBY

    async def _expire(self, room: str) -> bool:
        try:
            body = RoomDeleted(expired=True)
            appended = await self._appender.append(draft(body, room, SYSTEM.id, SYSTEM.name, server=True))
        except Refused:  # another node was faster
            return False
        self.removed.rooms += appended is not None
        return appended is not None

    async def _erase(self, room: str, most: int) -> int:
        """Remove what a deleted room holds, at most `most` rows."""
        rows = 0
        while rows < most and (removed := await paced(self._upkeep.erase(room, CHUNK))):
            rows += removed
            self.removed.rows += removed
        return rows

    async def _sweep_audit(self) -> None:
        if self._audit_days:
            before_ms = self._clock_ms() - self._audit_days * DAY_MS
            self.removed.audit += await self._forget("audit trails", before_ms, self._upkeep.forget_audit)

    async def _sweep_reports(self) -> None:
        before_ms = self._clock_ms() - REPORT_DAYS * DAY_MS
        self.removed.reports += await self._forget("reports", before_ms, self._upkeep.forget_reports)

    async def _forget(self, what: str, before_ms: int, forget: Callable[[int, int], Awaitable[int]]) -> int:
        """Forget what is older than this, in pieces; return how many rows."""
        rows = 0
        with self._failures.survived(what):
            while rows < ROWS and (removed := await forget(before_ms, CHUNK)):
                rows += removed
                await asyncio.sleep(0)
        return rows

    # -- users ---------------------------------------------------------------------------------------------------------

    async def _learn_of_members(self) -> None:
        """Note members of whom nothing is known, from before users were noted or because a node died."""
        page = await self._upkeep.members_after(self._member, WALKED)
        await self._upkeep.note_known([user for _, user in page if is_guest(user)], self._clock_ms())
        self._counting.members += len(page)
        if len(page) < WALKED:
            self.stored.members, self._counting.members, self._member = self._counting.members, 0, ("", "")
        else:
            self._member = page[-1]

    async def _sweep_users(self) -> None:
        page = await self._upkeep.users_after(self._user, WALKED)
        now, ended = self._clock_ms(), 0
        deleted: list[str] = []
        expired: list[str] = []
        gone = [user for user in page if user.deleted_ms is not None or self._is_absent(user, now)]
        joined = await self._upkeep.joined_among([user.id for user in gone]) if gone else set()
        for user in gone:
            absent = user.deleted_ms is None  # otherwise deleted, and let in again by a node that did not know yet
            if absent and ended >= EXPIRED:
                continue
            with self._failures.survived(f"user {user.id}"):
                left = user.id in joined and await self._users.leave_all(user.id)
                # Until then a token may bring back those who were kicked.
                over = now - (user.deleted_ms or user.seen_ms) > DELETED_S * 1000
                if over:
                    (expired if absent else deleted).append(user.id)
                ended += absent and bool(left or over)
        if forgotten := deleted + expired:
            await self._upkeep.forget_users(forgotten)
        self.removed.guests += len(expired)
        self._counting.users += len(page)
        if len(page) < WALKED:
            self.stored.users, self._counting.users, self._user = self._counting.users, 0, ""
        else:
            self._user = page[-1].id

    def _is_absent(self, user: StoredUser, now: int) -> bool:
        return 0 < self._guests_days * DAY_MS < now - user.seen_ms and is_guest(user.id)
