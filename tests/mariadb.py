"""A real MariaDB for tests. How servers are run is `daemons.py`."""

import asyncio
import itertools
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from madang.adapters.sql import open_store
from tests.daemons import NO_SETTINGS, Daemon, checked, missing, running, temporary_home, unprivileged


class MariadbServer(Daemon):
    """A MariaDB. Anyone on the loopback address is let in as `root`.

    Args:
        settings: options of mariadbd.
    """

    def __init__(self, home: Path, settings: Mapping[str, str] = NO_SETTINGS) -> None:
        daemon = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
        if daemon is None:
            missing("MariaDB is not installed; run scripts/install-servers as root (apt-get install mariadb-server)")
        prefix = unprivileged("mysql", home)
        # A starting server deletes the temporary tables that it finds in its folder for them, also those of another server.
        where = [f"--datadir={home / 'data'}", f"--tmpdir={home}"]
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        checked([*prefix, *install, *where], cwd=home)
        files = [f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}"]
        given = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        command = [*prefix, daemon, "--no-defaults", *where, *files, "--bind-address=127.0.0.1", *given]
        super().__init__(
            "MariaDB", home, lambda port: [*command, f"--port={port}"],
            lambda port: [*_client(port, "mariadb-admin"), "ping"],
        )  # fmt: skip

    def url(self, database: str) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def create_database(self, database: str) -> str:
        """Create an empty database, in a character set that Madang must not depend on, and return its URL."""
        self.run(f"CREATE DATABASE {database} CHARACTER SET latin1")
        return self.url(database)

    def drop_database(self, database: str) -> None:
        """Drop a database."""
        self.run(f"DROP DATABASE {database}")

    def dump(self, database: str) -> bytes:
        """Return what makes a database again."""
        command = [*_client(self.port, "mariadb-dump"), "--skip-comments", database]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout

    def load(self, database: str, dumped: bytes) -> None:
        """Make in a database what was dumped of another."""
        command = [*_client(self.port, "mariadb"), database]
        subprocess.run(command, check=True, capture_output=True, input=dumped, timeout=60)

    def run(self, sql: str) -> str:
        """Run a statement and give what it prints."""
        command = [*_client(self.port, "mariadb"), "--batch", "--skip-column-names", "--execute", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@contextmanager
def run_mariadb(settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[MariadbServer]:
    """Start a MariaDB of its own and stop it in the end. `settings` are more options of mariadbd."""
    with temporary_home("mariadb") as home, running(MariadbServer(home, settings)) as server:
        yield server


def _client(port: int, program: str) -> list[str]:
    return [program, "--no-defaults", "--host=127.0.0.1", f"--port={port}", "--user=root"]


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariadbServer]:
    """One MariaDB for the whole run, as durable as in production."""
    with run_mariadb() as server:
        yield server


_database_numbers = itertools.count(1)


@pytest.fixture
def mariadb_url(mariadb_server: MariadbServer) -> Iterator[str]:
    """The URL of an empty database that only this test uses."""
    database = f"test_{next(_database_numbers)}"
    yield mariadb_server.create_database(database)
    mariadb_server.drop_database(database)


@pytest.fixture(scope="session")
def mariadb_template(mariadb_server: MariadbServer) -> bytes:
    """What makes all tables in a database, with nothing in them; the steps of the schema are run for it once."""
    url = mariadb_server.create_database("template_of_tables")

    async def make_tables() -> None:
        store = await open_store(url, lambda: 0)
        await store.close()

    asyncio.run(make_tables())
    return mariadb_server.dump("template_of_tables")


@pytest.fixture
def mariadb_tables_url(mariadb_server: MariadbServer, mariadb_template: bytes, mariadb_url: str) -> str:
    """The URL of a database with all tables and nothing in them, which only this test uses."""
    mariadb_server.load(mariadb_url.rpartition("/")[2], mariadb_template)
    return mariadb_url
