"""Database and broker processes for tests: from the machine's own packages, on free ports, with data in a temp folder.

Nothing here uses a system service. Each server is a child of the test run and is told to end when the run
ends, even if that is killed. Which servers there are: `servers.py` (PostgreSQL), `mariadb.py`, `redis.py`, `proxies.py`.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

START_SECONDS = 60.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.02
ATTEMPTS = 3  # since a free port may be taken before the server has it
# Below those that the kernel gives to outgoing connections, or one of these may be in a server's place when it starts again;
# above those of `madang_proof.testbed`, and so that a Redis Cluster's second port, 10,000 above, is below the kernel's too.
PORTS = range(18_400, 22_768)

NO_SETTINGS: Mapping[str, str] = {}

D = TypeVar("D", bound="Daemon")


def missing(sentence: str) -> NoReturn:
    """A server that a test needs is not installed: a skip for people, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@contextmanager
def temporary_home(name: str) -> Iterator[Path]:
    """A folder for a server's files.

    It is not below pytest's tmp_path, which is closed to the server's user, and too long for a Unix socket's name.
    """
    home = Path(tempfile.mkdtemp(prefix=f"madang-{name}-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def unprivileged(user: str, home: Path, signal: str = "TERM") -> list[str]:
    """Return what goes before a command, so that it ends when we do (by that signal) and is not run by root.

    `home` becomes the user's.
    """
    ends_with_us = ["setpriv", f"--pdeathsig={signal}"]
    if os.geteuid() != 0:
        return ends_with_us
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        missing(f"there is no user `{user}` to run its server as; run scripts/install-servers")
    os.chown(home, found.pw_uid, found.pw_gid)
    return [*ends_with_us, f"--reuid={found.pw_uid}", f"--regid={found.pw_gid}", "--clear-groups"]


def free_port() -> int:
    """Find a port that nobody listens on."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Daemon:
    """A server of its own in a folder of its own. It may be killed, and started again in the same place.

    Args:
        name: what it is, for people.
        home: its folder, where its data stay for as long as the test.
        command: the command line for a port.
        ask: a command that succeeds once the server answers on that port.
        ends: the signal that ends it in order.

    Attributes:
        port: the same from its first start on.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        command: Callable[[int], Sequence[str]],
        ask: Callable[[int], Sequence[str]],
        ends: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.port = 0
        self._name = name
        self._home = home
        self._command = command
        self._ask = ask
        self._ends = ends
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port that it had before if there was one; returns when it answers."""
        for _ in range(ATTEMPTS):
            port = self.port or free_port()
            with open(self._home / "log", "ab") as log:
                # setpriv becomes the server, so this process id is the server's. The process group is its own, so that
                # Ctrl-C ends the tests first and does not take the server from under them.
                self._process = subprocess.Popen(
                    self._command(port), cwd=self._home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    process_group=0,
                )  # fmt: skip
            if answers(self._process, self._ask(port)):
                self.port = port
                return
            self.stop()
        raise RuntimeError(f"{self._name} did not start:\n{(self._home / 'log').read_text()[-4000:]}")

    def stop(self) -> None:
        """End it in order, also if it stands still."""
        self.resume()
        if self._process is not None:
            end(self._process, self._ends)

    def pause(self) -> None:
        """Stop its process as it is, its connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue its process."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)  # if it has not ended

    def kill(self) -> None:
        """End it as a crash would, with the processes that it has started: those of a PostgreSQL answer a while longer."""
        assert self._process is not None
        started = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        self._process.kill()
        for pid in map(int, started):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def running(daemon: D) -> Iterator[D]:
    """Run a server until the block is left."""
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


def checked(command: Sequence[str], cwd: Path) -> None:
    """Run a command that must succeed; what it said is in the error."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def answers(process: subprocess.Popen[bytes], ask: Sequence[str]) -> bool:
    """Ask until a server answers. False if it ended or stayed silent."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if subprocess.run(ask, capture_output=True, timeout=START_SECONDS).returncode == 0:
            # An answer may come from another server that took the port first; then ours is ending.
            return process.poll() is None
        time.sleep(POLL_SECONDS)
    return False


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End a server in order; by force if it does not."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
