"""Where accounts and their sessions are kept: who signs in by login and password, and what they are signed in to.

Times are Unix milliseconds by the store's clock, which all nodes share. Every call is one short transaction, and what it
returned is durable. A session that has ended stays known until it is forgotten, so that every node learns of it.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from madang.core.accounts import Account, AccountSession

Ended = tuple[int, str]
"""When a session ended, and which. They are in this order."""
BEFORE_ALL: Final[Ended] = (0, "")


class AccountStore(Protocol):
    """Keeps accounts and sessions. Logins and users are unique; of no account there are more than MAX_SESSIONS that last."""

    async def add_account(self, account: Account) -> bool:
        """Keep a new account, made now; False where its login is taken. Its `code_until_ms` is from now on."""

    async def is_taken(self, login: str) -> bool:
        """Return whether there is an account of this login, or of one that looks like it (`core.names.skeleton`)."""

    async def account(self, login: str) -> Account | None:
        """Return an account, or None."""

    async def account_of(self, user: str) -> Account | None:
        """Return the account of a user, or None."""

    async def accounts(self, *, after: str = "", limit: int = 50) -> list[Account]:
        """Return accounts in order of their login, from above `after`; `limit` 1 to 201."""

    async def add_first_account(self, account: Account) -> bool:
        """Keep an account as `add_account` does, if this never kept one before; False otherwise."""

    async def begin_session(self, session: str, user: str, hash: str) -> list[str] | None:
        """Keep a new session of a user whose password is still the one of this hash; None where it is not.

        Return the sessions that end for it: the one that was not seen for longest, where there are MAX_SESSIONS.
        """

    async def set_password(self, user: str, before: str, hash: str, keep: str) -> list[str] | None:
        """Put a new hash in place of `before`; None where that is not the one any more. All sessions but `keep` end: return which.

        The account's code is worth nothing any more.
        """

    async def put_hash(self, user: str, before: str, hash: str) -> bool:
        """Put another hash of the same password in place of `before`; False where that is not the one any more. No session ends."""

    async def set_code(self, login: str, code: str, for_ms: int) -> bool:
        """Let a code set the password of an account, in place of an earlier one; False where there is no account."""

    async def use_code(self, login: str, code: str, hash: str, session: str) -> list[str] | None:
        """Set a password by a code, once, and keep a new session; None unless the code is in force. All others end: return which."""

    async def sessions_of(self, user: str) -> list[AccountSession]:
        """Return the sessions of a user that last, in order of when they were made."""

    async def end_sessions(self, user: str, session: str | None = None) -> list[str]:
        """End one session of a user, or all, and return which ended by this."""

    async def sessions_ended(self, after: Ended, limit: int) -> list[Ended]:
        """Return sessions that ended above `after`, in order, at most `limit` (1 to 1,000).

        One may appear up to a few seconds later than its time says.
        """

    async def note_sessions(self, sessions: Sequence[str]) -> None:
        """Note that sessions (at most 1,000) were used."""

    async def forget_sessions(self, unseen_ms: int, ended_ms: int, limit: int) -> int:
        """Forget up to `limit` sessions that were not seen for `unseen_ms`, or ended `ended_ms` ago; return how many."""
