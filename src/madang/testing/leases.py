"""`check_leases`: the promises of `ports.leases`."""

import asyncio
import time

from madang.core.ids import NODES
from madang.errors import SetupError
from madang.ports.leases import Lease, Leases
from madang.testing.rules import Make, run_rules

TTL_MS = 30_000
HOUR_MS = 3_600_000


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


async def _run_out(leases: Leases, lease: Lease, now_ms: int) -> Lease:
    """Let a lease expire now, and return what it was in the end."""
    ended = await leases.renew(lease, now_ms, 0, 0)
    assert ended is not None
    return ended


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
    assert {"ara", "bora"} <= set(await leases.holders())
    await leases.release(other, now)
    named = await leases.holders()
    assert "ara" in named and "bora" not in named
    await _run_out(leases, lease, now)
    assert "ara" not in await leases.holders()
    await leases.release(lease, now)


async def an_expired_number_goes_to_another(leases: Leases) -> None:
    """A number that is not renewed is leased again after the TTL, above all that its holder may have used, who learns it."""
    now = _now_ms()
    lease = await leases.acquire("dies", now, TTL_MS)
    early = await leases.acquire("early", now, TTL_MS)
    assert early.node != lease.node
    await leases.release(early, now)
    await _run_out(leases, lease, now)
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
    other = await leases.acquire("other", now, TTL_MS)
    assert other.node != lease.node
    await leases.release(other, now)
    now += TTL_MS - 1
    lease = await _renewed(leases, lease, now, now - 20_000)  # at rest the newest id is old: the clock counts
    now -= 10_000
    lease = await _renewed(leases, lease, now, 0)  # a clock that stepped back
    ended = await _run_out(leases, lease, now)
    heir = await _inherit(leases, lease.node, now)
    assert heir.floor_ms >= max(now, ended.until_ms)
    await leases.release(heir, now)


async def _renewed(leases: Leases, lease: Lease, now_ms: int, used_ms: int) -> Lease:
    renewed = await leases.renew(lease, now_ms, TTL_MS, used_ms)
    assert renewed is not None
    assert (renewed.node, renewed.fence, renewed.floor_ms) == (lease.node, lease.fence, lease.floor_ms)
    assert renewed.until_ms >= max(now_ms, used_ms, lease.until_ms - TTL_MS) + TTL_MS
    return renewed


async def a_wrong_clock_takes_and_loses_nothing(leases: Leases) -> None:
    """A node whose clock is an hour ahead or behind does not take a number that is held, and keeps its own."""
    now = _now_ms()
    right = await leases.acquire("right", now, TTL_MS)
    ahead = await leases.acquire("ahead", now + HOUR_MS, TTL_MS)
    behind = await leases.acquire("behind", now - HOUR_MS, TTL_MS)
    assert len({right.node, ahead.node, behind.node}) == 3, "a held number was given away"
    assert ahead.until_ms >= now + HOUR_MS + TTL_MS, "a lease covers ids by its holder's clock"
    assert await leases.renew(behind, now - HOUR_MS, TTL_MS, 0)
    later = await leases.acquire("later", now, TTL_MS)
    assert later.node not in (right.node, ahead.node, behind.node)
    assert {"right", "ahead", "behind", "later"} <= set(await leases.holders())
    for lease in (right, ahead, behind, later):
        await leases.release(lease, 0)


async def holders_agree_on_what_is_common(leases: Leases) -> None:
    """A holder who states other settings than one who holds a lease is refused (SetupError); who states none is not."""
    now = _now_ms()
    first = await leases.acquire("first", now, TTL_MS, "redis:all")
    same = await leases.acquire("same", now, TTL_MS, "redis:all")
    silent = await leases.acquire("silent", now, TTL_MS)
    try:
        other = await leases.acquire("other", now, TTL_MS, "redis:room")
    except SetupError:
        pass
    else:
        raise AssertionError(f"{other} was given to a node that the others would not hear")
    assert {"first", "same", "silent"} <= set(await leases.holders())
    for lease in (first, same, silent):
        await leases.release(lease, 0)
    await leases.release(await leases.acquire("other", now, TTL_MS, "redis:room"), 0)


async def there_are_1024_numbers(leases: Leases) -> None:
    """When all numbers are held, the next one is told so (SetupError)."""
    now = _now_ms()
    held: list[Lease] = []
    try:
        while len(held) <= NODES:
            held.append(await leases.acquire("many", now, HOUR_MS))  # so that none ends before all are taken
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
    a_wrong_clock_takes_and_loses_nothing,
    holders_agree_on_what_is_common,
    there_are_1024_numbers,
]
