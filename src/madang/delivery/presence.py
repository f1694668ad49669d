"""Presence of this node's users: tells the port which devices are connected, and rooms who came online and went offline.

A user is online with the first device and offline without the last. Rooms are told of such changes once per TICK_S,
and only of those that still hold by then: a page that reloads changes nothing, but to those who have asked meanwhile who is
online. A crowd (more than CROWD live subscribers) is told only how many are online, and less often.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from madang.delivery.room import LiveRoom
from madang.errors import StorageError
from madang.ports.bus import Bus, Signal
from madang.ports.presence import Presence
from madang.protocol.native.frames import Frame, PresenceFrame

logger = logging.getLogger("madang.presence")

TICK_S: Final = 1.0
READ_TICKS: Final = 3  # after a read in which a room is told even what cancels out: another node's signal may trail
TTL_S: Final = 60.0  # after which the users of a node that crashed are offline
CROWD: Final = 100
CROWD_TICK_S: Final = 5.0  # told every second, 10,000 that came back paid a fifth of the cost of it for this
_encode = msgspec.json.Encoder().encode
REFRESH: Final = 1000  # devices refreshed in one call
CARRIED: Final = 32  # moves told to the port concurrently; one after the other, 10,000 took as many round trips
_Device = tuple[str, str, str]  # room, user, device
_Change = tuple[
    bool, str | None
]  # of one user in one tick: whether the first was to online; the name after the last, None for offline


class PresenceKeeper:
    """One task that tells the presence port of devices, and rooms of users. Its queue is bounded by live subscriptions.

    Attributes:
        devices: those of this node that follow a room.
        moves: what the port has not been told yet: a name for a device that enters, None for one that leaves.
        changes: what rooms have not been told yet, by room and user.
    """

    def __init__(
        self, port: Presence, bus: Bus, rooms: dict[str, LiveRoom], tell: Callable[[LiveRoom, Frame], None]
    ) -> None:
        self._port = port
        self._bus = bus
        self._rooms = rooms
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self.moves: dict[_Device, str | None] = {}
        self.devices: dict[_Device, str] = {}
        self._moved = asyncio.Event()
        self.changes: dict[str, dict[str, _Change]] = {}
        self._failing = False
        self._crowds: dict[str, float] = {}  # when rooms with a crowd may be told again
        self._read: dict[str, float] = {}  # until when it counts that somebody has read who is online in a room

    @property
    def idle(self) -> bool:
        """Whether the port and the rooms have been told everything."""
        return not (self.moves or self.changes or self._moved.is_set())

    def enter(self, room: str, user: str, name: str, device: str) -> None:
        """Note that a device follows a room."""
        self.devices[room, user, device] = name
        self._move((room, user, device), name)

    def leave(self, room: str, user: str, device: str) -> None:
        """Note that a device no longer follows a room."""
        if self.devices.pop((room, user, device), None) is not None:
            self._move((room, user, device), None)

    def _move(self, device: _Device, name: str | None) -> None:
        self.moves[device] = name
        self._moved.set()

    def receive(self, signal: Signal) -> None:
        """Handle a change that another node has told."""
        self._change(signal.room, signal.key, msgspec.json.decode(signal.value, type=str | None))

    def _change(self, room: str, user: str, name: str | None) -> None:
        if room in self._rooms:
            changes = self.changes.setdefault(room, {})
            online_first, _ = changes.get(user, (name is not None, name))
            changes[user] = online_first, name
            self._moved.set()

    async def run(self) -> None:
        """Tell the port of moves as they come, and rooms of changes per tick, until cancelled. A failing port is tried again."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            deadline = self._loop.time() + TICK_S
            try:
                await self._carry()
                await asyncio.sleep(max(0.0, deadline - self._loop.time()))
                failed = [*await self._carry(), *await self._flush()]
                if failed:
                    raise failed[0]
                self._failing = False
                if self.changes:
                    self._moved.set()
            except Exception as error:
                if not isinstance(error, StorageError):
                    logger.error("presence not told", exc_info=error)
                elif not self._failing:  # logged once, until it is over
                    logger.warning("presence not told: %s", error)
                self._failing = True
                self._moved.set()
                await asyncio.sleep(TICK_S)

    async def keep(self) -> None:
        """Refresh from time to time, until cancelled."""
        while True:
            await asyncio.sleep(TTL_S / 3)
            try:
                await self.refresh()
            except StorageError as error:
                logger.warning("presence not kept: %s", error)
            except Exception as error:
                logger.error("presence not kept", exc_info=error)

    async def refresh(self) -> None:
        """Refresh this node's devices, and remove those of crashed nodes."""
        now = self._loop.time()
        devices = list(self.devices)
        for start in range(0, len(devices), REFRESH):
            # The port does not know devices of a node that stood still for so long that others took it for dead; and none
            # at all when its server has come back empty.
            for device in await self._port.refresh(devices[start : start + REFRESH], now):
                if (name := self.devices.get(device)) is not None:
                    self._move(device, name)
            await asyncio.sleep(0)
        for room, user in await self._port.sweep(now):
            self._publish(room, user, None)

    async def _carry(self) -> list[Exception]:
        """Tell the port of all moves, except in rooms for which it fails; return the errors, one for each such room.

        A port may be partly unavailable. After CARRIED such rooms it is left alone until the next tick.
        """
        failed: dict[str, Exception] = {}
        while any(room not in failed for room, _, _ in self.moves):
            for enter in (True, False):  # first those that enter: a page that reloads then changes nothing
                moves = [(device, name) for device, name in self.moves.items() if (name is not None) is enter]
                for start in range(0, len(moves), CARRIED):
                    batch = [move for move in moves[start : start + CARRIED] if move[0][0] not in failed]
                    outcomes = await asyncio.gather(*(self._carry_one(*move) for move in batch), return_exceptions=True)
                    for (device, _), outcome in zip(batch, outcomes, strict=True):
                        if isinstance(outcome, Exception):
                            failed[device[0]] = outcome
                            if device in self.moves:  # to the end of the queue
                                self.moves[device] = self.moves.pop(device)
                    if len(failed) >= CARRIED:
                        return list(failed.values())
        return list(failed.values())

    async def _carry_one(self, device: _Device, name: str | None) -> None:
        room, user, which = device
        if name is None:
            changed = await self._port.leave(room, user, which, self._loop.time())
        else:
            changed = await self._port.enter(room, user, name, which, self._loop.time())
        if changed:
            self._publish(room, user, name)
        if device in self.moves and self.moves[device] == name:  # it has not moved again
            del self.moves[device]

    def _publish(self, room: str, user: str, name: str | None) -> None:
        self._bus.signal(Signal(room, "presence", user, _encode(name)))
        self._change(room, user, name)

    async def _flush(self) -> list[Exception]:
        """Tell rooms of their changes; return the errors of the port, as `_carry` does."""
        failed: list[Exception] = []
        now = self._loop.time()
        self._crowds = {name: due for name, due in self._crowds.items() if due > now}
        self._read = {name: until for name, until in self._read.items() if until > now}
        for name in list(self.changes):
            if name in self._crowds:
                continue
            try:
                count = await self._port.count(name)
            except StorageError as error:
                failed.append(error)
                if len(failed) == CARRIED:
                    break
                continue
            changes = self.changes.pop(name)
            # A user who came and went, or went and came, is as before: nothing to tell, unless they were seen in between.
            told = {
                user: known
                for user, (online_first, known) in changes.items()
                if online_first is (known is not None) or name in self._read
            }
            room = self._rooms.get(name)
            if room is None or not told:
                continue
            if room.live > CROWD:
                self._tell(room, PresenceFrame(room=name, count=count))
                self._crowds[name] = now + CROWD_TICK_S
            else:
                online = {user: known for user, known in told.items() if known is not None}
                offline = [user for user in told if user not in online]
                self._tell(room, PresenceFrame(room=name, count=count, online=online, offline=offline))
        return failed

    async def online(self, room: str, *, after: str, limit: int) -> tuple[dict[str, str], int]:
        """Return a page of the users online (id → name) and how many there are in all."""
        if room in self._rooms:
            self._read[room] = self._loop.time() + READ_TICKS * TICK_S
        users = dict(await self._port.online(room, after=after, limit=limit))
        if not after and len(users) < limit:  # all of them; a count of another moment might differ
            return users, len(users)
        return users, await self._port.count(room)
