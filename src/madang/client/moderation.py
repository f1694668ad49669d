"""What moderators and owners do in a joined room: a part of `Room` (`room.py`)."""

from collections.abc import AsyncIterator
from typing import Literal

from madang.client.answers import (
    Appended,
    AuditEntry,
    AuditPage,
    Ban,
    BanPage,
    Done,
    Invite,
    InviteInForce,
    InvitesInForce,
    Mute,
    MutePage,
    Reported,
    ReportedPage,
    Resolved,
    Sent,
    Words,
)
from madang.client.feed import Feed
from madang.client.paging import walked
from madang.client.pending import Pending
from madang.errors import Refused
from madang.protocol.native import commands as c

PAGE = 100


class Moderation:
    """Settings, roles, invites, bans, mutes, word lists, reports and the audit trail of one room."""

    def __init__(self, feed: Feed, pending: Pending) -> None:
        self._feed = feed
        self._pending = pending

    @property
    def id(self) -> str:
        """The room's id."""
        return self._feed.id

    async def change(
        self,
        *,
        title: str | None = None,
        access: Literal["open", "unlisted", "invite"] | None = None,
        slow_ms: int | None = None,
        archived: bool | None = None,
        write: Literal["everyone", "moderators"] | None = None,
        history: Literal["all", "joined"] | None = None,
        keep_ms: int | None = None,
        keep_messages: int | None = None,
    ) -> Sent | None:
        """Change the settings that are given (moderators; those from `archived` on but `write`, owners); None if they were so already."""
        command = c.Change(
            room=self.id, title=title, access=access, slow_ms=slow_ms, archived=archived, write=write, history=history,
            keep_ms=keep_ms, keep_messages=keep_messages,
        )  # fmt: skip
        return (await self._call(command, Appended)).sent()

    async def give_role(self, user: str, role: Literal["owner", "moderator", "member", "viewer"]) -> Sent | None:
        """Grant a member a role (owners; moderators those below theirs)."""
        return (await self._call(c.Role(room=self.id, user=user, role=role), Appended)).sent()

    async def invite(self, *, uses: int | None = None, for_ms: int | None = None) -> str:
        """Make a secret that lets whoever has it join the room (moderators).

        Args:
            uses: how many it admits; None for any number.
            for_ms: for how many milliseconds; seven days if left out.
        """
        command = c.Invite(room=self.id, uses=uses, for_ms=for_ms)
        return (await self._pending.call(command, Invite, room=self.id)).invite

    async def invites(self) -> list[InviteInForce]:
        """Read the invites that are in force (moderators)."""
        return (await self._pending.call(c.Invites(room=self.id), InvitesInForce, room=self.id)).invites

    async def revoke(self, id: str) -> None:
        """End an invite, by the id that `invites` names; it is none any more if that was so already (moderators)."""
        try:
            await self._pending.call(c.Revoke(room=self.id, invite=id), Done, room=self.id)
        except Refused as refused:
            if refused.code != "not_found":
                raise

    async def kick(self, user: str) -> None:
        """Kick a member (moderators). Raises ConnectionLost when the answer was lost: see `members` then."""
        await self._pending.call(c.Kick(room=self.id, user=user), Appended, room=self.id, ordered=True, again=False)

    async def ban(self, user: str, *, reason: str = "", for_ms: int | None = None) -> None:
        """Keep a user out of the room, whatever invite they show; a member or not (moderators).

        Args:
            reason: everybody in the room is told it.
            for_ms: for how many milliseconds; for good if left out.
        """
        await self._call(c.Ban(room=self.id, user=user, reason=reason, for_ms=for_ms), Appended)

    async def unban(self, user: str) -> None:
        """Lift a ban; it is none any more if that was so already (moderators)."""
        await self._call(c.Unban(room=self.id, user=user), Appended)

    async def mute(self, user: str, *, reason: str = "", for_ms: int | None = None) -> None:
        """Keep a user from writing in the room; arguments are as for `ban` (moderators)."""
        await self._call(c.Mute(room=self.id, user=user, reason=reason, for_ms=for_ms), Appended)

    async def unmute(self, user: str) -> None:
        """Lift a mute; it is none any more if that was so already (moderators)."""
        await self._call(c.Unmute(room=self.id, user=user), Appended)

    async def words(self) -> Words:
        """Read the room's word list (moderators)."""
        return await self._pending.call(c.Words(room=self.id), Words, room=self.id)

    async def set_words(self, words: Words) -> Words:
        """Replace the room's word list, and return it as it is kept (moderators)."""
        command = c.SetWords(room=self.id, refuse=words.refuse, mask=words.mask, flag=words.flag)
        return await self._pending.call(command, Words, room=self.id)

    async def resolve(self, seq: int) -> int:
        """Resolve the reports of a message; return how many messages still have some (moderators)."""
        return (await self._pending.call(c.Resolve(room=self.id, seq=seq), Resolved, room=self.id)).open

    def bans(self) -> AsyncIterator[Ban]:
        """Read the bans in force, in order of the user ids, page after page (moderators)."""

        async def ask(after: str) -> BanPage:
            return await self._pending.call(c.Bans(room=self.id, after=after, limit=PAGE), BanPage, room=self.id)

        return walked("", ask, lambda page: page.bans, lambda ban: ban.user)

    def mutes(self) -> AsyncIterator[Mute]:
        """Read the mutes in force, in order of the user ids, page after page (moderators)."""

        async def ask(after: str) -> MutePage:
            return await self._pending.call(c.Mutes(room=self.id, after=after, limit=PAGE), MutePage, room=self.id)

        return walked("", ask, lambda page: page.mutes, lambda mute: mute.user)

    def reported(self) -> AsyncIterator[Reported]:
        """Read the messages with open reports, in order of their seq, page after page (moderators)."""

        async def ask(after: int) -> ReportedPage:
            command = c.Reports(room=self.id, after=after, limit=PAGE)
            return await self._pending.call(command, ReportedPage, room=self.id)

        return walked(0, ask, lambda page: page.reported, lambda each: each.seq)

    def audit(self) -> AsyncIterator[AuditEntry]:
        """Read who did what by the rights of a moderator or an owner, the newest first, page after page (owners)."""

        async def ask(before: int | None) -> AuditPage:
            command = c.Audit(room=self.id, before=before, limit=PAGE)
            return await self._pending.call(command, AuditPage, room=self.id)

        return walked(None, ask, lambda page: page.entries, lambda entry: entry.n)

    async def _call(self, command: c.Command, kind: type[Appended]) -> Appended:
        return await self._pending.call(command, kind, room=self.id, ordered=True)
