"""`check_tickets`: the promises of `ports.tickets`."""

import asyncio
import time
from typing import Final

from madang.ports.tickets import FORGOTTEN_MS, MOST, TicketStore
from madang.testing.rules import Make, named, new, run_rules

LONG_MS: Final = 1 << 50
"""An end that no clock reaches."""


async def check_tickets(make: Make[TicketStore]) -> None:
    """Check that a store keeps its contract; `make` opens it, new at first and then the same again."""
    await run_rules(make, [a_ticket_is_used_once, a_race_has_one_winner, what_is_long_over_is_forgotten])
    await named(tickets_stay_used, make)


async def a_ticket_is_used_once(store: TicketStore) -> None:
    """The first call has it, others do not; what else they name is theirs."""
    one, other = new("t"), new("t")
    assert await store.use_tickets([(one, LONG_MS)]) == {one}
    assert await store.use_tickets([(one, LONG_MS)]) == set()
    assert await store.use_tickets([(one, LONG_MS), (other, LONG_MS)]) == {other}
    assert await store.use_tickets([]) == set()


async def a_race_has_one_winner(store: TicketStore) -> None:
    """Of calls at the same time one has each ticket, in whatever order they name them."""
    ids = [new("t") for _ in range(MOST)]
    orders = [ids, ids[::-1], ids[MOST // 2 :] + ids[: MOST // 2]]
    found = await asyncio.gather(*(store.use_tickets([(id, LONG_MS) for id in order]) for order in orders))
    assert sorted(id for each in found for id in each) == sorted(ids)


async def what_is_long_over_is_forgotten(store: TicketStore) -> None:
    """A ticket that ended FORGOTTEN_MS ago is gone with a later call; one that has just ended is not."""
    now_ms = time.time_ns() // 1_000_000
    over, late = new("t"), new("t")
    await store.use_tickets([(over, 1), (late, now_ms - FORGOTTEN_MS // 2)])
    await store.use_tickets([(new("t"), LONG_MS)])
    assert await store.use_tickets([(over, 1), (late, LONG_MS)]) == {over}


async def tickets_stay_used(make: Make[TicketStore]) -> None:
    """A ticket that was used is used after reopening, too."""
    id = new("t")
    async with make() as store:
        await store.use_tickets([(id, LONG_MS)])
    async with make() as store:
        assert await store.use_tickets([(id, LONG_MS)]) == set()
