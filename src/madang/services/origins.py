"""Origins: what the database has in place of the address that a guest comes from, so that a ban holds more than a name.

An origin is a keyed hash of room and address. So the database says neither where guests are nor who is the same in two rooms, and
nobody without the installation's secret can try all addresses.
"""

import hashlib
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Final

_BYTES: Final = 16
_PRIVATE: Final = [
    ip_network(each)
    for each in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip


def origin_of(secret: bytes) -> Callable[[str, str], str]:
    """Return the function from a room and an address, as limits count it, to its origin.

    It is empty for anything but an address, and for private ones: that is likelier a proxy which nobody listed as trusted, from
    which all guests come, than a guest, and to ban all of them is worse than to let one come back.
    """

    def origin(room: str, address: str) -> str:
        try:
            known = ip_address(address.partition("/")[0])
        except ValueError:
            return ""
        if any(known in network for network in _PRIVATE):
            return ""
        text = f"{room}/{address}".encode()
        return hashlib.blake2b(text, digest_size=_BYTES, key=secret[:64], person=b"madang-origin").hexdigest()

    return origin
