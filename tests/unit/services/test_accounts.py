"""Accounts: who signs up and in, and what ends what; unknown logins are answered as wrong passwords are."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.rate import Rate
from madang.core.user_ids import has_account, is_account, is_guest
from madang.errors import MadangError, Refused
from madang.services import passwords
from madang.services.limits import UNLIMITED, Rates
from madang.services.quotas import NO_QUOTAS, Quota
from madang.services.rooms import SYSTEM
from madang.services.tokens import RENEW_S, Access
from madang.transports.node import Node
from tests.unit.services.assembled import assembled

NOW = time.time()
KEY = Actor(id="key-1", name="Shop", server=True)
PASSWORD = "correct horse"
OTHER = "battery staple"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that take no time. What they cost is `test_passwords.py`'s."""
    monkeypatch.setattr(passwords, "MEMORY_KIB", 64)
    monkeypatch.setattr(passwords, "COSTS", passwords.COSTS.replace(f"m={46 * 1024}", "m=64"))
    monkeypatch.setattr(passwords, "NOBODY", passwords.NOBODY.replace(f"m={46 * 1024}", "m=64"))


@pytest.fixture
async def node(store: Store) -> AsyncIterator[Node]:
    yield assembled(store)


async def signed_up(node: Node, login: str = "mina", **more: Any) -> Access:
    return await node.accounts.sign_up(login, "Mina", PASSWORD, "10.0.0.1", NOW, **more)


async def signed_in(node: Node, login: str = "mina", password: str = PASSWORD, address: str = "10.0.0.1") -> Access:
    return await node.accounts.sign_in(login, password, address, NOW)


async def code(call: Any) -> str:
    with pytest.raises(MadangError) as refusal:
        await call
    return refusal.value.code


def holds(node: Node, access: Access) -> bool:
    try:
        return node.identity.verify(access.token, NOW).user.id == access.user.id
    except Refused as refused:
        assert refused.code == "bad_token"
        return False


async def test_who_signs_up_is_somebody_with_an_account(node: Node) -> None:
    access = await signed_up(node, "Mina@Example.com")
    assert is_account(access.user.id) and has_account(access.user.id) and not is_guest(access.user.id)
    again = await signed_in(node, "mina@example.COM")
    assert again.user.id == access.user.id
    assert again.user.session != access.user.session
    verified = node.identity.verify(again.token, NOW, "10.0.0.1")
    assert verified.user == again.user
    assert await code(signed_up(node, "MINA@example.com")) == "login_taken"
    assert (await signed_up(node, "bora")).user.id != access.user.id


