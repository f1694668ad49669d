"""`check_changes`: that one read tells what the calls of the other ports tell (`ports.changes`)."""

from typing import Final, Protocol

from madang.core.accounts import Account
from madang.ports.accounts import BEFORE_ALL, AccountStore
from madang.ports.changes import PAGE, ChangeStore, Known
from madang.ports.erasures import Erasures
from madang.ports.profiles import ProfileStore
from madang.ports.signing import SigningStore
from madang.ports.upkeep import Upkeep
from madang.testing.rules import Make, new, run_rules

NOW: Final = 1_900_000_000_000
LATER: Final = Known(NOW + 1, (NOW, ""), (NOW, ""))
"""Above all that there is."""


class Store(ChangeStore, AccountStore, ProfileStore, SigningStore, Upkeep, Erasures, Protocol):
    """All that changes are told of."""


async def check_changes(make: Make[Store]) -> None:
    """Check that a store keeps its contract (see `madang.testing`)."""
    await run_rules(make, [changes_are_what_each_call_says, an_erasure_is_told_until_it_is_done])


async def changes_are_what_each_call_says(store: Store) -> None:
    """`changes` has who was deleted, signed out and renamed above what is known, and the signing keys; nothing else."""
    ann, ben, login, session = new("u"), new("u"), new("login"), new("s")
    await store.add_account(Account(login=login, user=ann, name="Ann", hash="h"))
    await store.begin_session(session, ann, "h")
    await store.end_sessions(ann)
    await store.set_profile(ann, name="Anna")
    await store.delete_user(ben, NOW, known=True)
    keys = (await store.signing_keys()).keys
    found = await store.changes(Known(NOW, BEFORE_ALL, (0, "")))
    assert [user.id for user in found.deleted] == [ben]
    assert session in [id for _, id in found.ended]
    assert (ann, "Anna") in [(named.user, named.name) for named in found.named]
    assert found.keys == keys
    assert list(found.deleted) == list(await store.users_deleted(NOW))
    assert list(found.ended) == await store.sessions_ended(BEFORE_ALL, PAGE)
    assert list(found.named) == await store.named_after((0, ""), PAGE)
    nothing = await store.changes(LATER)
    assert (list(nothing.deleted), list(nothing.ended), list(nothing.named), nothing.keys) == ([], [], [], keys)


async def an_erasure_is_told_until_it_is_done(store: Store) -> None:
    """`changes` says whether there is an erasure that is not done."""
    user = new("u")
    for one in await store.erasures(limit=1_000, standing=True):
        await store.erased(one.user, one.asked_ms, NOW)
    assert not (await store.changes(LATER)).erasing
    await store.delete_user(user, NOW - 1, "erase", known=True)
    assert (await store.changes(LATER)).erasing
    state = await store.erasure(user)
    assert state is not None
    await store.erased(user, state.asked_ms, NOW)
    assert not (await store.changes(LATER)).erasing
