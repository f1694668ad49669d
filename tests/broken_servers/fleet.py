"""Protections of several nodes against what lies between them, each switched off."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from madang.adapters.sql import leases
from madang.adapters.sql.rows import Head, number
from madang.adapters.sql.server_engine import ServerEngine
from madang.core.events import Appended
from madang.core.ids import IdSource
from madang.delivery.hub import Hub
from madang.delivery.room import LiveRoom
from madang.errors import StorageFailed
from madang.ports.leases import Lease


def believes_the_bus() -> None:
    """The bus is taken for complete: nobody looks into the log for what it did not bring."""

    async def trusting(self: Hub, room: LiveRoom | None = None) -> None:
        pass

    Hub.check = Hub.catch_up = trusting  # type: ignore[method-assign]
    Hub.heads_seen = lambda self, heads: None  # type: ignore[method-assign]


def acks_unsure() -> None:
    """A commit that was not answered is taken for done."""
    append = ServerEngine.append

    async def hopeful(self: ServerEngine, drafts: Sequence[Any], ids: IdSource) -> Any:
        try:
            return await append(self, drafts, ids)
        except StorageFailed:
            return [Appended(number(draft, Head(), 0, ids, self._clock_ms())[0]) for draft in drafts]

    ServerEngine.append = hopeful  # type: ignore[method-assign]


def no_fence() -> None:
    """A number that another node has taken is prolonged."""

    def renew(c: Any, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        return plain(c, lease, now_ms, ttl_ms, used_ms) or lease

    plain = leases.renew
    leases.renew = renew


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    f.__name__.replace("_", "-"): f for f in (believes_the_bus, acks_unsure, no_fence)
}
