"""The URL of a server, as people write it, and as a WebSocket needs it."""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def websocket_url(url: str) -> str:
    """Return the URL of a server's native protocol: http becomes ws, and no path becomes /ws.

    Raises:
        ValueError: it is not the URL of a server; the text says what one looks like.
    """
    wrong = ValueError(f"{url!r} is not the URL of a server: write ws://host:8400/ws, or wss:// behind TLS.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not host:
        raise wrong
    path = "/ws" if parts.path in ("", "/") else parts.path
    return SplitResult(scheme, parts.netloc, path, parts.query, "").geturl()


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine itself: no proxy is asked the way then."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
