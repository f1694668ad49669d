"""Whether Redis can be used as it is: what is fatal is refused, what is risky is warned of. At start, and by `madang doctor`.

Nothing here changes a server. What a managed server hides from us is not judged.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    ResponseError,
    TryAgainError,
)

from madang.adapters.bus.channels import PARTITIONS
from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.connecting import UNREACHABLE
from madang.adapters.bus.redis.servers import Servers, servers
from madang.errors import SetupError, Unreachable

OLDEST: Final = (6, 2)
OLDEST_CLUSTER: Final = (7, 0)
"""The first version with sharded channels."""
LEAST_BUFFER: Final = 8 * 2**20
"""Bytes that Redis should buffer for a node that is slow for a moment: a few of the largest envelopes."""
MEMORY_SHARE: Final = 0.5
"""Of the machine's memory. A save copies pages written meanwhile, so Redis may need twice its maxmemory."""
_TRIAL: Final = "madang:inspection"
_GRANT: Final = (
    "Give it a user that may use the keys ~madang:* and the channels &madang:* with all commands but those of @admin."
)


async def inspect(url: str) -> list[str]:
    """Inspect the servers of a URL, and return sentences on what is risky.

    Raises:
        SetupError: they cannot be reached, or cannot be used.
    """
    named = connecting.target(url)
    found_by: Servers = servers(url)
    where = connecting.place(url)
    warnings: list[str] = []
    try:
        async with _asked(where, named):
            found = await found_by.topology()
        if (carried := sum(map(len, found.values()))) < PARTITIONS:
            lost = f"{PARTITIONS - carried} of {PARTITIONS} partitions of the rooms"
            warnings.append(
                f"No member of the Redis Cluster at {where} has the slots of {lost}; other nodes find them in the log only."
            )
        for name in found:
            client = found_by.client(name)
            try:
                warnings += await _inspect(client, name, named)
            except Unreachable as silent:
                if named.kind != "cluster":  # a Cluster works without one member
                    raise
                warnings.append(silent.problem)
            finally:
                await connecting.close(client)
    finally:
        await found_by.close()
    return warnings


async def _inspect(redis: Redis, where: str, named: connecting.Target) -> list[str]:
    async with _asked(where, named):
        info: dict[str, Any] = await redis.info()
    mode, cluster = info.get("redis_mode", "standalone"), named.kind == "cluster"
    if mode == "sentinel":
        raise SetupError(f"What answers at {where} is a Sentinel.", "Write redis+sentinel://host:26379/service.")
    if mode == "cluster" and not cluster:
        raise SetupError(f"Redis at {where} is a member of a Cluster.", "Write redis+cluster://host:6379,host:6379.")
    version = str(info.get("redis_version", "0"))
    oldest = OLDEST_CLUSTER if cluster else OLDEST
    if tuple(int(part) for part in version.split(".")[:2]) < oldest:
        needed = "Redis 7 for a Cluster" if cluster else "Redis 6.2"
        raise SetupError(f"Redis at {where} is too old ({version}).", f"Madang needs {needed}, or Valkey.")
    if info.get("role") != "master" and not cluster:
        primary = f"{info.get('master_host')}:{info.get('master_port')}"
        raise SetupError(f"Redis at {where} is a replica.", f"Name its primary ({primary}), or the Sentinels.")
    async with _asked(where, named):
        await _try(redis, sharded=cluster)
    return [f"Redis at {where}: {doubt}" for doubt in [*_memory(info), *_buffers(await _buffer_limits(redis))]]


async def _try(redis: Redis, *, sharded: bool) -> None:
    """Do once what the bus and presence do, under a name of its own."""
    pubsub = redis.pubsub()
    try:
        await (pubsub.ssubscribe(_TRIAL) if sharded else pubsub.subscribe(_TRIAL))
        with suppress(MovedError):  # another member has the slot; this one would have let us
            await pubsub.get_message(timeout=connecting.ANSWER_S)
    finally:
        with suppress(*UNREACHABLE):
            await pubsub.aclose()  # type: ignore[no-untyped-call]
    script = "return redis.call('ZCARD', KEYS[1])"
    for command in (["SPUBLISH" if sharded else "PUBLISH", _TRIAL, ""], ["EVAL", script, "1", _TRIAL]):
        with suppress(MovedError):
            await redis.execute_command(*command)  # type: ignore[no-untyped-call]


async def _buffer_limits(redis: Redis) -> str:
    with suppress(*UNREACHABLE):  # managed servers refuse CONFIG
        return str((await redis.config_get("client-output-buffer-limit")).get("client-output-buffer-limit", ""))
    return ""


def _memory(info: dict[str, Any]) -> list[str]:
    limit, machine = info.get("maxmemory", 0), info.get("total_system_memory", 0)
    policy = str(info.get("maxmemory_policy", "noeviction"))
    warnings = []
    if limit and machine and limit > machine * MEMORY_SHARE:
        warnings.append(
            f"maxmemory is {limit * 100 // machine} % of the machine's memory; "
            f"above {MEMORY_SHARE:.0%} a save may need more memory than there is."
        )
    if limit and policy.startswith("allkeys"):  # presence has no keys with a TTL, so volatile-… evicts none
        warnings.append(f"maxmemory-policy {policy} may evict presence, so that users show as offline; set noeviction.")
    return warnings


def _buffers(limits: str) -> list[str]:
    words = limits.split()
    if "pubsub" not in words:
        return []
    hard, soft = (int(word) for word in words[words.index("pubsub") + 1 :][:2])
    least = min(limit for limit in (hard, soft, LEAST_BUFFER) if limit)  # 0: none
    if least == LEAST_BUFFER:
        return []
    return [
        f"client-output-buffer-limit pubsub disconnects a node that is {least} bytes behind; "
        f"allow {LEAST_BUFFER} or more, or the node reads the log after each burst."
    ]


@asynccontextmanager
async def _asked(where: str, named: connecting.Target) -> AsyncIterator[None]:
    """Raise what a server answers, or that it does not, as a SetupError of one sentence."""
    try:
        yield
    except MasterNotFoundError as error:
        # Behind its first words the library names its own objects: those Sentinels that could not be asked.
        why = "not all of them answer" if " : " in str(error) else "they know none"
        raise Unreachable(
            f"The Sentinels at {where} name no primary for {named.service!r} ({why}).",
            "Check the service's name, and that Sentinels and primary run.",
        ) from error
    except AuthenticationError as error:
        raise SetupError(f"Redis at {where} does not let us in ({error}).", "Correct user and password.") from error
    except NoPermissionError as error:
        raise SetupError(f"Redis at {where} does not let us do what the bus needs ({error}).", _GRANT) from error
    except (ClusterDownError, TryAgainError) as error:
        raise Unreachable(f"Redis at {where} is not ready ({error}).", "Look at its log.") from error
    except ResponseError as error:
        if "cluster support disabled" in str(error):
            raise SetupError(f"Redis at {where} is not a member of a Cluster.", "Write redis://host:6379.") from error
        if named.kind == "sentinel" and "unknown command" in str(error):
            raise SetupError(
                f"What answers at {where} is not a Sentinel.", "Name the Sentinels, or write redis://host:6379."
            ) from error
        raise SetupError(
            f"Redis at {where} refuses ({error}).", "Correct user and password, or its settings."
        ) from error
    except UNREACHABLE as error:
        raise Unreachable(
            f"Redis at {where} does not answer ({connecting.why_unreachable(error)}).",
            "Check MADANG_BUS, and that the server runs.",
        ) from error
