"""Which Redis servers there are, and which partitions each carries: a single server all of them, a Cluster's members by slot.

The Cluster client of redis-py is not used: it listens to the members one after another, so that a silent member makes the
others wait (3 s were measured).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Protocol, TypeVar

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from madang.adapters.bus.channels import PARTITIONS
from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.channels import TAGS
from madang.adapters.bus.redis.connecting import UNREACHABLE
from madang.core.addresses import host_port

T = TypeVar("T")

TOPOLOGY_S: Final = 1.0
"""How long one member of a Cluster may take to tell the topology, before another is asked."""
REFRESH_S: Final = 1.0
"""The shortest time between two reads of the topology."""
CONNECTIONS: Final = 4
"""Concurrent calls to one server, each on a connection of its own; more wait."""
_SLOTS: Final = [key_slot(str(tag).encode()) for tag in TAGS]


class Servers(Protocol):
    """Finds servers and makes clients of them. A server's name is "host:port"."""

    @property
    def sharded(self) -> bool:
        """Whether channels have slots, as in a Cluster."""

    async def topology(self) -> dict[str, list[int]]:
        """Return the servers, each with the partitions that it carries; a partition without a server is left out.

        Raises:
            one of UNREACHABLE: no server answers.
        """

    def client(self, name: str) -> Redis:
        """Return a client of a server that was found; the caller closes it."""

    async def close(self) -> None:
        """Close the connections used to read the topology."""


class Single:
    """One server, or the one that is primary: its client asks the Sentinels whenever it connects."""

    sharded = False

    def __init__(self, url: str) -> None:
        connecting.client(url)  # so that a wrong URL is refused now
        self._url = url

    async def topology(self) -> dict[str, list[int]]:
        return {connecting.place(self._url): list(range(PARTITIONS))}

    def client(self, name: str) -> Redis:
        return connecting.client(self._url)

    async def close(self) -> None:
        pass


class Cluster:
    """The members of a Cluster. Those the URL names are asked first; later, any member that is known."""

    sharded = True

    def __init__(self, url: str) -> None:
        self._target = connecting.target(url)
        self._clients: dict[str, Redis] = {}  # to read the topology
        self._add(self._target.places)

    async def topology(self) -> dict[str, list[int]]:
        trouble: Exception = ConnectionError("no member is known")
        for name in random.sample(list(self._clients), len(self._clients)):
            try:
                async with asyncio.timeout(TOPOLOGY_S):
                    ranges = await _slots(self._clients[name])
            except UNREACHABLE as error:
                trouble = error
                continue
            host = name.rpartition(":")[0]
            found = {first: (last, [_place(node, host) for node in nodes]) for first, last, *nodes in ranges}
            await self._retain({place for _, places in found.values() for place in places})
            return self._partitions(found)
        raise trouble

    def client(self, name: str) -> Redis:
        host, _, port = name.rpartition(":")
        return connecting.member(self._target, host, int(port))

    async def close(self) -> None:
        for client in self._clients.values():
            await connecting.close(client)

    @staticmethod
    def _partitions(found: dict[int, tuple[int, list[tuple[str, int]]]]) -> dict[str, list[int]]:
        carried: dict[str, list[int]] = {}
        for first, (last, places) in found.items():
            here = [partition for partition, slot in enumerate(_SLOTS) if first <= slot <= last]
            if here:
                carried.setdefault(host_port(*places[0]), []).extend(here)
        return carried

    def _add(self, places: Iterable[tuple[str, int]]) -> None:
        for host, port in places:
            if (name := host_port(host, port)) not in self._clients:
                self._clients[name] = connecting.member(self._target, host, port)

    async def _retain(self, places: set[tuple[str, int]]) -> None:
        """Keep clients of these and of those the URL names; close the others."""
        self._add(places)
        kept = {host_port(*place) for place in [*places, *self._target.places]}
        for name in [name for name in self._clients if name not in kept]:
            await connecting.close(self._clients.pop(name))


def servers(url: str) -> "Single | Cluster":
    """Return the servers of a URL.

    Raises:
        SetupError: it is not a URL of Redis.
    """
    return Cluster(url) if connecting.target(url).kind == "cluster" else Single(url)


class PartitionClients:
    """Clients by partition, each of the server that carries it, for data kept in Redis.

    After a failure the topology is read again, at most every REFRESH_S.
    """

    def __init__(self, url: str) -> None:
        self._servers = servers(url)
        self._names: dict[int, str] = {}
        self._clients: dict[str, Redis] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._refreshing = asyncio.Lock()
        self._refreshed_at = float("-inf")
        self._stale = True

    async def do(self, partition: int, call: Callable[[Redis], Awaitable[T]]) -> T:
        """Make a call to the server that carries a partition.

        Raises:
            one of UNREACHABLE: it does not answer, or no server carries the partition. Whether the call took effect is unknown.
        """
        try:
            return await self._do(partition, call)
        except MovedError:  # the call had no effect
            self._stale, self._refreshed_at = True, float("-inf")
            return await self._do(partition, call)
        except UNREACHABLE:
            self._stale = True
            raise

    async def by_server(self, partitions: Iterable[int]) -> list[list[int]]:
        """Group partitions by the server that carries them; those without a server are groups of one."""
        wanted = list(partitions)
        await self._refresh()
        groups: dict[str, list[int]] = {}
        for partition in wanted:
            groups.setdefault(self._names.get(partition, f"none for {partition}"), []).append(partition)
        return list(groups.values())

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await connecting.close(client)
        await self._servers.close()

    async def _do(self, partition: int, call: Callable[[Redis], Awaitable[T]]) -> T:
        await self._refresh()
        if partition not in self._names:
            raise ConnectionError("no member of the Cluster carries it")
        name = self._names[partition]
        async with self._turns[name]:
            return await call(self._clients[name])

    async def _refresh(self) -> None:
        async with self._refreshing:
            now = asyncio.get_running_loop().time()
            if not self._stale or now - self._refreshed_at < REFRESH_S:
                return
            self._refreshed_at = now
            found = await self._servers.topology()
            self._names = {partition: name for name, partitions in found.items() for partition in partitions}
            for name in found:
                if name not in self._clients:
                    self._clients[name] = self._servers.client(name)
                    self._turns[name] = asyncio.Semaphore(CONNECTIONS)
            for name in [name for name in self._clients if name not in found]:
                del self._turns[name]
                await connecting.close(self._clients.pop(name))
            self._stale = False


async def _slots(client: Redis) -> list[Any]:
    answer: list[Any] = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
    return answer


def _place(node: list[Any], asked: str) -> tuple[str, int]:
    """Return the address of a member in CLUSTER SLOTS; one that does not know its own host is where it was asked."""
    host = (node[0] or b"").decode()
    return host if host not in ("", "?") else asked, int(node[1])
