"""Accounts on the admin listener: make one, let its password be set, and see and end what its user is signed in to."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Response

from madang.core.accounts import Account, Login
from madang.core.bounds import Title
from madang.core.timestamps import moment
from madang.services.accounts import CODE_MS
from madang.transports.http.answers import OneSession, Sessions
from madang.transports.http.bodies import Body
from madang.transports.http.dependencies import AfterId, Limit, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.schemas import body

router = APIRouter(prefix="/accounts")


class MadeAccount(Body):
    """An account to make; its password is set by the code in the answer. Without a name, the login is its name."""

    login: Login
    name: Title = ""
    admin: bool = False


class OneAccount(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account; `code` is shown once, and holds for `expires_ms` milliseconds."""

    login: str
    user: str
    name: str
    at: str | None = None
    admin: bool = False
    password: bool = False  # whether it has one
    code: str | None = None
    expires_ms: int | None = None


class SomeAccounts(msgspec.Struct, frozen=True):
    """A page of accounts, in order of their logins."""

    accounts: list[OneAccount]
    more: bool


class NewCode(msgspec.Struct, frozen=True):
    """A code that sets the password of an account, once, within `expires_ms` milliseconds."""

    code: str
    expires_ms: int = CODE_MS


@router.get("")
async def listed(node: ThisNode, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the accounts."""
    found, more = await node.accounts.listed(after, limit)
    return answer(SomeAccounts([_shown(account) for account in found], more))


@router.post("")
async def make_account(node: ThisNode, new: Annotated[MadeAccount, body(MadeAccount)]) -> Response:
    """Make an account without a password."""
    made, code = await node.accounts.make(new.login, new.name or new.login, admin=new.admin)
    return answer(OneAccount(made.login, made.user, made.name, admin=made.admin, code=code, expires_ms=CODE_MS), 201)


@router.post("/{login}/code")
async def give_code(node: ThisNode, login: str) -> Response:
    """Make a code that sets the password of an account, in place of an earlier one."""
    return answer(NewCode(await node.accounts.give_code(login)), 201)


@router.get("/{login}/sessions")
async def sessions(node: ThisNode, login: str) -> Response:
    """List what the user of an account is signed in to."""
    found = await node.accounts.sessions_of(login)
    return answer(Sessions([OneSession(f.id, moment(f.made_ms), moment(f.seen_ms), False) for f in found]))


@router.delete("/{login}/sessions")
async def end_all_sessions(node: ThisNode, login: str) -> Response:
    """Sign the user of an account out everywhere."""
    await node.accounts.end_sessions_of(login)
    return Response(status_code=204)


@router.delete("/{login}/sessions/{session}")
async def end_session(node: ThisNode, login: str, session: str) -> Response:
    """Sign the user of an account out of one session."""
    await node.accounts.end_sessions_of(login, session)
    return Response(status_code=204)


def _shown(account: Account) -> OneAccount:
    return OneAccount(
        account.login, account.user, account.name, moment(account.made_ms), account.admin, bool(account.hash)
    )  # fmt: skip
