"""What one listener asks of every request before anything is done for it: its place, its address, where it was sent to.

A gate holds for HTTP and for the handshakes of WebSockets alike. The rates are judged by services, as every rate is.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.types import ASGIApp

from madang.core.metrics import Metric
from madang.delivery.wheel import Wheel
from madang.errors import Limited, MadangError, Refused
from madang.transports.admission import Admission
from madang.transports.connections import TOO_MANY, Connections
from madang.transports.hosts import Hosts
from madang.transports.http.cors import Cors
from madang.transports.http.rate_headers import shown
from madang.transports.limits import ArrivalLimits
from madang.transports.shares import Shares

BACK_S: Final = 5  # after which who found no place may come back, and up to twice that
ADMIN: Final = "admin "  # put before an address, whose requests to the admin listener are counted apart
Headers = Sequence[tuple[bytes, bytes]]


class Gate:
    """The gate of one listener.

    Args:
        admission: reads addresses.
        connections: those of this listener.
        limits: charges addresses for requests.
        shares: in whose turns requests are read and begun.
        hosts: the names that requests may be sent to.
        serves: returns whether a request may carry a server key that holds: those are not charged.
        now: loop time.
        cors: speaks to pages of other origins, if any may ask here.
        whose: put before an address, where its requests are counted apart from those of the other listener.

    Attributes:
        refused: requests refused because of their address's rate.
    """

    def __init__(
        self,
        admission: Admission,
        connections: Connections,
        limits: ArrivalLimits,
        wheel: Wheel,
        shares: Shares,
        now: Callable[[], float],
        *,
        hosts: Hosts,
        serves: Callable[[str], bool] = lambda key: False,
        whose: str = "",
        cors: Cors | None = None,
    ) -> None:
        self.admission = admission
        self.connections = connections
        self.wheel = wheel
        self.shares = shares
        self.refused = 0
        self._limits = limits
        self.hosts = hosts
        self._serves = serves
        self._now = now
        self._whose = whose
        self._cors = cors

    def judge(self, address: str, headers: Headers, charged: bool) -> MadangError | None:
        """Return what a request is refused for, if it is.

        Args:
            charged: whether its address pays for it. One for a WebSocket is charged as a handshake, later.
        """
        if charged:
            try:
                self._limits.arrival(self._whose + address, self._now())
            except Limited as error:
                self.refused += 1
                return error
        for name, value in headers:
            if name == b"host" and not self.hosts.allows(value.decode("latin-1")):
                return Refused("wrong_host")
        return None

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return what serves an application, or a refusal in its place, to pages of other origins, too."""
        return app if self._cors is None else self._cors.around(app)

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        refused = Metric(
            "counter", "madang_requests_refused", "HTTP requests refused unread: rate_limited.", self.refused
        )
        return [*self.connections.metrics(), refused]

    def left(self, address: str) -> Mapping[str, str]:
        """Return the headers that say how many requests an address has left."""
        left = self._limits.arrivals_left(self._whose + address, self._now())
        return shown({"address": left} if left is not None else {})

    def turned_away(self) -> MadangError:
        """Return the answer to a request for which there is no place."""
        return Limited("overloaded", (BACK_S + secrets.randbelow(BACK_S)) * 1000, TOO_MANY)

    def is_served(self, headers: Headers) -> bool:
        """Return whether a request shows a server key that holds: such are trusted, and nothing is charged for them."""
        for name, value in headers:
            if name == b"authorization" and value[:10].lower() == b"bearer mk_":
                return self._serves(value[7:].decode("latin-1"))
        return False
