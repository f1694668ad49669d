"""Which adapter the scheme of a URL names. A new database or bus is a row here and a folder of its own, and nothing else.

Adapters are imported by their dotted path, and only when a URL asks for them: their drivers are extras of the package.
"""

import importlib
import importlib.util
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import ModuleType
from typing import Final, NamedTuple

from madang.adapters.bus.options import BusOptions
from madang.adapters.engine_inspection import Inspection
from madang.core.folding import VERSION
from madang.errors import SetupError
from madang.ports.bus import Bus
from madang.ports.emitted import Emitted
from madang.ports.presence import Presence
from madang.ports.search import SearchIndexes

Opened = AbstractAsyncContextManager[tuple[Bus, Presence]]


class Adapter(NamedTuple):
    """One row of the catalogue.

    Attributes:
        module: dotted path. A bus's module has `connect(url, options)`, see `open_bus`; a database's has
            `open_engine(url, clock_ms)` and `inspect(url)`, see `sql/open.py`.
        product: its name, for people.
        fleet: whether several nodes can use it together.
        channels: whether `bus_channels` matters to it.
        keeps_presence: whether a bus's `connect` opens presence, too; otherwise presence is in the database.
        driver: the package it needs; empty where Python brings it.
        extra: the extra of `madang` that installs the driver.
    """

    module: str
    product: str
    fleet: bool
    channels: bool = False
    keeps_presence: bool = True
    driver: str = ""
    extra: str = ""


_MYSQL: Final = Adapter("madang.adapters.sql.mysql", "MySQL", fleet=True, driver="asyncmy", extra="mysql")
DATABASES: Final = {
    "sqlite": Adapter("madang.adapters.sql.sqlite", "SQLite", fleet=False),
    "postgresql": Adapter(
        "madang.adapters.sql.postgresql", "PostgreSQL", fleet=True, driver="asyncpg", extra="postgres"
    ),
    "mysql": _MYSQL,
    "mariadb": _MYSQL._replace(product="MariaDB"),
}
"""By the scheme up to a "+": SQLAlchemy lets a driver follow there."""

_REDIS: Final = Adapter("madang.adapters.bus.redis", "Redis", fleet=True, channels=True, driver="redis", extra="redis")
_POSTGRESQL_BUS: Final = Adapter(
    "madang.adapters.bus.postgresql", "PostgreSQL", fleet=True, driver="asyncpg", extra="postgres"
)
_NATS: Final = Adapter(
    "madang.adapters.bus.nats", "NATS", fleet=True, channels=True, keeps_presence=False, driver="nats", extra="nats"
)
_RABBITMQ: Final = Adapter(
    "madang.adapters.bus.rabbitmq", "RabbitMQ", fleet=True, channels=True, keeps_presence=False, driver="aiormq",
    extra="rabbitmq",
)  # fmt: skip
BUSES: Final = {
    "memory": Adapter("madang.adapters.bus.memory", "The bus in memory", fleet=False),
    "redis": _REDIS,
    "rediss": _REDIS,
    "redis+sentinel": _REDIS,
    "rediss+sentinel": _REDIS,
    "redis+cluster": _REDIS,
    "rediss+cluster": _REDIS,
    "postgresql": _POSTGRESQL_BUS,
    "postgres": _POSTGRESQL_BUS,  # as many hosts write it
    "nats": _NATS,
    "nats+tls": _NATS,
    "tls": _NATS,  # as NATS's own tools write it
    "amqp": _RABBITMQ,
    "amqps": _RABBITMQ,
}

_ENGINE: Final = "madang.adapters.opensearch"
_OPENSEARCH: Final = Adapter(_ENGINE, "OpenSearch", fleet=True)
_ELASTICSEARCH: Final = Adapter(_ENGINE, "Elasticsearch", fleet=True)
ENGINES: Final = {
    "opensearch+http": _OPENSEARCH,
    "opensearch+https": _OPENSEARCH,
    "elasticsearch+http": _ELASTICSEARCH,
    "elasticsearch+https": _ELASTICSEARCH,
}
"""Search engines; other search indexes are the databases' own."""
_OWN_INDEX: Final = Adapter("madang.adapters.sql.search", "The database's own index", fleet=True)

_EMITTER: Final = Adapter("madang.adapters.bus.redis.emitted", "Redis", fleet=True, driver="redis", extra="redis")


