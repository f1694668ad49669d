"""Real servers for tests, started from the machine's own packages, on free ports, with data in a temp folder.

Nothing here uses a system service. Each server is a child of the test run and is told to end when the run
ends, even if that is killed.
"""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

START_SECONDS = 30.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02

NO_SETTINGS: Mapping[str, str] = {}


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
    # Not below pytest's tmp_path: that is closed to the postgres user, and too long for a Unix socket's name.
    home = Path(tempfile.mkdtemp(prefix="madang-postgres-"))
    try:
        prefix = _as_unprivileged(home)
        data = home / "data"
        initdb = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        _checked([*prefix, str(bin_folder / "initdb"), *initdb, f"--pgdata={data}"], cwd=home)
        conf = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(home),
            "fsync": "on" if fsync else "off",
            **settings,
        }
        # A free port may be taken by someone else before the server has it; then take another.
        for attempts_left in (2, 1, 0):
            process, port = _start_postgres([*prefix, str(bin_folder / "postgres")], data, conf, home)
            try:
                ask = [str(bin_folder / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}"]
                if _is_ready(process, ask):
                    yield PostgresServer(bin_folder, data, port, process.pid)
                    return
            finally:
                # SIGINT is PostgreSQL's fast shutdown: end all sessions, write, leave.
                _stop(process, signal.SIGINT)
            if not attempts_left:
                raise RuntimeError(f"PostgreSQL did not start:\n{(home / 'log').read_text()[-4000:]}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


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


def missing(sentence: str) -> NoReturn:
    """A server that a test needs is not installed: a skip for people, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _postgres_bin() -> Path:
    """Find the folder of PostgreSQL's programs. Debian keeps them off PATH, in a folder per version."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if folders:
        return max(folders, key=lambda folder: float(folder.parent.name))
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    missing("PostgreSQL is not installed; run scripts/install-servers as root (apt-get install postgresql)")


def _as_unprivileged(home: Path) -> list[str]:
    """Return what goes before a command, so that it ends when we do and is not run by root."""
    ends_with_us = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() != 0:
        return ends_with_us
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        missing("there is no user `postgres` to run PostgreSQL as; run scripts/install-servers")
    os.chown(home, user.pw_uid, user.pw_gid)
    return [*ends_with_us, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _start_postgres(
    command: list[str], data: Path, conf: Mapping[str, str], home: Path
) -> tuple[subprocess.Popen[bytes], int]:
    port = _free_port()
    settings = [f"-c{name}={value}" for name, value in conf.items()]
    with open(home / "log", "ab") as log:
        # setpriv becomes postgres, so this process id is the server's. The process group is its own, so that
        # Ctrl-C ends the tests first and does not take the server from under them.
        process = subprocess.Popen(
            [*command, "-D", str(data), "-p", str(port), *settings],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    return process, port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(process: subprocess.Popen[bytes], ask: list[str]) -> bool:
    """Ask until the server answers. False if it ended or stayed silent."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if subprocess.run(ask, timeout=START_SECONDS).returncode == 0:
            # An answer may come from another server that took the port first; then ours is ending.
            return process.poll() is None
        time.sleep(POLL_SECONDS)
    return False


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _checked(command: list[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
