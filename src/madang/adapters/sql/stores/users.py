"""Users in a database: their accounts and profiles, and what makes them known."""

from collections.abc import Collection, Sequence
from typing import Final

from madang.adapters.sql import accounts, profiles
from madang.adapters.sql import people as people_rows
from madang.adapters.sql.engine import Engine, OnEngine
from madang.aio import Batcher
from madang.core.accounts import Account, AccountSession
from madang.core.people import Person
from madang.core.profiles import NO_PROFILE, Profile
from madang.ports.accounts import Ended
from madang.ports.profiles import Named, Said

LOOKED_UP: Final = 200  # users in one read


class SqlUsers(OnEngine):
    """`ports.accounts`, `ports.profiles` and `ports.people`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._profiles = Batcher(self._find_profiles, LOOKED_UP)

    # Accounts

    async def add_account(self, account: Account) -> bool:
        return await self._engine.write(lambda c: accounts.add(c, account))

    async def is_taken(self, login: str) -> bool:
        return await self._engine.read(lambda c: accounts.is_taken(c, login))

    async def add_first_account(self, account: Account) -> bool:
        return await self._engine.write(lambda c: accounts.add_first(c, account))

    async def account(self, login: str) -> Account | None:
        return await self._engine.read(lambda c: accounts.one(c, login))

    async def account_of(self, user: str) -> Account | None:
        return await self._engine.read(lambda c: accounts.of_user(c, user))

    async def accounts(self, *, after: str = "", limit: int = 50) -> list[Account]:
        return await self._engine.read(lambda c: accounts.listed(c, after, limit))

    async def begin_session(self, session: str, user: str, hash: str) -> list[str] | None:
        return await self._engine.write(lambda c: accounts.begin_session(c, session, user, hash))

    async def set_password(self, user: str, before: str, hash: str, keep: str) -> list[str] | None:
        return await self._engine.write(lambda c: accounts.set_password(c, user, before, hash, keep))

    async def put_hash(self, user: str, before: str, hash: str) -> bool:
        return await self._engine.write(lambda c: accounts.put_hash(c, user, before, hash))

    async def set_code(self, login: str, code: str, for_ms: int) -> bool:
        return await self._engine.write(lambda c: accounts.set_code(c, login, code, for_ms))

    async def use_code(self, login: str, code: str, hash: str, session: str) -> list[str] | None:
        return await self._engine.write(lambda c: accounts.use_code(c, login, code, hash, session))

    async def sessions_of(self, user: str) -> list[AccountSession]:
        return await self._engine.read(lambda c: accounts.sessions_of(c, user))

    async def end_sessions(self, user: str, session: str | None = None) -> list[str]:
        return await self._engine.write(lambda c: accounts.end_sessions(c, user, session))

    async def sessions_ended(self, after: Ended, limit: int) -> list[Ended]:
        return await self._engine.read(lambda c: accounts.ended(c, after, limit))

    async def note_sessions(self, sessions: Sequence[str]) -> None:
        await self._engine.write(lambda c: accounts.note(c, sessions))

    async def forget_sessions(self, unseen_ms: int, ended_ms: int, limit: int) -> int:
        return await self._engine.write(lambda c: accounts.forget(c, unseen_ms, ended_ms, limit))

    # Profiles

    async def profile(self, user: str) -> Profile:
        return await self._profiles.get(user) or NO_PROFILE

    async def _find_profiles(self, users: Sequence[str]) -> dict[str, Profile]:
        return await self._engine.read(lambda c: profiles.some(c, users))

    async def set_profile(
        self, user: str, *, name: str | None = None, picture: str | None = None, locale: str | None = None
    ) -> Profile:
        return await self._engine.write(lambda c: profiles.change(c, user, name, picture, locale))

    async def named_after(self, after: tuple[int, str], limit: int) -> list[Named]:
        return await self._engine.read(lambda c: profiles.named_after(c, after, limit))

    async def keep_said(self, said: Sequence[Said]) -> set[str]:
        return await self._engine.write(lambda c: profiles.keep_said(c, said))

    async def joined(self, user: str, *, after: str = "", limit: int = 100) -> list[str]:
        return await self._engine.read(lambda c: profiles.joined(c, user, after, limit))

    # People

    async def put_people(self, people: Sequence[Person], now_ms: int) -> tuple[set[str], set[str]]:
        return await self._engine.write(lambda c: people_rows.put(c, people, now_ms))

    async def people(self, ids: Collection[str]) -> dict[str, str]:
        return await self._engine.read(lambda c: people_rows.names(c, ids))
