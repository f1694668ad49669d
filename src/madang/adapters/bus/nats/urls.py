"""What a URL of NATS names.

    nats://[user:password@ or token@]host[:port][,host[:port]…][?credentials=FILE or nkey=FILE]
    nats+tls://…[?ca=FILE], also written tls://…

Any servers of a cluster; the others are found. Credentials are the file that `nsc` writes, an nkey the file with its seed.
"""

import ssl
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from nats.aio.client import RawCredentials

from madang.adapters.urls import Options, options, readable_file, servers, text_of_file, tls
from madang.errors import SetupError

PORTS: Final = dict.fromkeys(("nats", "nats+tls", "tls"), 4222)
EXAMPLE: Final = "Write nats://host:4222, nats://user:password@host:4222,host:4222 or nats+tls://…"
_KNOWN: Final[Options] = {"credentials": text_of_file, "nkey": text_of_file}
_KNOWN_TLS: Final[Options] = {**_KNOWN, "ca": readable_file}


class Target(NamedTuple):
    """What a URL names.

    Attributes:
        places: "host:port" of each server named.
        keys: what lets us in, as options of the client.
        secure: how TLS is spoken; None for not at all, unless the server asks for it.
    """

    places: list[str]
    keys: dict[str, Any]
    secure: ssl.SSLContext | None


def target(url: str) -> Target:
    """Parse a URL.

    Raises:
        SetupError: it is not a URL of NATS.
    """
    parts, credentials, places, given = servers(url, PORTS, "NATS", EXAMPLE)
    if parts.path.strip("/") or parts.fragment:
        raise SetupError("The bus setting names a path, and NATS has none.", EXAMPLE)
    is_secure = parts.scheme != "nats"
    found = options(given, _KNOWN_TLS if is_secure else _KNOWN, "bus", "NATS")
    ways = [bool(credentials), "credentials" in found, "nkey" in found]
    if sum(ways) > 1:
        raise SetupError("The bus setting says in more than one way who we are.", "Keep one of them.")
    secure = tls(verify=True, host=True, authorities=found.get("ca")) if is_secure else None
    return Target(places, _keys(credentials, found), secure)


def _keys(credentials: str, found: dict[str, Any]) -> dict[str, Any]:
    if "credentials" in found:
        return {"user_credentials": RawCredentials(found["credentials"])}
    if "nkey" in found:
        return {"nkeys_seed_str": found["nkey"].strip()}
    user, colon, password = credentials.partition(":")
    if colon:
        return {"user": unquote(user), "password": unquote(password)}
    return {"token": unquote(user)} if user else {}
