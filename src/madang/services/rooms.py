"""Rooms and their members: create, open a direct one, enter, leave, kick, roles, settings. All through the log; reads one row at a time.

Whatever a user asks for here counts as an append of theirs, on every door, whether it is done or refused; only words that
mean nothing to any room are refused before. Joining again as a member does not count. The room's own rate pays only for
members and for those who may become one: no stranger can spend it.
"""

import asyncio
import secrets
from base64 import b32encode
from collections.abc import Awaitable, Callable, Container
from contextlib import AbstractAsyncContextManager, nullcontext
from hmac import compare_digest
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import msgspec

from madang.core import user_ids
from madang.core.actors import Actor
from madang.core.events import (
    Appended,
    Body,
    MemberJoined,
    MemberKicked,
    MemberLeft,
    RoleGiven,
    RoomChanged,
    RoomCreated,
    RoomDeleted,
    draft,
)
from madang.core.invites import InviteKey, invite_key
from madang.core.names import clean_title
from madang.core.permissions import NOBODY, Action, acting_role, may, need, need_to_change, need_to_grant, need_upon
from madang.core.rate import Bucket
from madang.core.rooms import (
    DIRECT,
    LOBBY,
    Member,
    Room,
    direct_room,
    made_room_id,
    need_access,
    need_role,
    need_settings,
    room_id,
)
from madang.errors import Refused
from madang.ports.directory import Directory
from madang.services.appender import Appender
from madang.services.charges import Attempt, Charges
from madang.services.quotas import QuotaRates

T = TypeVar("T")

SYSTEM: Final = Actor(id=user_ids.SYSTEM, name="Madang", server=True)
KICK_S: Final = 600


