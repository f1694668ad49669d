"""Node numbers: `ports.leases` over one connection.

`floor_ms` of a row is what the next holder must stay above. While a lease runs it lies ahead of the ids in use, by as
much as they may advance before the next renewal; a release lowers it to what was really used.
"""

import msgspec
from sqlalchemy import Connection, select, update

from madang.adapters.sql.dialects import LEASING, insert_new, serialise
from madang.adapters.sql.tables import leases
from madang.core.ids import EPOCH_MS, NODES
from madang.errors import SetupError
from madang.ports.leases import Lease, covered


def acquire(c: Connection, holder: str, now_ms: int, ttl_ms: int) -> Lease:
    """See `Leases.acquire`."""
    serialise(c, LEASING)
    expiries = dict(c.execute(select(leases.c.node, leases.c.expires_ms)).all())
    node = next((n for n in range(NODES) if expiries.get(n, 0) <= now_ms), None)
    if node is None:
        raise SetupError(
            f"All {NODES} node numbers are in use.",
            f"Stop some nodes, or wait {ttl_ms // 1000} s for the numbers of nodes that have died.",
        )
    former = c.execute(select(leases.c.fence, leases.c.floor_ms).where(leases.c.node == node)).one_or_none()
    fence, floor_ms = (former.fence + 1, former.floor_ms) if former else (1, EPOCH_MS)
    until_ms = covered(floor_ms, now_ms, ttl_ms)
    kept = {"holder": holder, "fence": fence, "expires_ms": now_ms + ttl_ms, "floor_ms": until_ms}
    if not insert_new(c, leases, {"node": node, **kept}):
        c.execute(update(leases).where(leases.c.node == node).values(kept))
    return Lease(node, fence, floor_ms, until_ms)


def renew(c: Connection, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
    """See `Leases.renew`. An expired number that nobody took meanwhile is still the holder's."""
    own = update(leases).where(leases.c.node == lease.node, leases.c.fence == lease.fence)
    until_ms = max(covered(lease.floor_ms, now_ms, ttl_ms, used_ms), lease.until_ms)
    kept = c.execute(own.values(expires_ms=now_ms + ttl_ms, floor_ms=until_ms)).rowcount == 1
    return msgspec.structs.replace(lease, until_ms=until_ms) if kept else None


def release(c: Connection, lease: Lease, used_ms: int) -> None:
    """See `Leases.release`. The fence moves on, so that a renewal that comes late is told that the number is lost."""
    own = update(leases).where(leases.c.node == lease.node, leases.c.fence == lease.fence)
    c.execute(own.values(holder="", fence=lease.fence + 1, expires_ms=0, floor_ms=max(used_ms, lease.floor_ms)))


def holders(c: Connection, now_ms: int) -> list[str]:
    """See `Leases.holders`."""
    return list(c.scalars(select(leases.c.holder).where(leases.c.expires_ms > now_ms).order_by(leases.c.node)))
