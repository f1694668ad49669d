"""The ephemeral lane: typing and read-pointer notices (presence: `presence.py`). Apart from the log; last value per key; coalesced per
tick; first to be dropped under load. Nothing here is repeated or recovered: a client that missed a notice misses little.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec

from madang.delivery.presence import PresenceKeeper
from madang.delivery.room import LiveRoom
from madang.delivery.scheduler import Scheduler
from madang.delivery.statistics import Statistics
from madang.ports.bus import Signal
from madang.protocol.native.frames import Frame, ReadFrame, TypingFrame

TICK_S: Final = 0.25
TYPING_S: Final = 6.0  # a sign of typing that is not repeated ends by itself
CROWD: Final = 200  # live sockets above which typing and read notices are not told: nobody could read them
KEYS: Final = 100  # users in one notice; the rest waits for the next tick
BACKLOG: Final = 64  # rooms waiting for their turn above which a tick is left out
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


class _Waiting:
    """What a room has to tell at the next tick."""

    __slots__ = ("readers", "typing")

    def __init__(self) -> None:
        self.typing: dict[str, str | None] = {}  # user -> name, or None when stopped
        self.readers: dict[str, int] = {}

    def turn(self, user: str, name: str | None) -> None:
        """Note that a user began or stopped typing. Both within one tick cancel out."""
        if self.typing.pop(user, self) is self:
            self.typing[user] = name


class Ephemeral:
    """Collects notices of all rooms and writes them per tick."""

    def __init__(
        self,
        rooms: Mapping[str, LiveRoom],
        scheduler: Scheduler,
        statistics: Statistics,
        presence: PresenceKeeper,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._rooms = rooms
        self._scheduler = scheduler
        self._statistics = statistics
        self._waiting: dict[str, _Waiting] = {}
        self._typing: dict[tuple[str, str], float] = {}  # (room, user) -> when it ends; bounded by typists
        self._ticking = False
        self.presence = presence

    def receive(self, signal: Signal) -> None:
        """Take a notice, this node's own or another's."""
        room = self._rooms.get(signal.room)
        if room is None:
            return
        if signal.topic == "presence":
            self.presence.receive(signal)
            return
        seq = 0
        if signal.topic == "read":
            seq = msgspec.json.decode(signal.value, type=int)
            if not room.has_read(signal.key, seq):  # of another device, or late: nobody may see a pointer fall
                return
        if room.live > CROWD:
            self._statistics.ephemeral_dropped += 1
            return
        waiting = self._waiting.setdefault(signal.room, _Waiting())
        if signal.topic == "typing":
            name = _decode(signal.value)
            if name is not None:
                known = (signal.room, signal.key) in self._typing
                self._typing[signal.room, signal.key] = self._loop.time() + TYPING_S
            else:
                known = self._typing.pop((signal.room, signal.key), None) is None
            if not known:
                waiting.turn(signal.key, name)
        elif signal.topic == "read":
            waiting.readers[signal.key] = seq
        self._arm()

    def _arm(self) -> None:
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        now = self._loop.time()
        for (name, user), ends in list(self._typing.items()):
            if ends <= now:
                del self._typing[name, user]
                self._waiting.setdefault(name, _Waiting()).turn(user, None)
        if self._scheduler.backlog > BACKLOG:
            self._drop()
            self._arm()
            return
        for name in list(self._waiting):
            room = self._rooms.get(name)
            waiting = self._waiting.pop(name)
            if room is not None:
                self._tell(room, waiting)
        if self._typing or self._waiting:
            self._arm()

    def _drop(self) -> None:
        """Forget what waits but for who stopped typing: that must be told once, or he types for ever."""
        for name, waiting in list(self._waiting.items()):
            self._statistics.ephemeral_dropped += len(waiting.typing) + len(waiting.readers)
            waiting.readers.clear()
            for user in [user for user, known in waiting.typing.items() if known is not None]:
                del waiting.typing[user]
                self._typing.pop((name, user), None)  # so that his next sign is told
            if not waiting.typing:
                del self._waiting[name]

    def _tell(self, room: LiveRoom, waiting: _Waiting) -> None:
        if waiting.typing:
            told = [waiting.typing.popitem() for _ in range(min(KEYS, len(waiting.typing)))]
            on = {user: name for user, name in told if name is not None}
            tell(room, TypingFrame(room=room.info.id, on=on, off=[u for u, name in told if name is None]))
        if waiting.readers:
            readers = dict(waiting.readers.popitem() for _ in range(min(KEYS, len(waiting.readers))))
            tell(room, ReadFrame(room=room.info.id, readers=readers))
        if waiting.typing or waiting.readers:
            self._waiting[room.info.id] = waiting


def typing(room: str, user: str, name: str | None) -> Signal:
    """Make the signal that a user types (his name) or has stopped (None)."""
    return Signal(room, "typing", user, _encode(name))


def read(room: str, user: str, seq: int) -> Signal:
    """Make the signal that a user has read up to `seq`."""
    return Signal(room, "read", user, _encode(seq))


def tell(room: LiveRoom, frame: Frame) -> None:
    """Write a frame to every live socket of a room; those behind do without."""
    for encoding, audience in room.audiences.items():
        data = encoding.frame(frame)
        for subscription in tuple(audience.subscriptions):  # writing may fill a socket, and then it leaves
            subscription.subscriber.write_now(data)
