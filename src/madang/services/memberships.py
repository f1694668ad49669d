"""Memberships that a product's servers make, of its users and of others. What users do themselves is in `rooms.py`.

Whom a key adds is a member at once, whatever the room's access, and is told by what everybody is told: the room's event.
A ban holds all the same, until it is lifted.
"""

import asyncio
from collections.abc import Container, Coroutine, Mapping, Sequence
from typing import Any, Final

import msgspec

from madang.core import user_ids
from madang.core.actors import Actor, need_server_key
from madang.core.events import MemberJoined, RoleGiven, draft
from madang.core.names import clean_title
from madang.core.permissions import Action, need
from madang.core.rooms import Member, need_role
from madang.errors import MadangError, Refused, without_frames
from madang.ports.directory import Directory
from madang.services.appender import Appender
from madang.services.people import People
from madang.services.rooms import Rooms

TOGETHER: Final = 200
"""Memberships of one request that are made at a time: as many as one look-up takes, so that no rest of them waits for another."""


class NewMembership(msgspec.Struct, frozen=True, kw_only=True):
    """What a server wants of a membership.

    Attributes:
        role: None for "member", or whatever a member already is.
        name: of a new member; None for the one by which the product has made them known. A member keeps theirs.
    """

    room: str
    user: str
    role: str | None = None
    name: str | None = None


class Memberships:
    """Use cases of server keys.

    Args:
        deleted: users who may be members of nothing any more.
    """

    def __init__(
        self, directory: Directory, rooms: Rooms, people: People, appender: Appender, deleted: Container[str]
    ) -> None:
        self._directory = directory
        self._rooms = rooms
        self._people = people
        self._appender = appender
        self._deleted = deleted

    async def put(self, actor: Actor, wanted: NewMembership, names: Mapping[str, str] | None = None) -> Member:
        """Make a user a member, or give a member a role, and return the membership.

        Args:
            names: of all users that are known, as far as they matter here; None to look them up.

        Raises:
            Refused: not_found, forbidden; bad_field, also where nobody knows a name; bad_name; gone for a user who was deleted;
                banned; rate_limited by the room.
        """
        if wanted.role is not None:
            need_role(wanted.role)
        room, user = wanted.room, wanted.user
        with self._rooms.attempt(actor) as attempt:
            need((await self._rooms.charged(actor, room, attempt)).role, Action.ADD)
            if user_ids.is_servers(user):
                raise Refused("bad_field", "user: this is the server itself, or a server key.")
            if user in self._deleted:
                raise Refused("gone", "user: this user was deleted.")
            member = await self._directory.member(room, user) or await self._join(wanted, names)
            if member is None:  # they came in meanwhile
                member = await self._directory.member(room, user)
            if member is None:  # and left again
                raise Refused("not_found", "There is no such member.")
            if wanted.role is None or wanted.role == member.role:
                return member
            await self._rooms.append(RoleGiven(member=user, role=wanted.role), room, actor)
            return Member(room=room, user=user, name=member.name, role=wanted.role, read_seq=member.read_seq)

    async def _join(self, wanted: NewMembership, names: Mapping[str, str] | None) -> Member | None:
        """Make somebody a member; None for somebody who is one by now."""
        name, role = wanted.name, wanted.role or "member"
        if name is None and names is None:
            names = await self._people.names([wanted.user])
        if name is None and (name := (names or {}).get(wanted.user)) is None:
            raise Refused("bad_field", "name: nobody knows what this user is called.")
        name = clean_title(name)
        joined = await self._appender.append(
            draft(MemberJoined(role=role), wanted.room, wanted.user, name, server=True, added=True)
        )
        if joined is None:
            return None
        return Member(room=wanted.room, user=wanted.user, name=name, role=role, read_seq=joined.event.seq)

    async def put_many(self, actor: Actor, wanted: Sequence[NewMembership]) -> list[Member | MadangError]:
        """Do what `put` does for many, and return what became of each, in their order (forbidden).

        TOGETHER are under way at a time; two of the same room and user come one after the other.
        """
        need_server_key(actor)
        names = await self._people.names({each.user for each in wanted if each.name is None})
        found: list[Member | MadangError] = []
        group: dict[tuple[str, str], Coroutine[Any, Any, Member | MadangError]] = {}
        for each in wanted:
            if len(group) == TOGETHER or (each.room, each.user) in group:
                found += await asyncio.gather(*group.values())
                group = {}
            group[each.room, each.user] = self._put(actor, each, names)
        return [*found, *await asyncio.gather(*group.values())]

    async def _put(self, actor: Actor, wanted: NewMembership, names: Mapping[str, str]) -> Member | MadangError:
        try:
            return await self.put(actor, wanted, names)
        except MadangError as error:
            return without_frames(error)
