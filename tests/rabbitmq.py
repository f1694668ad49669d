"""Real RabbitMQ nodes for tests, alone or three together; how servers are run is in `daemons.py`.

Nothing is shared with a RabbitMQ of the machine: each run has an epmd of its own, by which Erlang's nodes find each other.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.daemons import Daemon, free_port, missing, running, temporary_home, unprivileged

PROGRAMS = Path("/usr/lib/rabbitmq/bin")
ANSWERS = r"exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'AMQP\0\0\x09\x01' >&3 && IFS= read -r -N 1 -t 5 answer <&3"
LISTENS = "exec 3<>/dev/tcp/127.0.0.1/{port}"
COMMAND_S = 60.0


class Epmd(Daemon):
    """The directory of Erlang's nodes."""

    def __init__(self, home: Path) -> None:
        prefix = unprivileged("rabbitmq", home)
        super().__init__(
            "epmd", home, lambda port: [*prefix, "epmd", "-port", str(port), "-address", "127.0.0.1"],
            lambda port: ["bash", "-c", LISTENS.format(port=port)],
        )  # fmt: skip


class RabbitServer(Daemon):
    """A node of RabbitMQ. Anyone on the loopback address is let in as `guest`.

    Args:
        epmd: by which it finds others.
    """

    def __init__(self, home: Path, epmd: Epmd) -> None:
        self._prefix = unprivileged("rabbitmq", home)
        for cookie in home.iterdir():  # of the cluster that it will be in
            shutil.chown(cookie, home.stat().st_uid, home.stat().st_gid)
        self._epmd = epmd
        self._distribution = free_port()
        if not (PROGRAMS / "rabbitmq-server").exists():
            missing("RabbitMQ is not installed; run scripts/install-servers as root (apt-get install rabbitmq-server)")
        super().__init__(
            "RabbitMQ", home,
            lambda port: [*self._prefix, "env", *self._environment(port), str(PROGRAMS / "rabbitmq-server")],
            lambda port: ["bash", "-c", ANSWERS.format(port=port)],
        )  # fmt: skip

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{self.place}"

    def restart(self, *, empty: bool = False) -> None:
        """Kill it, and start it again on its port; `empty`: what it kept on its disk is gone."""
        self.kill()
        if empty:
            shutil.rmtree(self._home / "data")
        self.start()

    def control(self, *command: str) -> str:
        """Return the answer of rabbitmqctl to a command; an error is raised."""
        argv = [*self._prefix, "env", *self._environment(self.port), str(PROGRAMS / "rabbitmqctl"), *command]
        done = subprocess.run(argv, cwd=self._home, capture_output=True, text=True, timeout=COMMAND_S)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def join(self, other: "RabbitServer") -> None:
        """Become a node of the cluster of another."""
        self.control("stop_app")
        self.control("join_cluster", other.name)
        self.control("start_app")

    def share_cookie(self, home: Path) -> None:
        """Put what Erlang's nodes know each other by into the folder of another, before that is made."""
        shutil.copy2(self._home / ".erlang.cookie", home)

    @property
    def name(self) -> str:
        """Its name among Erlang's nodes."""
        return f"madang-{self._distribution}@localhost"

    def _environment(self, port: int) -> list[str]:
        home = self._home
        erlang = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none"
        here = {
            "HOME": home, "PATH": os.environ["PATH"], "ERL_EPMD_PORT": self._epmd.port, "RUNNING_UNDER_SYSTEMD": 1,
            "RABBITMQ_NODENAME": self.name, "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": port,
            "RABBITMQ_DIST_PORT": self._distribution, "RABBITMQ_MNESIA_BASE": home / "data", "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": home, "RABBITMQ_PID_FILE": home / "pid", "RABBITMQ_ENABLED_PLUGINS_FILE": home / "plugins",
            "RABBITMQ_CONF_ENV_FILE": home / "env", "RABBITMQ_CONFIG_FILE": home / "conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": home / "advanced", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
        }  # fmt: skip
        return ["--ignore-environment", *(f"{name}={value}" for name, value in here.items())]


@contextmanager
def run_rabbitmq() -> Iterator[RabbitServer]:
    """Start a RabbitMQ of its own, and stop it in the end."""
    with _epmd() as epmd, temporary_home("rabbitmq") as home, running(RabbitServer(home, epmd)) as server:
        yield server


@contextmanager
def run_rabbitmq_cluster() -> Iterator[list[RabbitServer]]:
    """Start three nodes that are one cluster, and stop them in the end."""
    with ExitStack() as stack:
        epmd = stack.enter_context(_epmd())
        nodes: list[RabbitServer] = []
        for _ in range(3):
            home = stack.enter_context(temporary_home("rabbitmq"))
            if nodes:
                nodes[0].share_cookie(home)
            nodes.append(stack.enter_context(running(RabbitServer(home, epmd))))
            if nodes[1:]:
                nodes[-1].join(nodes[0])
        yield nodes


@contextmanager
def _epmd() -> Iterator[Epmd]:
    if shutil.which("epmd") is None:
        missing("RabbitMQ is not installed; run scripts/install-servers as root (apt-get install rabbitmq-server)")
    with temporary_home("epmd") as home, running(Epmd(home)) as epmd:
        yield epmd


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitServer]:
    """One RabbitMQ for the whole run. A test that ends it takes `run_rabbitmq`."""
    with run_rabbitmq() as server:
        yield server
