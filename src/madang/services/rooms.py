"""Rooms and their members: create, enter, leave, kick, roles, settings. All through the log; reads one row at a time."""

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
    draft,
)
from madang.core.permissions import Action, acting_role, need, need_to_grant, need_to_kick
from madang.core.rooms import LOBBY, Member, Room, room_id
from madang.core.text import clean_title
from madang.errors import Refused
from madang.ports.directory import Directory
from madang.services.appender import Appender

SYSTEM = Actor(id="madang", name="Madang", server=True)


class Rooms:
    """Use cases around membership. Every method judges anew from the directory; nothing is trusted from a connection."""

    def __init__(self, directory: Directory, appender: Appender) -> None:
        self._directory = directory
        self._appender = appender

    async def create(self, user: Actor, room: str, title: str, access: str) -> Appended | None:
        """Create a room; its owner's membership stands in the same transaction.

        Raises:
            Refused: bad_field, bad_name (title), room_exists.
        """
        body = RoomCreated(title=clean_title(title) if title else room, access=_access(access), slow_ms=0)
        return await self._append(body, room_id(room), user)

    async def ensure_lobby(self) -> None:
        """Create the lobby where there is none yet."""
        if await self._directory.room(LOBBY) is None:
            try:
                await self.create(SYSTEM, LOBBY, "Lobby", "open")
            except Refused as error:
                if error.code != "room_exists":  # another node was faster
                    raise

    async def enter(self, user: Actor, room: str, *, invited: bool = False) -> Member:
        """Give the user's membership, making it where the room is open or the user invited. Never loads the list.

        A server key may enter any room.

        Raises:
            Refused: not_found, for rooms that do not exist and for invite-only rooms alike.
        """
        if (member := await self._directory.member(room, user.id)) is not None:
            return member
        info = await self._directory.room(room)
        if info is None or (info.access != "open" and not (invited or user.server)):
            raise Refused("not_found")
        joined = await self._append(MemberJoined(role="member"), room, user)
        if joined is None:  # another of his devices was faster
            return await self.member(user, room)
        return Member(room=room, user=user.id, name=user.name, role="member", read_seq=joined.event.seq)

    async def member(self, user: Actor, room: str) -> Member:
        """Give the user's membership (not_found where there is none: missing and hidden rooms answer alike).

        A server key acts in every room with an owner's rights, member or not.
        """
        member = await self._directory.member(room, user.id)
        if user.server and (member or await self._directory.room(room)):
            return Member(
                room=room,
                user=user.id,
                name=user.name,
                role=acting_role(None, server=True),
                read_seq=member.read_seq if member else 0,
            )
        if member is None:
            raise Refused("not_found")
        return member

    async def room(self, room: str) -> Room:
        """Give a room's settings (not_found)."""
        if (info := await self._directory.room(room)) is None:
            raise Refused("not_found")
        return info

    async def visible(self, user: Actor, room: str) -> Room:
        """Give a room's settings to who may see it: an open room to anybody, an invite-only one to its members (not_found).

        Of a missing room the membership is looked up, too: the clock must not tell it from a hidden one.
        """
        info = await self._directory.room(room)
        if info is None or info.access != "open":
            await self.member(user, room)
        if info is None:
            raise Refused("not_found")
        return info

    async def leave(self, user: Actor, room: str) -> Appended | None:
        """End one's own membership (not_member, also where the room is hidden or missing)."""
        if await self._directory.member(room, user.id) is None:
            raise Refused("not_member")
        return await self._append(MemberLeft(), room, user)

    async def kick(self, user: Actor, room: str, subject: str) -> Appended | None:
        """End the membership of somebody who stands below the actor."""
        actor, other = await self._pair(user, room, subject)
        need_to_kick(actor.role, other.role)
        return await self._append(MemberKicked(member=subject), room, user)

    async def grant(self, user: Actor, room: str, subject: str, role: str) -> Appended | None:
        """Give a member a role (owners)."""
        actor, other = await self._pair(user, room, subject)
        need_to_grant(actor.role, role)
        if other.role == role:
            return None
        return await self._append(RoleGiven(member=subject, role=role), room, user)

    async def change(
        self, user: Actor, room: str, title: str | None, access: str | None, slow_ms: int | None
    ) -> Appended | None:
        """Change a room's title, access or slow mode (moderators)."""
        need((await self.member(user, room)).role, Action.CHANGE_ROOM)
        body = RoomChanged(
            title=None if title is None else clean_title(title),
            access=None if access is None else _access(access),
            slow_ms=slow_ms,
        )
        return None if body == RoomChanged() else await self._append(body, room, user)

    async def _pair(self, user: Actor, room: str, subject: str) -> tuple[Member, Member]:
        actor = await self.member(user, room)
        if (other := await self._directory.member(room, subject)) is None:
            raise Refused("not_found", "There is no such member.")
        return actor, other

    async def _append(self, body: Body, room: str, user: Actor) -> Appended | None:
        return await self._appender.append(draft(body, room, user.id, user.name, server=user.server))


def _access(access: str) -> str:
    if access not in ("open", "invite"):
        raise Refused("bad_field", "access: open or invite.")
    return access
