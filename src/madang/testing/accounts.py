"""`check_accounts`: the promises of `ports.accounts`, on a store that may hold accounts of others."""

import asyncio
from typing import Final, Protocol

from madang.core.accounts import MAX_SESSIONS, Account
from madang.ports.accounts import BEFORE_ALL, AccountStore, Ended
from madang.ports.upkeep import Upkeep
from madang.testing.rules import Make, named, new, run_rules

HOUR_MS: Final = 3_600_000
HASH: Final = "hash-1"
OTHER: Final = "hash-2"


class Store(AccountStore, Upkeep, Protocol):
    """Accounts, and the deletion of users."""


async def check_accounts(make: Make[Store]) -> None:
    """Check that a store keeps its contract; `make` opens it, new at first and then the same again."""
    await run_rules(make, RULES)
    await named(what_was_kept_stays, make)


def an_account(**fields: str | bool | int) -> Account:
    """Return a new account."""
    login = new("login")
    return Account(**{"login": login, "user": f"account-{login}", "name": "Mina", "hash": HASH, **fields})  # type: ignore[arg-type]


async def added(store: AccountStore, *sessions: str) -> Account:
    """Return an account that is kept, with some sessions."""
    account = an_account()
    assert await store.add_account(account)
    for session in sessions:
        assert await store.begin_session(session, account.user, HASH) == []
    return account


async def lasting(store: AccountStore, account: Account) -> list[str]:
    """Return the ids of an account's sessions."""
    return sorted(each.id for each in await store.sessions_of(account.user))


async def ended(store: AccountStore) -> list[str]:
    """Return the ids of all sessions that ended, read in pages."""
    found: list[Ended] = []
    while page := await store.sessions_ended(found[-1] if found else BEFORE_ALL, 3):
        assert len(page) <= 3
        found += page
    assert found == sorted(found)
    return [id for _, id in found]


async def logins_that_look_alike_are_one(store: Store) -> None:
    """An account whose login looks like another's is not kept, until that is deleted; of two at the same time one is."""
    name = new("iris").replace("-", "") + "s"  # behind a c, an l would make a d, and an i not
    account = an_account(login=f"{name}1")
    assert await store.add_account(account)
    for alike in (f"{name}l", f"{name}.i", f"{name}-1", f"{name.replace('i', '1')}1"):
        assert await store.is_taken(alike), alike
        assert not await store.add_account(an_account(login=alike)), alike
        assert await store.account(alike) is None
    assert await store.add_account(an_account(login=f"{name}2"))
    assert await store.delete_user(account.user, 1)
    both = [store.add_account(an_account(login=f"{name}{end}")) for end in ("l", "1")]
    assert sorted(await asyncio.gather(*both)) == [False, True]


async def accounts_are_found(store: Store) -> None:
    """An account is found by login and by user, as it was kept, and listed by login; another of its login is not kept."""
    account = an_account(name="미나", admin=True)
    assert await store.add_account(account)
    assert not await store.add_account(an_account(login=account.login))
    assert await store.is_taken(account.login) and not await store.is_taken(new("login"))
    found = await store.account(account.login)
    assert found is not None
    assert found.made_ms > 0
    assert found == await store.account_of(account.user)
    assert (found.user, found.name, found.hash, found.admin, found.code) == (account.user, "미나", HASH, True, "")
    others = [await added(store) for _ in range(3)]
    assert await store.account(new("login")) is None
    assert await store.account_of(new("user")) is None
    logins: list[str] = []
    while page := await store.accounts(after=logins[-1] if logins else "", limit=2):
        assert len(page) <= 2
        logins += [each.login for each in page]
    assert logins == sorted(logins)
    assert {account.login, *(each.login for each in others)} <= set(logins)


async def a_login_is_kept_once(store: Store) -> None:
    """Of several who ask for one login at the same time, one gets it."""
    login = new("login")
    accounts = [an_account(login=login, user=new("account")) for _ in range(5)]
    assert sum(await asyncio.gather(*(store.add_account(each) for each in accounts))) == 1
    kept = await store.account(login)
    assert kept is not None
    assert kept.user in {each.user for each in accounts}


