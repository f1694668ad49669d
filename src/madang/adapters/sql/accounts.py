"""Accounts and their sessions: `ports.accounts` over one connection. Each function is one short transaction.

What depends on the password locks the account's row, so that nobody signs in by a password that is being changed.
"""

from collections.abc import Sequence
from hmac import compare_digest
from typing import Final

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from madang.adapters.sql import installation
from madang.adapters.sql.dialects import SIGNING_UP, AnyRow, clock_ms, insert_all, insert_new, serialise
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.tables import account_sessions as sessions
from madang.adapters.sql.tables import accounts, logins
from madang.core.accounts import MAX_SESSIONS, Account, AccountSession
from madang.core.names import skeleton
from madang.ports.accounts import Ended


def add(c: Connection, account: Account) -> bool:
    """See `AccountStore.add_account`."""
    serialise(c, SIGNING_UP)  # two that look alike are two rows, so no key keeps them apart
    if is_taken(c, account.login):
        return False
    now = clock_ms(c)
    row = msgspec.structs.asdict(account) | {"admin": int(account.admin), "made_ms": now}
    if account.code:
        row["code_until_ms"] = now + account.code_until_ms
    if not insert_new(c, accounts, row):
        return False
    note_logins(c, [account.login])
    return True


def is_taken(c: Connection, login: str) -> bool:
    """See `AccountStore.is_taken`."""
    same = exists().where(accounts.c.login == login)
    alike = exists().where(logins.c.look == skeleton(login))
    return bool(c.execute(select(or_(same, alike))).scalar())


def unnoted_logins(c: Connection, limit: int) -> list[str]:
    """Return logins of which it is not noted yet how they look: those from before 0023, and from nodes of such a version."""
    noted = exists().where(logins.c.login == accounts.c.login)
    return list(c.execute(select(accounts.c.login).where(~noted).order_by(accounts.c.login).limit(limit)).scalars())


def note_logins(c: Connection, some: Sequence[str]) -> None:
    """Note how logins look."""
    insert_all(c, logins, [{"login": login, "look": skeleton(login)} for login in some])


def one(c: Connection, login: str) -> Account | None:
    """See `AccountStore.account`."""
    return _account(c.execute(select(accounts).where(accounts.c.login == login)).one_or_none())


def of_user(c: Connection, user: str) -> Account | None:
    """See `AccountStore.account_of`."""
    return _account(c.execute(select(accounts).where(accounts.c.user == user)).one_or_none())


def listed(c: Connection, after: str, limit: int) -> list[Account]:
    """See `AccountStore.accounts`."""
    wanted = select(accounts).where(accounts.c.login > after).order_by(accounts.c.login).limit(limit)
    return [found for row in c.execute(wanted) if (found := _account(row)) is not None]


def add_first(c: Connection, account: Account) -> bool:
    """See `AccountStore.add_first_account`."""
    if installation.get(c, installation.ACCOUNTS):
        return False
    if not add(c, account):
        return False
    installation.put(c, installation.ACCOUNTS, "made")
    return True


def _account(row: AnyRow | None) -> Account | None:
    return None if row is None else Account(**{**row._mapping, "admin": bool(row.admin)})


def begin_session(c: Connection, session: str, user: str, hash: str) -> list[str] | None:
    """See `AccountStore.begin_session`."""
    if not hash or _lock(c, user) != hash:
        return None
    now = clock_ms(c)
    lasting = select(sessions.c.id).where(sessions.c.user == user, sessions.c.ended_ms == 0)
    oldest = lasting.order_by(sessions.c.seen_ms.desc(), sessions.c.id).offset(MAX_SESSIONS - 1)
    ended = _end(c, list(c.execute(oldest.limit(MAX_SESSIONS)).scalars()), now)
    _begin(c, session, user, now)
    return ended


def set_password(c: Connection, user: str, before: str, hash: str, keep: str) -> list[str] | None:
    """See `AccountStore.set_password`."""
    if not before or _lock(c, user) != before:
        return None
    c.execute(update(accounts).where(accounts.c.user == user).values(hash=hash, code="", code_until_ms=0))
    return _end(c, [id for id in _lasting(c, user) if id != keep], clock_ms(c))


def put_hash(c: Connection, user: str, before: str, hash: str) -> bool:
    """See `AccountStore.put_hash`."""
    mine = update(accounts).where(accounts.c.user == user, accounts.c.hash == before, accounts.c.hash != "")
    return c.execute(mine.values(hash=hash)).rowcount == 1


def set_code(c: Connection, login: str, code: str, for_ms: int) -> bool:
    """See `AccountStore.set_code`."""
    set = update(accounts).where(accounts.c.login == login)
    return c.execute(set.values(code=code, code_until_ms=clock_ms(c) + for_ms)).rowcount == 1


