"""A real PostgreSQL for tests. How servers are run is `daemons.py`."""

import asyncio
import itertools
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from madang.adapters.sql import open_store
from tests.daemons import NO_SETTINGS, Daemon, checked, end, missing, running, temporary_home, unprivileged


class PostgresServer(Daemon):
    """A PostgreSQL. Anyone on the loopback address is let in as `postgres`.

    Args:
        settings: of postgresql.conf.
    """

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.bin = _postgres_bin()
        self.data = home / "data"
        conf = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(home), **settings}
        given = [f"-c{name}={value}" for name, value in conf.items()]
        prefix = unprivileged("postgres", home, "INT")
        initdb = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        checked([*prefix, str(self.bin / "initdb"), *initdb, f"--pgdata={self.data}"], cwd=home)
        super().__init__(
            "PostgreSQL", home,
            lambda port: [*prefix, str(self.bin / "postgres"), "-D", str(self.data), "-p", str(port), *given],
            lambda port: [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)],
            signal.SIGINT,  # its fast shutdown, which ends all sessions, writes and leaves
        )  # fmt: skip

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def restart(self) -> None:
        """Start it again after a crash: SIGQUIT is its immediate shutdown, which writes nothing."""
        if self._process is not None:
            end(self._process, signal.SIGQUIT)
        self.start()

    def create_database(self, database: str, template: str = "template1") -> str:
        """Create a database, an empty one or a copy of another that nobody is connected to, and return its URL."""
        self._tool("createdb", f"--template={template}", database)
        return self.url(database)

    def drop_database(self, database: str) -> None:
        """Drop a database, cutting off who still uses it."""
        self._tool("dropdb", "--force", "--if-exists", database)

    def _tool(self, name: str, *args: str) -> None:
        where = ["--host=127.0.0.1", f"--port={self.port}", "--username=postgres"]
        subprocess.run([self.bin / name, *where, *args], check=True, timeout=60)


@contextmanager
def run_postgres(fsync: bool = True, settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[PostgresServer]:
    """Start a PostgreSQL of its own and stop it in the end.

    Args:
        fsync: False is quicker, but then nothing can be said about what survives a crash.
        settings: More lines of postgresql.conf, like {"max_connections": "20"}.
    """
    with (
        temporary_home("postgres") as home,
        running(PostgresServer(home, {"fsync": "on" if fsync else "off", **settings})) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run, with fsync on, as in production."""
    with run_postgres() as server:
        yield server


_database_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database that only this test uses."""
    database = f"test_{next(_database_numbers)}"
    yield postgres_server.create_database(database)
    postgres_server.drop_database(database)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database with all tables and nothing in them, made once: to make one takes 0.3 s."""
    url = postgres_server.create_database("template_of_tables")

    async def make_tables() -> None:
        store = await open_store(url, lambda: 0)
        await store.close()

    asyncio.run(make_tables())
    return "template_of_tables"


@pytest.fixture
def postgres_tables_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The URL of a database with all tables and nothing in them, which only this test uses."""
    database = f"test_{next(_database_numbers)}"
    yield postgres_server.create_database(database, postgres_template)
    postgres_server.drop_database(database)


def _postgres_bin() -> Path:
    """Find the folder of PostgreSQL's programs. Debian keeps them off PATH, in a folder per version."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if folders:
        return max(folders, key=lambda folder: float(folder.parent.name))
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    missing("PostgreSQL is not installed; run scripts/install-servers as root (apt-get install postgresql)")
