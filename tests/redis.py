"""A real Redis for tests. How servers are run is `daemons.py`."""

import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.daemons import NO_SETTINGS, missing, running, temporary_home, unprivileged


@dataclass(frozen=True)
class RedisServer:
    """A running Redis."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"


@contextmanager
def run_redis(settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[RedisServer]:
    """Start a Redis of its own, that keeps nothing, and stop it in the end. `settings` are more of redis.conf."""
    if shutil.which("redis-server") is None:
        missing("Redis is not installed; run scripts/install-servers as root (apt-get install redis-server)")
    with temporary_home("redis") as home:
        prefix = unprivileged("redis", home)
        given = [word for name, value in settings.items() for word in (f"--{name}", value)]
        password = ["-a", settings["requirepass"]] if "requirepass" in settings else []

        def command(port: int) -> list[str]:
            here = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
            return [*prefix, "redis-server", *here, "--save", "", "--appendonly", "no", *given]

        def ask(port: int) -> list[str]:
            return ["redis-cli", "-p", str(port), *password, "-e", "ping"]

        with running(command, ask, home, signal.SIGTERM) as (port, pid):
            yield RedisServer(port, pid)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis for the whole run."""
    with run_redis() as server:
        yield server
