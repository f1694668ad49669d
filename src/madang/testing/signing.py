"""`check_signing`: the promises of `ports.signing`, on a store that no older node is using."""

import asyncio
from collections.abc import Awaitable
from typing import Final

from madang.core.signing import SigningKeys
from madang.errors import Refused
from madang.ports.signing import LEAD_MS, MAX_KEYS, SigningStore
from madang.testing.rules import Make, named, run_rules

SIGNS: Final = -1_000
"""The lead of a key that signs at once."""


async def check_signing(make: Make[SigningStore]) -> None:
    """Check that a store keeps its contract; `make` opens it, new at first and then the same again."""
    await run_rules(make, [keys_are_the_same_for_all, keys_are_added_and_retired, keys_are_bounded])
    await named(keys_stay, make)


async def keys_are_the_same_for_all(store: SigningStore) -> None:
    """There is a key of 32 bytes from the first call on, the same for all concurrent callers."""
    first, *others = await asyncio.gather(*(store.signing_keys() for _ in range(5)))
    assert all(other == first for other in others)
    assert first.name
    assert len(first.lasting) == 32
    assert len(first.keys) == 1
    assert len(first.keys[0].secret) == 32
    assert len(set(first.keys[0].secret)) > 8


async def keys_are_added_and_retired(store: SigningStore) -> None:
    """A key that is added comes last and can replace the others; what lasts of the installation stays."""
    before = await store.signing_keys()
    assert await _code(store.retire_signing_keys()) == "not_found"
    added = await store.add_signing_key(SIGNS)
    assert (await store.signing_keys()).keys == (*before.keys, added)
    assert added.secret != before.keys[0].secret
    assert await store.retire_signing_keys() == 1
    after = await store.signing_keys()
    assert after == SigningKeys(before.name, before.lasting, (added,))


async def keys_are_bounded(store: SigningStore) -> None:
    """There are at most MAX_KEYS keys, in the order of the times from which they sign, and each has an id of its own."""
    added = [await store.add_signing_key(SIGNS) for _ in range(MAX_KEYS - 1)]
    assert await _code(store.add_signing_key()) == "too_many"
    keys = (await store.signing_keys()).keys
    assert list(keys[1:]) == added
    assert len({key.id for key in keys}) == MAX_KEYS
    assert await store.retire_signing_keys() == MAX_KEYS - 1


async def keys_stay(make: Make[SigningStore]) -> None:
    """Keys are the same after reopening; a new one signs after LEAD_MS, and until then the one before is not retired."""
    async with make() as store:
        before = await store.signing_keys()
        late = await store.add_signing_key()
        sooner = await store.add_signing_key(SIGNS)  # not before the one that was added before
        assert late.from_ms < sooner.from_ms
    async with make() as store:
        assert await store.signing_keys() == SigningKeys(before.name, before.lasting, (*before.keys, late, sooner))
        assert late.from_ms - before.keys[-1].from_ms > LEAD_MS
        assert await _code(store.retire_signing_keys()) == "conflict"


async def _code(call: Awaitable[object]) -> str:
    try:
        await call
    except Refused as refused:
        return refused.code
    return ""
