"""Presence of a fleet, in Redis: who has a live device in which room, on whichever node.

Keys begin with the hash tag of the room's partition, so that they share a slot of a Cluster and one script can change
them together. Per room:

    {tag}:devices:room   sorted set: user, NUL, device → when it is gone, in milliseconds of Redis's clock
    {tag}:users:room     sorted set, all scores 0: users in order of their id
    {tag}:names:room     hash: user → name; and `#user` → how many devices

and per partition `{tag}:rooms`, a sorted set: room → when its first device may be gone. Nothing else is kept, and what a
crashed fleet left behind is swept by the next one.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis

from madang.adapters.bus.channels import partition
from madang.adapters.bus.redis.channels import TAGS
from madang.adapters.bus.redis.connecting import UNREACHABLE
from madang.adapters.bus.redis.servers import PartitionClients
from madang.errors import StorageFailed

SWEPT: Final = 200
"""Rooms of a partition swept at a time; after a crash of the fleet, the rest wait for the next sweep."""

# KEYS: devices, users, names, rooms. ARGV: user, device, name, gone at, room. Returns 1 for the user's first device.
_ENTER: Final = """
redis.call('ZADD', KEYS[4], 'NX', ARGV[4], ARGV[5])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
if redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1] .. '\\0' .. ARGV[2]) == 0 then return 0 end
if redis.call('HINCRBY', KEYS[3], '#' .. ARGV[1], 1) > 1 then return 0 end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
"""
# Forget a device that is known to be there; return true when its user has no other.
_FORGET: Final = """
local function forget(user, member)
  redis.call('ZREM', KEYS[1], member)
  if redis.call('HINCRBY', KEYS[3], '#' .. user, -1) > 0 then return false end
  redis.call('ZREM', KEYS[2], user)
  redis.call('HDEL', KEYS[3], user, '#' .. user)
  return true