async def the_first_account_is_made_once(store: Store) -> None:
    """The first account is kept for one of those who ask, and never again, also after it was deleted."""
    accounts = [an_account() for _ in range(3)]
    kept = [await store.add_first_account(each) for each in accounts]
    assert sum(kept) <= 1  # none, where the storage had one
    assert not await store.add_first_account(an_account())
    for account in [each for each, was in zip(accounts, kept, strict=True) if was]:
        assert await store.delete_user(account.user, 1)
    assert not await store.add_first_account(an_account())


async def sessions_need_the_password(store: Store) -> None:
    """A session begins by the hash that is in force, and not without a password."""
    account = await added(store)
    assert await store.begin_session(new("s"), account.user, OTHER) is None
    assert await store.begin_session(new("s"), new("user"), HASH) is None
    none = an_account(hash="")
    assert await store.add_account(none)
    assert await store.begin_session(new("s"), none.user, "") is None
    session = new("s")
    assert await store.begin_session(session, account.user, HASH) == []
    (found,) = await store.sessions_of(account.user)
    assert (found.id, found.user, found.ended_ms) == (session, account.user, 0)
    assert found.made_ms == found.seen_ms > 0


async def sessions_are_bounded(store: Store) -> None:
    """Of an account last MAX_SESSIONS; one more ends the one that was not seen for longest."""
    ids = [new(f"s{n:02}") for n in range(MAX_SESSIONS)]
    account = await added(store, *ids)
    await store.note_sessions(ids[1:])
    there = await store.sessions_of(account.user)
    least = min(each.seen_ms for each in there)
    ended = await store.begin_session(new("s"), account.user, HASH)
    assert ended is not None
    assert len(ended) == 1
    assert set(ended) <= {each.id for each in there if each.seen_ms == least}
    assert len(await store.sessions_of(account.user)) == MAX_SESSIONS


async def a_password_ends_the_other_sessions(store: Store) -> None:
    """Another password ends all sessions but one, and the old hash begins none; of two changes one is made."""
    mine, *others = [new("s") for _ in range(3)]
    account = await added(store, mine, *others)
    assert await store.set_password(account.user, OTHER, "hash-3", mine) is None
    assert await store.set_password(new("user"), HASH, OTHER, mine) is None
    assert await store.set_password(account.user, HASH, OTHER, mine) == sorted(others)
    assert await store.set_password(account.user, HASH, "hash-3", mine) is None
    assert await lasting(store, account) == [mine]
    assert await store.begin_session(new("s"), account.user, HASH) is None
    assert set(others) <= set(await ended(store))
    assert mine not in await ended(store)


async def a_hash_is_replaced(store: Store) -> None:
    """Another hash of the same password takes the place of the one that is in force, and ends nothing."""
    account = await added(store, session := new("s"))
    assert await store.set_code(account.login, "code", HOUR_MS)
    assert not await store.put_hash(account.user, OTHER, "hash-3")
    assert not await store.put_hash(new("user"), HASH, OTHER)
    assert await store.put_hash(account.user, HASH, OTHER)
    assert not await store.put_hash(account.user, HASH, "hash-3")
    assert await lasting(store, account) == [session]
    assert await store.begin_session(new("s"), account.user, HASH) is None
    assert await store.begin_session(new("s"), account.user, OTHER) == []
    assert await store.use_code(account.login, "code", HASH, new("s")) is not None, "the code holds as before"


