"""Origins: what the database has in place of the address that a guest comes from, so that a ban holds more than a name.

An origin is a keyed hash of room and address. So the database says neither where guests are nor who is the same in two rooms, and
nobody without the installation's secret can try all addresses.
"""

import hashlib
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

_BYTES: Final = 16


def origin_of(secret: bytes) -> Callable[[str, str], str]:
    """Return the function from a room and an address, as limits count it, to its origin.

    It is empty for anything but an address, and for the machine's own: behind a proxy that is not listed as trusted, all
    guests come from there.
    """

    def origin(room: str, address: str) -> str:
        try:
            known = ip_address(address.partition("/")[0])
        except ValueError:
            return ""
        if known.is_loopback:
            return ""
        text = f"{room}/{address}".encode()
        return hashlib.blake2b(text, digest_size=_BYTES, key=secret[:64], person=b"madang-origin").hexdigest()

    return origin
