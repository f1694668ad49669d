"""A client's address: the peer's, unless the peer is a proxy one has listed; then what that proxy says."""

from collections.abc import Sequence
from typing import Any


def client_address(peer: Any, forwarded: Sequence[str], trusted: frozenset[str]) -> str:
    """Give the address to count limits by.

    Args:
        peer: the socket's peer name; its first part is the address.
        forwarded: values of X-Forwarded-For. Read from the right: the first address that no trusted proxy has is the
            client's, because what stands left of it the client could have written itself.
        trusted: addresses of proxies.
    """
    address = str(peer[0]) if isinstance(peer, tuple | list) and peer else "local"
    if address not in trusted:
        return address
    hops = [hop.strip() for value in forwarded for hop in value.split(",") if hop.strip()]
    for hop in reversed(hops):
        address = hop
        if hop not in trusted:
            break
    return address
