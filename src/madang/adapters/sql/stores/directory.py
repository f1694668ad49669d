"""Rooms, members and what moderators keep of them, in a database."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from madang.adapters.sql import audit, directory, reports, sanctions, tables, unread, words
from madang.adapters.sql.engine import Engine, OnEngine
from madang.aio import Batcher
from madang.core.audit import Deed, Entry
from madang.core.invites import Invite
from madang.core.reports import Report, Reported
from madang.core.rooms import Counted, Member, Membership, Room
from madang.core.sanctions import Ban, Mute
from madang.core.words import Words
from madang.ports.directory import NOTHING

LOOKED_UP: Final = 200  # memberships, or rooms, in one read


class SqlDirectory(OnEngine):
    """`ports.directory`, without server keys."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        # Every join looks up its membership, and a newcomer's its room. One by one they were 40 % of the cost of a mass reconnect.
        self._members = Batcher(self._find_members, LOOKED_UP)
        self._joined = Batcher(self._count_joined, LOOKED_UP)
        self._rooms = Batcher(self._find_rooms, LOOKED_UP)
        self._joinable = Batcher(self._find_joinable, LOOKED_UP)

    async def room(self, room: str) -> Room | None:
        return await self._rooms.get(room)

    async def _find_rooms(self, wanted: Sequence[str]) -> dict[str, Room]:
        return await self._engine.read(lambda c: directory.some_rooms(c, wanted))

    async def joinable(self, room: str) -> Room | None:
        return await self._joinable.get(room)

    async def _find_joinable(self, wanted: Sequence[str]) -> dict[str, Room]:
        return await self._engine.read(lambda c: directory.joinable(c, wanted))

    async def rooms(self, *, after: str = "", limit: int = 50, hidden: bool = False) -> list[Room]:
        return await self._engine.read(lambda c: directory.listed_rooms(c, after, limit, hidden))

    async def member(self, room: str, user: str) -> Member | None:
        return await self._members.get((room, user))

    async def _find_members(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Member]:
        return await self._engine.read(lambda c: directory.some_members(c, wanted))

    async def members(self, room: str, *, after: str = "", limit: int = 50) -> list[Member]:
        return await self._engine.read(lambda c: directory.members_of(c, room, after, limit))

    async def find_members(
        self, room: str, matches: Callable[[str], bool], *, after: str = "", limit: int = 50, most: int = 10_000
    ) -> tuple[list[Member], str]:
        return await self._engine.read(lambda c: directory.find_members(c, room, matches, after, limit, most))

    async def memberships(
        self, user: str, *, after: str = "", limit: int = 50, read: Mapping[str, int] = NOTHING
    ) -> list[Membership]:
        return [each.membership for each in await self.counted(user, after=after, limit=limit, read=read)]

    async def counted(
        self, user: str, *, among: Sequence[str] | None = None, after: str = "", limit: int = 50,
        read: Mapping[str, int] = NOTHING,
    ) -> list[Counted]:  # fmt: skip
        return await self._engine.read(
            lambda c: unread.counted(c, user, among, after, limit, read, self._engine.waiting())
        )

    async def readable(self, user: str, limit: int) -> dict[str, int]:
        return await self._engine.read(lambda c: directory.readable(c, user, limit))

    async def joined_by(self, user: str) -> int:
        return await self._joined.get(user) or 0

    async def _count_joined(self, users: Sequence[str]) -> dict[str, int]:
        return await self._engine.read(lambda c: directory.memberships_of(c, users))

    async def owned_by(self, user: str) -> int:
        return await self._engine.read(lambda c: directory.owned_by(c, user))

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        await self._engine.write(lambda c: directory.set_read(c, pointers, self._engine.heads()))

    async def add_invite(self, invite: Invite, now_ms: int, name: str, *, server: bool = False) -> None:
        heads = self._engine.heads
        await self._engine.write(lambda c: directory.add_invite(c, invite, now_ms, name, server, heads()))

    async def invite(self, room: str, id: str) -> Invite | None:
        return await self._engine.read(lambda c: directory.one_invite(c, room, id))

    async def invites(self, room: str, now_ms: int) -> list[Invite]:
        return await self._engine.read(lambda c: directory.invites_of(c, room, now_ms))

    async def drop_invite(self, room: str, id: str, now_ms: int, by: str, name: str) -> bool:
        return await self._engine.write(lambda c: directory.drop_invite(c, room, id, now_ms, by, name))

    async def bans(self, room: str, *, after: str = "", limit: int = 50) -> list[Ban]:
        return await self._engine.read(lambda c: sanctions.in_force(c, tables.bans, Ban, room, after, limit))

    async def mutes(self, room: str, *, after: str = "", limit: int = 50) -> list[Mute]:
        return await self._engine.read(lambda c: sanctions.in_force(c, tables.mutes, Mute, room, after, limit))

    async def audit(self, room: str, *, before: int | None = None, limit: int = 50) -> list[Entry]:
        return await self._engine.read(lambda c: audit.entries(c, room, before, limit))

    async def note(self, deed: Deed, now_ms: int) -> None:
        await self._engine.write(lambda c: audit.note_of_server(c, deed, now_ms))

    async def add_report(self, room: str, seq: int, report: Report, *, server: bool = False) -> int | None:
        recent = self._engine.recent
        return await self._engine.write(lambda c: reports.add(c, room, seq, report, server, recent(room)))

    async def reports(self, room: str, *, after: int = 0, limit: int = 50) -> list[Reported]:
        return await self._engine.read(lambda c: reports.queue(c, room, after, limit))

    async def resolve_reports(self, room: str, seq: int, now_ms: int, by: str, name: str) -> int | None:
        return await self._engine.write(lambda c: reports.resolve(c, room, seq, now_ms, by, name))

    async def reported(self, room: str) -> int:
        return await self._engine.read(lambda c: reports.waiting(c, room))

    async def set_words(self, room: str, new: Words, now_ms: int, by: str, name: str, *, server: bool = False) -> int:
        return await self._engine.write(lambda c: words.put(c, room, new, now_ms, by, name, server))

    async def words(self, room: str) -> tuple[int, Words]:
        return await self._engine.read(lambda c: words.one(c, room))

    async def word_lists(self) -> dict[str, int]:
        return await self._engine.read(words.versions)
