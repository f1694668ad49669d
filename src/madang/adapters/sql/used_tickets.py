"""Connection tickets that were used: `ports.tickets` over one connection."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from madang.adapters.sql.dialects import clock_ms, insert_new
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.tables import used_tickets
from madang.ports.tickets import FORGOTTEN_MS

FORGOTTEN: Final = 500
"""Tickets forgotten at a time: more than can be used in one call."""


_FORGET: Final = delete(used_tickets).where(used_tickets.c.id.in_(bindparam("ids", expanding=True)))


def use(c: Connection, tickets: Sequence[tuple[str, int]]) -> set[str]:
    """See `TicketStore.use_tickets`. In the order of the key, so that two nodes cannot deadlock."""
    new = {id for id, until_ms in sorted(tickets) if insert_new(c, used_tickets, {"id": id, "until_ms": until_ms})}
    if new:
        over = select(used_tickets.c.id).where(used_tickets.c.until_ms < clock_ms(c) - FORGOTTEN_MS)
        gone = c.execute(over.order_by(used_tickets.c.until_ms).limit(FORGOTTEN)).scalars().all()
        if gone:
            c.execute(_FORGET, {"ids": padded(sorted(gone))})
    return new
