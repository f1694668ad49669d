"""Real OpenSearch and Elasticsearch servers for tests, of one small node each. scripts/install-engines fetches them."""

import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.daemons import NO_SETTINGS, Daemon, missing, running, temporary_home, unprivileged


class Product(NamedTuple):
    """An engine.

    Attributes:
        home: the variable that names its configuration's folder.
        java: the variable that names its Java.
        settings: what it needs beside those that both have.
    """

    name: str
    version: str
    config: str
    java: str
    settings: Mapping[str, str]

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.version}"


PRODUCTS: Final = {
    "opensearch": Product("opensearch", "2.19.1", "OPENSEARCH_PATH_CONF", "OPENSEARCH_JAVA_HOME", NO_SETTINGS),
    "elasticsearch": Product(
        "elasticsearch", "8.17.3", "ES_PATH_CONF", "ES_JAVA_HOME",
        {"xpack.security.enabled": "false", "xpack.ml.enabled": "false", "xpack.watcher.enabled": "false"},
    ),
}  # fmt: skip
SETTINGS: Final = {
    "network.host": "127.0.0.1",
    "transport.port": "0",
    "discovery.type": "single-node",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
}
# The small compiler alone: it starts in half the processor's time, and nothing here runs long enough for the other.
JVM: Final = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
CACHES: Final = (
    Path("/var/cache/madang/engines"),
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "madang/engines",
)


class EngineServer(Daemon):
    """A search engine.

    Attributes:
        data: the folder of its data.
    """

    def __init__(
        self, product: Product, program: Path, home: Path, settings: Mapping[str, str], jvm: Sequence[str]
    ) -> None:
        self.product = product
        self.data = home / "data"
        self._config = home / "config"
        self._program = program
        self._settings = {**SETTINGS, **product.settings, **settings}
        shutil.copytree(program / "config", self._config)
        (self._config / "jvm.options").write_text("\n".join((*jvm, "")))
        self._prefix = unprivileged("nobody", home)
        for path in home.rglob("*"):
            os.chown(path, home.stat().st_uid, home.stat().st_gid)
        super().__init__(product.name, home, self._start, _ask)

    def url(self, prefix: str, port: int = 0) -> str:
        """Return what MADANG_SEARCH has, by the port of a proxy perhaps."""
        return f"{self.product.name}+http://127.0.0.1:{port or self.port}?prefix={prefix}"

    def kill(self) -> None:
        """End it as a crash would, with what it has started."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _start(self, port: int) -> list[str]:
        settings = {
            **self._settings,
            "http.port": str(port),
            "path.data": str(self.data),
            "path.logs": f"{self._home}/logs",
        }
        lines = [f"{name}: {value}\n" for name, value in settings.items()]
        (self._config / f"{self.product.name}.yml").write_text("".join(lines))
        java = Path(shutil.which("java") or "java").resolve().parent.parent
        environment = {
            self.product.config: str(self._config), self.product.java: str(java), "HOME": str(self._home),
            "TMPDIR": str(self._home),
        }  # fmt: skip
        variables = [f"{name}={value}" for name, value in environment.items()]
        return [*self._prefix, "env", *variables, str(self._program / "bin" / self.product.name)]


def _ask(port: int) -> list[str]:
    # In one process, because a start takes many seconds.
    question = f"http://127.0.0.1:{port}/_cluster/health?wait_for_status=yellow"
    return ["bash", "-c", f"for i in {{1..20}}; do curl -sf '{question}' && exit 0; sleep 0.1; done; exit 1"]


@contextmanager
def run_engine(
    name: str, settings: Mapping[str, str] = NO_SETTINGS, jvm: Sequence[str] = JVM
) -> Iterator[EngineServer]:
    """Run a search engine of its own.

    Args:
        settings: more of its configuration.
        jvm: options of its Java.
    """
    product = PRODUCTS[name]
    program = next((found for cache in CACHES if (found := cache / product.folder).is_dir()), None)
    if program is None or shutil.which("java") is None:
        missing(f"{product.folder} is not installed, or no Java is; run scripts/install-engines")
    with temporary_home(name) as home, running(EngineServer(product, program, home, settings, jvm)) as server:
        yield server


@pytest.fixture(scope="session")
def opensearch_server() -> Iterator[EngineServer]:
    """One OpenSearch for the whole run. Every test has an index of its own there."""
    with run_engine("opensearch") as server:
        yield server


@pytest.fixture(scope="session")
def elasticsearch_server() -> Iterator[EngineServer]:
    """One Elasticsearch for the whole run."""
    with run_engine("elasticsearch") as server:
        yield server


@pytest.fixture(params=[pytest.param("opensearch"), pytest.param("elasticsearch", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest) -> EngineServer:
    """Each engine; the second with `make soak`, since a start takes many seconds."""
    found: EngineServer = request.getfixturevalue(f"{request.param}_server")
    return found
