"""What `madang doctor` looks at between nodes: the bus, and nodes that have none. Nothing is changed, and nobody hears of it."""

import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from madang.adapters.bus.options import BusOptions
from madang.adapters.catalogue import for_one_node, open_bus
from madang.cli.unsafe_settings import Finding
from madang.core.signing import lone_keyring
from madang.delivery.presence import TTL_S
from madang.errors import SetupError, Unreachable

if TYPE_CHECKING:
    from madang.config import Settings
    from madang.core.events import Event
    from madang.ports.bus import Signal


async def bus(settings: "Settings") -> list[Finding]:
    """Start the bus as a node does, in an installation of its own, and see that what is published comes back."""
    options = BusOptions(lone_keyring(secrets.token_bytes(32)), "doctor", TTL_S, settings.bus_channels)
    with _doubts() as doubts:
        try:
            async with open_bus(settings.bus, options, database=settings.database_url) as (bus, _):
                await bus.start(_Nobody())
                try:
                    carries = bus.local or await bus.probe()
                finally:
                    await bus.stop()
        except SetupError as error:
            return [unusable(error, settings)]
    if bus.local:
        return []
    where = urlsplit(settings.bus).netloc.rpartition("@")[2]
    if not carries:
        return [Finding("fail", f"What is published on the bus at {where} does not come back.", "Look at its log.")]
    return [
        *(Finding("warn", doubt, "docs/guides/fleet.md says how it should be.") for doubt in doubts),
        Finding("ok", f"The bus at {where} carries what is published."),
    ]


def unusable(error: SetupError, settings: "Settings") -> Finding:
    """Judge a database or a bus that cannot be used now."""
    waits = f" A node that starts waits for it, {settings.start_wait_s:.0f} s at most (start_wait_s)."
    return Finding("fail", error.problem, error.hint + (waits if isinstance(error, Unreachable) else ""))


def neighbours(settings: "Settings", nodes: Sequence[str], *, here: bool) -> list[Finding]:
    """Judge the nodes that use the database, of which one may be the server that runs `here`."""
    others = len(nodes) - here
    if others < 1 or settings.bus.partition(":")[0] != "memory" or for_one_node(settings.database_url):
        return []  # of SQLite a lock keeps others away: a lease there is of a server that died, or came along in a copy
    what = f"{others} other node{'s use' if others > 1 else ' uses'} this database, or did a moment ago, and no bus is set."
    return [Finding("warn", what, "Set MADANG_BUS to the same on every node, or they hear each other seconds late.")]


class _Nobody:
    """A receiver that takes everything and does nothing."""

    def receive(self, events: "Sequence[Event]") -> None:
        """Pass over."""

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        """Pass over."""

    def signal(self, signal: "Signal") -> None:
        """Pass over."""

    def check_soon(self) -> None:
        """Pass over."""


@contextmanager
def _doubts() -> Iterator[list[str]]:
    """Collect what a node would warn of."""
    said: list[str] = []
    collecting = logging.Handler(logging.WARNING)
    collecting.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("madang")
    logger.addHandler(collecting)
    try:
        yield said
    finally:
        logger.removeHandler(collecting)
