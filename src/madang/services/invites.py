"""Invites to rooms: secrets that let whoever has one join. Moderators make, list and revoke them; a room has a bounded number.

An invite is `inv_<id>_<secret>`, and only a hash of the secret is stored. It ends by its time or its uses, when it is
revoked, and when who made it may make none any longer. Whether one admits is judged where the user becomes a member
(`ports.log`).
"""

import secrets

from madang.core.actors import Actor
from madang.core.invites import INVITE_MS, MAX_INVITES, Invite, hash_of, invite_text
from madang.core.permissions import Action
from madang.core.rate import Bucket
from madang.errors import Refused
from madang.ports.directory import Directory
from madang.services.rooms import Rooms


class Invites:
    """Use cases around invites. `now` is Unix seconds."""

    def __init__(self, directory: Directory, rooms: Rooms) -> None:
        self._directory = directory
        self._rooms = rooms

    async def make(
        self, actor: Actor, room: str, now: float, *, uses: int | None = None, for_ms: int | None = None
    ) -> tuple[Invite, str]:
        """Make an invite. Return it with the text that is shown once. It counts as an append.

        Args:
            uses: how many it admits; None for any number.
            for_ms: how long it is in force; INVITE_MS if left out.

        Raises:
            Refused: not_found, forbidden, rate_limited, quota, too_many; bad_token for a user who was deleted.
        """
        await self._rooms.need(actor, room, Action.INVITE)
        id, secret, now_ms = secrets.token_hex(4), secrets.token_urlsafe(24), int(now * 1000)
        until_ms = now_ms + (INVITE_MS if for_ms is None else for_ms)
        invite = Invite(room=room, id=id, hash=hash_of(secret), by=actor.id, uses=uses, until_ms=until_ms)
        with self._rooms.attempt(actor) as attempt:
            attempt.in_room(room)
            attempt.quota("invites")
            await self._directory.add_invite(invite, now_ms, actor.name, server=actor.server)
        return invite, invite_text(id, secret)

    async def in_force(self, actor: Actor, room: str, now: float, *, bucket: Bucket | None = None) -> list[Invite]:
        """Return the invites to a room that are in force (not_found, forbidden, rate_limited).

        Args:
            bucket: what pays for the page, as in `Reading`.
        """
        return await self._rooms.page(
            actor, room, Action.INVITE, MAX_INVITES, bucket, lambda: self._directory.invites(room, int(now * 1000))
        )

    async def revoke(self, actor: Actor, room: str, id: str, now: float) -> None:
        """End an invite (not_found, forbidden, rate_limited). It counts as an append."""
        await self._rooms.need(actor, room, Action.INVITE)
        with self._rooms.attempt(actor) as attempt:
            attempt.in_room(room)
            if not await self._directory.drop_invite(room, id, int(now * 1000), actor.id, actor.name):
                raise Refused("not_found", "There is no such invite.")
