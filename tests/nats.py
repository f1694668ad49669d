"""Real NATS servers for tests, alone or three together; how servers are run is in `daemons.py`."""

import json
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import Daemon, free_port, missing, running, temporary_home, unprivileged

ANSWERS = "exec 3<>/dev/tcp/127.0.0.1/{port} && read -r -t 5 line <&3 && [[ $line == INFO* ]]"


class NatsServer(Daemon):
    """A NATS.

    Args:
        conf: text of nats-server.conf.
        cluster: its port for the others, and theirs; empty if it is alone.
    """

    def __init__(self, home: Path, conf: str = "", cluster: Sequence[int] = ()) -> None:
        program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin") or missing(
            "NATS is not installed; run scripts/install-servers as root (apt-get install nats-server)"
        )  # fmt: skip
        prefix = unprivileged("nats", home)
        (home / "conf").write_text(conf + self._together(cluster))
        super().__init__(
            "NATS", home,
            lambda port: [*prefix, program, "--config", str(home / "conf"), "--addr", "127.0.0.1", "--port", str(port)],
            lambda port: ["bash", "-c", ANSWERS.format(port=port)],
        )  # fmt: skip

    @staticmethod
    def _together(cluster: Sequence[int]) -> str:
        if not cluster:
            return ""
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in cluster[1:])
        return f'\ncluster {{ name: yard, listen: "127.0.0.1:{cluster[0]}", routes: [{routes}] }}\n'

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"nats://{self.place}"

    def restart(self) -> None:
        """Kill it, and start it again on its port."""
        self.kill()
        self.start()

    def retire(self) -> None:
        """Put it into lame duck mode: it takes no new clients, and closes those that it has one by one."""
        self._signal(signal.SIGUSR2)

    def info(self) -> dict[str, Any]:
        """Return what it says to a client that connects."""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection,
            connection.makefile() as said,
        ):
            info: dict[str, Any] = json.loads(said.readline().removeprefix("INFO "))
            return info


@contextmanager
def run_nats(conf: str = "") -> Iterator[NatsServer]:
    """Start a NATS of its own, and stop it in the end. `conf` is the text of nats-server.conf."""
    with temporary_home("nats") as home, running(NatsServer(home, conf)) as server:
        yield server


class NatsCluster:
    """Three servers, each of which passes on to the others what their clients want."""

    def __init__(self, servers: list[NatsServer]) -> None:
        self.servers = servers

    @property
    def url(self) -> str:
        return "nats://" + ",".join(server.place for server in self.servers)

    def is_whole(self) -> bool:
        """Whether all know each other."""
        return all(len(server.info().get("connect_urls", ())) == len(self.servers) for server in self.servers)


@contextmanager
def run_nats_cluster(conf: str = "") -> Iterator[NatsCluster]:
    """Start three servers, and stop them in the end. `conf` is more of nats-server.conf."""
    ports = [free_port() for _ in range(3)]
    with ExitStack() as stack:
        servers = []
        for n in range(3):
            home = stack.enter_context(temporary_home("nats"))
            servers.append(
                stack.enter_context(running(NatsServer(home, conf, [ports[n], *ports[:n], *ports[n + 1 :]])))
            )
        yield NatsCluster(servers)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """One NATS for the whole run. A test that harms it takes `run_nats`."""
    with run_nats() as server:
        yield server
