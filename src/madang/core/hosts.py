"""Hosts and origins in one spelling, so that they can be compared: what a browser sends and what an operator lists.

Host names are lower case and in punycode, addresses in their shortest form, and a port that its scheme implies is left out
(RFC 6454, 4; the URL standard of the WHATWG, 3.5). What no browser can send is None.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

import idna

PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ORIGIN: Final = re.compile(r"(https?)://([^/?#@\\\s]+)", re.IGNORECASE)
_PORT: Final = re.compile(r"[0-9]{1,5}")
LONGEST: Final = 253  # characters of a name


class Authority(NamedTuple):
    """A host and the port that is written behind it, if one is."""

    host: str
    port: int | None


def host(text: str) -> str | None:
    """Return a host's one spelling: a name, an IPv4 address, or an IPv6 address in brackets."""
    try:
        if text.startswith("["):
            return f"[{IPv6Address(text[1:-1])}]" if text.endswith("]") and "%" not in text else None
        if not text.isascii():
            text = idna.encode(text, uts46=True).decode("ascii")
    except (AddressValueError, idna.IDNAError):
        return None
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            return None
    if len(name) <= LONGEST and all(map(_LABEL.fullmatch, labels)):
        return name
    return None


def authority(text: str) -> Authority | None:
    """Return what a Host header says: a host, with a port or without."""
    begin, port = text, ""
    if not text.endswith("]"):
        name, colon, behind = text.rpartition(":")
        if colon:
            begin, port = name, behind
    found = host(begin)
    if found is None or (begin != text and not (_PORT.fullmatch(port) and int(port) <= 65_535)):
        return None
    return Authority(found, int(port) if port else None)


def origin(text: str) -> str | None:
    """Return the one spelling of an origin with the scheme http or https."""
    parts = _ORIGIN.fullmatch(text)
    found = authority(parts[2]) if parts else None
    if parts is None or found is None:
        return None
    return spelt(parts[1].lower(), found)


def spelt(scheme: str, found: Authority) -> str:
    """Return the origin of a host and port under a scheme."""
    port = "" if found.port in (None, PORTS[scheme]) else f":{found.port}"
    return f"{scheme}://{found.host}{port}"


def is_address(name: str) -> bool:
    """Return whether a host, in its one spelling, is an address."""
    return name.startswith("[") or bool(_NUMBER.fullmatch(name.rpartition(".")[2]))


def is_local(name: str) -> bool:
    """Return whether a name always means this machine (RFC 6761, 6.3)."""
    return name == "localhost" or name.endswith(".localhost")


def is_loopback(listening: str) -> bool:
    """Return whether only this machine can reach an address that is listened on."""
    try:
        return ip_address(listening).is_loopback
    except ValueError:
        return is_local(listening)
