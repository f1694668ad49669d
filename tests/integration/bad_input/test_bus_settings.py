"""A bus that cannot be used: `madang serve` says why in a sentence and ends with 2.

`madang doctor` says the same. Neither shows a password, or a traceback.
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.daemons import NO_SETTINGS
from tests.redis import RedisServer, run_redis
from tests.running import Done, madang, running_server
from tests.servers import PostgresServer
from tests.waiting import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
SECRET: Final = "hunter2"
AT_ONCE: Final = 3  # commands
# Makes a package as if it were not installed.
WITHOUT: Final = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] == "redis" else self.finder.find_spec(name, path, target)

    def find_distributions(self, context):
        return getattr(self.finder, "find_distributions", lambda context: ())(context)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


class Row(NamedTuple):
    """A setting, and what is said of it. {names} stand for what runs."""

    bus: str
    says: str
    settings: Mapping[str, str] = NO_SETTINGS
    status: int = 2  # 1: starting again later may help


SOME: Final = [
    Row("redis://:hunter2@{guarded}", "does not let us in"),
    Row("redis://{redis}", "SQLite is for one node", {"MADANG_DATABASE": ""}),
    Row("redis://:hunter2@{redis}", "Install madang[redis]", {"PYTHONPATH": "{without}"}),
    Row("postgresql://nobody:hunter2@{postgres}/bad_bus", 'role "nobody" does not exist'),
    Row("nats://me:hunter2@{nobody}", "NATS at {nobody} does not answer", status=1),
    Row("amqp://me:hunter2@{nobody}", "RabbitMQ at {nobody} does not answer", status=1),
    Row("nats://me:hunter2@{redis}", "NATS at {redis} does not answer", status=1),  # it waits for us to speak first
]
MORE: Final = [
    Row("redis://:hunter2@{redis}?foo=1", "an option that Redis does not know: foo."),
    Row("redis://:hunter2@{redis}?ssl_cert_reqs=none", "an option that Redis does not know: ssl_cert_reqs."),
    Row("rediss://:hunter2@{redis}?ssl_cert_reqs=bogus", "a wrong ssl_cert_reqs."),
    Row("rediss://:hunter2@{redis}?ssl_cert_reqs=required&ssl_cert_reqs=none", "the option ssl_cert_reqs twice."),
    Row("redis+cluster://:hunter2@{redis}?db=1", "an option that Redis does not know: db."),
    Row("redis://me:hunter2@hunter2@{redis}", "an @ too many"),
    Row("postgresql://me:hunter2@{postgres}/x?foo=1", "an option that PostgreSQL's driver does not know: foo."),
    Row("postgres://me:hunter2@{postgres}/x?sslmode=bogus", "a wrong sslmode."),
    Row("postgresql://me:hunter2@hunter2@{postgres}/x", "an @ too many"),
    Row("memory:?x=1", "has no host and no options"),
    Row("memory://host", "has no host and no options"),
    Row("kafka://{redis}", "There is no bus for 'kafka'."),
    Row("redis://:hunter2@127.0.0.1:port", "is not a URL"),
    Row("redis://:hunter2@{nobody}", "does not answer", status=1),
    Row("kafka", "There is no bus for 'kafka'."),
    Row("redis", "is not a URL"),
    Row("redis://", "is not a URL"),
    Row("redis://:hunter2@127.0.0.1:99999", "is not a URL"),
    Row("redis+sentinel://:hunter2@{redis}", "is not a URL"),
    Row("redis://:hunter2@{postgres}", "does not answer", status=1),
    Row("redis+sentinel://:hunter2@{nobody}/yard", "{nobody}", status=1),
    Row("redis://{guarded}", "does not let us in"),
    Row("redis://nobody:hunter2@{guarded}", "does not let us in"),
    Row("redis+cluster://:hunter2@{redis}", "{redis}"),
    Row("postgresql://nobody:hunter2@{nobody}/bad_bus", "{nobody}/bad_bus cannot be used as the bus", status=1),
    Row("postgresql://:hunter2@{postgres}", "names no database"),
    Row("postgresql://:hunter2@127.0.0.1:port/bad_bus", "is not a URL"),
    Row("redis://:hunter2@{replica}", "is a replica"),
    Row("postgresql://postgres:hunter2@{postgres}/nowhere", "nowhere"),
    Row("redis://{redis}", "The setting bus_channels must be all,", {"MADANG_BUS_CHANNELS": "some"}),
]


OWN: Final = {
    "postgres": "bad_bus_notify",
    "redis+cluster": "bad_bus_cluster",
    "redis+sentinel": "bad_bus_sentinel",
    "nats": "bad_bus_nats",
    "amqp": "bad_bus_rabbitmq",
}
"""Databases by the beginning of a bus: nodes with buses of two kinds do not start on one, and the rows start together."""


@pytest.fixture(scope="module")
def places(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[dict[str, str]]:
    without = tmp_path_factory.mktemp("without")
    (without / "sitecustomize.py").write_text(WITHOUT)
    follow = {"replicaof": f"127.0.0.1 {redis_server.port}", "requirepass": SECRET}
    with run_redis({"requirepass": "another"}) as guarded, run_redis(follow) as replica:
        yield {
            "database": postgres_server.create_database("bad_bus"),
            **{f"own {kind}": postgres_server.create_database(name) for kind, name in OWN.items()},
            "postgres": f"127.0.0.1:{postgres_server.port}",
            "redis": f"127.0.0.1:{redis_server.port}",
            "guarded": f"127.0.0.1:{guarded.port}",
            "replica": f"127.0.0.1:{replica.port}",
            "nobody": "127.0.0.1:1",
            "without": str(without),
        }
    postgres_server.drop_database("bad_bus")
    for name in OWN.values():
        postgres_server.drop_database(name)


def settings(row: Row, places: dict[str, str]) -> dict[str, str]:
    at_once = {"MADANG_START_WAIT_S": "0"}  # a start waits for what does not answer yet: `fleet/test_start.py`
    database = next((f"{{own {kind}}}" for kind in OWN if row.bus.startswith(kind)), "{database}")
    given = {"MADANG_DATABASE": database, "MADANG_BUS": row.bus, **at_once, **row.settings}
    return {name: value.format(**places) for name, value in given.items()}


def flaws(done: Done, status: int, says: str) -> list[str]:
    """Return what is wrong with how a command ended."""
    text = done.out + done.err
    return [
        *([f"status {done.status}"] if done.status != status else []),
        *([f"does not say {says!r}"] if says not in text else []),
        *(["shows the password"] if SECRET in text else []),
    ]


@pytest.mark.parametrize("rows", [SOME, pytest.param(MORE, marks=pytest.mark.slow)], ids=["some", "more"])
async def test_serve_says_why_it_does_not_start(places: dict[str, str], tmp_path: Path, rows: list[Row]) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def tried(number: int, row: Row) -> list[str]:
        async with turn:
            data = tmp_path / str(number)
            done = await madang("serve", "--data", data, "--port", "0", "--admin-port", "0", **settings(row, places))
        found = flaws(done, row.status, row.says.format(**places))
        if len(done.err.strip().splitlines()) > 2:
            found.append("takes more than a sentence and how to correct it")
        return [f"{row.bus}: {flaw}\n{done.err}" for flaw in found]

    found = await asyncio.gather(*(tried(number, row) for number, row in enumerate(rows)))
    assert not any(found), "\n".join(flaw for flaws in found for flaw in flaws)


async def test_doctor_tries_the_bus(places: dict[str, str], tmp_path: Path) -> None:
    wrong = SOME[0]
    done = await madang("doctor", "--data", tmp_path, **settings(wrong, places))
    assert not flaws(done, 1, wrong.says), done.out
    done = await madang("doctor", "--data", tmp_path, **settings(Row("redis://{redis}", ""), places))
    assert f"ok    The bus at {places['redis']} carries what is published." in done.out, done.out
    done = await madang("doctor", "--data", tmp_path, **settings(Row(places["database"], ""), places))
    assert f"ok    The bus at {places['postgres']} carries what is published." in done.out, done.out


async def test_two_nodes_without_a_bus_are_told(places: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    settings = {"database": places["database"]}
    async with running_server(tmp_path / "one", settings=settings):
        second = await madang("doctor", "--data", tmp_path / "two", MADANG_DATABASE=places["database"])
        assert "1 other node uses this database" in second.out
        async with running_server(tmp_path / "two", settings=settings) as two:
            await eventually(lambda: "no bus is set" in two.log.read_text())
