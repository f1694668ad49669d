"""A real PostgreSQL for tests. How servers are run is `daemons.py`."""

import itertools
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemons import NO_SETTINGS, checked, missing, running, temporary_home, unprivileged


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL. Anyone on the loopback address is let in as `postgres`."""

    bin: Path
    data: Path
    port: int
    pid: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, database: str) -> str:
        """Create an empty database and return its URL."""
        self._tool("createdb", database)
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
    bin_folder = _postgres_bin()
    with temporary_home("postgres") as home:
        prefix = unprivileged("postgres", home, "INT")
        data = home / "data"
        initdb = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        checked([*prefix, str(bin_folder / "initdb"), *initdb, f"--pgdata={data}"], cwd=home)
        conf = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(home),
            "fsync": "on" if fsync else "off",
            **settings,
        }
        given = [f"-c{name}={value}" for name, value in conf.items()]

        def command(port: int) -> list[str]:
            return [*prefix, str(bin_folder / "postgres"), "-D", str(data), "-p", str(port), *given]

        def ask(port: int) -> list[str]:
            return [str(bin_folder / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}"]

        # SIGINT is PostgreSQL's fast shutdown: end all sessions, write, leave.
        with running(command, ask, home, signal.SIGINT) as (port, pid):
            yield PostgresServer(bin_folder, data, port, pid)


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


def _postgres_bin() -> Path:
    """Find the folder of PostgreSQL's programs. Debian keeps them off PATH, in a folder per version."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if folders:
        return max(folders, key=lambda folder: float(folder.parent.name))
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    missing("PostgreSQL is not installed; run scripts/install-servers as root (apt-get install postgresql)")
