"""Presence of this node's users: tells the port which devices live, and rooms who came and went.

Only the edges 0 ↔ 1 are told, once per TICK_S, and only if they still stand then: a page that reloads says nothing.
A crowd (more than CROWD live sockets) is told the count alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from madang.delivery.room import LiveRoom
from madang.ports.bus import Bus, Signal
from madang.ports.presence import Presence
from madang.protocol import codec

TICK_S: Final = 1.0
TTL_S: Final = 60.0  # a node that crashed loses its users' presence after this
CROWD: Final = 100
_encode = msgspec.json.Encoder().encode
_Device = tuple[str, str, str]  # room, user, device


class PresenceKeeper:
    """One task that carries devices to the presence port, and edges to rooms. Its queue is bounded by live sockets."""

    def __init__(
        self, port: Presence, bus: Bus, rooms: dict[str, LiveRoom], tell: Callable[[LiveRoom, bytes], None]
    ) -> None:
        self._port = port
        self._bus = bus
        self._rooms = rooms
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._moves: deque[tuple[_Device, str | None]] = deque()  # device, and the name of who comes; None: goes
        self._devices: dict[_Device, str] = {}
        self._moved = asyncio.Event()
        self._edges: dict[str, dict[str, str | None]] = {}
        self._told: dict[str, set[str]] = {}

    def enter(self, room: str, user: str, name: str, device: str) -> None:
        """A device follows a room."""
        self._devices[room, user, device] = name
        self._move((room, user, device), name)

    def leave(self, room: str, user: str, device: str) -> None:
        """A device no longer follows a room."""
        if self._devices.pop((room, user, device), None) is not None:
            self._move((room, user, device), None)

    def _move(self, device: _Device, name: str | None) -> None:
        self._moves.append((device, name))
        self._moved.set()

    def receive(self, signal: Signal) -> None:
        """Take another node's edge."""
        self._edge(signal.room, signal.key, msgspec.json.decode(signal.value, type=str | None))

    def _edge(self, room: str, user: str, name: str | None) -> None:
        if room in self._rooms:
            self._edges.setdefault(room, {})[user] = name

    async def run(self) -> None:
        """Carry moves as they come, tell edges per tick, refresh and sweep within the TTL; until cancelled."""
        while True:
            await self._moved.wait()
            deadline = self._loop.time() + TICK_S
            await self._carry()
            await asyncio.sleep(max(0.0, deadline - self._loop.time()))
            await self._carry()
            if not self._moves:
                self._moved.clear()
            await self._flush()

    async def keep(self) -> None:
        """Refresh this node's devices and sweep out those of crashed nodes; until cancelled."""
        while True:
            await asyncio.sleep(TTL_S / 3)
            await self._port.refresh(list(self._devices), self._loop.time())
            for room, user in await self._port.sweep(self._loop.time()):
                self._publish(room, user, None)
            await self._flush()

    async def _carry(self) -> None:
        while self._moves:
            (room, user, device), name = self._moves.popleft()
            if name is None:
                if await self._port.leave(room, user, device, self._loop.time()):
                    self._publish(room, user, None)
            elif await self._port.enter(room, user, name, device, self._loop.time()):
                self._publish(room, user, name)

    def _publish(self, room: str, user: str, name: str | None) -> None:
        self._bus.signal(Signal(room, "presence", user, _encode(name)))
        self._edge(room, user, name)

    async def _flush(self) -> None:
        edges, self._edges = self._edges, {}
        for name, users in edges.items():
            told = self._told.setdefault(name, set())
            online = {user: known for user, known in users.items() if known is not None and user not in told}
            offline = [user for user, known in users.items() if known is None and user in told]
            told.update(online)
            told.difference_update(offline)
            if not told:
                del self._told[name]
            room = self._rooms.get(name)
            if room is None or not (online or offline):
                continue
            count = await self._port.count(name)
            if room.live > CROWD:
                self._tell(room, codec.notice("presence", room=name, count=count))
            else:
                self._tell(room, codec.notice("presence", room=name, count=count, online=online, offline=offline))

    async def online(self, room: str, *, after: str, limit: int) -> tuple[dict[str, str], int]:
        """Give a page of the users online (id → name) and how many there are in all."""
        return dict(await self._port.online(room, after=after, limit=limit)), await self._port.count(room)
