"""What a URL's scheme opens, and the one sentence for each that opens nothing."""

import importlib.util

import pytest

from madang.adapters.bus.options import BusOptions
from madang.adapters.catalogue import BUSES, DATABASES, for_one_node, load, open_bus
from madang.core.signing import lone_keyring
from madang.errors import SetupError

OPTIONS = BusOptions(keyring=lone_keyring(bytes(32)), node="a", presence_ttl_s=60, channels="partition")
SERVER = "postgresql://host/database"


def refused(url: str, database: str = SERVER) -> str:
    with pytest.raises(SetupError) as caught:
        open_bus(url, OPTIONS, database=database)
    assert "hunter2" not in str(caught.value), "shows the password"
    return str(caught.value)


@pytest.mark.parametrize("name", BUSES)
def test_every_row_names_a_module_that_connects(name: str) -> None:
    assert callable(load(BUSES[name], "memory:").connect)


@pytest.mark.parametrize("name", DATABASES)
def test_every_row_names_a_module_that_opens_and_inspects_a_database(name: str) -> None:
    module = load(DATABASES[name], "sqlite:///…")
    assert callable(module.open_engine) and callable(module.inspect)


@pytest.mark.parametrize(
    ("url", "alone"), [("sqlite:///f", True), ("sqlite+pysqlite:///f", True), (SERVER, False), ("mongodb://h", False)]
)
def test_only_a_database_that_is_known_to_be_for_one_node_is(url: str, alone: bool) -> None:
    assert for_one_node(url) is alone


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis+sentinel://h:1/s",
        "rediss+cluster://h:1",
        "postgresql://h/d",
        "postgres://h/d",
        "nats://h",
        "amqp://h",
    ],
)
async def test_a_bus_of_a_fleet_opens_without_connecting(url: str) -> None:
    async with open_bus(url, OPTIONS, database=SERVER) as (bus, _):
        assert not bus.local


@pytest.mark.parametrize(
    "url", ["kafka://me:hunter2@host", "kafka", "redis+proxy://host", "postgresql+asyncpg://h/d", ""]
)
def test_a_scheme_that_no_row_has_is_named(url: str) -> None:
    assert f"There is no bus for {url.partition(':')[0]!r}." in refused(url)


@pytest.mark.parametrize(
    ("url", "extra"),
    [("redis://:hunter2@h", "redis"), ("postgresql://h/d", "postgres"), ("nats://h", "nats"), ("amqp://h", "rabbitmq")],
)
def test_a_driver_that_is_missing_is_named_by_its_extra(url: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert f"Install madang[{extra}], or use memory:." in refused(url)


@pytest.mark.parametrize("url", ["redis://host", "kafka://host"])
def test_a_bus_beside_sqlite_is_refused(url: str) -> None:
    assert "SQLite is for one node" in refused(url, "sqlite:////data/madang.db")


async def test_a_row_is_all_that_a_new_scheme_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUSES, "pigeon", BUSES["memory"]._replace(fleet=True))
    async with open_bus("pigeon:", OPTIONS, database=SERVER) as (bus, _):
        assert await bus.probe() is False, "it was opened, and not started"


async def test_a_single_node_needs_no_bus() -> None:
    async with open_bus("memory:", OPTIONS, database="sqlite:////data/madang.db") as (bus, _):
        assert bus.local
