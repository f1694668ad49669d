"""What a URL of RabbitMQ names.

    amqp://[user:password@]host[:port][,host[:port]…][/virtual-host]
    amqps://…[?ca=FILE]

Any nodes of a cluster. Without user and password it is guest, whom RabbitMQ lets in from its own machine only.
"""

import ssl
from typing import Final, NamedTuple

from madang.adapters.urls import Options, options, readable_file, servers, tls
from madang.errors import SetupError

PORTS: Final = {"amqp": 5672, "amqps": 5671}
HEARTBEAT_S: Final = 10
EXAMPLE: Final = "Write amqp://user:password@host:5672, amqp://user:password@host,host/virtual-host or amqps://…"
_KNOWN: Final[dict[str, Options]] = {"amqp": {}, "amqps": {"ca": readable_file}}


class Target(NamedTuple):
    """What a URL names.

    Attributes:
        places: "host:port" of each node named.
        urls: of each of them alone, as the driver takes them.
        secure: how TLS is spoken, if it is.
    """

    places: list[str]
    urls: list[str]
    secure: ssl.SSLContext | None


def target(url: str) -> Target:
    """Parse a URL.

    Raises:
        SetupError: it is not a URL of RabbitMQ.
    """
    parts, credentials, places, given = servers(url, PORTS, "RabbitMQ", EXAMPLE)
    if parts.path.count("/") > 1 or parts.fragment:
        raise SetupError("The bus setting has a / too many.", "Write a / in the name of the virtual host as %2F.")
    found = options(given, _KNOWN[parts.scheme], "bus", "RabbitMQ")
    secure = tls(verify=True, host=True, authorities=found.get("ca")) if parts.scheme == "amqps" else None
    path = parts.path if parts.path.strip("/") else "/"
    user = credentials and f"{credentials}@"
    urls = [f"{parts.scheme}://{user}{place}{path}?heartbeat={HEARTBEAT_S}&name=madang" for place in places]
    return Target(places, urls, secure)
