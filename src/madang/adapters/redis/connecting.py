"""How a Redis server is reached by a URL: a single one, or the primary that Sentinels name.

redis://[user:password@]host[:port], rediss:// the same over TLS, redis+sentinel://[user:password@]host:port,host:port/service.
"""

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from madang.errors import SetupError

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0
"""A server that says nothing for so long counts as gone."""
OLDEST: Final = (6, 2)
TROUBLE: Final = (RedisError, OSError, TimeoutError, RuntimeError)
"""What an unreachable server raises. The last is uvloop's word for a connection that was reset a moment ago."""
EXAMPLES: Final = "Write redis://host:6379, or redis+sentinel://host:26379,host:26379/service."
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


def client(url: str) -> Redis:
    """Make a client; nothing is connected yet.

    Raises:
        SetupError: no such URL.
    """
    parts = urlsplit(url)
    try:
        if parts.scheme in ("redis", "rediss") and parts.hostname:
            return Redis.from_url(url, **_OPTIONS)
        if parts.scheme == "redis+sentinel":
            return _sentinel(url)
    except ValueError:
        pass
    raise SetupError("The bus setting is no URL of a Redis server.", EXAMPLES)


def _sentinel(url: str) -> Redis:
    parts = urlsplit(url)
    credentials, _, places = parts.netloc.rpartition("@")
    service = parts.path.strip("/")
    sentinels = []
    for place in places.split(","):
        host, _, port = place.rpartition(":")
        sentinels.append((host, int(port)))
    if not service:
        raise ValueError
    user, _, password = (unquote(part) for part in credentials.partition(":"))
    keys = {"username": user or None, "password": password or None} if credentials else {}
    quick = {name: _OPTIONS[name] for name in ("socket_connect_timeout", "socket_timeout")}
    primary: Redis = Sentinel(  # type: ignore[no-untyped-call]
        sentinels,
        sentinel_kwargs=quick,
        **_OPTIONS,
        **keys,
    ).master_for(service)
    return primary


async def check(redis: Redis, where: str) -> None:
    """See that a server answers, and is one that can be used.

    Raises:
        SetupError: it is not, in one sentence.
    """
    try:
        info = await redis.info("server")
    except (AuthenticationError, NoPermissionError) as error:
        raise SetupError(f"Redis at {where} does not let us in ({error}).", "Correct user and password.") from error
    except ResponseError as error:
        raise SetupError(
            f"Redis at {where} refuses ({error}).", "Correct user and password, or its settings."
        ) from error
    except TROUBLE as error:
        raise SetupError(
            f"Redis at {where} does not answer ({error}).", "Check MADANG_BUS, and that it runs."
        ) from error
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise SetupError(f"Redis at {where} is too old ({version}).", "Madang needs Redis 6.2, or Valkey.")


def place(url: str) -> str:
    """Give the host and port of a URL, for people. Never its password."""
    return urlsplit(url).netloc.rpartition("@")[2]
