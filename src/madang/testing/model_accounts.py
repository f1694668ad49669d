"""Accounts and their sessions in memory: the part of `ModelStore` that keeps `ports.accounts`."""

from collections.abc import Callable, Sequence
from hmac import compare_digest

from msgspec.structs import replace

from madang.core.accounts import MAX_SESSIONS, Account, AccountSession
from madang.core.names import skeleton
from madang.ports.accounts import Ended


class ModelAccounts:
    """An AccountStore. Every call is one step that nothing interrupts."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._accounts: dict[str, Account] = {}
        self._sessions: dict[str, AccountSession] = {}
        self._had_first = False

    async def add_account(self, account: Account) -> bool:
        if await self.is_taken(account.login):
            return False
        now = self._clock_ms()
        until = now + account.code_until_ms if account.code else 0
        self._accounts[account.login] = replace(account, made_ms=now, code_until_ms=until)
        return True

    async def is_taken(self, login: str) -> bool:
        return any(skeleton(each) == skeleton(login) for each in self._accounts)

    async def add_first_account(self, account: Account) -> bool:
        added = not self._had_first and await self.add_account(account)
        self._had_first = self._had_first or added
        return added

    async def account(self, login: str) -> Account | None:
        return self._accounts.get(login)

    async def account_of(self, user: str) -> Account | None:
        return next((account for account in self._accounts.values() if account.user == user), None)

    async def accounts(self, *, after: str = "", limit: int = 50) -> list[Account]:
        return [account for login, account in sorted(self._accounts.items()) if login > after][:limit]

    async def begin_session(self, session: str, user: str, hash: str) -> list[str] | None:
        account = await self.account_of(user)
        if account is None or not hash or account.hash != hash:
            return None
        lasting = sorted(await self.sessions_of(user), key=lambda each: (-each.seen_ms, each.id))
        ended = self._end([each.id for each in lasting[MAX_SESSIONS - 1 :]])
        self._begin(session, user)
        return ended

    async def set_password(self, user: str, before: str, hash: str, keep: str) -> list[str] | None:
        account = await self.account_of(user)
        if account is None or not before or account.hash != before:
            return None
        self._accounts[account.login] = replace(account, hash=hash, code="", code_until_ms=0)
        return self._end([each.id for each in await self.sessions_of(user) if each.id != keep])

    async def put_hash(self, user: str, before: str, hash: str) -> bool:
        account = await self.account_of(user)
        if account is None or not before or account.hash != before:
            return False
        self._accounts[account.login] = replace(account, hash=hash)
        return True

    async def set_code(self, login: str, code: str, for_ms: int) -> bool:
        if (account := self._accounts.get(login)) is None:
            return False
        self._accounts[login] = replace(account, code=code, code_until_ms=self._clock_ms() + for_ms)
        return True

    async def use_code(self, login: str, code: str, hash: str, session: str) -> list[str] | None:
        account = self._accounts.get(login)
        if account is None or not account.code or account.code_until_ms <= self._clock_ms():
            return None
        if not compare_digest(account.code, code):
            return None
        self._accounts[login] = replace(account, hash=hash, code="", code_until_ms=0)
        ended = self._end([each.id for each in await self.sessions_of(account.user)])
        self._begin(session, account.user)
        return ended

    def _begin(self, session: str, user: str) -> None:
        now = self._clock_ms()
        self._sessions[session] = AccountSession(id=session, user=user, made_ms=now, seen_ms=now)

    def _end(self, ids: Sequence[str]) -> list[str]:
        ended = sorted(id for id in ids if not self._sessions[id].ended_ms)
        for id in ended:
            self._sessions[id] = replace(self._sessions[id], ended_ms=self._clock_ms())
        return ended

    async def sessions_of(self, user: str) -> list[AccountSession]:
        found = [each for each in self._sessions.values() if each.user == user and not each.ended_ms]
        return sorted(found, key=lambda each: (each.made_ms, each.id))

    async def end_sessions(self, user: str, session: str | None = None) -> list[str]:
        return self._end([each.id for each in await self.sessions_of(user) if session in (None, each.id)])

    async def sessions_ended(self, after: Ended, limit: int) -> list[Ended]:
        every = sorted((each.ended_ms, each.id) for each in self._sessions.values() if each.ended_ms)
        return [each for each in every if each > after][:limit]

    async def note_sessions(self, sessions: Sequence[str]) -> None:
        for id in sessions:
            if id in self._sessions:
                self._sessions[id] = replace(self._sessions[id], seen_ms=self._clock_ms())

    async def forget_sessions(self, unseen_ms: int, ended_ms: int, limit: int) -> int:
        now = self._clock_ms()
        every = self._sessions.values()
        long_ended = [each.id for each in every if 0 < each.ended_ms < now - ended_ms]
        gone = (long_ended or [each.id for each in every if each.seen_ms < now - unseen_ms])[:limit]
        for id in gone:
            del self._sessions[id]
        return len(gone)

    def _delete_account(self, user: str) -> bool:
        logins = [login for login, account in self._accounts.items() if account.user == user]
        for login in logins:
            del self._accounts[login]
        for session in [each.id for each in self._sessions.values() if each.user == user]:
            del self._sessions[session]
        return bool(logins)
