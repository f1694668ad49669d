"""Real Redis servers for tests, one at a time.

Several that belong together are in `redis_topologies.py`; how servers are run is in `daemons.py`.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemons import NO_SETTINGS, Daemon, missing, running, temporary_home, unprivileged


class RedisServer(Daemon):
    """A Redis.

    Args:
        settings: of redis.conf.
        sentinel: text of sentinel.conf, if it is a Sentinel.
    """

    def __init__(self, home: Path, settings: Mapping[str, str] = NO_SETTINGS, sentinel: str = "") -> None:
        self._settings = settings
        self._sentinel = sentinel
        prefix = unprivileged("redis", home)
        super().__init__(
            "Redis", home, lambda port: [*prefix, "redis-server", *self._arguments(port)],
            lambda port: self._cli(port, "ping"),
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def restart(self, *, empty: bool = False) -> None:
        """Kill it if it runs, and start it again on its port; `empty`: what it kept on its disk is gone."""
        self.kill()
        if empty:
            for name in ("dump.rdb", "appendonlydir"):
                path = self._home / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.start()

    def ask(self, *command: str) -> str:
        """Return the answer of redis-cli to a command; an error is raised."""
        done = subprocess.run(self._cli(self.port, *command), capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def _cli(self, port: int, *command: str) -> list[str]:
        password = ["--no-auth-warning", "-a", self._settings["requirepass"]] if "requirepass" in self._settings else []
        return ["redis-cli", "-e", "-p", str(port), *password, *command]

    def _arguments(self, port: int) -> list[str]:
        here = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(self._home)]
        if self._sentinel:
            conf = self._home / "sentinel.conf"  # which the Sentinel writes to, so it is made once
            if not conf.exists():
                conf.write_text(self._sentinel)
                shutil.copystat(self._home, conf)
                shutil.chown(conf, self._home.stat().st_uid, self._home.stat().st_gid)
            return [str(conf), *here, "--sentinel"]
        given = [word for name, value in self._settings.items() for word in (f"--{name}", value)]
        return [*here, "--save", "", "--appendonly", "no", *given]


@contextmanager
def run_redis(settings: Mapping[str, str] = NO_SETTINGS, sentinel: str = "") -> Iterator[RedisServer]:
    """Start a Redis of its own, and stop it in the end.

    Args:
        settings: more of redis.conf. Without, it keeps nothing on its disk.
        sentinel: text of sentinel.conf, for a Sentinel.
    """
    if shutil.which("redis-server") is None:
        missing("Redis is not installed; run scripts/install-servers as root (apt-get install redis-server)")
    with temporary_home("redis") as home, running(RedisServer(home, settings, sentinel)) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis for the whole run. A test that harms it takes `run_redis`."""
    with run_redis() as server:
        yield server
