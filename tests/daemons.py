"""Database and broker processes for tests: from the machine's own packages, on free ports, with data in a temp folder.

Nothing here uses a system service. Each server is a child of the test run and is told to end when the run
ends, even if that is killed. Which servers there are: `servers.py` (PostgreSQL), `mariadb.py`.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

START_SECONDS = 30.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02

NO_SETTINGS: Mapping[str, str] = {}


def missing(sentence: str) -> NoReturn:
    """A server that a test needs is not installed: a skip for people, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@contextmanager
def temporary_home(name: str) -> Iterator[Path]:
    """A folder for a server's files. Not below pytest's tmp_path: that is closed to the server's user, and too long
    for a Unix socket's name."""
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


@contextmanager
def running(
    command: Callable[[int], Sequence[str]], ask: Callable[[int], Sequence[str]], home: Path, stop: signal.Signals
) -> Iterator[tuple[int, int]]:
    """Run a server until the block is left; gives its port and process id.

    Args:
        command: the command line for a port.
        ask: a command that succeeds once the server answers on that port.
        stop: the signal that ends it in order.
    """
    # A free port may be taken by someone else before the server has it; then take another.
    for _ in range(3):
        port = free_port()
        with open(home / "log", "ab") as log:
            # setpriv becomes the server, so this process id is the server's. The process group is its own, so that
            # Ctrl-C ends the tests first and does not take the server from under them.
            process = subprocess.Popen(
                command(port), cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        try:
            if answers(process, ask(port)):
                yield port, process.pid
                return
        finally:
            end(process, stop)
    raise RuntimeError(f"the server did not start:\n{(home / 'log').read_text()[-4000:]}")


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
