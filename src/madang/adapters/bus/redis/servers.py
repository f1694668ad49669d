"""Which Redis servers there are, and which of them carries which partition: a single one all of them; in a Cluster, whoever
has the slot.

The client of redis-py for a Cluster is not used here: it listens to its members one after another, and a member that is silent
makes the others wait (3 s were measured).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Protocol, TypeVar

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.channels import PARTITIONS, TAGS
from madang.adapters.bus.redis.connecting import TROUBLE

T = TypeVar("T")

LOOK_S: Final = 1.0
"""How long one member of a Cluster is asked who carries what, before another is."""
LOOK_AGAIN_S: Final = 1.0
CONNECTIONS: Final = 4
"""Calls at the same time to one server, each of which takes a connection. Others wait."""
_SLOTS: Final = [key_slot(str(tag).encode()) for tag in TAGS]


class Servers(Protocol):
    """Gives servers by name, "host:port"."""

    @property
    def sharded(self) -> bool:
        """Whether channels have slots, as in a Cluster."""

    async def look(self) -> dict[str, list[int]]:
        """Give the servers, each with the partitions that it carries; one that nobody carries now is not among them.

        Raises:
            one of TROUBLE: nobody can tell.
        """

    def client(self, name: str) -> Redis:
        """Make a client of a server that was found; the caller closes it."""

    async def close(self) -> None:
        """Let go of own connections."""


class Single:
    """One server, or the one that is primary: its client asks the Sentinels whenever it connects."""

    sharded = False

    def __init__(self, url: str) -> None:
        connecting.client(url)  # so that a wrong URL is found out now
        self._url = url

    async def look(self) -> dict[str, list[int]]:
        return {connecting.place(self._url): list(range(PARTITIONS))}

    def client(self, name: str) -> Redis:
        return connecting.client(self._url)

    async def close(self) -> None:
        pass


class Cluster:
    """The members of a Cluster. Whom the URL names is asked first; later, any member that is known."""

    sharded = True

    def __init__(self, url: str) -> None:
        self._target = connecting.target(url)
        self._clients: dict[str, Redis] = {}  # to ask who carries what
        self._know(self._target.places)

    async def look(self) -> dict[str, list[int]]:
        trouble: Exception = ConnectionError("nobody was asked")
        for name in random.sample(list(self._clients), len(self._clients)):
            try:
                async with asyncio.timeout(LOOK_S):
                    ranges = await _slots(self._clients[name])
            except TROUBLE as error:
                trouble = error
                continue
            host = name.rpartition(":")[0]
            found = {first: (last, [_place(node, host) for node in nodes]) for first, last, *nodes in ranges}
            await self._keep({place for _, places in found.values() for place in places})
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
                carried.setdefault(_name(*places[0]), []).extend(here)
        return carried

    def _know(self, places: Iterable[tuple[str, int]]) -> None:
        for host, port in places:
            if (name := _name(host, port)) not in self._clients:
                self._clients[name] = connecting.member(self._target, host, port)

    async def _keep(self, places: set[tuple[str, int]]) -> None:
        """Know these, and whom the URL names; forget the others."""
        self._know(places)
        kept = {_name(*place) for place in [*places, *self._target.places]}
        for name in [name for name in self._clients if name not in kept]:
            await connecting.close(self._clients.pop(name))


def servers(url: str) -> "Single | Cluster":
    """Give the servers of a URL.

    Raises:
        SetupError: no such URL.
    """
    return Cluster(url) if connecting.target(url).kind == "cluster" else Single(url)


class Keepers:
    """Clients by partition, for what is kept in Redis: each of the server that carries it.

    After trouble it is looked up anew who that is, but not more often than every LOOK_AGAIN_S.
    """

    def __init__(self, url: str) -> None:
        self._servers = servers(url)
        self._names: dict[int, str] = {}
        self._clients: dict[str, Redis] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._astray = True

    async def do(self, partition: int, call: Callable[[Redis], Awaitable[T]]) -> T:
        """Make a call to the server that carries a partition.

        Raises:
            one of TROUBLE: it does not answer, or nobody carries the partition. Whether the call was made is not known.
        """
        try:
            return await self._do(partition, call)
        except MovedError:  # it was not made
            self._astray, self._looked_at = True, float("-inf")
            return await self._do(partition, call)
        except TROUBLE:
            self._astray = True
            raise

    async def together(self, partitions: Iterable[int]) -> list[list[int]]:
        """Sort partitions into those that one server carries; those that nobody carries stand alone."""
        wanted = list(partitions)
        await self._look()
        groups: dict[str, list[int]] = {}
        for partition in wanted:
            groups.setdefault(self._names.get(partition, f"none for {partition}"), []).append(partition)
        return list(groups.values())

    async def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients.values():
            await connecting.close(client)
        await self._servers.close()

    async def _do(self, partition: int, call: Callable[[Redis], Awaitable[T]]) -> T:
        await self._look()
        if partition not in self._names:
            raise ConnectionError("no member of the Cluster carries it")
        name = self._names[partition]
        async with self._turns[name]:
            return await call(self._clients[name])

    async def _look(self) -> None:
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if not self._astray or now - self._looked_at < LOOK_AGAIN_S:
                return
            self._looked_at = now
            found = await self._servers.look()
            self._names = {partition: name for name, partitions in found.items() for partition in partitions}
            for name in found:
                if name not in self._clients:
                    self._clients[name] = self._servers.client(name)
                    self._turns[name] = asyncio.Semaphore(CONNECTIONS)
            for name in [name for name in self._clients if name not in found]:
                del self._turns[name]
                await connecting.close(self._clients.pop(name))
            self._astray = False


async def _slots(client: Redis) -> list[Any]:
    answer: list[Any] = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
    return answer


def _name(host: str, port: int) -> str:
    return f"{host}:{port}"


def _place(node: list[Any], asked: str) -> tuple[str, int]:
    """Read who has slots; who does not know his own address is where he was asked."""
    host = (node[0] or b"").decode()
    return host if host not in ("", "?") else asked, int(node[1])
