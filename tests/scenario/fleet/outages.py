"""What goes wrong with the servers that a fleet needs: real ones, killed, filled up and kept busy under load.

Only tests can do this: `madang prove` does nothing to a database or a Redis that it was lent.
"""

import asyncio
import random
from typing import Final, Protocol

from madang.node.lease import LEASE_MS
from madang_proof.faults.fault import NODES, Broken, started_again
from madang_proof.faults.partition import FOUND_S, Outage
from madang_proof.faults.probe import probing
from madang_proof.faults.watcher import PAD, until, watching
from madang_proof.testbed.testbed import Testbed
from tests.daemons import Daemon
from tests.redis import RedisServer

MUCH: Final = 1500  # messages of 16 KB: 24 MB, of which kernels keep ten before Redis notices


class Pausable(Protocol):
    """A server that may be stopped by a signal, as `RedisServer` and `NatsServer` are."""

    def pause(self) -> None:
        """Let it stand still, its connections open."""

    def resume(self) -> None:
        """Let it go on."""


class Killed(Outage):
    """Kill -9 of servers that all nodes need, and start them again in their places."""

    needs = NODES
    everybody = True

    def __init__(self, name: str, number: str, server: Daemon, lacks: str, *more: Daemon) -> None:
        self.name = name
        self.number = number
        self.title = f"kill -9 of the {lacks}, and start it again"
        self.lacks = frozenset({lacks})
        self._servers = server, *more

    def unavailable(self) -> str | None:
        return None

    async def begin(self, testbed: Testbed, dice: random.Random) -> str:
        await asyncio.sleep(dice.uniform(0, 0.5))
        for server in self._servers:
            await asyncio.to_thread(server.kill)
        return "killed"

    async def end(self, testbed: Testbed) -> None:
        for server in self._servers:
            await asyncio.to_thread(server.start)


class Frozen(Outage):
    """A broker that all nodes need stands still, its connections open, and goes on."""

    needs = NODES
    everybody = True
    lacks = frozenset({"bus"})

    def __init__(self, name: str, number: str, *servers: Pausable) -> None:
        self.name = name
        self.number = number
        self.title = "the broker stands still, and goes on"
        self._servers = servers

    def unavailable(self) -> str | None:
        return None

    async def begin(self, testbed: Testbed, dice: random.Random) -> str:
        for server in self._servers:
            server.pause()
        return "stood still"

    async def end(self, testbed: Testbed) -> None:
        for server in self._servers:
            server.resume()


class OfRedis(Outage):
    """What is done to the Redis of all nodes while it runs."""

    needs = NODES
    everybody = True
    lacks = frozenset({"bus"})

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis

    def unavailable(self) -> str | None:
        return None


class Full(OfRedis):
    """Redis has no memory left and evicts nothing: who is present cannot be written down; messages go on."""

    name = "redis-full"
    number = "F20"
    title = "Redis reaches its maxmemory (noeviction)"

    async def begin(self, testbed: Testbed, dice: random.Random) -> str:
        await asyncio.to_thread(self._redis.ask, "config", "set", "maxmemory-policy", "noeviction", "maxmemory", "1")
        return "full"

    async def end(self, testbed: Testbed) -> None:
        await asyncio.to_thread(self._redis.ask, "config", "set", "maxmemory", "0")


class Saving(OfRedis):
    """Redis forks to write itself down, twice, in the middle of the load."""

    name = "redis-saves"
    number = "F22"
    title = "BGSAVE and BGREWRITEAOF in load"

    async def begin(self, testbed: Testbed, dice: random.Random) -> str:
        await asyncio.to_thread(self._redis.ask, "bgrewriteaof")
        await asyncio.to_thread(self._redis.ask, "bgsave", "schedule")
        return "saved"

    async def end(self, testbed: Testbed) -> None:
        async def saved() -> bool:
            told = await asyncio.to_thread(self._redis.ask, "info", "persistence")
            return "bgsave_in_progress:0" in told and "rewrite_in_progress:0" in told

        await until(saved, "an end of Redis's saving", FOUND_S)


class Choked:
    """A node stands still while much is sent, until Redis drops it as a subscriber that does not read.

    Awake again, it finds the gap, and fills it from the log.
    """

    name = "redis-drops"
    number = "F21"
    title = "Redis closes a node's subscription, whose output buffer is full"
    needs = NODES

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server, other = testbed.server, testbed.others[0]
        await self._limit("256kb 128kb 1")
        async with (
            probing(other) as host,
            watching(host, other.direct_url) as speaker,
            probing(server, host.room) as guest,
            watching(guest, server.direct_url) as listener,
        ):
            subscribers = await self._subscribers()
            server.pause()
            said = 0
            try:
                while await self._subscribers() == subscribers:
                    if said >= MUCH:
                        raise Broken(f"After {said} messages to a node that stands still Redis has not dropped it.")
                    await speaker.send_acked(20, f"much-{said}", PAD)
                    said += 20
            finally:
                server.resume()
                await self._limit("32mb 8mb 60")
            await until(lambda: listener.position >= speaker.position, "what Redis had dropped", FOUND_S)
            if gap := listener.gap() or speaker.gap():
                raise Broken(f"Redis dropped a subscriber, and {gap}.")
        return f"dropped after {said} messages"

    async def _limit(self, pubsub: str) -> None:
        limit = "client-output-buffer-limit"
        await asyncio.to_thread(self._redis.ask, "config", "set", limit, f"pubsub {pubsub}")

    async def _subscribers(self) -> int:
        return (await asyncio.to_thread(self._redis.ask, "client", "list", "type", "pubsub")).count("id=")


class Zombie:
    """A node stands still for longer than its lease, and another one that starts takes its number.

    Awake again it may write nothing under that number, and ends.
    """

    name = "zombie"
    number = "F14"
    title = "a node stands still until another has its number, and goes on"
    needs = NODES

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        zombie, heir = testbed.server, dice.choice(testbed.others)
        async with (
            probing(heir) as host,
            probing(zombie, host.room) as guest,
            watching(guest, zombie.direct_url) as watcher,
        ):
            watcher.send("before")
            testbed.proxy.shut(testbed.number)  # as a balancer does that looks after its nodes
            zombie.pause()
            try:
                watcher.send("meanwhile")
                await asyncio.sleep(LEASE_MS / 1000 + 1)
                await heir.kill()
                await started_again(heir, "the lease of another node had run out")
                await host.surely_send("heir", "heir")
            finally:
                zombie.resume()
            try:
                status = await zombie.ended(FOUND_S)
            except TimeoutError:
                raise Broken("A node goes on under a number that is another's.") from None
            finally:
                testbed.proxy.heal()
            await started_again(zombie, "it had lost its number")
            for cid in ("before", "meanwhile"):
                await guest.surely_send(cid, cid)
            found = sorted(message["text"] for message in await host.history())
        if status == 0 or found != ["before", "heir", "meanwhile"]:
            raise Broken(f"A node that had lost its number ended with {status}, and these messages are there: {found}.")
        return "its number was another's when it woke, and it ended"
