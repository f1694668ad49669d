"""The names under which this server is reached. A request that was sent to another one is refused (421).

A web page of another site can have its own name lead to an address of the visitor's network (DNS rebinding), and would be
the server's own origin under it. It cannot do that with an address or with a name that it does not own.
"""

from collections.abc import Iterable
from typing import Final

from madang.core import hosts

REMEMBERED: Final = 1_000  # Host headers that were judged; above that all are forgotten
ANY: Final = "*"


class Hosts:
    """Knows the names: addresses and loopback names, always; what is listened on; and what the operator lists.

    Args:
        named: host names, as an operator or the machine writes them; "*" for any.
    """

    def __init__(self, named: Iterable[str] = ()) -> None:
        listed = set(named)
        self._any = ANY in listed
        self._names = {name for each in listed if (name := hosts.host(each)) is not None}
        self._judged: dict[str, bool] = {}

    def __len__(self) -> int:
        """Count the headers that have been judged and are remembered."""
        return len(self._judged)

    def allows(self, header: str) -> bool:
        """Return whether a request with this Host is for this server. An empty one is: no browser sends it."""
        allowed = self._judged.get(header)
        if allowed is None:
            if len(self._judged) >= REMEMBERED:
                self._judged.clear()
            allowed = self._judged[header] = self._any or not header or self._allows(header)
        return allowed

    def _allows(self, header: str) -> bool:
        found = hosts.authority(header)
        if found is None:
            return False
        name = found.host
        return name in self._names or hosts.is_address(name) or hosts.is_local(name)
