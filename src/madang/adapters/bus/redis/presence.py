"""Presence of a fleet, in Redis: who has a live device in which room, on whichever node.

Keys begin with the tag of the room's partition, so that they are in one slot of a Cluster and one script changes them
together. Per room:

    {tag}:devices:room   sorted set: user, NUL, device → when it is gone, in milliseconds of Redis's clock
    {tag}:users:room     sorted set, all scores 0: users in order of their id
    {tag}:names:room     hash: user → name; and `#user` → how many devices

and per partition `{tag}:rooms`, a sorted set: room → when its first device may be gone. Nothing else is kept, and what a fleet
that died has left behind is swept by the next one.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis

from madang.adapters.bus.redis.channels import TAGS, partition
from madang.adapters.bus.redis.connecting import TROUBLE
from madang.adapters.bus.redis.servers import Keepers
from madang.errors import StorageFailed

SWEPT: Final = 200
"""Rooms of a partition that are swept at a time; of a fleet that died, more have to wait for the next time."""

# KEYS: devices, users, names, rooms. ARGV: user, device, name, gone at, room. Gives 1 for the user's first device.
_ENTER: Final = """
redis.call('ZADD', KEYS[4], 'NX', ARGV[4], ARGV[5])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
if redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1] .. '\\0' .. ARGV[2]) == 0 then return 0 end
if redis.call('HINCRBY', KEYS[3], '#' .. ARGV[1], 1) > 1 then return 0 end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
"""
# Of a user and a device that are known to be there: forget the device; true when the user has no other.
_FORGET: Final = """
local function forget(user, member)
  redis.call('ZREM', KEYS[1], member)
  if redis.call('HINCRBY', KEYS[3], '#' .. user, -1) > 0 then return false end
  redis.call('ZREM', KEYS[2], user)
  redis.call('HDEL', KEYS[3], user, '#' .. user)
  return true
end
"""
# KEYS as above. ARGV: user, device. Gives 1 for the user's last device.
_LEAVE: Final = f"""{_FORGET}
local member = ARGV[1] .. '\\0' .. ARGV[2]
if not redis.call('ZSCORE', KEYS[1], member) then return 0 end
return forget(ARGV[1], member) and 1 or 0
"""
# KEYS as above. ARGV: now, room. Notes when the room's next device may be gone; gives the users who went offline.
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

    Times come in as seconds of the caller's own clock, which other nodes do not share; at the first call it is set beside
    Redis's clock, once. In a Cluster that is the clock of any member: they are to be right within some seconds.

    Args:
        url: see `connecting`.
        name: of the installation.
        ttl_s: seconds after which a device that was not refreshed is gone.
    """

    def __init__(self, url: str, name: str, ttl_s: float) -> None:
        self._keepers = Keepers(url)
        self._prefix = f"madang:{name}:presence:"
        self._ttl_ms = int(ttl_s * 1000)
        self._ahead_ms: float | None = None

    async def stop(self) -> None:
        """Let go of the connections. Devices stay until they are gone by themselves."""
        await self._keepers.close()

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
        with suppress(StorageFailed):  # what is left is swept the next time
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
        """Run a command that answers with names; one that is missing is empty."""
        answer = await self._do(partition(room), lambda redis: redis.execute_command(*command))  # type: ignore[no-untyped-call]
        return [(name or b"").decode() for name in answer]

    async def _run(self, script: str, room: str, *args: str | int) -> Any:
        return await self._do(
            partition(room), lambda redis: redis.register_script(script)(keys=self._keys(room), args=args)
        )

    async def _pipelined(self, commands: Mapping[int, Sequence[_Command]]) -> dict[int, list[Any]]:
        """Run the commands of each partition, in one call to each server; gives the answers of those that answer.

        Raises:
            StorageFailed: none does.
        """
        answers: dict[int, list[Any]] = {}
        failed: StorageFailed | None = None
        with _told():
            groups = await self._keepers.together(commands)
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
        with _told():
            return await self._keepers.do(number, call)

    def _rooms(self, tag: int) -> str:
        return f"{self._prefix}{{{tag}}}:rooms"

    def _keys(self, room: str) -> list[str]:
        tag = TAGS[partition(room)]
        kinds = (f"{self._prefix}{{{tag}}}:{kind}:{room}" for kind in ("devices", "users", "names"))
        return [*kinds, self._rooms(tag)]

    async def _ms(self, now: float, room: str) -> int:
        """Give the caller's time in milliseconds of Redis's clock; of the server of a room, if it is not known yet."""
        if self._ahead_ms is None:
            seconds, micros = await self._do(partition(room), lambda redis: redis.time())
            self._ahead_ms = seconds * 1000 + micros / 1000 - now * 1000
        return int(self._ahead_ms + now * 1000)


@contextmanager
def _told() -> Iterator[None]:
    """Raise what Redis, or a member of a Cluster, does not answer as StorageFailed."""
    try:
        yield
    except TROUBLE as error:
        raise StorageFailed("Who is present cannot be told just now.") from error