async def test_a_token_that_is_renewed_stays_of_its_session(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:

    access = await node.accounts.sign_up("mina", "Mina", PASSWORD, "10.0.0.1", time.time() - RENEW_S - 10)
    renewed = node.identity.verify(access.token, time.time(), "10.0.0.1")
    assert renewed.token != access.token
    assert renewed.user.session == access.user.session
    await node.accounts.end_session(access.user, access.user.session)
    for token in (access.token, renewed.token):
        with pytest.raises(Refused, match="not valid"):
            node.identity.verify(token, time.time())


async def test_an_unknown_login_is_answered_as_a_wrong_password(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    is_right = passwords.Passwords.is_right

    async def noted(self: passwords.Passwords, password: str, hash: str, address: str) -> bool:
        compared.append(password)
        return await is_right(self, password, hash, address)

    await signed_up(node)
    monkeypatch.setattr(passwords.Passwords, "is_right", noted)
    refusals = []
    for login in ("mina", "nobody"):
        with pytest.raises(Refused) as refusal:
            await signed_in(node, login, "wrong password")
        refusals.append((refusal.value.code, refusal.value.message))
    assert refusals[0] == refusals[1]
    assert len(compared) == 2, "both cost a hash"
    _, secret = await node.accounts.make("chan", "Chan")
    assert await code(signed_in(node, "chan", "")) == "bad_password"
    assert await code(signed_in(node, "chan", secret)) == "wrong_password", "it has no password yet"
    assert len(compared) == 3


async def test_a_hash_of_other_costs_is_replaced_at_the_next_sign_in(
    node: Node, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await signed_up(node)
    monkeypatch.setattr(passwords, "MEMORY_KIB", 128)
    monkeypatch.setattr(passwords, "COSTS", passwords.COSTS.replace("m=64", "m=128"))
    assert await code(signed_in(node, password="wrong password")) == "wrong_password"
    for _ in range(2):
        assert holds(node, await signed_in(node))
        account = await store.account("mina")
        assert account is not None and account.hash.startswith("$argon2id$v=19$m=128,")
    assert holds(node, mine)


async def test_another_password_ends_the_other_sessions(node: Node) -> None:
    mine = await signed_up(node)
    others = [await signed_in(node) for _ in range(3)]
    accounts = node.accounts
    assert await code(accounts.change_password(mine.user, "wrong password", OTHER)) == "wrong_password"
    assert await code(accounts.change_password(mine.user, PASSWORD, "short")) == "bad_password"
    assert all(holds(node, each) for each in (mine, *others))
    await accounts.change_password(mine.user, PASSWORD, OTHER)
    assert holds(node, mine)
    assert not any(holds(node, each) for each in others)
    assert await code(signed_in(node)) == "wrong_password"
    assert holds(node, await signed_in(node, password=OTHER))
    assert len(await accounts.sessions(mine.user)) == 2


async def test_who_signs_in_while_the_password_changes_is_not_signed_in_by_the_old_one(
    node: Node, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await signed_up(node)
    begin = store.begin_session

    async def late(*args: str) -> Any:
        await node.accounts.change_password(mine.user, PASSWORD, OTHER)
        return await begin(*args)

    monkeypatch.setattr(store, "begin_session", late)
    assert await code(signed_in(node)) == "wrong_password"
    assert len(await node.accounts.sessions(mine.user)) == 1


async def test_of_two_changes_at_once_one_is_made(node: Node) -> None:
    mine = await signed_up(node)
    other = await signed_in(node)
    changes = [
        node.accounts.change_password(each.user, PASSWORD, f"{OTHER} {n}") for n, each in enumerate((mine, other))
    ]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert sorted(getattr(outcome, "code", "") for outcome in outcomes) == ["", "wrong_password"]
    assert [holds(node, each) for each in (mine, other)] == [outcome is None for outcome in outcomes]


async def test_sessions_end_one_by_one_and_by_nobody_else(node: Node) -> None:
    mine, other, bora = await signed_up(node), await signed_in(node), await signed_up(node, "bora")
    assert {each.id for each in await node.accounts.sessions(mine.user)} == {mine.user.session, other.user.session}
    guest = node.identity.guest("Chan", "10.0.0.1", NOW).user
    for stranger in (bora.user, guest, KEY):
        assert await code(node.accounts.end_session(stranger, other.user.session)) == "not_found"
    await node.accounts.end_session(mine.user, other.user.session)
    assert await code(node.accounts.end_session(mine.user, other.user.session)) == "not_found"
    assert (holds(node, mine), holds(node, other)) == (True, False)
    assert await node.accounts.sessions(guest) == []
    assert await code(node.accounts.change_password(guest, PASSWORD, OTHER)) == "forbidden"


async def test_a_code_sets_the_password_once(node: Node) -> None:
    account, secret = await node.accounts.make("chan", "운영자")
    use = node.accounts.use_code
    for login, given in (("chan", secret[:-1]), ("nobody", secret), ("chan", "")):
        assert await code(use(login, given, PASSWORD, "10.0.0.1", NOW)) == "wrong_password"
    assert await code(use("chan", secret, "short", "10.0.0.1", NOW)) == "bad_password"
    access = await use("Chan", secret, PASSWORD, "10.0.0.1", NOW)
    assert access.user.id == account.user
    assert access.user.name == "운영자"
    assert await code(use("chan", secret, OTHER, "10.0.0.1", NOW)) == "wrong_password"
    again = await node.accounts.give_code("chan")
    assert holds(node, access), "until it is used"
    later = await use("chan", again, OTHER, "10.0.0.1", NOW)
    assert (holds(node, access), holds(node, later)) == (False, True)
    assert await code(node.accounts.give_code("nobody")) == "not_found"


async def test_the_first_account_administers_and_is_made_once(node: Node) -> None:
    secret = await node.accounts.make_first()
    assert secret is not None
    assert await node.accounts.make_first() is None
    admin = await node.accounts.use_code("admin", secret, PASSWORD, "10.0.0.1", NOW)
    assert await node.accounts.administers(admin.user)
    for other in ((await signed_up(node)).user, node.identity.guest("Chan", "10.0.0.1", NOW).user, KEY):
        assert not await node.accounts.administers(other)
    assert await code(signed_up(node, "root")) == "bad_name"
    await node.users.delete(admin.user.id, SYSTEM)
    assert not await node.accounts.administers(admin.user)
    assert await node.accounts.make_first() is None


async def test_a_deleted_user_has_no_account(node: Node) -> None:
    access = await signed_up(node)
    await node.users.delete(access.user.id, SYSTEM)
    assert not holds(node, access)
    assert await code(signed_in(node)) == "wrong_password"
    assert await code(node.accounts.change_password(access.user, PASSWORD, OTHER)) == "forbidden"
    again = await signed_up(node)
    assert again.user.id != access.user.id
    assert holds(node, again)


async def test_the_operator_signs_users_out(node: Node) -> None:
    mine, other, bora = await signed_up(node), await signed_in(node), await signed_up(node, "bora")
    accounts = node.accounts
    assert [each.login for each in (await accounts.listed("", 1))[0]] == ["bora"]
    assert (await accounts.listed("", 1))[1]
    assert len(await accounts.sessions_of("mina")) == 2
    await accounts.end_sessions_of("mina", other.user.session)
    assert (holds(node, mine), holds(node, other)) == (True, False)
    assert await code(accounts.end_sessions_of("mina", other.user.session)) == "not_found"
    assert await code(accounts.end_sessions_of("bora", mine.user.session)) == "not_found"
    await accounts.end_sessions_of("mina")
    assert (holds(node, mine), holds(node, bora)) == (False, True)
    for call in (accounts.sessions_of("nobody"), accounts.end_sessions_of("nobody")):
        assert await code(call) == "not_found"


@pytest.mark.parametrize(
    ("makers", "anybody", "by_key"), [("open", "", ""), ("keys", "forbidden", ""), ("off", "forbidden", "forbidden")]
)
async def test_who_may_make_accounts(store: Store, makers: str, anybody: str, by_key: str) -> None:
    node = assembled(store, accounts=makers, guests="off", create_rooms="accounts")
    for login, by, refused in (("mina", None, anybody), ("bora", KEY, by_key)):
        if refused:
            assert await code(signed_up(node, login, by=by)) == refused
        else:
            assert holds(node, await signed_up(node, login, by=by))
    _, secret = await node.accounts.make("chan", "Chan")
    chan = await node.accounts.use_code("chan", secret, PASSWORD, "10.0.0.1", NOW)
    assert holds(node, chan), "the operator always may, whatever is said of guests"
    assert (await signed_in(node, "chan")).user.id == chan.user.id


async def test_accounts_and_sign_ins_have_quotas_and_rates(store: Store) -> None:
    quotas = replace(NO_QUOTAS, accounts=Quota(address=2), sessions=Quota(user=3))
    node = assembled(store, replace(UNLIMITED, quotas=quotas))
    await signed_up(node, "mina")
    await signed_up(node, "bora")
    assert await code(signed_up(node, "chan")) == "quota"
    await signed_up(node, "chan", by=KEY)
    for _ in range(2):
        await signed_in(node)
    assert await code(signed_in(node)) == "quota"
    slow = assembled(store, Rates(logins_per_address=Rate(0.001, 2), quotas=NO_QUOTAS))
    for login in ("mina", "nobody"):
        answers = [await code(signed_in(slow, login, "wrong password")) for _ in range(3)]
        assert answers == ["wrong_password", "wrong_password", "rate_limited"]
