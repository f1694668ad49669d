"""Node numbers: `ports.leases` over one connection.

`floor_ms` of a row is what the next holder must stay above. While a lease runs it is ahead of the ids in use, by as much
as they may advance before the next renewal; a release lowers it to what was used.
A holder is stored with the schema that its code knows and the settings that all must have in common, as "name schema common".

Leases expire by the database's clock: a node whose own clock is wrong neither takes the number of a running one nor loses its own.
"""

from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from madang.adapters.sql import dialects, installation, migrations
from madang.adapters.sql.dialects import LEASING, insert_new, serialise
from madang.adapters.sql.tables import leases
from madang.core.ids import EPOCH_MS, NODES
from madang.errors import SetupError
from madang.ports.leases import Lease, covered


class Held(NamedTuple):
    """A number that a node holds; `schema` is the one its code knows, "" if it did not say."""

    node: int
    holder: str
    schema: str
    common: str


def acquire(c: Connection, holder: str, now_ms: int, ttl_ms: int, common: str = "") -> Lease:
    """See `Leases.acquire`. Raises SetupError for an incomplete database, or one that this version may not use."""
    serialise(c, LEASING)
    installation.check_version(c, migrations.NEWEST)
    installation.check_complete(c)
    if other := next((one for one in held(c) if common and one.common not in ("", common)), None):
        raise SetupError(
            f"This node's bus is {common}, that of {other.holder} is {other.common}: they would not hear each other.",
            "Set MADANG_BUS and MADANG_BUS_CHANNELS to the same on every node; one that was killed counts for half a minute more.",
        )
    clock_ms = dialects.clock_ms(c)
    expiries = dict(c.execute(select(leases.c.node, leases.c.expires_ms)).all())
    node = next((n for n in range(NODES) if expiries.get(n, 0) <= clock_ms), None)
    if node is None:
        raise SetupError(
            f"All {NODES} node numbers are in use.",
            f"Stop some nodes, or wait {ttl_ms // 1000} s for the numbers of nodes that died.",
        )
    former = c.execute(select(leases.c.fence, leases.c.floor_ms).where(leases.c.node == node)).one_or_none()
    fence, floor_ms = (former.fence + 1, former.floor_ms) if former else (1, EPOCH_MS)
    until_ms = covered(floor_ms, now_ms, ttl_ms)
    who = f"{holder} {migrations.NEWEST} {common}".rstrip()
    kept = {"holder": who, "fence": fence, "expires_ms": clock_ms + ttl_ms, "floor_ms": until_ms}
    if not insert_new(c, leases, {"node": node, **kept}):
        c.execute(update(leases).where(leases.c.node == node).values(kept))
    return Lease(node, fence, floor_ms, until_ms)


def renew(c: Connection, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
    """See `Leases.renew`. An expired number that nobody acquired meanwhile is still the holder's."""
    own = update(leases).where(leases.c.node == lease.node, leases.c.fence == lease.fence)
    until_ms = max(covered(lease.floor_ms, now_ms, ttl_ms, used_ms), lease.until_ms)
    kept = c.execute(own.values(expires_ms=dialects.clock_ms(c) + ttl_ms, floor_ms=until_ms)).rowcount == 1
    return msgspec.structs.replace(lease, until_ms=until_ms) if kept else None


def release(c: Connection, lease: Lease, used_ms: int) -> None:
    """See `Leases.release`. The fence is raised, so that a late renewal finds that the number is lost."""
    own = update(leases).where(leases.c.node == lease.node, leases.c.fence == lease.fence)
    c.execute(own.values(holder="", fence=lease.fence + 1, expires_ms=0, floor_ms=max(used_ms, lease.floor_ms)))


def holders(c: Connection) -> list[str]:
    """See `Leases.holders`."""
    return [lease.holder for lease in held(c)]


def held(c: Connection) -> list[Held]:
    """Return the numbers that nodes hold now. Call `serialise(c, LEASING)` first to keep others from acquiring one."""
    now_ms = dialects.clock_ms(c)
    wanted = select(leases.c.node, leases.c.holder).where(leases.c.expires_ms > now_ms).order_by(leases.c.node)
    return [Held(node, *[*holder.split(" "), "", ""][:3]) for node, holder in c.execute(wanted)]
