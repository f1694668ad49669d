"""How Redis is reached by a URL: a single server, the primary that Sentinels name, or a Cluster.

    redis://[user:password@]host[:port][/database]
    redis+sentinel://[user:password@]host:port,host:port/service    the places are the Sentinels'
    redis+cluster://[user:password@]host:port,host:port             of some members; the others are found

The same over TLS: rediss://, rediss+sentinel://, rediss+cluster://. User and password are those of the Redis servers.
What a server must be like to be used is `inspection.py`.
"""

from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from madang.errors import SetupError

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0
"""A server that says nothing for so long counts as gone."""
TROUBLE: Final = (RedisError, OSError, TimeoutError, RuntimeError)
"""What an unreachable server raises. The last is uvloop's word for a connection that was reset a moment ago."""
EXAMPLES: Final = (
    "Write redis://host:6379, redis+sentinel://host:26379,host:26379/service or redis+cluster://host:6379,host:6379."
)
# The bus tries again by itself, and tells the hub what it may have lost; a client that does so silently hides that.
_OPTIONS: Final[dict[str, Any]] = {
    "socket_connect_timeout": CONNECT_S,
    "socket_timeout": ANSWER_S,
    "socket_keepalive": True,
    "retry": Retry(NoBackoff(), 0),
    "protocol": 2,
    "client_name": "madang",
    "driver_info": None,  # it would read the package's files at every connection
}


class Target(NamedTuple):
    """What a URL names.

    Attributes:
        kind: "single", "sentinel" or "cluster".
        places: host and port of each server that is named.
        service: what the Sentinels call the primary.
        keys: user, password and TLS, as options of a connection.
    """

    kind: str
    places: list[tuple[str, int]]
    service: str
    keys: dict[str, Any]


def target(url: str) -> Target:
    """Read a URL.

    Raises:
        SetupError: it is none of Redis.
    """
    try:
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.partition("+")
        credentials, _, netloc = parts.netloc.rpartition("@")
        user, _, password = (unquote(part) for part in credentials.partition(":"))
        keys: dict[str, Any] = {"username": user or None, "password": password or None} if credentials else {}
        if scheme == "rediss":
            keys["ssl"] = True
        service = parts.path.strip("/")
        if scheme in ("redis", "rediss"):
            if not kind and parts.hostname and (service.isdigit() or not service):
                return Target("single", [(parts.hostname, parts.port or 6379)], "", keys)
            if (kind == "sentinel" and service) or (kind == "cluster" and not service):
                return Target(kind, [_place(each) for each in netloc.split(",")], service, keys)
    except ValueError:
        pass
    raise SetupError("The bus setting is no URL of a Redis server.", EXAMPLES)


def _place(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port is None:
        raise ValueError
    return parts.hostname, parts.port


def client(url: str) -> Redis:
    """Make a client of a single server, or of the primary that Sentinels name; nothing is connected yet.

    Raises:
        SetupError: no such URL.
    """
    named = target(url)
    if named.kind == "single":
        try:
            return Redis.from_url(url, **_OPTIONS)
        except ValueError:  # a database that is no number, say
            raise SetupError("The bus setting is no URL of a Redis server.", EXAMPLES) from None
    tls = {name: value for name, value in named.keys.items() if name == "ssl"}
    primary: Redis = Sentinel(  # type: ignore[no-untyped-call]
        named.places, sentinel_kwargs=_OPTIONS | tls, **_OPTIONS, **named.keys
    ).master_for(named.service)
    return primary


def member(named: Target, host: str, port: int) -> Redis:
    """Make a client of one member of a Cluster, which it leads nowhere else."""
    return Redis(host=host, port=port, **_OPTIONS, **named.keys)


async def close(client: Redis) -> None:
    """Let go of a client's connections, to Sentinels too."""
    manager = getattr(client.connection_pool, "sentinel_manager", None)
    for each in (client, manager):
        with suppress(*TROUBLE):
            if each is not None:
                await each.aclose()


def place(url: str) -> str:
    """Give the hosts and ports of a URL, for people. Never its password."""
    return urlsplit(url).netloc.rpartition("@")[2]
