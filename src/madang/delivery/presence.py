"""Presence of this node's users: tells the port which devices live, and rooms who came and went.

Only the edges 0 ↔ 1 are told, once per TICK_S, and only if they still stand then: a page that reloads says nothing.
A crowd (more than CROWD live sockets) is told the count alone, and more seldom.
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
TTL_S: Final = 60.0  # a node that crashed loses its users' presence after this
CROWD: Final = 100
CROWD_TICK_S: Final = 5.0  # telling 10,000 that come back every second was a fifth of what their return cost
_encode = msgspec.json.Encoder().encode
REFRESH: Final = 1000  # devices refreshed in one call
CARRIED: Final = 32  # moves told to the port at the same time; one after the other, 10,000 took as many round trips
_Device = tuple[str, str, str]  # room, user, device
_Edge = tuple[bool, str | None]  # of one user in one tick: whether the first was a coming; the last


class PresenceKeeper:
    """One task that carries devices to the presence port, and edges to rooms. Its queue is bounded by live sockets."""

    def __init__(
        self, port: Presence, bus: Bus, rooms: dict[str, LiveRoom], tell: Callable[[LiveRoom, Frame], None]
    ) -> None:
        self._port = port
        self._bus = bus
        self._rooms = rooms
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._moves: dict[_Device, str | None] = {}  # the name of who comes; None: goes. Of one device, the last counts
        self._devices: dict[_Device, str] = {}
        self._moved = asyncio.Event()
        self._edges: dict[str, dict[str, _Edge]] = {}
        self._ailing = False
        self._crowds: dict[str, float] = {}  # when rooms with a crowd may be told again

    def enter(self, room: str, user: str, name: str, device: str) -> None:
        """A device follows a room."""
        self._devices[room, user, device] = name
        self._move((room, user, device), name)

    def leave(self, room: str, user: str, device: str) -> None:
        """A device no longer follows a room."""
        if self._devices.pop((room, user, device), None) is not None:
            self._move((room, user, device), None)

    def _move(self, device: _Device, name: str | None) -> None:
        self._moves[device] = name
        self._moved.set()

    def receive(self, signal: Signal) -> None:
        """Take another node's edge."""
        self._edge(signal.room, signal.key, msgspec.json.decode(signal.value, type=str | None))

    def _edge(self, room: str, user: str, name: str | None) -> None:
        if room in self._rooms:
            edges = self._edges.setdefault(room, {})
            came_first, _ = edges.get(user, (name is not None, name))
            edges[user] = came_first, name
            self._moved.set()

    async def run(self) -> None:
        """Carry moves as they come and tell edges per tick, until cancelled. A port that fails is tried again."""
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
                self._ailing = False
                if self._edges:
                    self._moved.set()
            except Exception as error:
                if not isinstance(error, StorageError):
                    logger.error("presence not told", exc_info=error)
                elif not self._ailing:  # said once, until it is over
                    logger.warning("presence not told: %s", error)
                self._ailing = True
                self._moved.set()
                await asyncio.sleep(TICK_S)

    async def keep(self) -> None:
        """Refresh this node's devices and sweep out those of crashed nodes, until cancelled."""
        while True:
            await asyncio.sleep(TTL_S / 3)
            try:
                await self._keep()
            except StorageError as error:
                logger.warning("presence not kept: %s", error)
            except Exception as error:
                logger.error("presence not kept", exc_info=error)

    async def _keep(self) -> None:
        now = self._loop.time()
        devices = list(self._devices)
        for start in range(0, len(devices), REFRESH):
            # Not known are those of a node that stood still for so long that others took it for dead; and all, when what
            # keeps them has come back empty.
            for device in await self._port.refresh(devices[start : start + REFRESH], now):
                if (name := self._devices.get(device)) is not None:
                    self._move(device, name)
            await asyncio.sleep(0)
        for room, user in await self._port.sweep(now):
            self._publish(room, user, None)

    async def _carry(self) -> list[Exception]:
        """Tell the port of all moves but those in rooms that it fails in; gives why it fails, once for each such room.

        A port may be away in part. After CARRIED rooms it is left for this time.
        """
        failed: dict[str, Exception] = {}
        while any(room not in failed for room, _, _ in self._moves):
            for come in (True, False):  # who comes before who goes: a page that reloads is then no edge at all
                moves = [(device, name) for device, name in self._moves.items() if (name is not None) is come]
                for start in range(0, len(moves), CARRIED):
                    batch = [move for move in moves[start : start + CARRIED] if move[0][0] not in failed]
                    outcomes = await asyncio.gather(*(self._carry_one(*move) for move in batch), return_exceptions=True)
                    for (device, _), outcome in zip(batch, outcomes, strict=True):
                        if isinstance(outcome, Exception):
                            failed[device[0]] = outcome
                            if device in self._moves:  # behind those that may fare better
                                self._moves[device] = self._moves.pop(device)
                    if len(failed) >= CARRIED:
                        return list(failed.values())
        return list(failed.values())

    async def _carry_one(self, device: _Device, name: str | None) -> None:
        room, user, which = device
        if name is None:
            edge = await self._port.leave(room, user, which, self._loop.time())
        else:
            edge = await self._port.enter(room, user, name, which, self._loop.time())
        if edge:
            self._publish(room, user, name)
        if device in self._moves and self._moves[device] == name:  # else it has moved again
            del self._moves[device]

    def _publish(self, room: str, user: str, name: str | None) -> None:
        self._bus.signal(Signal(room, "presence", user, _encode(name)))
        self._edge(room, user, name)

    async def _flush(self) -> list[Exception]:
        """Tell rooms of their edges; gives why the port failed, as `_carry` does."""
        failed: list[Exception] = []
        now = self._loop.time()
        self._crowds = {name: due for name, due in self._crowds.items() if due > now}
        for name in list(self._edges):
            if name in self._crowds:
                continue
            try:
                count = await self._port.count(name)
            except StorageError as error:
                failed.append(error)
                if len(failed) == CARRIED:
                    break
                continue
            edges = self._edges.pop(name)
            # Who came first and went, or went first and came, stands as he stood before: nothing to tell.
            told = {user: known for user, (came_first, known) in edges.items() if came_first is (known is not None)}
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
        """Give a page of the users online (id → name) and how many there are in all."""
        users = dict(await self._port.online(room, after=after, limit=limit))
        if not after and len(users) < limit:  # all of them; a count of another moment might be another
            return users, len(users)
        return users, await self._port.count(room)
