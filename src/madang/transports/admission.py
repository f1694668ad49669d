"""Who may connect, and how many: asked by every door before it allocates anything for a client.

Doors read a client's address here, ask whether its origin may connect and whether there is room, and say when a
connection has begun and ended. How fast clients may connect is judged by services, as every rate is.
"""

import secrets
from collections.abc import Container, Sequence
from typing import Any

from madang.core import hosts as hosts_
from madang.core.metrics import Metric
from madang.errors import Limited
from madang.transports.addresses import client_address, peer_address
from madang.transports.connections import TOO_MANY
from madang.transports.limits import ArrivalLimits


class Admission:
    """The WebSockets of one node, and what is believed of those who connect.

    Args:
        limits: judges how fast clients connect.
        most: WebSockets accepted at most.
        most_per_address: the same, for one address.
        origins: what browsers may come from, besides the server's own origin, each in its one spelling; "*" for any.
        trusted_proxies: those whose X-Forwarded-For is believed.
    """

    def __init__(
        self,
        limits: ArrivalLimits,
        *,
        most: int,
        most_per_address: int,
        origins: frozenset[str] = frozenset(),
        trusted_proxies: Container[str] = frozenset(),
    ) -> None:
        self._limits = limits
        self._most = most
        self._most_per_address = most_per_address
        self._trusted_proxies = trusted_proxies
        self.origins = origins
        self.draining = False  # nobody may connect: the node is about to stop
        self.turned_away = 0
        self.open = 0
        self.open_by_address: dict[str, int] = {}

    def address(self, peer: Any, forwarded: Sequence[str]) -> str:
        """Return the address to count a client by.

        Args:
            peer: the socket's peer name.
            forwarded: values of X-Forwarded-For, believed where the peer is a trusted proxy.
        """
        return client_address(peer, forwarded, self._trusted_proxies)

    def trusts(self, peer: Any) -> bool:
        """Return whether a peer is a trusted proxy, and so speaks for others."""
        return peer_address(peer) in self._trusted_proxies

    def scheme(self, peer: Any, own: str, forwarded: str) -> str:
        """Return the scheme a client used: what a trusted proxy says in X-Forwarded-Proto, or `own`."""
        if forwarded in ("http", "https") and self.trusts(peer):
            return forwarded
        return own

    def origin_allowed(self, origins: Sequence[str], hosts: Sequence[str]) -> bool:
        """Return whether a page may connect. A client that is not a browser sends no Origin, and may.

        Args:
            origins: values of Origin.
            hosts: values of Host.
        """
        return not origins or (len(origins) == 1 and (_is_own(origins[0], hosts) or self.listed(origins[0])))

    def listed(self, origin: str) -> bool:
        """Return whether an origin is on the operator's list."""
        return "*" in self.origins or hosts_.origin(origin) in self.origins

    def judge(self, address: str, now: float) -> Limited | None:
        """Charge an address for an attempt to connect, and return what it is refused with, if it is.

        The waits are jittered, so that those who were cut off together do not all come back together.
        """
        turned_away = self._turned_away(address, now)
        if turned_away is not None:
            self.turned_away += 1
        return turned_away

    def _turned_away(self, address: str, now: float) -> Limited | None:
        if self.draining:
            return Limited("draining", 1000 + secrets.randbelow(3000))
        if self.open >= self._most or self.open_by_address.get(address, 0) >= self._most_per_address:
            return Limited("overloaded", 5000 + secrets.randbelow(10_000), TOO_MANY)
        try:
            self._limits.handshake(address, now)
        except Limited as error:
            return Limited(error.code, 1000 + error.retry_ms, "Too many connections in a short time.")
        return None

    def enter(self, address: str) -> None:
        """Count a WebSocket that has begun. Call `leave` when it has ended."""
        self.open += 1
        self.open_by_address[address] = self.open_by_address.get(address, 0) + 1

    def leave(self, address: str) -> None:
        """Count a WebSocket that has ended."""
        self.open -= 1
        self.open_by_address[address] -= 1
        if not self.open_by_address[address]:
            del self.open_by_address[address]

    def flooded(self, address: str, now: float) -> None:
        """Charge an address for a connection that was closed for flooding: otherwise coming back would be free."""
        self._limits.flooded(address, now)

    def metrics(self) -> Sequence[Metric]:
        """Return what is counted here."""
        return (
            Metric("gauge", "madang_sockets", "WebSockets open, with clients that poll, and streams.", self.open),
            Metric("gauge", "madang_sockets_limit", "WebSockets accepted at most.", self._most),
            Metric(
                "counter", "madang_turned_away", "Handshakes refused for load, to come back later.", self.turned_away
            ),
            Metric("gauge", "madang_draining", "1 while the node closes its sockets to stop.", self.draining),
        )


def _is_own(origin: str, hosts: Sequence[str]) -> bool:
    """Return whether a page came from where it connects to. Which scheme that was, only the first proxy knows."""
    own = hosts_.authority(hosts[0]) if len(hosts) == 1 else None
    if own is None:
        return False
    return hosts_.origin(origin) in (hosts_.spelt("http", own), hosts_.spelt("https", own))