def scheme(url: str) -> str:
    """Return the scheme of a URL."""
    return url.partition(":")[0]


def for_one_node(database: str) -> bool:
    """Return whether the database of a URL is one that several nodes cannot share."""
    found = DATABASES.get(scheme(database).partition("+")[0])
    return found is not None and not found.fleet


def load(adapter: Adapter, instead: str) -> ModuleType:
    """Import the module of an adapter.

    Raises:
        SetupError: its driver is not installed; the hint names `instead` as a URL that needs none.
    """
    if adapter.driver and importlib.util.find_spec(adapter.driver) is None:
        raise SetupError(
            f"{adapter.product} needs a driver that is not installed.",
            f"Install madang[{adapter.extra}], or use {instead}.",
        )
    return importlib.import_module(adapter.module)


def way_between_nodes(bus: str, channels: str) -> str:
    """Return what all nodes' buses must have in common to hear each other, in one word; "" for a bus of one node.

    Not the host: nodes may know one server by several names.
    """
    found = BUSES.get(scheme(bus))
    if found is None or not found.fleet:
        return ""
    product = found.product.lower() + ("-cluster" if scheme(bus).endswith("+cluster") else "")
    return f"{product}:{channels}" if found.channels else product


def open_bus(url: str, options: BusOptions, *, database: str) -> Opened:
    """Open what this node hears of others by, and what they count their users in. The bus is not started yet.

    Args:
        database: URL of the database; SQLite cannot be shared, so a bus beside it is a mistake.

    Raises:
        SetupError: no such bus, a driver that is not installed, or a bus beside a database of one node.
    """
    name = scheme(url)
    if name != "memory" and for_one_node(database):
        raise SetupError(
            "A bus is set, but SQLite is for one node.", "Set MADANG_DATABASE to a server's, or leave MADANG_BUS out."
        )
    if name not in BUSES:
        raise SetupError(
            f"There is no bus for {name!r}.",
            "Use memory: for a single node, redis://…, nats://…, amqp://… or postgresql://… for several.",
        )
    adapter = BUSES[name]
    opened = load(adapter, "memory:").connect(url, options)
    both: Opened = opened if adapter.keeps_presence else _with_presence(opened, database, options.presence_ttl_s)
    return both


@asynccontextmanager
async def _with_presence(
    bus: AbstractAsyncContextManager[Bus], database: str, ttl_s: float
) -> AsyncIterator[tuple[Bus, Presence]]:
    from madang.adapters.sql.presence import DatabasePresence

    presence = DatabasePresence(database, ttl_s)
    try:
        async with bus as opened:
            yield opened, presence
    finally:
        await presence.stop()


async def open_search(url: str, *, database: str) -> SearchIndexes | None:
    """Open what messages are found by; None where there is no search, or nothing that makes it quick.

    Args:
        url: "off"; "database:" for an index of the database's own; or that of a search engine, which need not answer yet.
        database: URL of the database.

    Raises:
        SetupError: no such index, or one that cannot be opened.
    """
    if url == "off":
        return None
    if url == "database:":
        own: SearchIndexes | None = await load(_OWN_INDEX, "off").open_indexes(database, VERSION)
        return own
    opened: SearchIndexes = await _engine(url).open_indexes(url, VERSION)
    return opened


async def inspect_engine(url: str) -> Inspection:
    """Return how the search engine of a URL is.

    Raises:
        SetupError: no such engine, or it cannot be used.
    """
    found: Inspection = await _engine(url).inspect(url)
    return found


def open_emitter(url: str) -> Emitted:
    """Open what hears Socket.IO's emitters; nothing is connected yet.

    Raises:
        SetupError: it cannot be heard at this URL, or the driver is not installed.
    """
    heard: Emitted = load(_EMITTER, "POST /api/publish").open_emitted(url)
    return heard


async def inspect_emitter(url: str) -> bool:
    """Return whether a node hears Socket.IO's emitters at a URL.

    Raises:
        SetupError: they cannot be heard there, or the driver is not installed.
    """
    heard: bool = await load(_EMITTER, "POST /api/publish").inspect_emitted(url)
    return heard


def _engine(url: str) -> ModuleType:
    name = scheme(url)
    if name not in ENGINES:
        raise SetupError(
            f"There is no search index for {name!r}.",
            "Use database:, opensearch+http://… or elasticsearch+http://…, or off for no search.",
        )
    return load(ENGINES[name], "database:")
