"""The testbed: servers under test, with their data and logs, and what is between them and everything else.

One server with its embedded storage, or the nodes of a fleet. What happens on it is elsewhere: `load` sends, `faults`
inject, `history` judges.
"""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from madang_proof.testbed.proxy import Proxy
from madang_proof.testbed.server import NO_SETTINGS, PROGRAM, Server
from madang_proof.testbed.shim import Shim

PORTS: Final = {
    "amqp": 5672,
    "nats": 4222,
    "redis": 6379,
    "postgresql": 5432,
    "mysql": 3306,
}  # the schemes of backends that a proxy can stand before, with their default ports


class Fleet(NamedTuple):
    """Several nodes on one database with a bus between them.

    `database` and `bus` are the URLs of both, `search` that of a search engine; without one the database is searched.
    """

    nodes: int
    database: str
    bus: str
    search: str = ""

    @property
    def offers(self) -> frozenset[str]:
        """What a fault finds here: several nodes, and a proxy before each backend where one can stand."""
        return frozenset(["nodes", *(name for name in Backends._fields if _single(getattr(self, name)))])


class Backends(NamedTuple):
    """The proxies between one node and what it shares with the others, None where a proxy cannot stand."""

    database: Proxy | None
    bus: Proxy | None


class Testbed:
    """Running servers, and the proxy through which clients reach any of them at `url`.

    Attributes:
        servers: all of them; `url` leads to each in turn.
        server: the target of a fault that concerns one server.
        backends: in a fleet, the proxies of each server.
    """

    __test__ = False  # pytest would collect a class whose name begins with Test

    def __init__(
        self, folder: Path, servers: Sequence[Server], proxy: Proxy, backends: Sequence[Backends] = ()
    ) -> None:
        self.servers = tuple(servers)
        self.server = self.servers[0]
        self.backends = tuple(backends)
        self.proxy = proxy
        self._folder = folder
        self._shims: dict[Server, Shim] = {}

    @property
    def url(self) -> str:
        """The address of the native protocol for clients; it stays the same when servers restart."""
        return f"ws://127.0.0.1:{self.proxy.port}/ws"

    @property
    def number(self) -> int:
        """The index of `server` among the servers, and among the targets of the proxy."""
        return self.servers.index(self.server)

    def choose(self, dice: random.Random) -> None:
        """Draw the server that the next fault concerns."""
        self.server = dice.choice(self.servers)

    def node_of(self, port: int) -> str:
        """Return the name of the server that a client is connected to, by the client's port; "" for a single server."""
        number = self.proxy.target(port)
        return "" if number is None else self.name(self.servers[number])

    def name(self, server: Server) -> str:
        """Return the name of a server of a fleet; "" for a single server."""
        return server.data.name if self.backends else ""

    @property
    def others(self) -> list[Server]:
        """All servers but `server`."""
        return [server for server in self.servers if server is not self.server]

    async def shim(self) -> Shim:
        """Return the fault shim of `server`. The first call kills the server and starts it with the shim.

        Raises:
            RuntimeError: the shim does not build, or the server does not start.
        """
        server = self.server
        if server not in self._shims:
            folder = self._folder / f"shim-{self.number}"
            shim = self._shims[server] = await asyncio.to_thread(Shim, folder, server.data / "madang.db")
            server.environment |= await shim.environment()
            await server.restart()
        return self._shims[server]

    async def close(self) -> None:
        """Kill the servers, and delete the shims, which are not evidence."""
        for server in self.servers:
            await server.close()
        for number, server in enumerate(self.servers):
            if (shim := self._shims.get(server)) is not None:
                shim.close()
                await asyncio.to_thread(shutil.rmtree, self._folder / f"shim-{number}")


@asynccontextmanager
async def run_testbed(
    folder: Path, *, program: tuple[str, ...] = PROGRAM, settings: Mapping[str, str] = NO_SETTINGS
) -> AsyncIterator[Testbed]:
    """Run a server until the block is left, with its data in `folder`/data and its log in `folder`/server.log.

    Args:
        program: python, "-m", the module that is the server, and its first arguments.
        settings: settings by name, like {"user_rate": "0"}.

    Raises:
        RuntimeError: it did not start; the message has the end of its log.
    """
    data = await asyncio.to_thread(_prepared, folder, "data")
    server = Server(data, program=program, settings=settings, log=folder / "server.log")
    async with _standing(folder, [server]) as testbed:
        yield testbed


@asynccontextmanager
async def run_fleet(
    folder: Path,
    nodes: int = 3,
    *,
    program: tuple[str, ...] = PROGRAM,
    settings: Mapping[str, str] = NO_SETTINGS,
) -> AsyncIterator[Testbed]:
    """Run the nodes of a fleet until the block is left, each with its own folder and log in `folder`.

    Args:
        program: as for `run_testbed`.
        settings: of every node; `database` and `bus` are the URLs of what they share. Where such a URL names one server,
            each node reaches it through a proxy of its own.

    Raises:
        RuntimeError: a node did not start; the message has the end of its log.
    """
    async with AsyncExitStack() as stack:
        servers, backends = [], []
        for number in range(1, nodes + 1):
            line = Backends(*[await _line(stack, settings.get(name, "")) for name in Backends._fields])
            through = {
                name: _through(settings[name], proxy.port)
                for name, proxy in zip(Backends._fields, line, strict=True)
                if proxy is not None
            }
            data = await asyncio.to_thread(_prepared, folder, f"node-{number}")
            log = folder / f"node-{number}.log"
            servers.append(Server(data, program=program, settings={**settings, **through}, log=log))
            backends.append(line)
        testbed = await stack.enter_async_context(_standing(folder, servers, backends))
        yield testbed


@asynccontextmanager
async def _standing(
    folder: Path, servers: Sequence[Server], backends: Sequence[Backends] = ()
) -> AsyncIterator[Testbed]:
    try:
        for started in await asyncio.gather(*(server.start() for server in servers), return_exceptions=True):
            if started is not None:
                raise started
        proxy = Proxy(*(("127.0.0.1", server.port) for server in servers))
        await proxy.start()
        testbed = Testbed(folder, servers, proxy, backends)
        try:
            yield testbed
        finally:
            await proxy.stop()
            await testbed.close()
    finally:
        for server in servers:
            await server.close()


async def _line(stack: AsyncExitStack, url: str) -> Proxy | None:
    """Start a proxy before the server of a URL; return None where the URL names none, or several."""
    if not _single(url):
        return None
    parts = urlsplit(url)
    proxy = Proxy((parts.hostname or "", parts.port or PORTS[parts.scheme]))
    await proxy.start()
    stack.push_async_callback(proxy.stop)
    return proxy


def _single(url: str) -> bool:
    """Return whether a URL names one server without TLS, which would detect a proxy."""
    parts = urlsplit(url)
    return parts.scheme in PORTS and bool(parts.hostname) and "," not in parts.netloc


def _through(url: str, port: int) -> str:
    """Return the URL that reaches the same server through a proxy."""
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{credentials}{at}127.0.0.1:{port}").geturl()


def _prepared(folder: Path, name: str) -> Path:
    data = folder.resolve() / name  # SQLite resolves links, and the shim compares paths
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data
