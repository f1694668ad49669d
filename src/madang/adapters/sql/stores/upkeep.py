"""What cleaning up and erasing need of a database."""

from collections.abc import Sequence

from madang.adapters.sql import audit, erasing, reports, upkeep
from madang.adapters.sql.engine import OnEngine
from madang.core import erasure
from madang.core.audit import Deed
from madang.core.erasure import Erasure
from madang.ports.upkeep import StoredRoom, StoredUser


class SqlUpkeep(OnEngine):
    """`ports.upkeep` and `ports.erasures`."""

    async def rooms_after(self, after: str, limit: int) -> list[StoredRoom]:
        return await self._engine.read(lambda c: upkeep.rooms_after(c, after, limit, self._engine.heads()))

    async def erase(self, room: str, limit: int) -> int:
        return await self._engine.write(lambda c: upkeep.erase(c, room, limit))

    async def forget_audit(self, before_ms: int, limit: int) -> int:
        return await self._engine.write(lambda c: audit.forget(c, before_ms, limit))

    async def forget_reports(self, before_ms: int, limit: int) -> int:
        return await self._engine.write(lambda c: reports.forget(c, before_ms, limit))

    async def due(self, room: str, before_ms: int) -> int:
        return await self._engine.read(lambda c: upkeep.due(c, room, before_ms))

    async def forget_rooms(self, rooms: Sequence[str]) -> int:
        gone = await self._engine.write(lambda c: upkeep.forget_rooms(c, rooms))
        if gone:
            await self._engine.forget(gone)
        return len(gone)

    async def note_seen(self, users: Sequence[str], now_ms: int) -> None:
        await self._engine.write(lambda c: upkeep.note_seen(c, users, now_ms))

    async def members_after(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        return await self._engine.read(lambda c: upkeep.members_after(c, after, limit))

    async def note_known(self, users: Sequence[str], now_ms: int) -> None:
        await self._engine.write(lambda c: upkeep.note_known(c, users, now_ms))

    async def users_after(self, after: str, limit: int) -> list[StoredUser]:
        return await self._engine.read(lambda c: upkeep.users_after(c, after, limit))

    async def joined_among(self, users: Sequence[str]) -> set[str]:
        return await self._engine.read(lambda c: upkeep.joined_among(c, users))

    async def delete_user(
        self,
        user: str,
        now_ms: int,
        said: erasure.Said = erasure.KEEP,
        deed: Deed | None = None,
        *,
        known: bool = False,
    ) -> bool:
        return await self._engine.write(lambda c: upkeep.delete_user(c, user, now_ms, said, deed, known))

    async def users_deleted(self, since_ms: int) -> list[StoredUser]:
        return await self._engine.read(lambda c: upkeep.users_deleted(c, since_ms))

    async def forget_users(self, users: Sequence[str]) -> None:
        await self._engine.write(lambda c: upkeep.forget_users(c, users))

    # Erasures

    async def erasure(self, user: str) -> Erasure | None:
        return await self._engine.read(lambda c: erasing.one(c, user))

    async def erasures(self, *, after: str = "", limit: int = 50, standing: bool = False) -> list[Erasure]:
        return await self._engine.read(lambda c: erasing.listed(c, after, limit, standing))

    async def rooms_with(self, user: str, after: str) -> tuple[list[str], str]:
        waiting = self._engine.waiting()
        return await self._engine.read(lambda c: erasing.rooms_with(c, user, after, waiting))

    async def erase_names(self, user: str, limit: int) -> int:
        return await self._engine.write(lambda c: erasing.erase_names(c, user, limit))

    async def erase_events(self, user: str, room: str, limit: int) -> int:
        return await self._engine.write(lambda c: erasing.erase_events(c, user, room, limit), room)

    async def room_erased(self, user: str, room: str) -> None:
        await self._engine.write(lambda c: erasing.room_erased(c, user, room))

    async def erased(self, user: str, asked_ms: int, now_ms: int) -> None:
        await self._engine.write(lambda c: erasing.erased(c, user, asked_ms, now_ms))

    async def forget_erasures(self, before_ms: int) -> int:
        return await self._engine.write(lambda c: erasing.forget(c, before_ms))
