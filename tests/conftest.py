"""What every test is built on: the event loop, the guard against blocking it, and the real servers."""

from collections.abc import Iterator
from typing import Any

import blockbuster
import hypothesis
import pytest

from tests.engines import elasticsearch_server, engine, opensearch_server
from tests.forking import forking
from tests.mariadb import mariadb_server, mariadb_tables_url, mariadb_template, mariadb_url
from tests.nats import nats_server
from tests.rabbitmq import rabbitmq_server
from tests.redis import redis_server
from tests.redis_topologies import redis_cluster
from tests.servers import postgres_server, postgres_tables_url, postgres_template, postgres_url
from tests.temporary import keep_files_in_memory

pytest_plugins = ["tests.workers"]

__all__ = [
    "elasticsearch_server",
    "engine",
    "mariadb_server",
    "mariadb_tables_url",
    "mariadb_template",
    "mariadb_url",
    "nats_server",
    "opensearch_server",
    "postgres_server",
    "postgres_tables_url",
    "postgres_template",
    "postgres_url",
    "rabbitmq_server",
    "redis_cluster",
    "redis_server",
]  # fmt: skip

keep_files_in_memory()

# A slow machine is not a bug, so no deadline; what takes too long is for bench/ to say. Many examples are for `make soak`.
hypothesis.settings.register_profile("default", deadline=None, print_blob=True, max_examples=50)
hypothesis.settings.register_profile("soak", deadline=None, print_blob=True, max_examples=2000)
hypothesis.settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def source_of_processes() -> Iterator[None]:
    with forking():
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The loop that production runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(
    params=[
        pytest.param("postgres_tables", marks=pytest.mark.postgres, id="postgres"),
        pytest.param("mariadb_tables", marks=[pytest.mark.mariadb, pytest.mark.slow], id="mariadb"),
    ]
)
def server_url(request: pytest.FixtureRequest) -> str:
    """A database on each server, with nothing in it. On MariaDB for `make soak`: what seldom breaks on one alone.

    The contract of stores is held on both at each change (`contract/conftest.py`).
    """
    return str(request.getfixturevalue(f"{request.param}_url"))


# Where our code may block the loop, and why. Everything else belongs in a thread.
MAY_BLOCK = {
    # Importing reads files once in a process: SQLAlchemy dialects and Alembic load theirs late.
    "<frozen importlib._bootstrap>": {"_find_and_load"},
    "<frozen importlib._bootstrap_external>": {"get_data", "path_stats", "find_spec"},
    # Nodes that start at once in one process wait for each other's import of the driver.
    "sqlalchemy/dialects/mysql/asyncmy.py": {"import_dbapi"},
    "sqlalchemy/dialects/postgresql/asyncpg.py": {"import_dbapi"},
    # Every new connection looks for ~/.pgpass and certificates: a few small files, for a pool of five.
    "asyncpg/connect_utils.py": {"_parse_connect_dsn_and_args"},
    # A file of certificates that a URL names is read before the node starts.
    "adapters/urls.py": {"readable_file", "text_of_file", "tls"},
    # Runs at start, on PostgreSQL in a thread with a loop of its own.
    "adapters/sql/migrations/__init__.py": {"upgrade"},
    # A traceback quotes the source. It is made when a test has failed already.
    "linecache.py": {"checkcache", "updatecache"},
    "traceback.py": {"extract", "format_exception"},
    # A log line goes to stderr; a program whose stderr blocks has no better place to say so.
    "logging/__init__.py": {"emit", "flush"},
    "structlog/_output.py": {"msg"},
}

# What the library does not watch by itself. fsync is the slowest call that we make.
ALSO_BLOCKING = ("os.fsync", "os.fdatasync")


@pytest.fixture(scope="session", autouse=True)
def loop_guard() -> Iterator[None]:
    """Fail what blocks the event loop in code of madang (file, SQLite, lock, sleep, blocking socket), in tests and fixtures.

    Only calls with a frame of madang above them count, so a test itself may open a file. To begin and end that for each
    test would take 0.2 ms of it.
    """
    guard = blockbuster.BlockBuster(scanned_modules="madang")
    for name in ALSO_BLOCKING:
        guard.functions[name] = blockbuster.BlockBusterFunction(None, name, scanned_modules="madang")
    for function in guard.functions.values():
        for filename, callers in MAY_BLOCK.items():
            function.can_block_in(filename, callers)
    guard.activate()
    yield
    guard.deactivate()
