"""Clients from a URL: of a single server, of the primary that Sentinels name, or of a Cluster.

    redis://[user:password@]host[:port][/database]
    redis+sentinel://[user:password@]host:port,host:port/service    addresses of Sentinels
    redis+cluster://[user:password@]host:port,host:port             addresses of some members; the others are found

The same over TLS: rediss://, rediss+sentinel://, rediss+cluster://. User and password are those of the Redis servers.
What a server must be like to be used is checked in `inspection.py`.
"""

from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from madang.adapters.urls import Options, one_of, options, readable_file
from madang.errors import SetupError, plain_reason

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0
"""A server that is silent for this long counts as gone."""
UNREACHABLE: Final = (RedisError, OSError, TimeoutError, RuntimeError)
"""What an unreachable server raises. uvloop raises RuntimeError for a connection that was reset a moment ago."""
EXAMPLES: Final = (
    "Write redis://host:6379, redis+sentinel://host:26379,host:26379/service or redis+cluster://host:6379,host:6379."
)
# The bus retries by itself and tells the hub what it may have missed; a client that retries silently would hide that.
_OPTIONS: Final[dict[str, Any]] = {
    "socket_connect_timeout": CONNECT_S,
    "socket_timeout": ANSWER_S,
    "socket_keepalive": True,
    "retry": Retry(NoBackoff(), 0),
    "protocol": 2,
    "client_name": "madang",
    "driver_info": None,  # would read the package's files for every connection
}


_TLS: Final[Options] = {
    "ssl_cert_reqs": one_of("required", "none"),
    "ssl_ca_certs": readable_file,
}


class Target(NamedTuple):
    """What a URL names.

    Attributes:
        kind: "single", "sentinel" or "cluster".
        places: host and port of each server named.
        service: what the Sentinels call the primary.
        keys: user, password and TLS, as options of a connection.
    """

    kind: str
    places: list[tuple[str, int]]
    service: str
    keys: dict[str, Any]


def target(url: str, setting: str = "bus") -> Target:
    """Parse a URL.

    Args:
        setting: what it is the URL of.

    Raises:
        SetupError: it is not a URL of Redis.
    """
    try:
        parts = urlsplit(url)
        if parts.netloc.count("@") > 1:
            raise SetupError(
                f"The {setting} setting has an @ too many.", "Write an @ in a user's name or password as %40."
            )
        scheme, _, kind = parts.scheme.partition("+")
        credentials, _, netloc = parts.netloc.rpartition("@")
        user, _, password = (unquote(part) for part in credentials.partition(":"))
        keys: dict[str, Any] = {"username": user or None, "password": password or None} if credentials else {}
        if scheme == "rediss":
            keys["ssl"] = True
        given = {
            name: values[0] if len(values) == 1 else values
            for name, values in parse_qs(parts.query, keep_blank_values=True).items()
        }
        keys |= options(given, _TLS if scheme == "rediss" else {}, setting, "Redis")
        service = parts.path.strip("/")
        if scheme in ("redis", "rediss"):
            if not kind and parts.hostname and (service.isdecimal() or not service):
                return Target("single", [(parts.hostname, parts.port or 6379)], "", keys | {"db": int(service or 0)})
            if (kind == "sentinel" and service) or (kind == "cluster" and not service):
                return Target(kind, [_place(each) for each in netloc.split(",")], service, keys)
    except ValueError:
        pass
    raise SetupError(f"The {setting} setting is not a URL of a Redis server.", EXAMPLES)


def _place(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port is None:
        raise ValueError
    return parts.hostname, parts.port


def client(url: str) -> Redis:
    """Return a client of a single server, or of the primary that Sentinels name; nothing is connected yet.

    Raises:
        SetupError: it is not a URL of either.
    """
    named = target(url)
    if named.kind == "single":
        ((host, port),) = named.places
        return Redis(host=host, port=port, **_OPTIONS, **named.keys)
    tls = {name: value for name, value in named.keys.items() if name.startswith("ssl")}
    primary: Redis = Sentinel(  # type: ignore[no-untyped-call]
        named.places, sentinel_kwargs=_OPTIONS | tls, **_OPTIONS, **named.keys
    ).master_for(named.service)
    return primary


def member(named: Target, host: str, port: int) -> Redis:
    """Return a client of one member of a Cluster, which follows no redirects."""
    return Redis(host=host, port=port, **_OPTIONS, **named.keys)


async def close(client: Redis) -> None:
    """Close a client's connections, those to Sentinels too."""
    manager = getattr(client.connection_pool, "sentinel_manager", None)
    for each in (client, manager):
        with suppress(*UNREACHABLE):
            if each is not None:
                await each.aclose()


def place(url: str) -> str:
    """Return the hosts and ports of a URL, for people; never its password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def why_unreachable(error: BaseException) -> str:
    """Return the system's reason, where there is one; the library's own sentence repeats host and port."""
    cause = error.__cause__ or error.__context__
    return plain_reason(cause) if isinstance(cause, OSError) else str(error).rstrip(".") or "no answer"
