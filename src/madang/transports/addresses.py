"""A client's address: the peer's, or what the peer says if it is a trusted proxy. The same for every door."""

from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

LONGEST: Final = 64  # characters of what a proxy says that is not an address: it becomes a key
REMEMBERED: Final = 1024  # addresses of which it is known whether they are a proxy's: each connection asks three times
NETWORK: Final = 64  # bits of an IPv6 address that tell customers apart: each has all addresses that begin with them


class Proxies(Container[str]):
    """The trusted proxies, by address or network. Raises ValueError for what is neither."""

    def __init__(self, listed: Iterable[str]) -> None:
        self._networks = tuple(ip_network(each, strict=False) for each in listed)
        self._remembered = lru_cache(REMEMBERED)(self._look)

    def __contains__(self, address: object) -> bool:
        return self._remembered(str(address))

    def _look(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)


def client_address(peer: Any, forwarded: Sequence[str], trusted: Container[str]) -> str:
    """Return the address to count limits by: an IPv4 address, or an IPv6 network.

    Args:
        peer: the socket's peer name; its first part is the address.
        forwarded: values of X-Forwarded-For. Read from the right: the first address that is not a trusted proxy's is the
            client's, because the client could have written everything to the left of it.
        trusted: the proxies.
    """
    address = peer_address(peer)
    if address in trusted:
        hops = [hop.strip() for value in forwarded for hop in value.split(",") if hop.strip()]
        for hop in reversed(hops):
            address = _plain(hop)
            if address not in trusted:
                break
    return _network(address)


def peer_address(peer: Any) -> str:
    """Return the address of a socket's peer, "local" for one without: IPv4 written as IPv6 as IPv4."""
    return _plain(str(peer[0])) if isinstance(peer, tuple | list) and peer else "local"


def _network(address: str) -> str:
    """Return what an address is counted as: an IPv6 address as its network."""
    if ":" not in address:
        return address
    try:
        packed = int(IPv6Address(address)) >> NETWORK << NETWORK
    except ValueError:
        return address
    return f"{IPv6Address(packed)}/{NETWORK}"


def _plain(hop: str) -> str:
    """Return an address without port, brackets or zone, and IPv4 written as IPv6 as IPv4."""
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
