"""A client's address: the peer's, unless the peer is a proxy one has listed; then what that proxy says."""

from collections.abc import Container, Iterable, Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

LONGEST: Final = 64  # of what a proxy says that is no address; it becomes a key
NETWORK: Final = 64  # bits of an IPv6 address that tell one customer from another: he has all that follow


class Proxies(Container[str]):
    """Those who have one of these addresses, or one of these networks'. Raises ValueError for what is neither."""

    def __init__(self, listed: Iterable[str]) -> None:
        self._networks = tuple(ip_network(each, strict=False) for each in listed)

    def __contains__(self, address: object) -> bool:
        try:
            found = ip_address(str(address))
        except ValueError:
            return False
        return any(found in network for network in self._networks)


def client_address(peer: Any, forwarded: Sequence[str], trusted: Container[str]) -> str:
    """Give the address to count limits by: an IPv4 address, or an IPv6 network.

    Args:
        peer: the socket's peer name; its first part is the address.
        forwarded: values of X-Forwarded-For. Read from the right: the first address that no trusted proxy has is the
            client's, because what stands left of it the client could have written itself.
        trusted: the proxies.
    """
    address = _plain(str(peer[0])) if isinstance(peer, tuple | list) and peer else "local"
    if address in trusted:
        hops = [hop.strip() for value in forwarded for hop in value.split(",") if hop.strip()]
        for hop in reversed(hops):
            address = _plain(hop)
            if address not in trusted:
                break
    return network(address)


def network(address: str) -> str:
    """Give what an address is counted as: an IPv6 address as its network."""
    if ":" not in address:
        return address
    try:
        packed = int(IPv6Address(address)) >> NETWORK << NETWORK
    except ValueError:
        return address
    return f"{IPv6Address(packed)}/{NETWORK}"


def _plain(hop: str) -> str:
    """Give an address without port, brackets or zone; IPv4 written as IPv6 as IPv4."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    hop = hop.partition("%")[0]
    if ":" not in hop:
        return hop[:LONGEST]
    try:
        address = ip_address(hop)
    except ValueError:
        return hop[:LONGEST]
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
