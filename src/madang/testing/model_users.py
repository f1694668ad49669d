"""The users of `ports.upkeep`, `ports.profiles` and `ports.people` in memory: the part of `ModelStore` that knows them."""

from collections.abc import Callable, Collection, Sequence

import msgspec

from madang.core import erasure
from madang.core.audit import Deed
from madang.core.people import Person
from madang.core.profiles import NO_PROFILE, Profile
from madang.ports.profiles import Named, Said
from madang.ports.upkeep import StoredUser
from madang.testing.model_accounts import ModelAccounts
from madang.testing.model_erasures import ModelErasures


class ModelUsers(ModelAccounts, ModelErasures):
    """Users, with their accounts, profiles and erasures. Every call is one step that nothing interrupts."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        ModelAccounts.__init__(self, clock_ms)
        ModelErasures.__init__(self)
        self._users: dict[str, StoredUser] = {}
        self._profiles: dict[str, tuple[Profile, int]] = {}  # and when they were named
        self._vouched: dict[str, int] = {}  # until when what was said of a user held

    # Profiles

    async def profile(self, user: str) -> Profile:
        return self._profiles.get(user, (NO_PROFILE, 0))[0]

    async def set_profile(
        self, user: str, *, name: str | None = None, picture: str | None = None, locale: str | None = None
    ) -> Profile:
        await self.note_known([user], self._clock_ms())
        if self._users[user].deleted_ms is not None:
            return NO_PROFILE
        kept, named_ms = self._profiles.get(user, (NO_PROFILE, 0))
        given = {"name": name, "picture": picture, "locale": locale}
        profile = msgspec.structs.replace(kept, **{what: new for what, new in given.items() if new is not None})
        self._profiles[user] = profile, named_ms if profile.name == kept.name else self._clock_ms()
        account = await self.account_of(user)
        if account is not None and name is not None:
            self._accounts[account.login] = msgspec.structs.replace(account, name=name)
        return profile

    async def named_after(self, after: tuple[int, str], limit: int) -> list[Named]:
        named = [Named(at_ms, user, kept.name) for user, (kept, at_ms) in self._profiles.items() if at_ms]
        return sorted((each for each in named if (each.at_ms, each.user) > after), key=lambda n: (n.at_ms, n.user))[
            :limit
        ]

    async def keep_said(self, said: Sequence[Said]) -> set[str]:
        changed = set()
        for each in said:
            known = each.user in self._users
            await self.note_known([each.user], self._clock_ms())
            kept, named_ms = self._profiles.get(each.user, (NO_PROFILE, 0))
            given = {"name": each.name, "picture": each.picture}
            new = msgspec.structs.replace(kept, **{what: word for what, word in given.items() if word is not None})
            if new == kept or self._users[each.user].deleted_ms or self._vouched.get(each.user, 0) >= each.until_ms:
                continue
            if known:
                changed.add(each.user)
            self._vouched[each.user] = each.until_ms
            self._profiles[each.user] = new, self._clock_ms() if kept.name and kept.name != new.name else named_ms
        return changed

    async def joined(self, user: str, *, after: str = "", limit: int = 100) -> list[str]:
        return sorted(id for id, room in self.rooms_by_id.items() if user in room.members and id > after)[:limit]

    # Upkeep

    async def note_seen(self, users: Sequence[str], now_ms: int) -> None:
        for user in users:
            known = self._users.get(user)
            self._users[user] = StoredUser(id=user, seen_ms=now_ms, deleted_ms=known.deleted_ms if known else None)

    async def note_known(self, users: Sequence[str], now_ms: int) -> None:
        await self.note_seen([user for user in users if user not in self._users], now_ms)

    async def users_after(self, after: str, limit: int) -> list[StoredUser]:
        return [user for id, user in sorted(self._users.items()) if id > after][:limit]

    async def delete_user(
        self,
        user: str,
        now_ms: int,
        said: erasure.Said = erasure.KEEP,
        deed: Deed | None = None,
        *,
        known: bool = False,
    ) -> bool:
        stored, had_account = self._users.get(user), self._delete_account(user)
        known = known or stored is not None or had_account
        if not known and not any(user in room.members for room in self.rooms_by_id.values()):
            return False
        self._deleted(user, now_ms, said, deed)
        seen = stored.seen_ms if stored else now_ms
        self._users[user] = StoredUser(id=user, seen_ms=seen, deleted_ms=now_ms)
        self._profiles.pop(user, None)
        self._vouched.pop(user, None)
        return True

    async def users_deleted(self, since_ms: int) -> list[StoredUser]:
        return [user for user in self._users.values() if user.deleted_ms is not None and user.deleted_ms >= since_ms]

    async def forget_users(self, users: Sequence[str]) -> None:
        for user in users:
            if not any(user in room.members for room in self.rooms_by_id.values()):
                self._users.pop(user, None)
                self._profiles.pop(user, None)
                self._vouched.pop(user, None)
                for room in self.rooms_by_id.values():
                    room.kicks.pop(user, None)
                    room.lift_ban(user)
                    room.mutes.pop(user, None)
                    room.reports = {key: each for key, each in room.reports.items() if key[1] != user}

    # People

    async def put_people(self, people: Sequence[Person], now_ms: int) -> tuple[set[str], set[str]]:
        deleted = {p.id for p in people if p.id in self._users and self._users[p.id].deleted_ms is not None}
        known = await self.people([p.id for p in people])
        await self.note_known([p.id for p in people], now_ms)
        for p in people:
            if known.get(p.id) != p.name:
                await self.set_profile(p.id, name=p.name)
        return deleted, {p.id for p in people if known.get(p.id, p.name) != p.name}

    async def people(self, ids: Collection[str]) -> dict[str, str]:
        profiles = {id: await self.profile(id) for id in ids}
        return {id: profile.name for id, profile in profiles.items() if profile.name}
