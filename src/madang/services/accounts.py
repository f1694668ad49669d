"""Accounts: who signs up, signs in by login and password, changes that, and ends what they are signed in to.

A login that nobody has is answered as a wrong password is, after as long a time: both are compared with a hash. What a token
of a session is worth is `identity.py`'s; which sessions have ended every node knows by `account_sessions.py`.
"""

import hashlib
import secrets
from base64 import b32encode
from collections.abc import Callable
from hmac import compare_digest
from typing import Final

import msgspec

from madang.core import user_ids
from madang.core.accounts import Account, AccountSession, check_free_login, clean_login, clean_password, new_password
from madang.core.actors import Actor
from madang.core.names import clean_name, clean_title
from madang.errors import Refused
from madang.ports.accounts import AccountStore
from madang.services.account_sessions import AccountSessions
from madang.services.limits import Limits
from madang.services.passwords import Passwords
from madang.services.tokens import Access, Tokens

CODE_MS: Final = 30 * 60 * 1000
"""How long a code holds that sets a password."""
ADMIN: Final = "admin"
"""The login of the first account."""
_NO_CODE: Final = "This code is not valid, has been used, or has ended."


class Accounts:
    """Use cases around accounts. `now` is Unix seconds.

    Args:
        time: loop time, as `limits` counts it.
        makers: who may make accounts: "open" for anybody, "keys" for server keys, "off" for the operator alone.
    """

    def __init__(
        self, store: AccountStore, passwords: Passwords, sessions: AccountSessions, tokens: Tokens, limits: Limits,
        time: Callable[[], float], makers: str = "open",
    ) -> None:  # fmt: skip
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._tokens = tokens
        self._limits = limits
        self._time = time
        self.makers = makers

    # -- of everybody --------------------------------------------------------------------------------------------------

    async def sign_up(
        self, login: str, name: str, password: str, address: str, now: float, by: Actor | None = None
    ) -> Access:
        """Make an account, and sign its user in.

        Args:
            by: who asks for it. A server key may also where nobody signs up by themselves, unless accounts are off, and has no quota.

        Raises:
            Refused: forbidden, bad_field, bad_name, bad_password, login_taken, rate_limited, quota, overloaded.
        """
        limited = by is None or not by.server
        if limited:
            self._limits.addresses.guest(address, self._time())
        if self.makers == "off" or (limited and self.makers != "open"):
            raise Refused("forbidden", "Accounts of this server are made by its operators.")
        login, name = clean_login(login), clean_name(name)
        check_free_login(login)
        password = new_password(password, login)
        if limited:
            self._limits.sign_ins.attempt(login, address, self._time())
        if await self._store.is_taken(login):
            raise Refused("login_taken")
        hash = await self._passwords.hash(password, address)
        account = Account(login=login, user=_new_user(), name=name, hash=hash)
        payer = Actor(id=account.user, name=name, address=address, server=not limited)
        taken = self._limits.quotas.take("accounts", payer, self._time())
        if not await self._store.add_account(account):
            self._limits.quotas.give_back(taken, self._time())
            raise Refused("login_taken")
        return await self._begin(account, payer, now)

    async def sign_in(self, login: str, password: str, address: str, now: float) -> Access:
        """Begin a session of a user who knows their password.

        Raises:
            Refused: wrong_password, of a login that nobody has, too; bad_field and bad_password for what can be nobody's;
                rate_limited, quota, overloaded.
        """
        login, password = clean_login(login), clean_password(password)
        self._limits.sign_ins.attempt(login, address, self._time())
        account = await self._store.account(login)
        right = await self._passwords.is_right(password, account.hash if account else "", address)
        if account is None or not right:
            raise Refused("wrong_password")
        self._limits.sign_ins.right(login, address, self._time())
        if self._passwords.is_dated(account.hash):
            account = await self._hashed_anew(account, password, address)
        return await self._begin(account, Actor(id=account.user, name=account.name, address=address), now)

    async def use_code(self, login: str, code: str, password: str, address: str, now: float) -> Access:
        """Set a password by a code that the operator gave, and begin a session; all others end.

        Raises:
            Refused: wrong_password, whatever is wrong with the code; bad_field, bad_password, rate_limited, overloaded.
        """
        login = clean_login(login)
        password = new_password(password, login)
        self._limits.sign_ins.attempt(login, address, self._time())
        account, digest = await self._store.account(login), _digest(code)
        if account is None or not compare_digest(account.code, digest):
            raise Refused("wrong_password", _NO_CODE)
        hash, session = await self._passwords.hash(password, address), _new_session()
        ended = await self._store.use_code(login, digest, hash, session)
        if ended is None:
            raise Refused("wrong_password", _NO_CODE)
        self._limits.sign_ins.right(login, address, self._time())
        self._sessions.end(ended)
        return self._tokens.sign(Actor(id=account.user, name=account.name, address=address, session=session), now)

    # -- of users with an account --------------------------------------------------------------------------------------

    async def change_password(self, actor: Actor, current: str, password: str) -> None:
        """Change a user's password; all their sessions but this one end.

        Raises:
            Refused: forbidden without an account; wrong_password for the current one; bad_password, rate_limited, overloaded.
        """
        account = await self._store.account_of(actor.id) if user_ids.is_account(actor.id) else None
        if account is None:
            raise Refused("forbidden", "Only users with an account have a password.")
        password = new_password(password, account.login)
        current = clean_password(current)
        self._limits.sign_ins.attempt(account.login, actor.address, self._time())
        if not await self._passwords.is_right(current, account.hash, actor.address):
            raise Refused("wrong_password")
        hash = await self._passwords.hash(password, actor.address)
        ended = await self._store.set_password(actor.id, account.hash, hash, actor.session)
        if ended is None:  # it was changed meanwhile
            raise Refused("wrong_password")
        self._limits.sign_ins.right(account.login, actor.address, self._time())
        self._sessions.end(ended)

    async def sessions(self, actor: Actor) -> list[AccountSession]:
        """Return what a user is signed in to, in order of when they signed in; nothing for those without an account."""
        return await self._store.sessions_of(actor.id) if user_ids.is_account(actor.id) else []

    async def end_session(self, actor: Actor, session: str) -> None:
        """Sign a user out of one session (not_found)."""
        ended = await self._store.end_sessions(actor.id, session) if user_ids.is_account(actor.id) else []
        if not ended:
            raise Refused("not_found", "There is no such session.")
        self._sessions.end(ended)

    # -- of the operator -----------------------------------------------------------------------------------------------

    async def make(self, login: str, name: str, *, admin: bool = False) -> tuple[Account, str]:
        """Make an account without a password. Return it with the code that sets one (bad_field, bad_name, login_taken)."""
        code = _new_code()
        account = _operators(clean_login(login), clean_title(name), code, admin)
        if not await self._store.add_account(account):
            raise Refused("login_taken")
        return account, code

    async def make_first(self) -> str | None:
        """Make the administrator's account where none was ever made, and return the code that sets its password."""
        code = _new_code()
        made = await self._store.add_first_account(_operators(ADMIN, ADMIN.title(), code, admin=True))
        return code if made else None

    async def give_code(self, login: str) -> str:
        """Return a new code that sets the password of an account, in place of an earlier one (not_found)."""
        code = _new_code()
        if not await self._store.set_code(clean_login(login), _digest(code), CODE_MS):
            raise _no_account()
        return code

    async def listed(self, after: str, limit: int) -> tuple[list[Account], bool]:
        """Return a page of accounts, in order of their logins, and whether there are more."""
        found = await self._store.accounts(after=after, limit=limit + 1)
        return found[:limit], len(found) > limit

    async def sessions_of(self, login: str) -> list[AccountSession]:
        """Return what the user of an account is signed in to (not_found)."""
        return await self._store.sessions_of((await self._of(login)).user)

    async def end_sessions_of(self, login: str, session: str | None = None) -> None:
        """Sign the user of an account out of one session, or of all (not_found)."""
        ended = await self._store.end_sessions((await self._of(login)).user, session)
        if session is not None and not ended:
            raise Refused("not_found", "There is no such session.")
        self._sessions.end(ended)

    async def administers(self, actor: Actor) -> bool:
        """Return whether a user may do what the operator may."""
        account = await self._store.account_of(actor.id) if user_ids.is_account(actor.id) else None
        return account is not None and account.admin

    async def _of(self, login: str) -> Account:
        if (account := await self._store.account(clean_login(login))) is None:
            raise _no_account()
        return account

    async def _hashed_anew(self, account: Account, password: str, address: str) -> Account:
        """Hash a password by the costs chosen now. Return the account as it is then."""
        hash = await self._passwords.hash(password, address)
        kept = await self._store.put_hash(account.user, account.hash, hash)
        return msgspec.structs.replace(account, hash=hash) if kept else account

    async def _begin(self, account: Account, payer: Actor, now: float) -> Access:
        """Begin a session, unless the password was changed or the user deleted since (wrong_password, quota)."""
        session = _new_session()
        taken = self._limits.quotas.take("sessions", payer, self._time())
        ended = await self._store.begin_session(session, account.user, account.hash)
        if ended is None:
            self._limits.quotas.give_back(taken, self._time())
            raise Refused("wrong_password")
        self._sessions.end(ended)
        user = Actor(id=account.user, name=account.name, address=payer.address, session=session)
        return self._tokens.sign(user, now)


def _operators(login: str, name: str, code: str, admin: bool) -> Account:
    return Account(
        login=login, user=_new_user(), name=name, admin=admin, code=_digest(code), code_until_ms=CODE_MS
    )  # fmt: skip


def _no_account() -> Refused:
    return Refused("not_found", "There is no such account.")


def _new_user() -> str:
    return user_ids.account(b32encode(secrets.token_bytes(10)).decode().lower())


def _new_session() -> str:
    return secrets.token_hex(8)


def _new_code() -> str:
    return secrets.token_urlsafe(24)


def _digest(code: str) -> str:
    """Return what is stored of a code: 192 random bits need no slow hash."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
