"""A real MariaDB for tests. How servers are run is `daemons.py`."""

import itertools
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.daemons import NO_SETTINGS, answers, checked, end, free_port, missing, temporary_home, unprivileged

PORTS = 3  # tried, since a free one may be taken before the server has it


class MariadbServer:
    """A MariaDB of its own. It may be killed, and started again in the same place.

    Anyone on the loopback address is let in as `root`.

    Args:
        home: its folder, where its data stay for as long as the test.
        settings: options of mariadbd.
    """

    def __init__(self, home: Path, settings: Mapping[str, str] = NO_SETTINGS) -> None:
        daemon = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
        if daemon is None:
            missing("MariaDB is not installed; run scripts/install-servers as root (apt-get install mariadb-server)")
        prefix = unprivileged("mysql", home)
        where = f"--datadir={home / 'data'}"
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        checked([*prefix, *install, where], cwd=home)
        files = [f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}"]
        given = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        self._command = [*prefix, daemon, "--no-defaults", where, *files, "--bind-address=127.0.0.1", *given]
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port that it had before if there was one; returns when it answers."""
        for _ in range(PORTS):
            port = self.port or free_port()
            with open(self._home / "log", "ab") as log:
                self._process = subprocess.Popen(
                    [*self._command, f"--port={port}"],
                    cwd=self._home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
                )  # fmt: skip
            if answers(self._process, [*_client(port, "mariadb-admin"), "ping"]):
                self.port = port
                return
            self.stop()
        raise RuntimeError(f"MariaDB did not start:\n{(self._home / 'log').read_text()[-4000:]}")

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            end(self._process, signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def url(self, database: str) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def create_database(self, database: str) -> str:
        """Create an empty database, in a character set that Madang must not depend on, and return its URL."""
        self.run(f"CREATE DATABASE {database} CHARACTER SET latin1")
        return self.url(database)

    def drop_database(self, database: str) -> None:
        """Drop a database."""
        self.run(f"DROP DATABASE {database}")

    def run(self, sql: str) -> str:
        """Run a statement and give what it prints."""
        command = [*_client(self.port, "mariadb"), "--batch", "--skip-column-names", "--execute", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@contextmanager
def run_mariadb(settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[MariadbServer]:
    """Start a MariaDB of its own and stop it in the end. `settings` are more options of mariadbd."""
    with temporary_home("mariadb") as home, ExitStack() as stack:
        server = MariadbServer(home, settings)
        stack.callback(server.stop)
        server.start()
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
