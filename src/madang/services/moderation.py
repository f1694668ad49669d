"""Moderation: bans and mutes, the lists of those in force, and the audit trail. Kicks and roles are in `rooms.py`.

Who may act upon whom is judged here, and again in the append, where nothing can change it meanwhile (`ports.log`).
"""

from collections.abc import Callable, Mapping

import msgspec

from madang.core.actors import Actor
from madang.core.audit import SERVERS, Details, Entry, administered
from madang.core.events import Appended, Body, MemberKicked, MemberMuted, MemberUnbanned, MemberUnmuted
from madang.core.permissions import NOBODY, Action, need, need_upon
from madang.core.rate import Bucket
from madang.core.sanctions import MAX_REASON
from madang.core.text import clean_text
from madang.core.timestamps import moment
from madang.ports.directory import Directory
from madang.services.pages import Rows, array
from madang.services.rooms import Rooms


class ShownDeed(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of the audit trail as owners see it."""

    n: int
    at: str
    what: str
    by: str
    by_name: str = ""
    user: str | None = None
    name: str = ""
    reason: str = ""
    details: Details = {}


def _shown(entry: Entry) -> ShownDeed:
    return ShownDeed(
        entry.n, moment(entry.at_ms), entry.what, entry.by, entry.by_name, entry.user, entry.name, entry.reason,
        entry.details,
    )  # fmt: skip


class Moderation:
    """Use cases of moderators. What is appended counts as an append of theirs, done or refused, as in `Rooms`."""

    def __init__(self, directory: Directory, rooms: Rooms, clock_ms: Callable[[], int]) -> None:
        self._directory = directory
        self._rooms = rooms
        self._clock_ms = clock_ms

    async def ban(
        self, actor: Actor, room: str, subject: str, *, reason: str = "", for_ms: int | None = None
    ) -> Appended | None:
        """Keep a user out of a room, member or not, and end their membership. It replaces an earlier ban.

        Args:
            reason: everybody in the room is told it; empty for none.
            for_ms: how long it holds; None for good.

        Raises:
            Refused: too_big, bad_text, empty (reason), not_found, forbidden, too_many, rate_limited, quota.
        """
        body = MemberKicked(member=subject, for_ms=for_ms or 0, banned=True, reason=_told(reason))
        return await self._upon(actor, room, subject, Action.BAN, body)

    async def unban(self, actor: Actor, room: str, subject: str) -> Appended | None:
        """Lift a ban; None where there was none (not_found, forbidden, rate_limited, quota)."""
        return await self._lift(actor, room, Action.BAN, MemberUnbanned(member=subject))

    async def bans(self, actor: Actor, room: str, after: str, limit: int, *, bucket: Bucket | None = None) -> Rows:
        """Return a page of the bans in force, in order of the users, and whether there are more.

        Args:
            bucket: what pays for the page, as in `Reading`.

        Raises:
            Refused: not_found, forbidden, rate_limited.
        """

        async def read() -> Rows:
            return array(await self._directory.bans(room, after=after, limit=limit + 1), limit)

        return await self._rooms.page(actor, room, Action.BAN, limit, bucket, read)

    async def mute(
        self, actor: Actor, room: str, subject: str, *, reason: str = "", for_ms: int | None = None
    ) -> Appended | None:
        """Keep a user, who is a member or not, from writing in a room; arguments and refusals are as for `ban`."""
        body = MemberMuted(member=subject, for_ms=for_ms or 0, reason=_told(reason))
        return await self._upon(actor, room, subject, Action.MUTE, body)

    async def unmute(self, actor: Actor, room: str, subject: str) -> Appended | None:
        """Lift a mute; None where there was none (not_found, forbidden, rate_limited, quota)."""
        return await self._lift(actor, room, Action.MUTE, MemberUnmuted(member=subject))

    async def mutes(self, actor: Actor, room: str, after: str, limit: int, *, bucket: Bucket | None = None) -> Rows:
        """Return a page of the mutes in force, as `bans`."""

        async def read() -> Rows:
            return array(await self._directory.mutes(room, after=after, limit=limit + 1), limit)

        return await self._rooms.page(actor, room, Action.MUTE, limit, bucket, read)

    async def audit(
        self, actor: Actor, room: str, before: int | None, limit: int, *, bucket: Bucket | None = None
    ) -> Rows:
        """Return a page of the audit trail (`ShownDeed`), the newest first, and whether there are more.

        Args:
            before: the number of an entry, to page on below it.
            bucket: what pays for the page, as in `Reading`.

        Raises:
            Refused: not_found, forbidden for all but owners, rate_limited.
        """

        async def read() -> Rows:
            found = await self._directory.audit(room, before=before, limit=limit + 1)
            return array([_shown(entry) for entry in found], limit)

        return await self._rooms.page(actor, room, Action.AUDIT, limit, bucket, read)

    async def servers_audit(self, before: int | None, limit: int) -> Rows:
        """Return a page of the audit trail of the server itself, as `audit`, for operators."""
        found = await self._directory.audit(SERVERS, before=before, limit=limit + 1)
        return array([_shown(entry) for entry in found], limit)

    async def note(self, operator: Actor, what: str, given: Mapping[str, str]) -> None:
        """Note in that trail what an operator is about to do: so there is nothing that it does not have."""
        deed = administered(what, given, by=operator.id, by_name=operator.name)
        await self._directory.note(deed, self._clock_ms())

    async def _upon(self, actor: Actor, room: str, subject: str, action: Action, body: Body) -> Appended | None:
        """Append what is done to a user who must be below the actor."""
        with self._rooms.attempt(actor) as attempt:
            role = (await self._rooms.charged(actor, room, attempt)).role
            other = await self._directory.member(room, subject)
            need_upon(role, action, other.role if other else NOBODY)
            attempt.row()
            return await self._rooms.append(body, room, actor)

    async def _lift(self, actor: Actor, room: str, action: Action, body: Body) -> Appended | None:
        with self._rooms.attempt(actor) as attempt:
            need((await self._rooms.charged(actor, room, attempt)).role, action)
            attempt.row()
            lifted = await self._rooms.append(body, room, actor)
            if lifted is None:
                attempt.give_back_quotas()
            return lifted


def _told(reason: str) -> str | None:
    return clean_text(reason, MAX_REASON, "reason") if reason else None