async def a_code_is_used_once(store: Store) -> None:
    """A code sets the password once, until it ends; it ends all sessions, and begins one. A new code replaces it."""
    account = await added(store, before := new("s"))
    assert await store.use_code(account.login, "", OTHER, new("s")) is None
    assert not await store.set_code(new("login"), "code", HOUR_MS)
    for code in ("code-1", "code-2"):
        assert await store.set_code(account.login, code, HOUR_MS)
    for wrong in ("code-1", "", "code"):
        assert await store.use_code(account.login, wrong, OTHER, new("s")) is None
    assert await store.use_code(new("login"), "code-2", OTHER, new("s")) is None
    sessions = [new("s") for _ in range(3)]
    used = await asyncio.gather(*(store.use_code(account.login, "code-2", OTHER, each) for each in sessions))
    assert [each for each in used if each is not None] == [[before]]
    (left,) = await lasting(store, account)
    assert left in sessions
    assert await store.set_code(account.login, "code-3", 0)
    assert await store.use_code(account.login, "code-3", HASH, new("s")) is None
    assert await store.set_code(account.login, "code-4", HOUR_MS)
    assert await store.set_password(account.user, OTHER, HASH, left) == []
    assert await store.use_code(account.login, "code-4", OTHER, new("s")) is None, "the password was changed meanwhile"
    fresh = an_account(hash="", code="code-5", code_until_ms=HOUR_MS)
    assert await store.add_account(fresh)
    assert await store.use_code(fresh.login, "code-5", HASH, new("s")) == []


async def sessions_end_one_by_one(store: Store) -> None:
    """A session is ended by its own user, once, and told of from then on; or all are."""
    one, two, three = sorted(new("s") for _ in range(3))
    account, other = await added(store, one, two, three), await added(store)
    assert await store.end_sessions(other.user, one) == []
    assert await store.end_sessions(account.user, two) == [two]
    assert await store.end_sessions(account.user, two) == []
    assert await store.end_sessions(account.user, new("s")) == []
    assert await lasting(store, account) == [one, three]
    told = await ended(store)
    assert two in told
    assert await store.end_sessions(account.user) == [one, three]
    assert await store.sessions_of(account.user) == []
    assert {one, three, *told} <= set(await ended(store))


async def sessions_are_noted_and_forgotten(store: Store) -> None:
    """A session is forgotten that was not seen for long, or ended long ago."""
    old, used, gone = (new("s") for _ in range(3))
    account = await added(store, old, used, gone)
    await store.end_sessions(account.user, gone)
    await store.note_sessions([used, new("s")])
    assert await store.forget_sessions(HOUR_MS, HOUR_MS, 100) == 0
    while await store.forget_sessions(HOUR_MS, -HOUR_MS, 2):
        pass
    assert gone not in await ended(store)
    assert await lasting(store, account) == sorted([old, used])
    while await store.forget_sessions(-HOUR_MS, HOUR_MS, 2):
        pass
    assert await store.sessions_of(account.user) == []


async def an_account_is_deleted_with_its_user(store: Store) -> None:
    """The deletion of a user takes their account and their sessions; the login is free again."""
    account = await added(store, new("s"))
    assert await store.delete_user(account.user, 1_800_000_000_000)
    assert await store.account(account.login) is None
    assert await store.sessions_of(account.user) == []
    assert await store.begin_session(new("s"), account.user, HASH) is None
    assert await store.add_account(an_account(login=account.login))


async def what_was_kept_stays(make: Make[Store]) -> None:
    """Accounts and sessions are the same after reopening."""
    async with make() as store:
        account = await added(store, one := new("s"), two := new("s"))
        await store.end_sessions(account.user, two)
        before = await store.account(account.login)
    async with make() as store:
        assert await store.account(account.login) == before
        assert await lasting(store, account) == [one]
        assert two in await ended(store)


RULES: Final = (
    accounts_are_found, logins_that_look_alike_are_one, a_login_is_kept_once, the_first_account_is_made_once, sessions_need_the_password,
    sessions_are_bounded, a_password_ends_the_other_sessions, a_hash_is_replaced, a_code_is_used_once, sessions_end_one_by_one,
    sessions_are_noted_and_forgotten, an_account_is_deleted_with_its_user,
)  # fmt: skip