def use_code(c: Connection, login: str, code: str, hash: str, session: str) -> list[str] | None:
    """See `AccountStore.use_code`."""
    wanted = select(accounts.c.user, accounts.c.code, accounts.c.code_until_ms).where(accounts.c.login == login)
    row, now = c.execute(wanted.with_for_update()).one_or_none(), clock_ms(c)
    if row is None or not row.code or row.code_until_ms <= now or not compare_digest(row.code, code):
        return None
    c.execute(update(accounts).where(accounts.c.login == login).values(hash=hash, code="", code_until_ms=0))
    ended = _end(c, _lasting(c, row.user), now)
    _begin(c, session, row.user, now)
    return ended


def _lock(c: Connection, user: str) -> str | None:
    """Lock the account of a user until the transaction ends, and return the hash of its password."""
    return c.execute(select(accounts.c.hash).where(accounts.c.user == user).with_for_update()).scalar()


def _lasting(c: Connection, user: str) -> list[str]:
    wanted = select(sessions.c.id).where(sessions.c.user == user, sessions.c.ended_ms == 0)
    return list(c.execute(wanted).scalars())


def _begin(c: Connection, session: str, user: str, now_ms: int) -> None:
    row = {"id": session, "user": user, "made_ms": now_ms, "seen_ms": now_ms, "ended_ms": 0}
    c.execute(insert(sessions).values(row))


def _end(c: Connection, ids: Sequence[str], now_ms: int) -> list[str]:
    """End sessions, and return those that had not ended."""
    if not ids:
        return []
    these = and_(sessions.c.id.in_(ids), sessions.c.ended_ms == 0)
    lasting = list(c.execute(select(sessions.c.id).where(these).with_for_update()).scalars())
    c.execute(update(sessions).where(these).values(ended_ms=now_ms))
    return sorted(lasting)


def sessions_of(c: Connection, user: str) -> list[AccountSession]:
    """See `AccountStore.sessions_of`."""
    wanted = select(sessions).where(sessions.c.user == user, sessions.c.ended_ms == 0)
    return [AccountSession(**row._mapping) for row in c.execute(wanted.order_by(sessions.c.made_ms, sessions.c.id))]


def end_sessions(c: Connection, user: str, session: str | None) -> list[str]:
    """See `AccountStore.end_sessions`."""
    _lock(c, user)
    lasting = _lasting(c, user)
    return _end(c, lasting if session is None else [id for id in lasting if id == session], clock_ms(c))


def ended(c: Connection, after: Ended, limit: int) -> list[Ended]:
    """See `AccountStore.sessions_ended`."""
    at_ms, id = after
    return [(row[0], row[1]) for row in c.execute(_ENDED, {"at_ms": at_ms, "above_id": id, "most": limit})]


# Made once: it is read every second.
_at_ms: Final[BindParameter[int]] = bindparam("at_ms", type_=BigInteger)
_ENDED: Final = (
    select(sessions.c.ended_ms, sessions.c.id)
    .where(
        sessions.c.ended_ms > 0,
        sessions.c.ended_ms >= _at_ms,
        or_(sessions.c.ended_ms > _at_ms, sessions.c.id > bindparam("above_id")),
    )
    .order_by(sessions.c.ended_ms, sessions.c.id)
    .limit(bindparam("most", type_=BigInteger))
)

# Made once: a list in a statement is a reference ring, which waits for the cycle collector.
_NOTED: Final = (
    update(sessions).where(sessions.c.id.in_(bindparam("ids", expanding=True))).values(seen_ms=bindparam("at_ms"))
)


def note(c: Connection, ids: Sequence[str]) -> None:
    """See `AccountStore.note_sessions`. In the order of the key, so that two nodes cannot deadlock."""
    if ids:
        c.execute(_NOTED, {"ids": padded(sorted(set(ids))), "at_ms": clock_ms(c)})


def forget(c: Connection, unseen_ms: int, ended_ms: int, limit: int) -> int:
    """See `AccountStore.forget_sessions`."""
    now = clock_ms(c)
    long_ended = and_(sessions.c.ended_ms > 0, sessions.c.ended_ms < now - ended_ms)
    for old in (long_ended, sessions.c.seen_ms < now - unseen_ms):
        if ids := list(c.execute(select(sessions.c.id).where(old).limit(limit)).scalars()):
            c.execute(delete(sessions).where(sessions.c.id.in_(ids)))
            return len(ids)
    return 0


def delete_account(c: Connection, user: str) -> bool:
    """Delete the account of a user, and its sessions; return whether there was one."""
    login = c.execute(select(accounts.c.login).where(accounts.c.user == user)).scalar()
    if login is not None:
        c.execute(delete(accounts).where(accounts.c.user == user))
        c.execute(delete(logins).where(logins.c.login == login))
    c.execute(delete(sessions).where(sessions.c.user == user))
    return login is not None
