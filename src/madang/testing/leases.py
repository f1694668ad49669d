"""`check_leases`: the promises of `ports.leases`."""

import asyncio
import time

from madang.core.ids import NODES
from madang.errors import SetupError
from madang.ports.leases import Lease, Leases
from madang.testing.rules import Make, run_rules

TTL_MS = 30_000


async def check_leases(make: Make[Leases]) -> None:
    """Check that leases keep their contract. Others may be held, as long as none is acquired or released meanwhile."""
    await run_rules(make, LEASE_RULES)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _inherit(leases: Leases, node: int, now_ms: int) -> Lease:
    """Acquire numbers until one is `node`, which must be free; release the others."""
    taken: list[Lease] = []
    while not taken or taken[-1].node != node:
        taken.append(await leases.acquire("heir", now_ms, TTL_MS))
    for other in taken[:-1]:
        await leases.release(other, now_ms)
    return taken[-1]


async def numbers_are_held_once(leases: Leases) -> None:
    """Concurrent holders get different numbers; the lowest that is released is the next to be leased."""
    now = _now_ms()
    held = await asyncio.gather(*(leases.acquire(f"n{n}", now, TTL_MS) for n in range(8)))
    nodes = sorted(lease.node for lease in held)
    assert len(set(nodes)) == 8
    assert all(0 <= node < NODES for node in nodes)
    for lease in held:
        if lease.node in nodes[2:4]:
            await leases.release(lease, now)
    again = await leases.acquire("again", now, TTL_MS)
    assert again.node == nodes[2]
    for lease in [again, *held]:
        await leases.release(lease, now)


async def a_released_number_starts_above_what_was_used(leases: Leases) -> None:
    """After a release, the next holder's floor is at or above the newest id's time, and their fence is higher."""
    now = _now_ms()
    lease = await leases.acquire("first", now, TTL_MS)
    used = max(now, lease.floor_ms) + 5_000
    await leases.release(lease, used)
    assert not await leases.renew(lease, now, TTL_MS, used), "a released number is lost"
    after = await leases.acquire("second", now, TTL_MS)
    assert after.node == lease.node
    assert after.fence > lease.fence
    assert after.floor_ms >= used
    await leases.release(lease, used + 10**9)
    assert await leases.renew(after, now, TTL_MS, used), "releasing a lost lease must not end the next one"
    await leases.release(after, 0)
    third = await leases.acquire("third", now, TTL_MS)
    assert used <= third.floor_ms < used + 10**9, "the floor fell, or a lost lease moved it"
    await leases.release(third, 0)


async def holders_are_named_until_they_expire(leases: Leases) -> None:
    """A holder is named until the number is released, or has not been renewed for the TTL."""
    now = _now_ms()
    lease, other = await leases.acquire("ara", now, TTL_MS), await leases.acquire("bora", now, TTL_MS)
    assert {"ara", "bora"} <= set(await leases.holders(now + TTL_MS - 1))
    await leases.release(other, now)
    named = await leases.holders(now)
    assert "ara" in named and "bora" not in named
    assert "ara" not in await leases.holders(now + TTL_MS)
    await leases.release(lease, now)


async def an_expired_number_goes_to_another(leases: Leases) -> None:
    """A number that is not renewed is leased again after the TTL, above all that its holder may have used, who learns it."""
    now = _now_ms()
    lease = await leases.acquire("dies", now, TTL_MS)
    early = await leases.acquire("early", now + TTL_MS - 1, TTL_MS)
    assert early.node != lease.node
    await leases.release(early, now)
    late = now + TTL_MS
    heir = await _inherit(leases, lease.node, late)
    assert heir.fence > lease.fence
    assert heir.floor_ms >= lease.until_ms >= late, "the dead holder may have used ids up to its last moment"
    assert not await leases.renew(lease, late, TTL_MS, late), "a holder who has lost the number must learn it"
    assert await leases.renew(heir, late, TTL_MS, heir.floor_ms)
    await leases.release(heir, late)


async def a_renewed_number_is_kept(leases: Leases) -> None:
    """A renewed lease outlives its first TTL and never covers less; if its holder dies then, the heir starts above that."""
    now = _now_ms()
    lease = await leases.acquire("stays", now, TTL_MS)
    assert lease.until_ms >= now + TTL_MS - 1, "the ids of the first TTL are covered"
    for _ in range(3):
        now += TTL_MS - 1
        lease = await _renewed(leases, lease, now, now + 7)  # ids may run ahead of the clock
    other = await leases.acquire("other", now + TTL_MS - 1, TTL_MS)
    assert other.node != lease.node
    await leases.release(other, now)
    now += TTL_MS - 1
    lease = await _renewed(leases, lease, now, now - 20_000)  # at rest the newest id is old: the clock counts
    now -= 10_000
    lease = await _renewed(leases, lease, now, 0)  # a clock that stepped back
    now += TTL_MS
    heir = await _inherit(leases, lease.node, now)
    assert heir.floor_ms >= max(now, lease.until_ms)
    await leases.release(heir, now)


async def _renewed(leases: Leases, lease: Lease, now_ms: int, used_ms: int) -> Lease:
    renewed = await leases.renew(lease, now_ms, TTL_MS, used_ms)
    assert renewed is not None
    assert (renewed.node, renewed.fence, renewed.floor_ms) == (lease.node, lease.fence, lease.floor_ms)
    assert renewed.until_ms >= max(now_ms, used_ms, lease.until_ms - TTL_MS) + TTL_MS
    return renewed


async def there_are_1024_numbers(leases: Leases) -> None:
    """When all numbers are held, the next one is told so (SetupError)."""
    now = _now_ms() + 10 * TTL_MS
    held: list[Lease] = []
    try:
        while len(held) <= NODES:
            held.append(await leases.acquire("many", now, TTL_MS))
    except SetupError:
        pass
    finally:
        for lease in held:
            await leases.release(lease, 0)
    assert len(held) <= NODES, "more numbers were given out than there are"


LEASE_RULES = [
    numbers_are_held_once,
    holders_are_named_until_they_expire,
    a_released_number_starts_above_what_was_used,
    an_expired_number_goes_to_another,
    a_renewed_number_is_kept,
    there_are_1024_numbers,
]