end
"""
# KEYS as above. ARGV: user, device. Returns 1 for the user's last device.
_LEAVE: Final = f"""{_FORGET}
local member = ARGV[1] .. '\\0' .. ARGV[2]
if not redis.call('ZSCORE', KEYS[1], member) then return 0 end
return forget(ARGV[1], member) and 1 or 0
"""
# KEYS as above. ARGV: now, room. Notes when the room's next device may be gone; returns the users who went offline.
_SWEEP: Final = f"""{_FORGET}
local gone = {{}}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])) do
  local user = string.match(member, '^(%Z*)')
  if forget(user, member) then gone[#gone + 1] = user end
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] then redis.call('ZADD', KEYS[4], first[2], ARGV[2]) else redis.call('ZREM', KEYS[4], ARGV[2]) end
return gone
"""

_Command = tuple[str | float, ...]  # its name, its key, and the rest


class RedisPresence:
    """Counts devices per (room, user) over all nodes. See `ports.presence`.

    Times come in as seconds of the caller's own clock, which other nodes do not share; the first call compares it with
    Redis's clock, once. In a Cluster that is the clock of any member: members' clocks must agree within some seconds.

    Args:
        url: see `connecting`.
        name: of the installation.
        ttl_s: seconds after which a device that was not refreshed is gone.
    """

    def __init__(self, url: str, name: str, ttl_s: float) -> None:
        self._clients = PartitionClients(url)
        self._prefix = f"madang:{name}:presence:"
        self._ttl_ms = int(ttl_s * 1000)
        self._ahead_ms: float | None = None

    async def stop(self) -> None:
        """Close the connections. Devices stay until their TTL ends."""
        await self._clients.close()

    async def enter(self, room: str, user: str, name: str, device: str, now: float) -> bool:
        gone_at = await self._ms(now, room) + self._ttl_ms
        return bool(await self._run(_ENTER, room, user, device, name, gone_at, room))

    async def leave(self, room: str, user: str, device: str, now: float) -> bool:
        return bool(await self._run(_LEAVE, room, user, device))

    async def refresh(self, devices: Sequence[tuple[str, str, str]], now: float) -> list[tuple[str, str, str]]:
        if not devices:
            return []
        gone_at = await self._ms(now, devices[0][0]) + self._ttl_ms
        rooms: dict[str, dict[str, tuple[str, str, str]]] = {}
        for room, user, device in devices:
            rooms.setdefault(room, {})[f"{user}\0{device}"] = room, user, device
        commands: dict[int, list[_Command]] = {}
        for room, members in rooms.items():
            key = self._keys(room)[0]
            again = [word for member in members for word in (gone_at, member)]
            both: list[_Command] = [("ZADD", key, "XX", *again), ("ZMSCORE", key, *members)]
            commands.setdefault(partition(room), []).extend(both)
        unknown: list[tuple[str, str, str]] = []
        scores = {number: iter(answers[1::2]) for number, answers in (await self._pipelined(commands)).items()}
        for room, members in rooms.items():
            if partition(room) in scores:
                pairs = zip(members.values(), next(scores[partition(room)]), strict=True)
                unknown += [device for device, score in pairs if score is None]
        return unknown

    async def sweep(self, now: float) -> list[tuple[str, str]]:
        ms = await self._ms(now, "")
        due = await self._pipelined(
            {n: [("ZRANGEBYSCORE", self._rooms(tag), "-inf", ms, "LIMIT", 0, SWEPT)] for n, tag in enumerate(TAGS)}
        )
        gone: list[tuple[str, str]] = []
        with suppress(StorageFailed):  # the rest is swept the next time
            for room in [name.decode() for (names,) in due.values() for name in names]:
                users = await self._run(_SWEEP, room, ms, room)
                gone += [(room, user.decode()) for user in users]
        return gone

    async def online(self, room: str, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        _, users, names, _ = self._keys(room)
        start = f"({after}" if after else "-"
        found = await self._names(room, "ZRANGEBYLEX", users, start, "+", "LIMIT", 0, limit)
        named = await self._names(room, "HMGET", names, *found) if found else []
        return [(user, name) for user, name in zip(found, named, strict=True) if name]

    async def count(self, room: str) -> int:
        return int(await self._do(partition(room), lambda redis: redis.zcard(self._keys(room)[1])))

    async def _names(self, room: str, *command: str | int) -> list[str]:
        """Run a command that returns names; a missing name is empty."""
        answer = await self._do(partition(room), lambda redis: redis.execute_command(*command))  # type: ignore[no-untyped-call]
        return [(name or b"").decode() for name in answer]

    async def _run(self, script: str, room: str, *args: str | int) -> Any:
        return await self._do(
            partition(room), lambda redis: redis.register_script(script)(keys=self._keys(room), args=args)
        )

    async def _pipelined(self, commands: Mapping[int, Sequence[_Command]]) -> dict[int, list[Any]]:
        """Run the commands of each partition, in one call to each server; return the answers of those that answer.

        Raises:
            StorageFailed: no server answers.
        """
        answers: dict[int, list[Any]] = {}
        failed: StorageFailed | None = None
        with _as_storage_failed():
            groups = await self._clients.by_server(commands)
        for group in groups:

            async def call(redis: Redis, group: Sequence[int] = group) -> list[Any]:
                async with redis.pipeline(transaction=False) as calls:
                    for number in group:
                        for command in commands[number]:
                            calls.execute_command(*command)
                    return await calls.execute()

            try:
                found = iter(await self._do(group[0], call))
            except StorageFailed as error:
                failed = error
                continue
            answers |= {number: [next(found) for _ in commands[number]] for number in group}
        if failed is not None and not answers:
            raise failed
        return answers

    async def _do(self, number: int, call: Callable[[Redis], Awaitable[Any]]) -> Any:
        with _as_storage_failed():
            return await self._clients.do(number, call)

    def _rooms(self, tag: int) -> str:
        return f"{self._prefix}{{{tag}}}:rooms"

    def _keys(self, room: str) -> list[str]:
        tag = TAGS[partition(room)]
        kinds = (f"{self._prefix}{{{tag}}}:{kind}:{room}" for kind in ("devices", "users", "names"))
        return [*kinds, self._rooms(tag)]

    async def _ms(self, now: float, room: str) -> int:
        """Return the caller's time in milliseconds of Redis's clock, read once from the server that carries a room."""
        if self._ahead_ms is None:
            seconds, micros = await self._do(partition(room), lambda redis: redis.time())
            self._ahead_ms = seconds * 1000 + micros / 1000 - now * 1000
        return int(self._ahead_ms + now * 1000)


@contextmanager
def _as_storage_failed() -> Iterator[None]:
    """Raise StorageFailed where a server cannot be reached."""
    try:
        yield
    except UNREACHABLE as error:
        raise StorageFailed("Presence is not available just now.") from error