class Rooms:
    """Use cases around membership. Every method judges from the directory, each time; nothing is trusted from a connection.

    Those that append raise Refused (rate_limited) for an actor who has appended too much.

    Args:
        quotas: how many memberships and rooms a user may have.
        creators: who may make rooms: "anyone", users who are not guests ("accounts"), or only servers with "keys".
        kick_s: how long a user who was kicked from an open room cannot join it again by themselves.
        deleted: users who may do nothing any more, whatever connection they still have.
        seen: called with each guest who is a member of a room that they do something in.
        origin: returns what stands for an address in a room, where guests are banned by it; empty for none.
        picture: returns the picture of a user, whom others are shown with it; empty for none.
    """

    def __init__(
        self, directory: Directory, appender: Appender, charges: Charges, quotas: QuotaRates,
        creators: str = "anyone", kick_s: int = KICK_S, deleted: Container[str] = (),
        seen: Callable[[str], None] = lambda user: None, origin: Callable[[str, str], str] = lambda room, address: "",
        picture: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:  # fmt: skip
        self._directory = directory
        self._appender = appender
        self._charges = charges
        self._quotas = quotas
        self._creators = creators
        self._kick_ms = kick_s * 1000
        self._entering: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # as long as somebody holds it
        self._deleted = deleted
        self._seen = seen
        self._origin = origin
        self._picture = picture

    async def create(self, actor: Actor, room: str, title: str, access: str) -> Appended:
        """Create a room; its owner's membership is in the same transaction.

        Args:
            room: its id; empty for one that nobody can guess. Whether an id that somebody chose is taken anybody can ask,
                by creating it themselves.

        Raises:
            Refused: bad_field, bad_name (title), room_exists, forbidden where only servers may, quota, too_many.
        """
        need_access(access)
        with self.attempt(actor) as attempt:
            room = room or made_room_id(b32encode(secrets.token_bytes(10)).decode().lower())
            self._need_creator(actor)
            title, picture = clean_title(title) if title else room, await self._shown_with(actor)
            body = RoomCreated(title=title, access=access, slow_ms=0, picture=picture)
            async with self._one_by_one(actor):
                await self._need_space(actor, owner=True)
                attempt.quota("rooms")
                created = await self.append(body, room_id(room), actor)
        assert created is not None  # the creation of a room is never left out
        return created

    def may_create(self, actor: Actor | None) -> bool:
        """Return whether somebody may make rooms; of nobody yet, whether they may as a guest."""
        if self._creators == "anyone":
            return True
        return actor is not None and (actor.server or (self._creators == "accounts" and user_ids.has_account(actor.id)))

    def _need_creator(self, actor: Actor) -> None:
        if self._creators == "keys" and not actor.server:
            raise Refused("forbidden", "Only the operators of this server make rooms.")
        if self._creators == "accounts" and not (actor.server or user_ids.has_account(actor.id)):
            raise Refused("forbidden", "Guests make no rooms on this server; sign in first.")

    async def direct(self, actor: Actor, peer: str) -> Room:
        """Return the direct room of the actor and another user, made if there is none; who left it comes back.

        Whether there is such a user is not asked: of one that there is not, nobody comes.

        Raises:
            Refused: bad_field, for oneself; forbidden, for an actor who may make no rooms; quota, rate_limited; not_found, where it was
                deleted a short time ago.
        """
        if peer == actor.id:
            raise Refused("bad_field", "A direct room is with somebody else.")
        room = direct_room(actor.id, peer)
        member = await self._directory.member(room, actor.id)
        if member is None or not member.name:
            with self.attempt(actor) as attempt:
                if not await self._create_direct(actor, room, peer, attempt):
                    if (await self.room(room)).access != DIRECT:
                        raise Refused("not_found")  # of a version in which anybody could have made it
                    attempt.in_room(room)
                    body = MemberJoined(role="member", picture=await self._shown_with(actor))
                    await self.append(body, room, actor, peer=peer)
        self._note(actor)
        return await self.room(room)

    async def _create_direct(self, actor: Actor, room: str, peer: str, attempt: Attempt) -> bool:
        """Create a direct room; return False where there is one, also where the other was faster."""
        if await self._directory.room(room) is not None:
            return False
        self._need_creator(actor)
        attempt.quota("rooms")
        try:
            await self.append(
                RoomCreated(title="", access=DIRECT, slow_ms=0, picture=await self._shown_with(actor), peer=peer),
                room,
                actor,
            )
        except Refused as refused:
            if refused.code != "room_exists":
                raise
            attempt.give_back_quotas()
            return False
        return True

    async def ensure_lobby(self) -> None:
        """Create the lobby where there is none yet."""
        if await self._directory.room(LOBBY) is None:
            try:
                await self.create(SYSTEM, LOBBY, "Lobby", "open")
            except Refused as error:
                if error.code != "room_exists":  # another node was faster
                    raise

    async def enter(self, actor: Actor, room: str, invite: str | None = None, *, resuming: bool = False) -> Member:
        """Return the actor's membership, making it where the room is open, or invite or issuer admit. Never loads the list.

        A server key may enter any room. Kicks and bans are judged in the append, where none can come in between.

        Args:
            resuming: the actor comes back as a member. Someone who was kicked while away is not let in again by that.

        Raises:
            Refused: not_found, for rooms that do not exist and for invite-only rooms alike; banned and kicked, with the
                wait; quota, too_many.
        """
        if resuming:
            return await self.member(actor, room)
        member = await self._directory.member(room, actor.id)
        if member is not None and member.name:  # else it is a direct room, and others do not know them yet
            self._note(actor)
            return member
        with self.attempt(actor) as attempt:
            key = invite_key(invite) if invite else None
            known = key and await self._directory.invite(room, key.id)  # of a missing room, too, as above
            admitted = key is not None and known is not None and compare_digest(known.hash, key.hash)
            how = Action.JOIN_INVITED if admitted or room in actor.rooms else Action.JOIN
            stranger = member is None and how is Action.JOIN and not actor.server
            info = await (self._directory.joinable if stranger else self._directory.room)(room)
            if info is None:
                raise Refused("not_found")
            if member is None:
                need(acting_role(None, server=actor.server), how, info.access)
            joined = await self._join(actor, room, key, attempt)
        if joined is None or member is not None:  # another of the user's devices was faster, or they are known now
            return await self.member(actor, room)
        self._note(actor)
        seq = joined.event.seq
        return Member(room=room, user=actor.id, name=actor.name, role="member", read_seq=seq, joined_seq=seq)

    async def _join(self, actor: Actor, room: str, key: InviteKey | None, attempt: Attempt) -> Appended | None:
        async with self._one_by_one(actor):
            await self._need_space(actor)
            attempt.join(room)
            attempt.in_room(room)
            try:
                origin = self._origin(room, actor.address) if user_ids.is_guest(actor.id) else ""
                body = MemberJoined(role="member", picture=await self._shown_with(actor))
                joined = await self.append(body, room, actor, invite=key, origin=origin)
            except Refused as refused:
                if refused.code in ("banned", "kicked", "not_found"):
                    attempt.give_back_room()  # they are not a member, and pay for themselves
                raise
        if joined is None:
            attempt.give_back_quotas()
        return joined

    async def _shown_with(self, actor: Actor) -> str | None:
        """Return the picture that rooms show an actor with, or None."""
        if actor.server or self._picture is None:
            return None
        return await self._picture(actor.id) or None

    async def member(self, actor: Actor, room: str) -> Member:
        """Return the actor's membership (not_found where there is none: missing and hidden rooms answer alike).

        A server key acts in every room with rights above an owner's, member or not.
        """
        member = await self._directory.member(room, actor.id)
        if actor.server and (info := await self._directory.room(room)) is not None:
            role, read_seq = acting_role(None, server=True), member.read_seq if member else 0
            return Member(
                room=room, user=actor.id, name=actor.name, role=role, read_seq=read_seq, hidden=info.purged_seq
            )
        if member is None:
            raise Refused("not_found")
        self._note(actor)
        return member

    async def reader(self, actor: Actor, room: str) -> Member:
        """Return the membership of an actor who may read a room, without making one (not_found, forbidden)."""
        member = await self.member(actor, room)
        need(member.role, Action.READ)
        return member

    async def need(self, actor: Actor, room: str, action: Action) -> None:
        """Raise Refused (not_found, forbidden) unless the actor may do this in a room."""
        need((await self.member(actor, room)).role, action)

    async def page(
        self,
        actor: Actor,
        room: str,
        action: Action,
        rows: int,
        bucket: Bucket | None,
        read: Callable[[], Awaitable[T]],
    ) -> T:
        """Return what is read of a room by those who may do this there, paid for as that many rows.

        It is judged twice: before it, so that strangers cost nothing, and after it, because it may have seen what came after
        the reader was kicked or demoted.

        Raises:
            Refused: not_found, forbidden, rate_limited.
        """
        await self.need(actor, room, action)
        with self._charges.page(actor, rows, bucket):
            found = await read()
            await self.need(actor, room, action)
            return found

    async def room(self, room: str) -> Room:
        """Return a room's settings (not_found)."""
        if (info := await self._directory.room(room)) is None:
            raise Refused("not_found")
        return info

    async def visible(self, actor: Actor, room: str) -> Room:
        """Return a room's settings to those who may see it: of one that anybody may join anybody, else members (not_found).

        The clock must not tell a hidden room from a missing one: of both the membership is looked up, and nothing else.
        """
        info = await self._directory.joinable(room)
        if info is None or not may(NOBODY, Action.SEE, info.access):
            await self.member(actor, room)
            return await self.room(room)
        return info

    async def title(self, room: str) -> str | None:
        """Return the title of a room that anybody may join, to somebody who has not said who they are; None of any other."""
        info = await self._directory.joinable(room)
        return info.title if info is not None and may(NOBODY, Action.SEE, info.access) else None

    async def leave(self, actor: Actor, room: str) -> Appended | None:
        """End the actor's own membership (not_member, also where the room is hidden or missing)."""
        with self.attempt(actor) as attempt:
            if await self._directory.member(room, actor.id) is None:
                raise Refused("not_member")
            attempt.in_room(room)
            return await self.append(MemberLeft(), room, actor)

    async def kick(self, actor: Actor, room: str, subject: str) -> Appended | None:
        """End the membership of somebody below the actor (not_found, forbidden)."""
        with self.attempt(actor) as attempt:
            role, other = await self._pair(actor, room, subject, attempt)
            need_upon(role, Action.KICK, other.role)
            return await self.append(MemberKicked(member=subject, for_ms=self._kick_ms), room, actor)

    async def grant(self, actor: Actor, room: str, subject: str, role: str) -> Appended | None:
        """Grant a member a role (not_found, bad_field, forbidden where the actor may not give the one or take the other, quota)."""
        need_role(role)
        with self.attempt(actor) as attempt:
            own, other = await self._pair(actor, room, subject, attempt)
            need_to_grant(own, other.role, role)
            if other.role == role:
                return None
            attempt.row()
            return await self.append(RoleGiven(member=subject, role=role), room, actor)

    async def change(self, actor: Actor, room: str, change: RoomChanged) -> Appended | None:
        """Change a room's settings; None where they are so already (not_found, forbidden, bad_name, bad_field, quota)."""
        need_settings(change)
        with self.attempt(actor) as attempt:
            need_to_change((await self.charged(actor, room, attempt)).role, change)
            if change.title is not None:
                change = msgspec.structs.replace(change, title=clean_title(change.title))
            if change == RoomChanged():
                return None
            attempt.row()
            changed = await self.append(change, room, actor)
            if changed is None:
                attempt.give_back_quotas()
            return changed

    async def delete(self, actor: Actor, room: str) -> Appended | None:
        """Delete a room, for good: nobody finds it from now on (not_found, forbidden for all but owners and server keys).

        The lobby stays: it would be there again after the next start.
        """
        with self.attempt(actor) as attempt:
            need((await self.member(actor, room)).role, Action.DELETE_ROOM)
            if room == LOBBY:
                raise Refused("forbidden", "The lobby cannot be deleted.")
            attempt.in_room(room)
            return await self.append(RoomDeleted(), room, actor)

    async def _pair(self, actor: Actor, room: str, subject: str, attempt: Attempt) -> tuple[str, Member]:
        """Charge the room. Return the role that an actor acts in, and another's membership."""
        own = await self.charged(actor, room, attempt)
        if (other := await self._directory.member(room, subject)) is None:
            raise Refused("not_found", "There is no such member.")
        return own.role, other

    async def charged(self, actor: Actor, room: str, attempt: Attempt) -> Member:
        """Charge the room if the actor is a member. Return the membership (not_found)."""
        member = await self.member(actor, room)
        attempt.in_room(room)
        return member

    def _one_by_one(self, actor: Actor) -> AbstractAsyncContextManager[None]:
        """Let a user become a member of one room at a time on this node, so that what they have is counted rightly."""
        if actor.server:
            return nullcontext()
        lock = self._entering.get(actor.id)
        if lock is None:
            lock = self._entering[actor.id] = asyncio.Lock()
        return lock

    async def _need_space(self, actor: Actor, *, owner: bool = False) -> None:
        """Raise Refused (too_many) if a user is in, or owns, as many rooms as they may. Counted in the database, for good."""
        most = self._quotas
        if actor.server:
            return
        if most.memberships and await self._directory.joined_by(actor.id) >= most.memberships:
            raise Refused("too_many", f"A user is a member of at most {most.memberships} rooms; leave one first.")
        if owner and most.owned and await self._directory.owned_by(actor.id) >= most.owned:
            raise Refused("too_many", f"A user owns at most {most.owned} rooms; delete one first.")

    def _note(self, actor: Actor) -> None:
        if not actor.server and user_ids.is_guest(actor.id):
            self._seen(actor.id)

    def attempt(self, actor: Actor) -> Attempt:
        """Charge an actor for an append that they try (rate_limited, and bad_token for a user who was deleted)."""
        if actor.id in self._deleted:
            raise Refused("bad_token")
        return self._charges.attempt(actor)

    async def append(
        self, body: Body, room: str, actor: Actor, *, invite: InviteKey | None = None, origin: str = "", peer: str = ""
    ) -> Appended | None:
        """Append an event that an actor was charged for, and return its place in the log; None if it changes nothing."""
        made = draft(
            body, room, actor.id, actor.name, server=actor.server, invite=invite, origin=origin,
            vouched=room in actor.rooms, peer=peer,
        )  # fmt: skip
        return await self._appender.append(made)
