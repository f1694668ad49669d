"""Real Redis servers that belong together, for tests: a primary with Sentinels, a Cluster. Single ones are `redis.py`."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from tests.daemons import NO_SETTINGS, START_SECONDS
from tests.redis import RedisServer, run_redis

SERVICE = "yard"
POLL_S = 0.05


class Sentinels:
    """A primary, its replicas, and the Sentinels that agree on who is primary."""

    def __init__(self, servers: list[RedisServer], sentinels: list[RedisServer]) -> None:
        self.servers = servers
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{places}/{SERVICE}"

    @property
    def primary(self) -> RedisServer:
        """Whom the Sentinels name now."""
        said = self.sentinels[0].ask("sentinel", "get-master-addr-by-name", SERVICE).split()
        return next(server for server in self.servers if str(server.port) == said[1])


@contextmanager
def run_sentinels(settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[Sentinels]:
    """Run a primary, two replicas and three Sentinels (quorum 2); a primary that is silent for a second is replaced."""
    with ExitStack() as stack:
        given = {"repl-diskless-sync-delay": "0", **settings}
        primary = stack.enter_context(run_redis(given))
        replica = {**given, "replicaof": f"127.0.0.1 {primary.port}"}
        replicas = [stack.enter_context(run_redis(replica)) for _ in range(2)]
        agreed(lambda: all("link_status:up" in replica.ask("info", "replication") for replica in replicas))
        conf = (
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
        )
        sentinels = [stack.enter_context(run_redis(sentinel=conf)) for _ in range(3)]
        # Only when each knows of the others and of the replicas can they agree on a new primary.
        for sentinel in sentinels:
            agreed(partial(_knows_of_all, sentinel, primary))
        yield Sentinels([primary, *replicas], sentinels)


class Cluster:
    """A Redis Cluster; `servers` are its members, primaries first as they were made."""

    def __init__(self, servers: list[RedisServer]) -> None:
        self.servers = servers

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    @property
    def primaries(self) -> list[RedisServer]:
        """Who is a primary now and answers."""
        return [server for server in self.servers if role(server) == "master"]

    def carrying(self, key: str) -> RedisServer:
        """Return the primary in whose slots a key or channel lies.

        Raises:
            LookupError: its primary failed, and no replica has taken its place yet.
        """
        slot = int(self.primaries[0].ask("cluster", "keyslot", key))
        for line in self.primaries[0].ask("cluster", "nodes").splitlines():
            _, place, flags, _, _, _, _, _, *slots = line.split()
            if "master" in flags and "fail" not in flags:
                for first, _, last in (part.partition("-") for part in slots if not part.startswith("[")):
                    if int(first) <= slot <= int(last or first):
                        port = int(place.partition("@")[0].rpartition(":")[2])
                        return next(server for server in self.servers if server.port == port)
        raise LookupError(key)

    def move(self, slots: int, source: RedisServer, target: RedisServer) -> None:
        """Move slots from one primary to another, as an operator would; returns when it is done."""
        _cluster_command(
            "reshard", f"127.0.0.1:{source.port}", "--cluster-yes", "--cluster-slots", str(slots), "--cluster-from",
            source.ask("cluster", "myid").strip(), "--cluster-to", target.ask("cluster", "myid").strip(),
        )  # fmt: skip


@contextmanager
def run_cluster(replicas: int = 1, settings: Mapping[str, str] = NO_SETTINGS) -> Iterator[Cluster]:
    """Run a Cluster of three primaries with that many replicas each.

    A member that is silent for 1.5 s counts as lost where another can take its place; else after Redis's own 15 s, so that a
    busy machine does not lose what nobody harms.
    """
    lost_ms = "1500" if replicas else "15000"
    given = {"cluster-enabled": "yes", "cluster-node-timeout": lost_ms, "repl-diskless-sync-delay": "0", **settings}
    with ExitStack() as stack:
        servers = [stack.enter_context(run_redis(given)) for _ in range(3 + 3 * replicas)]
        places = [f"127.0.0.1:{server.port}" for server in servers]
        _cluster_command("create", *places, "--cluster-replicas", str(replicas), "--cluster-yes")
        for server in servers:
            agreed(partial(_is_whole, server, replicas))
        yield Cluster(servers)


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[Cluster]:
    """One Cluster of three primaries for the whole run. A test that harms it takes `run_cluster`."""
    with run_cluster(replicas=0) as cluster:
        yield cluster


def _knows_of_all(sentinel: RedisServer, primary: RedisServer) -> bool:
    known = f"name={SERVICE},status=ok,address=127.0.0.1:{primary.port},slaves=2,sentinels=3"
    return known in sentinel.ask("info", "sentinel")


def _is_whole(server: RedisServer, replicas: int) -> bool:
    nodes = server.ask("cluster", "nodes").splitlines()
    roles = [line.split()[2] for line in nodes]
    wanted = sum("slave" in role for role in roles) == 3 * replicas and len(nodes) == 3 + 3 * replicas
    return wanted and "cluster_state:ok" in server.ask("cluster", "info")


def role(server: RedisServer) -> str:
    """Return what a server takes itself for; "gone" if it says nothing, as in the moment when that changes."""
    try:
        return server.ask("role").split()[0]
    except RuntimeError:
        return "gone"


def _cluster_command(*words: str) -> None:
    done = subprocess.run(["redis-cli", "--cluster", *words], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"redis-cli --cluster {words}:\n{done.stdout[-3000:]}{done.stderr}")


def agreed(condition: Callable[[], object]) -> None:
    """Wait until the servers see something alike; blocks."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the servers did not come to an agreement")
        time.sleep(POLL_S)
