"""Real Redis servers for tests, one at a time; several that belong together are `redis_topologies.py`. How servers are run
is `daemons.py`.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.daemons import NO_SETTINGS, answers, end, free_port, missing, temporary_home, unprivileged

PORTS = 3  # tried, since a free one may be taken before the server has it
BUS_PORT = 10_000  # above its own, a cluster's member listens for the others


class RedisServer:
    """A Redis of its own in a folder of its own. It may be killed, and started again in the same place.

    Args:
        home: its folder, where its data stay for as long as the test.
        settings: of redis.conf.
        sentinel: text of sentinel.conf, if it is a Sentinel.
    """

    def __init__(self, home: Path, settings: Mapping[str, str] = NO_SETTINGS, sentinel: str = "") -> None:
        self._home = home
        self._settings = settings
        self._sentinel = sentinel
        self._prefix = unprivileged("redis", home)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port that it had before if there was one; returns when it answers."""
        for _ in range(PORTS):
            port = self.port or _free_port()
            command = [*self._prefix, "redis-server", *self._arguments(port)]
            with open(self._home / "log", "ab") as log:
                self._process = subprocess.Popen(
                    command, cwd=self._home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
                )
            if answers(self._process, self._cli(port, "ping")):
                self.port = port
                return
            self.stop()
        raise RuntimeError(f"Redis did not start:\n{(self._home / 'log').read_text()[-4000:]}")

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self.resume()
            end(self._process, signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def pause(self) -> None:
        """Let it stand still, its connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def restart(self, *, empty: bool = False) -> None:
        """Kill it if it runs, and start it again on its port; `empty`: what it kept on its disk is gone."""
        self.kill()
        if empty:
            for name in ("dump.rdb", "appendonlydir"):
                path = self._home / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.start()

    def ask(self, *command: str) -> str:
        """Give the answer of redis-cli to a command; an error is raised."""
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

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)


@contextmanager
def run_redis(settings: Mapping[str, str] = NO_SETTINGS, sentinel: str = "") -> Iterator[RedisServer]:
    """Start a Redis of its own, and stop it in the end.

    Args:
        settings: more of redis.conf. Without, it keeps nothing on its disk.
        sentinel: text of sentinel.conf, for a Sentinel.
    """
    if shutil.which("redis-server") is None:
        missing("Redis is not installed; run scripts/install-servers as root (apt-get install redis-server)")
    with temporary_home("redis") as home, ExitStack() as stack:
        server = RedisServer(home, settings, sentinel)
        stack.callback(server.stop)
        server.start()
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis for the whole run. A test that harms it takes `run_redis`."""
    with run_redis() as server:
        yield server


def _free_port() -> int:
    while (port := free_port()) + BUS_PORT > 65_535:
        pass
    return port
